package session_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

var ctx = context.Background()

// client is the output of a session: what a client would see, as lines.
type client struct {
	lines []string
	rows  int
	input string
	reads func() // called now and then while input is read; nil: nobody
	out   bytes.Buffer
}

func (c *client) Columns(cols []session.Column) error {
	var names []string
	for _, col := range cols {
		names = append(names, col.Name)
	}
	c.lines = append(c.lines, "columns "+strings.Join(names, ","))
	return nil
}

func (c *client) Rows(b *batch.Batch) error {
	for i := range b.Len {
		var vals []string
		for _, v := range b.Cols {
			d := v.Datum(i)
			switch {
			case d.Null:
				vals = append(vals, "NULL")
			case d.S != "":
				vals = append(vals, d.S)
			default:
				vals = append(vals, fmt.Sprint(d.I))
			}
		}
		c.lines = append(c.lines, strings.Join(vals, ","))
		c.rows++
	}
	return nil
}

func (c *client) Complete(tag string) error { c.lines = append(c.lines, "tag "+tag); return nil }
func (c *client) Empty() error              { c.lines = append(c.lines, "empty"); return nil }
func (c *client) Notice(severity, code, message string, _ ...string) error {
	c.lines = append(c.lines, severity+" "+code)
	return nil
}
func (c *client) Setting(name, value string) error {
	c.lines = append(c.lines, "setting "+name+"="+value)
	return nil
}
func (c *client) CopyIn(int8, int) (io.Reader, error)       { return &input{c, c.input}, nil }
func (c *client) CopyOut(int8, int) (io.WriteCloser, error) { return nop{&c.out}, nil }

type nop struct{ io.Writer }

func (nop) Close() error { return nil }

// input is what a client sends for COPY.
type input struct {
	c    *client
	rest string
}

func (r *input) Read(b []byte) (int, error) {
	if r.c.reads != nil && len(r.rest)>>21 != (len(r.rest)-min(len(b), len(r.rest)))>>21 { // every 2 MiB
		r.c.reads()
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

type fixture struct {
	t      testing.TB
	dir    string
	db     *storage.DB
	engine *session.Engine
	pool   *mem.Pool
}

func open(t testing.TB) *fixture { return openWith(t, storage.Options{}) }

func openWith(t testing.TB, o storage.Options) *fixture {
	dir := t.TempDir()
	if o.Pool == nil { // at the end of each test nothing is charged: rows, pins, cache
		o.Pool = memtest.Pool(t, 0)
	}
	db, err := storage.Open(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: dir, db: db, pool: memtest.Pool(t, 0)}
	if f.engine, err = session.NewEngine(db, session.Options{Pool: f.pool, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) session() *session.Session {
	f.t.Helper()
	s, err := f.engine.Connect(ctx, session.Startup{User: "ann", Database: "siltstone", Port: -1})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(s.Close)
	return s
}

// run runs a text and returns what the client saw, the error last.
func run(s *session.Session, sql string) string {
	c := &client{}
	if err := s.Simple(ctx, sql, c); err != nil {
		c.lines = append(c.lines, "error "+string(errs.From(err).Code))
	}
	return strings.Join(c.lines, "; ")
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimple(t *testing.T) {
	s := open(t).session()
	for _, c := range []struct{ sql, want, status string }{
		{"", "empty", "I"},
		{"-- ping", "empty", "I"},
		{";", "empty", "I"},
		{"SELECT 1 AS a", "columns a; 1; tag SELECT 1", "I"},
		{"SELECT 1; SELECT 2", "columns ?column?; 1; tag SELECT 1; columns ?column?; 2; tag SELECT 1", "I"},
		{"CREATE TABLE t (a int)", "tag CREATE TABLE", "I"},
		{"INSERT INTO t VALUES (1), (2) RETURNING a + 1 AS b", "columns b; 2; 3; tag INSERT 0 2", "I"},
		{"INSERT INTO t VALUES (3); SELECT 1/0", "tag INSERT 0 1; error 22012", "I"},
		{"SELECT count(*) FROM t", "columns count; 2; tag SELECT 1", "I"},
		{"COMMIT", "WARNING 25P01; tag COMMIT", "I"},
		{"ROLLBACK", "WARNING 25P01; tag ROLLBACK", "I"},
		{"BEGIN", "tag BEGIN", "T"},
		{"BEGIN", "WARNING 25001; tag BEGIN", "T"},
		{"INSERT INTO t VALUES (9)", "tag INSERT 0 1", "T"},
		{"SELECT nope", "error 42703", "E"},
		{"SELECT 1", "error 25P02", "E"},
		{"SELEC", "error 42601", "E"},
		{"COMMIT", "tag ROLLBACK", "I"},
		{"SELECT count(*) FROM t", "columns count; 2; tag SELECT 1", "I"},
		{"BEGIN; INSERT INTO t VALUES (4); COMMIT; INSERT INTO t VALUES (5); SELECT 1/0", "tag BEGIN; tag INSERT 0 1; tag COMMIT; tag INSERT 0 1; error 22012", "I"},
		{"SELECT sum(a) FROM t", "columns sum; 7; tag SELECT 1", "I"},
		{"INSERT INTO t VALUES (6); BEGIN; SELECT 1", "tag INSERT 0 1; tag BEGIN; columns ?column?; 1; tag SELECT 1", "T"},
		{"ROLLBACK", "tag ROLLBACK", "I"},
		{"SELECT sum(a) FROM t", "columns sum; 7; tag SELECT 1", "I"},
		{"SET application_name = 'x'", "tag SET; setting application_name=x", "I"},
		{"BEGIN; SET application_name = 'y'; ROLLBACK", "tag BEGIN; tag SET; tag ROLLBACK", "I"},
		{"DROP TABLE t", "tag DROP TABLE", "I"},
		{"UPDATE t SET a = 1", "error 42P01", "I"},
		{"TRUNCATE t", "error 42P01", "I"},
		{"LISTEN x", "error 0A000", "I"},
		{"CHECKPOINT", "tag CHECKPOINT", "I"},
	} {
		if got := run(s, c.sql); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
		if got := string(rune(s.TxStatus())); got != c.status {
			t.Errorf("%s: status %s, want %s", c.sql, got, c.status)
		}
	}
}

// step is one message of the extended protocol.
func TestExtended(t *testing.T) {
	s := open(t).session()
	run(s, "CREATE TABLE t (a int, b text)")
	run(s, "INSERT INTO t SELECT i, 'n' || i FROM generate_series(1, 10) i")
	code := func(err error) string {
		if err == nil {
			return ""
		}
		return string(errs.From(err).Code)
	}
	check := func(what string, err error, want string) {
		t.Helper()
		if got := code(err); got != want {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if err != nil {
			if err := s.Sync(ctx, true); err != nil {
				t.Error(err)
			}
		}
	}
	text := func(v string) session.Parameter { return session.Parameter{Value: []byte(v)} }

	check("parse", s.Parse(ctx, "p", "SELECT a, b FROM t WHERE a > $1 ORDER BY a", nil), "")
	check("parse twice", s.Parse(ctx, "p", "SELECT 1", nil), "42P05")
	params, cols, err := s.DescribeStatement(ctx, "p")
	if err != nil || len(params) != 1 || params[0].String() != "integer" || len(cols) != 2 || cols[1].Name != "b" || cols[0].Attnum != 1 {
		t.Errorf("describe: %v %v %v", params, cols, err)
	}
	check("bind", s.Bind(ctx, "", "p", []session.Parameter{text("7")}), "")
	c := &client{}
	more, err := s.Execute(ctx, "", 0, c)
	if got := strings.Join(c.lines, "; "); err != nil || more || got != "8,n8; 9,n9; 10,n10; tag SELECT 3" {
		t.Errorf("execute: %v %v %s", more, err, got)
	}
	check("sync", s.Sync(ctx, false), "")

	check("bind", s.Bind(ctx, "c1", "p", []session.Parameter{text("0")}), "")
	check("bind twice", s.Bind(ctx, "c1", "p", []session.Parameter{text("0")}), "42P03")
	check("execute after the error ended it", func() error { _, err := s.Execute(ctx, "c1", 0, &client{}); return err }(), "34000")

	check("bind", s.Bind(ctx, "c1", "p", []session.Parameter{text("0")}), "")
	var rows []int
	for {
		c := &client{}
		more, err := s.Execute(ctx, "c1", 4, c)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, c.rows)
		if !more {
			break
		}
	}
	if fmt.Sprint(rows) != "[4 4 2]" {
		t.Errorf("pieces %v", rows)
	}
	check("sync", s.Sync(ctx, false), "")
	check("no portal", func() error { _, err := s.Execute(ctx, "c1", 0, &client{}); return err }(), "34000")
	check("no statement", s.Bind(ctx, "", "nope", nil), "26000")
	check("wrong count", s.Bind(ctx, "", "p", nil), "08P01")
	check("bad value", s.Bind(ctx, "", "p", []session.Parameter{text("x")}), "22P02")
	check("two statements", s.Parse(ctx, "", "SELECT 1; SELECT 2", nil), "42601")
	check("empty", s.Parse(ctx, "", "", nil), "")
	check("bind empty", s.Bind(ctx, "", "", nil), "")
	c = &client{}
	if _, err := s.Execute(ctx, "", 0, c); err != nil || strings.Join(c.lines, "") != "empty" {
		t.Errorf("empty: %v %v", c.lines, err)
	}

	// A statement outlives a change of its table, unless its columns change.
	check("parse", s.Parse(ctx, "all", "SELECT * FROM t", nil), "")
	check("sync", s.Sync(ctx, false), "")
	run(s, "DROP TABLE t")
	check("gone", s.Bind(ctx, "", "all", nil), "42P01")
	run(s, "CREATE TABLE t (a int, b text, c int)")
	check("changed", s.Bind(ctx, "", "all", nil), "0A000")
	if err := s.CloseStatement("p"); err != nil {
		t.Error(err)
	}
	check("closed", s.Bind(ctx, "", "p", nil), "26000")

	// A row-limited portal that is never finished ends with its transaction.
	check("parse", s.Parse(ctx, "", "SELECT i FROM generate_series(1, 100000) i", nil), "")
	check("bind", s.Bind(ctx, "", "", nil), "")
	if more, err := s.Execute(ctx, "", 1, &client{}); !more || err != nil {
		t.Error(more, err)
	}
	check("sync", s.Sync(ctx, false), "")
}

func TestIsolation(t *testing.T) {
	f := open(t)
	a, b := f.session(), f.session()
	run(a, "CREATE TABLE t (a int)")
	run(a, "INSERT INTO t VALUES (1)")
	run(b, "BEGIN")
	count := func(s *session.Session) string { return run(s, "SELECT count(*) FROM t WHERE a > 0") }
	if got := count(b); got != "columns count; 1; tag SELECT 1" {
		t.Error(got)
	}
	run(a, "INSERT INTO t VALUES (2)")
	if got := count(b); got != "columns count; 1; tag SELECT 1" {
		t.Error("the snapshot moved:", got)
	}
	run(b, "INSERT INTO t VALUES (3), (4)")
	if got := count(b); got != "columns count; 3; tag SELECT 1" {
		t.Error("own writes:", got)
	}
	if got := count(a); got != "columns count; 2; tag SELECT 1" {
		t.Error("writes of others:", got)
	}
	run(b, "COMMIT")
	if got := count(a); got != "columns count; 4; tag SELECT 1" {
		t.Error("after commit:", got)
	}
}

func TestCancelAndTimeout(t *testing.T) {
	f := open(t)
	s := f.session()
	const slow = "SELECT count(*) FROM generate_series(1, 100000000000) a WHERE a % 7 < 0"
	var wg sync.WaitGroup
	wg.Go(func() {
		for { // until the statement is seen to run
			for _, o := range f.engine.Sessions() {
				if o.State == "active" && strings.Contains(o.Query, "generate_series") {
					s.Cancel()
					return
				}
			}
			time.Sleep(time.Millisecond)
		}
	})
	c := &client{}
	err := s.Simple(ctx, slow, c)
	if errs.From(err).Message != "canceling statement due to user request" {
		t.Error(err)
	}
	wg.Wait()
	run(s, "SET statement_timeout = '30ms'")
	err = s.Simple(ctx, "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a.a + b.b < 0", c)
	if e := errs.From(err); e.Code != errs.QueryCanceled || e.Message != "canceling statement due to statement timeout" {
		t.Error(err)
	}
	if got := run(s, "SELECT 1 AS x"); got != "columns x; 1; tag SELECT 1" {
		t.Error(got)
	}
}

func BenchmarkTrivial(b *testing.B) {
	f := open(b)
	s := f.session()
	run(s, "CREATE TABLE t (a int, b text)")
	run(s, "INSERT INTO t SELECT i, 'n' || i % 10 FROM generate_series(1, 1000) i")
	for _, sql := range []string{"SELECT 1", "SELECT count(*) FROM t", "SELECT count(*) FROM t WHERE a > 10",
		"SELECT b, count(*) FROM t GROUP BY b ORDER BY 2 DESC LIMIT 3", "INSERT INTO t VALUES (1, 'x')"} {
		b.Run(sql, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Simple(ctx, sql, &client{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
