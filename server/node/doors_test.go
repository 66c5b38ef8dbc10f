package node

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/siltstone-db/siltstone/server/config"
)

// oddTexts are values that a format could take for something else; nil is NULL.
var oddTexts = []any{"", nil, `\.`, "NULL", `"`, ",", "a\nb", "c\rd", " lead and trail ", `\N`, `\`, "e\r\nf", "\t", "#", `""`, "é"}

// oddCSV is what PostgreSQL 15 makes of them by COPY ... TO STDOUT (FORMAT csv, HEADER), with and without a number before.
const (
	oddCSV = "id,s\n0,\"\"\n1,\n2,\\.\n3,NULL\n4,\"\"\"\"\n5,\",\"\n6,\"a\nb\"\n7,\"c\rd\"\n8, lead and trail \n9,\\N\n10,\\\n" +
		"11,\"e\r\nf\"\n12,\t\n13,#\n14,\"\"\"\"\"\"\n15,é\n"
	oddSingleCSV = "s\n\"\"\n\n\"\\.\"\nNULL\n\"\"\"\"\n\",\"\n\"a\nb\"\n\"c\rd\"\n lead and trail \n\\N\n\\\n\"e\r\nf\"\n\t\n#\n\"\"\"\"\"\"\né\n"
)

// doors is a server with a client for each door.
type doors struct {
	t    *testing.T
	node *Node
	c    *pgx.Conn
}

func openDoors(t *testing.T, change func(*config.Options)) *doors {
	o := options(t)
	if change != nil {
		change(&o)
	}
	n := mustStart(t, o)
	t.Cleanup(func() { stop(t, n) })
	c := connect(t, n)
	t.Cleanup(func() { c.Close(ctx) })
	return &doors{t, n, c}
}

// post sends a body and returns the answer.
func (d *doors) post(path, media string, body io.Reader, headers ...string) (int, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+d.node.HTTPAddr().String()+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", media)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (d *doors) queryCSV(sql string) string {
	d.t.Helper()
	status, body := d.post("/v1/query", "application/sql", strings.NewReader(sql), "Accept", "text/csv")
	if status != 200 {
		d.t.Fatalf("%s: %d %s", sql, status, body)
	}
	return body
}

func (d *doors) push(table, media string, body io.Reader) string {
	d.t.Helper()
	status, answer := d.post("/v1/tables/"+table+"/rows", media, body)
	return fmt.Sprint(status, " ", strings.TrimSpace(answer))
}

func (d *doors) copyTo(sql string) string {
	d.t.Helper()
	var b bytes.Buffer
	if _, err := d.c.PgConn().CopyTo(ctx, &b, sql); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return b.String()
}

func (d *doors) copyFrom(sql, data string) {
	d.t.Helper()
	if _, err := d.c.PgConn().CopyFrom(ctx, strings.NewReader(data), sql); err != nil {
		d.t.Errorf("%s: %v", sql, err)
	}
}

// same checks that a table has the odd texts, NULL where there was NULL.
func (d *doors) same(table string) {
	d.t.Helper()
	rows, err := d.c.Query(ctx, "SELECT s FROM "+table+" ORDER BY id")
	if err != nil {
		d.t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[*string])
	if err != nil || len(got) != len(oddTexts) {
		d.t.Errorf("%s: %d rows, %v", table, len(got), err)
		return
	}
	for i, want := range oddTexts {
		if (want == nil) != (got[i] == nil) || want != nil && *got[i] != want {
			d.t.Errorf("%s: row %d is %q, want %q", table, i, deref(got[i]), want)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
}

// TestDoorsAgree lets odd texts out by every door and in by every other: they come back as they were, and CSV is
// PostgreSQL's by COPY and by HTTP.
func TestDoorsAgree(t *testing.T) {
	d := openDoors(t, nil)
	exec(t, d.c, "CREATE TABLE a (id int, s text)")
	for i, s := range oddTexts {
		if _, err := d.c.Exec(ctx, "INSERT INTO a VALUES ($1, $2)", i, s); err != nil {
			t.Fatal(err)
		}
	}
	d.same("a")
	if got := d.copyTo("COPY (SELECT * FROM a ORDER BY id) TO STDOUT (FORMAT csv, HEADER)"); got != oddCSV {
		t.Errorf("COPY TO: %q, want %q", got, oddCSV)
	}
	if got := d.queryCSV("SELECT * FROM a ORDER BY id"); got != oddCSV {
		t.Errorf("a query's CSV: %q, want %q", got, oddCSV)
	}
	for name, got := range map[string]string{
		"COPY TO": d.copyTo("COPY (SELECT s FROM a ORDER BY id) TO STDOUT (FORMAT csv, HEADER)"), "a query": d.queryCSV("SELECT s FROM a ORDER BY id")} {
		if got != oddSingleCSV {
			t.Errorf("%s, one column: %q, want %q", name, got, oddSingleCSV)
		}
	}
	exec(t, d.c, "CREATE TABLE b (id int, s text)")
	d.copyFrom("COPY b FROM STDIN (FORMAT csv, HEADER)", oddCSV)
	d.same("b")
	exec(t, d.c, "CREATE TABLE c (id int, s text)")
	if got := d.push("c", "text/csv", strings.NewReader(oddCSV)); !strings.HasPrefix(got, `200 {"stored":16,`) {
		t.Errorf("push: %s", got)
	}
	d.same("c")
	for table, format := range map[string]string{"e": "text", "f": "binary"} {
		exec(t, d.c, "CREATE TABLE "+table+" (id int, s text)")
		d.copyFrom("COPY "+table+" FROM STDIN (FORMAT "+format+")", d.copyTo("COPY a TO STDOUT (FORMAT "+format+")"))
		d.same(table)
	}
	// One column: what stands between line ends is all there is to tell values by.
	for i, in := range []func(){
		func() { d.copyFrom("COPY one (s) FROM STDIN (FORMAT csv, HEADER)", oddSingleCSV) },
		func() { d.push("one", "text/csv", strings.NewReader(oddSingleCSV)) },
	} {
		exec(t, d.c, "CREATE TABLE one (s text)")
		in()
		if got := d.copyTo("COPY one TO STDOUT (FORMAT csv, HEADER)"); got != oddSingleCSV {
			t.Errorf("way %d: %q, want %q", i, got, oddSingleCSV)
		}
		exec(t, d.c, "DROP TABLE one")
	}
}

// TestEndMarkOfPush: a line that ends the data of COPY is a row of a push, whatever stands behind it.
func TestEndMarkOfPush(t *testing.T) {
	d := openDoors(t, nil)
	for _, body := range []string{"k\nx\n\\.\ny\nz\n", "k\r\nx\r\n\\.\r\ny\r\nz", "k\rx\r\\.\ry\rz\r", "\"k\"\nx\n\\.\ny\nz"} {
		exec(t, d.c, "CREATE TABLE k (k text)")
		if got := d.push("k", "text/csv", strings.NewReader(body)); !strings.HasPrefix(got, `200 {"stored":4,`) {
			t.Errorf("%q: %s", body, got)
		}
		if got := d.queryCSV("SELECT count(*), string_agg(k, ',') FROM k"); !strings.HasSuffix(got, "\n4,\"x,\\.,y,z\"\n") {
			t.Errorf("%q: %q", body, got)
		}
		exec(t, d.c, "DROP TABLE k")
	}
	exec(t, d.c, "CREATE TABLE k (k text)")
	d.copyFrom("COPY k FROM STDIN (FORMAT csv, HEADER)", "k\nx\n\\.\n") // PostgreSQL 15's
	if got := d.queryCSV("SELECT count(*) FROM k"); got != "count\n1\n" {
		t.Errorf("COPY: %q", got)
	}
}

// TestLongValues: a value that INSERT takes goes out and comes in by every door, also above what any buffer holds; what is
// charged for it is given back.
func TestLongValues(t *testing.T) {
	d := openDoors(t, func(o *config.Options) { o.Memory, o.BodyMax = 1<<30, 64<<20 })
	const n = 20_000_000
	exec(t, d.c, "CREATE TABLE a (id int, s text)")
	exec(t, d.c, fmt.Sprintf("INSERT INTO a VALUES (1, repeat('x', %d)), (2, 'short'), (3, repeat('\"', %d))", n, n/2))
	check := func(table string) {
		t.Helper()
		got := d.queryCSV("SELECT count(*), sum(length(s)), max(id) FROM " + table + " WHERE ltrim(s, 'x\"') IN ('', 'short')")
		if want := fmt.Sprintf("count,sum,max\n3,%d,3\n", n+n/2+5); got != want {
			t.Errorf("%s: %q, want %q", table, got, want)
		}
		exec(t, d.c, "DROP TABLE "+table)
	}
	for _, format := range []string{"csv", "text", "binary"} {
		exec(t, d.c, "CREATE TABLE b (id int, s text)")
		d.copyFrom("COPY b FROM STDIN (FORMAT "+format+")", d.copyTo("COPY a TO STDOUT (FORMAT "+format+")"))
		check("b")
	}
	csv := d.queryCSV("SELECT * FROM a")
	json := fmt.Sprintf("{\"id\":1,\"s\":\"%s\"}\n{\"id\":2,\"s\":\"short\"}\n{\"id\":3,\"s\":\"%s\"}\n", strings.Repeat("x", n), strings.Repeat(`\"`, n/2))
	array := "[" + strings.ReplaceAll(strings.TrimSpace(json), "\n", ",") + "]"
	for media, body := range map[string]string{"text/csv": csv, "application/x-ndjson": json, "application/json": array} {
		exec(t, d.c, "CREATE TABLE b (id int, s text)")
		if got := d.push("b", media, strings.NewReader(body)); !strings.HasPrefix(got, `200 {"stored":3,`) {
			t.Errorf("%s: %.200s", media, got)
		}
		check("b")
	}
}
