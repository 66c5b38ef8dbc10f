package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// badServer is a server with an empty table t and a session that every bad input must leave alive.
type badServer struct {
	*process
	c *pgx.Conn
}

func newBadServer(t *testing.T) *badServer {
	t.Helper()
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	s := &badServer{p, mustConnect(t, p)}
	if _, err := s.c.Exec(context.Background(), "CREATE TABLE t (a integer NOT NULL, b text, d date)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if said := p.said(); strings.Contains(said, "panic") || strings.Contains(said, "goroutine ") {
			t.Error(said)
		}
	})
	return s
}

// lives checks that the session answers, that no transaction is open, and that nothing was stored.
func (s *badServer) lives(t *testing.T, after string) {
	t.Helper()
	var n int
	if err := s.c.QueryRow(context.Background(), "SELECT count(*) FROM t").Scan(&n); err != nil || n != 0 {
		t.Fatalf("after %s: %d rows, %v", after, n, err)
	}
	if st := s.c.PgConn().TxStatus(); st != 'I' {
		t.Fatalf("after %s: transaction status %c", after, st)
	}
}

// TestBadStatements: SQLSTATE, position and hint over the wire, in both protocols.
func TestBadStatements(t *testing.T) {
	s := newBadServer(t)
	for _, tc := range []struct {
		sql, code string
		position  int32
		words     string // of message, detail or hint
	}{
		{"SELEC 1", "42601", 1, `at or near "SELEC"`},
		{"SELECT 'open", "42601", 8, "unterminated quoted string"},
		{"SELECT (1", "42601", 10, "end of input"},
		{"SELECT * FROM tt", "42P01", 15, `Did you mean "t"?`},
		{"SELECT * FROM wholly_different", "42P01", 15, `relation "wholly_different" does not exist`},
		{"SELECT bb FROM t", "42703", 8, `column "bb" does not exist`},
		{"SELECT x.a FROM t", "42P01", 8, "missing FROM-clause entry"},
		{"SELECT lenght('x')", "42883", 8, "does not exist"},
		{"SELECT a + b FROM t", "42883", 10, "integer + text"},
		{"SELECT a FROM t WHERE b", "42804", 23, "must be type boolean"},
		{"SELECT 'x'::integer", "22P02", 8, "invalid input syntax"},
		{"SELECT '2026-02-30'::date", "22008", 8, "out of range"},
		{"SELECT 1/0", "22012", 0, "division by zero"},
		{"SELECT 1.5/0", "22012", 0, "division by zero"},
		{"SELECT 2147483647 + 1", "22003", 0, "integer out of range"},
		{"SELECT 9223372036854775807 * 2", "22003", 0, "bigint out of range"},
		{"SELECT 1e300::float8 * 1e300::float8", "22003", 0, "out of range"},
		{"SELECT 12345.6::numeric(4,1)", "22003", 0, "numeric field overflow"},
		{"SELECT 10::numeric ^ 1000000", "22003", 0, "overflow"},
		{"SELECT a, count(*) FROM t", "42803", 8, "GROUP BY"},
		{"INSERT INTO t VALUES (1, 'x', '2026-01-01', 4)", "42601", 45, "more expressions than target columns"},
		{"INSERT INTO t (a, b) VALUES (1)", "42601", 19, "more target columns than expressions"},
		{"INSERT INTO t (nope) VALUES (1)", "42703", 16, "does not exist"},
		{"INSERT INTO t (b) VALUES ('x')", "23502", 0, "violates not-null"},
		{"INSERT INTO t (a) VALUES (3000000000)", "22003", 0, "integer out of range"},
		{"INSERT INTO t VALUES (1, 'x', 'never')", "22007", 31, "invalid input syntax for type date"},
		{"CREATE TABLE t (a integer)", "42P07", 0, "already exists"},
		{"DROP TABLE tx", "42P01", 0, `Did you mean "t"?`},
		{"SELECT 'a' ~ '('", "2201B", 0, "parentheses"},
		{"SET nonsense = 1", "42704", 0, "unrecognized configuration parameter"},
		{"SELECT '\xff'", "22021", 0, "0xff"},
		{"SELECT E'\\xff'", "22021", 0, "0xff"},
		{"UPDATE t SET nope = 1", "42703", 14, "does not exist"},
		{"DELETE FROM t WHERE a", "42804", 21, "must be type boolean"},
		{"DELETE FROM t USING t", "42712", 0, "more than once"},
		{"TRUNCATE tx", "42P01", 0, `Did you mean "t"?`},
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeDescribeExec} {
			_, err := s.c.Exec(context.Background(), tc.sql, mode)
			var e *pgconn.PgError
			if !errors.As(err, &e) {
				t.Errorf("%s (%s): %v, want %s", tc.sql, mode, err, tc.code)
			} else if e.Code != tc.code || e.Position != tc.position || !strings.Contains(e.Message+"\n"+e.Detail+"\n"+e.Hint, tc.words) {
				t.Errorf("%s (%s): %s at %d: %s; %s; %s\nwant %s at %d: %s", tc.sql, mode, e.Code, e.Position, e.Message, e.Detail, e.Hint, tc.code, tc.position, tc.words)
			}
			s.lives(t, tc.sql)
		}
	}
}

// TestBadParameters: values that are no text of the server's encoding, or no value of their type.
func TestBadParameters(t *testing.T) {
	s := newBadServer(t)
	for _, tc := range []struct {
		name, sql string
		value     string
		format    int16
		code      string
	}{
		{"text that is not UTF-8", "INSERT INTO t (a, b) VALUES (1, $1)", "a\xc3(", 0, "22021"},
		{"binary text that is not UTF-8", "INSERT INTO t (a, b) VALUES (1, $1)", "a\xc3(", 1, "22021"},
		{"a zero byte", "INSERT INTO t (a, b) VALUES (1, $1)", "a\x00b", 1, "22021"},
		{"no integer", "INSERT INTO t (a) VALUES ($1)", "12x", 0, "22P02"},
		{"a large integer", "INSERT INTO t (a) VALUES ($1)", "99999999999", 0, "22003"},
		{"3 bytes for an integer", "INSERT INTO t (a) VALUES ($1)", "abc", 1, "08P01"},
		{"no date", "INSERT INTO t (a, d) VALUES (1, $1)", "2026-02-30", 0, "22008"},
	} {
		res := s.c.PgConn().ExecParams(context.Background(), tc.sql, [][]byte{[]byte(tc.value)}, nil, []int16{tc.format}, nil).Read()
		var e *pgconn.PgError
		if !errors.As(res.Err, &e) || e.Code != tc.code {
			t.Errorf("%s: %v, want %s", tc.name, res.Err, tc.code)
		}
		s.lives(t, tc.name)
	}
}

const binaryHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// TestBadCopy: line and column in the context, and not one row of the load stays.
func TestBadCopy(t *testing.T) {
	s := newBadServer(t)
	binaryRow := "\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x01x\xff\xff\xff\xff"
	for _, tc := range []struct{ name, options, data, code, where string }{
		{"text: no integer", "", "1\tx\t\\N\n2x\ty\t\\N\n", "22P02", `COPY t, line 2, column a: "2x"`},
		{"text: too few columns", "", "1\tx\t\\N\n2\ty\n", "22P04", `COPY t, line 2: "2` + "\ty\""},
		{"text: too many columns", "", "1\tx\t\\N\n2\ty\t\\N\tz\n", "22P04", "COPY t, line 2:"},
		{"text: not UTF-8", "", "1\tx\t\\N\n2\t\xff\t\\N\n", "22021", "COPY t, line 2"},
		{"text: a zero byte", "", "1\tx\t\\N\n2\t\x00\t\\N\n", "22021", "COPY t, line 2"},
		{"text: NULL where none may be", "", "1\tx\t\\N\n\\N\ty\t\\N\n", "23502", "COPY t, line 2:"},
		{"text: cut off", "", "1\tx\t2026-01-01\n2\ty\t2026-0", "22007", `COPY t, line 2, column d: "2026-0"`},
		{"text: out of range", "", "1\tx\t\\N\n3000000000\ty\t\\N\n", "22003", `COPY t, line 2, column a: "3000000000"`},
		{"csv: no date", "(FORMAT csv)", "1,x,\n2,\"y\ny\",never\n", "22007", `COPY t, line 3, column d: "never"`},
		{"csv: open quote", "(FORMAT csv)", "1,x,\n2,\"y,\n", "22P04", "COPY t, line"},
		{"csv: too few columns", "(FORMAT csv)", "1,x,\n2\n", "22P04", `COPY t, line 2: "2"`},
		{"csv: too many columns", "(FORMAT csv)", "1,x,\n2,y,,z\n", "22P04", `COPY t, line 2: "2,y,,z"`},
		{"csv: not UTF-8", "(FORMAT csv)", "1,x,\n2,\xc3(,\n", "22021", "COPY t, line 2"},
		{"csv: a wrong header", "(FORMAT csv, HEADER match)", "a,c,d\n1,x,\n", "22P04", "COPY t, line 1"},
		{"binary: no signature", "(FORMAT binary)", "PGCOPX\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00", "22P04", ""},
		{"binary: cut off", "(FORMAT binary)", binaryHeader + binaryRow + binaryRow[:9], "22P04", "COPY t, line 2, column a"},
		{"binary: too few columns", "(FORMAT binary)", binaryHeader + binaryRow + "\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01\xff\xff\xff\xff", "22P04", "COPY t, line 2"},
		{"binary: 3 bytes for an integer", "(FORMAT binary)", binaryHeader + binaryRow + "\x00\x03\x00\x00\x00\x03abc\xff\xff\xff\xff\xff\xff\xff\xff", "08P01", "COPY t, line 2, column a"},
		{"binary: a negative length", "(FORMAT binary)", binaryHeader + binaryRow + "\x00\x03\xff\xff\xff\xfeabc", "22P04", "COPY t, line 2, column a"},
		{"binary: a claim of 2 GiB", "(FORMAT binary)", binaryHeader + "\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01\x7f\xff\xff\xffabc", "54000", "COPY t, line 1, column b"},
		{"binary: not UTF-8", "(FORMAT binary)", binaryHeader + "\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff\xff\xff\xff", "22021", "COPY t, line 1, column b"},
	} {
		_, err := s.c.PgConn().CopyFrom(context.Background(), strings.NewReader(tc.data), "COPY t FROM STDIN "+tc.options)
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != tc.code || !strings.Contains(e.Where, tc.where) {
			t.Errorf("%s: %+v, want %s in %s", tc.name, err, tc.code, tc.where)
		}
		s.lives(t, tc.name)
	}
}

// TestBadPush: NDJSON and CSV over HTTP, answered row by row.
func TestBadPush(t *testing.T) {
	s := newBadServer(t)
	type row struct {
		Index                    int
		Column, Reason, SQLState string
	}
	for _, tc := range []struct {
		name, kind, body string
		status           int
		rows             string // index column SQLSTATE of each
	}{
		{"wrong types", "", `{"a":1}` + "\n" + `{"a":"x"}` + "\n" + `{"a":2.5}` + "\n" + `{"a":1,"d":"never"}` + "\n" + `{"b":"no a"}` + "\n" + `{"a":99999999999}` + "\n[1]\n7\n", 422,
			"[1 a 22P02 2 a 22P02 3 d 22007 4 a 23502 5 a 22003 6  22P02 7  22P02]"},
		{"cut off", "", `{"a":1}` + "\n" + `{"a":2,"b":"x`, 422, "[1 b 22P02]"},
		{"not UTF-8", "", `{"a":1,"b":"` + "\xff\"}\n", 422, "[0  22021]"},
		{"half a surrogate", "", `{"a":1,"b":"\ud800"}`, 422, "[0 b 22P02]"},
		{"unknown column", "", `{"a":1,"z":1}`, 400, "[0 z 42703]"},
		{"nested deeper than anybody needs", "", `{"a":1,"b":` + strings.Repeat("[", 5000), 413, "[0 b 54000]"},
		{"csv", "text/csv", "a,b\n1,x\nq,y\n", 422, "[1 a 22P02]"},
		{"csv: too few columns", "text/csv", "a,b\n1,x\n2\n", 422, "[1 b 22P04]"},
	} {
		r, err := http.NewRequest("POST", s.http+"/v1/tables/t/rows", strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		if tc.kind != "" {
			r.Header.Set("Content-Type", tc.kind)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var answer struct{ Error struct{ Rows []row } }
		if e := json.Unmarshal(b, &answer); err != nil || e != nil {
			t.Fatalf("%s: %v, %v: %s", tc.name, err, e, b)
		}
		var got []string
		for _, r := range answer.Error.Rows {
			got = append(got, fmt.Sprint(r.Index, " ", r.Column, " ", r.SQLState))
			if r.Reason == "" || r.Reason == "invalid input syntax for type json" {
				t.Errorf("%s: row %d without a reason: %q", tc.name, r.Index, r.Reason)
			}
		}
		if resp.StatusCode != tc.status || fmt.Sprint(got) != tc.rows {
			t.Errorf("%s: %s, rows %v, want %d, %s", tc.name, resp.Status, got, tc.status, tc.rows)
		}
		s.lives(t, tc.name)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestReusedKey: an Idempotency-Key that comes again with other rows is refused, with the same ones it is a repeat, packed
// or not.
func TestReusedKey(t *testing.T) {
	s := newBadServer(t)
	push := func(body, encoding string) string {
		r, err := http.NewRequest("POST", s.http+"/v1/tables/t/rows", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Idempotency-Key", "once")
		r.Header.Set("Content-Encoding", encoding)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(b)), " ", err)
	}
	const rows = `{"a":71}` + "\n" + `{"a":72}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, rows)
	z.Close()
	for _, tc := range []struct{ body, encoding, want string }{
		{rows, "", `200 {"stored":2,"duplicate":false`},
		{rows, "", `200 {"stored":2,"duplicate":true`},
		{packed.String(), "gzip", `200 {"stored":2,"duplicate":true`},
		{`{"a":71}`, "", `422 {"error":{"sqlstate":"22023"`},
		{rows + "\n", "", `422 {"error":{"sqlstate":"22023"`},
	} {
		if got := push(tc.body, tc.encoding); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%q %s: %s, want %s", tc.body, tc.encoding, got, tc.want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestLongStatements: chains of 64,000 terms and nests as deep get an answer or an error, and little of the processor:
// the time that passes says what else the machine has to do.
func TestLongStatements(t *testing.T) {
	s := newBadServer(t)
	const n = 64000
	join := func(sep string, term func(i int) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(term(i))
		}
		return b.String()
	}
	same := func(term string) func(int) string { return func(int) string { return term } }
	number := func(i int) string { return fmt.Sprint(i) }
	nest := func(open, in, end string) string { return strings.Repeat(open, n) + in + strings.Repeat(end, n) }
	for _, tc := range []struct {
		name, sql, code string // "" for an answer
	}{
		{"sum", "SELECT " + join("+", same("1")), "54001"},
		{"AND", "SELECT count(*) FROM t WHERE " + join(" AND ", same("a > 0")), ""},
		{"OR", "SELECT count(*) FROM t WHERE " + join(" OR ", func(i int) string { return "a = " + number(i) }), ""},
		{"IN", "SELECT count(*) FROM t WHERE a IN (" + join(",", number) + ")", ""},
		{"NOT IN", "SELECT count(*) FROM t WHERE a NOT IN (" + join(",", number) + ")", ""},
		{"UNION ALL", join(" UNION ALL ", same("SELECT 1")), "54001"},
		{"casts", "SELECT 1" + strings.Repeat("::int", n), "54001"},
		{"parentheses", "SELECT " + nest("(", "1", ")"), "54001"},
		{"NOT", "SELECT " + strings.Repeat("NOT ", n) + "true", "54001"},
		{"signs", "SELECT " + strings.Repeat("- ", n) + "1", "54001"},
		{"CASE", "SELECT " + nest("CASE WHEN true THEN ", "1", " END"), "54001"},
		{"functions", "SELECT " + nest("abs(", "1", ")"), "54001"},
		{"subqueries", "SELECT " + nest("(SELECT ", "1", ")"), "54001"},
		{"arrays", "SELECT " + nest("ARRAY[", "1", "]"), "54001"},
		{"columns", "SELECT " + join(",", same("1")), "54011"},
		{"one ORDER BY", "SELECT a FROM t ORDER BY " + join(",", same("a")), ""},
		{"many ORDER BY", "SELECT a FROM t ORDER BY " + join(",", func(i int) string { return "a+" + number(i) }), "54011"},
		{"many GROUP BY", "SELECT count(*) FROM t GROUP BY " + join(",", func(i int) string { return "a+" + number(i) }), "54011"},
		{"VALUES", "SELECT count(*) FROM (VALUES " + join(",", func(i int) string { return "(" + number(i) + ")" }) + ") v", ""},
		{"COALESCE", "SELECT COALESCE(" + join(",", same("NULL::int")) + ")", ""},
		{"joins", "SELECT count(*) FROM t" + strings.Repeat(" CROSS JOIN t x", n), "54001"},
	} {
		began := s.cpu(t)
		_, err := s.c.Exec(context.Background(), tc.sql, pgx.QueryExecModeSimpleProtocol)
		var e *pgconn.PgError
		switch {
		case tc.code == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.code != "" && (!errors.As(err, &e) || e.Code != tc.code):
			t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
		}
		if d := s.cpu(t) - began; d > 5*time.Second {
			t.Errorf("%s: took %s of the processor", tc.name, d)
		}
		s.lives(t, tc.name)
	}
}
