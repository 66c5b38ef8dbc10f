package session_test

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// steps counts what a statement does outside itself, operations on files and words with its client, and cancels the
// statement in front of one of them.
type steps struct {
	client
	s     *session.Session
	armed atomic.Bool
	at, n atomic.Int64
}

func (c *steps) step() {
	if c.armed.Load() && c.n.Add(1) == c.at.Load() {
		c.s.Cancel()
	}
}

func (c *steps) Columns(cols []session.Column) error { c.step(); return c.client.Columns(cols) }
func (c *steps) Rows(b *batch.Batch) error           { c.step(); return c.client.Rows(b) }
func (c *steps) CopyIn(int8, int) (io.Reader, error) {
	c.step()
	return stepping{&input{&c.client, c.input}, nil, c}, nil
}

func (c *steps) CopyOut(int8, int) (io.WriteCloser, error) {
	c.step()
	return stepping{nil, nop{&c.out}, c}, nil
}

// stepping is the rows of a COPY, as they come and go.
type stepping struct {
	in  io.Reader
	out io.WriteCloser
	c   *steps
}

func (s stepping) Read(b []byte) (int, error) {
	s.c.step()
	return s.in.Read(b[:min(len(b), 8<<10)])
}

func (s stepping) Write(b []byte) (int, error) { s.c.step(); return s.out.Write(b) }
func (s stepping) Close() error                { s.c.step(); return s.out.Close() }

// TestCancelAtEveryStep cancels statements in front of one of the things that they do outside themselves after the other:
// each ends with 57014, or was done already, has happened as a whole or not at all, and leaves the session and the memory
// as they were.
func TestCancelAtEveryStep(t *testing.T) {
	const rows = 6000
	for _, c := range []struct {
		name, before, sql, behind string
		rows                      int // of t after the statement
		input                     string
	}{
		{name: "sort", sql: "SELECT a, b FROM t ORDER BY b, a", rows: rows},
		{name: "groups", sql: "SELECT b, a % 1000, count(DISTINCT a) FROM t GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 7", rows: rows},
		{name: "join", sql: "SELECT count(*) FROM t x JOIN t y ON x.a = y.a", rows: rows},
		{name: "fetch", before: "BEGIN; DECLARE c CURSOR FOR SELECT a, b FROM t ORDER BY b, a", sql: "FETCH 5000 FROM c", behind: "ROLLBACK", rows: rows},
		{name: "fetch all", before: "BEGIN; DECLARE c CURSOR FOR SELECT a, b FROM t ORDER BY b, a; FETCH 10 FROM c", sql: "FETCH ALL FROM c", behind: "ROLLBACK", rows: rows},
		{name: "copy to", sql: "COPY t TO STDOUT", rows: rows},
		{name: "copy from", sql: "COPY t FROM STDIN", input: strings.Repeat("7\tn7\n", 9000), rows: rows + 9000},
		{name: "insert", sql: "INSERT INTO t SELECT a + 1, b FROM t", rows: 2 * rows},
		{name: "delete", sql: "DELETE FROM t WHERE a % 2 = 0", rows: rows / 2},
		{name: "create as", sql: "CREATE TABLE u AS SELECT * FROM t ORDER BY b, a", rows: rows},
		{name: "checkpoint", before: "INSERT INTO t SELECT 1, 'n1' FROM generate_series(1, 100)", sql: "CHECKPOINT", rows: rows + 100},
		{name: "vacuum", before: "DELETE FROM t WHERE a % 3 = 0", sql: "VACUUM FULL t", rows: rows - rows/3},
		{name: "reindex", sql: "REINDEX TABLE t", rows: rows},
		{name: "alter type", sql: "ALTER TABLE t ALTER COLUMN a TYPE text", rows: rows},
		{name: "add key", sql: "ALTER TABLE t ADD PRIMARY KEY (a)", rows: rows},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			canceled := 0
			for at, next := int64(1), int64(2); ; at, next = next, at+next { // 1, 2, 3, 5, 8, ...
				x := &steps{client: client{input: c.input}}
				fsys := errorfs.New(vfs.NewMem(), errorfs.All)
				fsys.Before = func(int, errorfs.Kind, string) { x.step() }
				f := openWith(t, storage.Options{FS: fsys, SealRows: 1500, NoMerge: true})
				s := f.session()
				x.s = s
				run(s, "CREATE TABLE t (a integer, b text)")
				run(s, fmt.Sprintf("INSERT INTO t SELECT i, 'n' || i %% 100 FROM generate_series(1, %d) i", rows))
				run(s, "CHECKPOINT")
				run(s, "SET siltstone.force_spill = 'on'; SET siltstone.batch_rows = 512")
				if c.before != "" {
					if got := run(s, c.before); strings.Contains(got, "error") {
						t.Fatal(got)
					}
				}
				x.at.Store(at)
				x.armed.Store(true)
				err := s.Simple(ctx, c.sql, x)
				x.armed.Store(false)
				if err != nil && !errs.Is(err, errs.QueryCanceled) {
					t.Fatalf("step %d: %v", at, err)
				}
				if err != nil {
					canceled++
				}
				if c.behind != "" {
					run(s, c.behind)
				}
				want := []int{c.rows}
				if err != nil {
					want = append(want, rows, 100+rows)
				}
				got := run(s, "SELECT count(*) FROM t")
				if strings.Contains(got, "57014") { // a step of the background that came late
					got = run(s, "SELECT count(*) FROM t")
				}
				good := false
				for _, n := range want {
					good = good || got == fmt.Sprintf("columns count; %d; tag SELECT 1", n)
				}
				if !good {
					t.Fatalf("step %d, %v: %s, want one of %d", at, err, got, want)
				}
				if got := run(s, "INSERT INTO t VALUES ('1', 'x')"); strings.Contains(got, "error") && !strings.Contains(got, "23505") {
					t.Fatalf("step %d: a write afterwards: %s", at, got)
				}
				s.Close()
				if x.n.Load() < at {
					break
				}
			}
			if canceled == 0 {
				t.Error("nothing was canceled")
			}
		})
	}
}
