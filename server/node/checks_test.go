package node

import (
	"fmt"
	"strings"
	"testing"
)

// TestChecksAtEveryDoor: CHECK and NOT NULL hold for rows by INSERT, UPDATE, COPY and push, with one code and detail, also
// for a column that was added; conditions see the time.
func TestChecksAtEveryDoor(t *testing.T) {
	d := openDoors(t, nil)
	exec(t, d.c, "CREATE TABLE c (id int NOT NULL, n int CONSTRAINT positive CHECK (n > 0), ts timestamptz CHECK (ts < now() + interval '1 day'))")
	exec(t, d.c, "INSERT INTO c VALUES (1, 1, now())")
	exec(t, d.c, "ALTER TABLE c ADD COLUMN m int NOT NULL DEFAULT 5 CHECK (m < 10)")
	fails := func(sql, want string) {
		t.Helper()
		if _, err := d.c.Exec(ctx, sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
	fails("INSERT INTO c VALUES (2, 0)", `new row for relation "c" violates check constraint "positive" (SQLSTATE 23514)`)
	fails("UPDATE c SET m = 10", `violates check constraint "c_m_check" (SQLSTATE 23514)`)
	fails("INSERT INTO c VALUES (2, 1, now() + interval '2 days')", `violates check constraint "c_ts_check" (SQLSTATE 23514)`)
	fails("INSERT INTO c VALUES (NULL, 1)", "(SQLSTATE 23502)")
	if _, err := d.c.PgConn().CopyFrom(ctx, strings.NewReader("2\t0\n"), "COPY c (id, n) FROM STDIN"); err == nil || !strings.Contains(err.Error(), `"positive" (SQLSTATE 23514)`) {
		t.Errorf("COPY: %v", err)
	}
	for body, want := range map[string]string{
		`{"id":2,"n":0}`:                            `Failing row contains (2, 0, null, 5).`,
		`{"id":2,"n":1,"m":11}`:                     `c_m_check`,
		`{"id":2,"ts":"2999-01-01 00:00:00+00"}`:    `c_ts_check`,
		"{\"id\":2,\"n\":1}\n{\"id\":3,\"n\":-1}\n": `positive`,
	} {
		if got := d.push("c", "application/x-ndjson", strings.NewReader(body)); !strings.HasPrefix(got, "4") || !strings.Contains(got, want) {
			t.Errorf("push of %s: %s", body, got)
		}
	}
	if got := d.push("c", "application/x-ndjson", strings.NewReader(`{"id":2,"n":1,"ts":"2001-01-01 00:00:00+00"}`)); !strings.HasPrefix(got, `200 {"stored":1,`) {
		t.Errorf("push of a good row: %s", got)
	}
	var rows string
	if err := d.c.QueryRow(ctx, "SELECT string_agg(id || ' ' || m, ', ' ORDER BY id) FROM c").Scan(&rows); err != nil || rows != "1 5, 2 5" {
		t.Errorf("rows %s, %v", fmt.Sprint(rows), err)
	}
}
