package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// replica is what who reads the log knows of the tables: rows by number, as text.
type replica map[catalog.TableID]map[int64]string

// rowText prints a row of a flat or encoded batch.
func rowText(b *batch.Batch, row int) string {
	s := ""
	for _, c := range b.Cols {
		s += fmt.Sprint(c.Datum(row), "|")
	}
	return s
}

// take applies a record.
func (r replica) take(rec *archive.Record, c *archive.Cursor) error {
	for _, e := range rec.Edits {
		if e.Drops() {
			for _, id := range e.IDs() {
				delete(r, id)
			}
		}
	}
	for _, d := range rec.Deletions {
		for n := range r[d.Table] {
			if uint64(n) < d.Below || d.Rows.Has(uint64(n)) {
				delete(r[d.Table], n)
			}
		}
	}
	return r.rows(c)
}

// rows takes the rest of the rows of a record.
func (r replica) rows(c *archive.Cursor) error {
	for {
		rows, err := c.Rows(ctx)
		if rows == nil || err != nil {
			return err
		}
		if len(rows.Numbers) != rows.Batch.Len {
			return fmt.Errorf("%d numbers of %d rows", len(rows.Numbers), rows.Batch.Len)
		}
		if r[rows.Table] == nil {
			r[rows.Table] = map[int64]string{}
		}
		for i, n := range rows.Numbers {
			if old, ok := r[rows.Table][n]; ok {
				return fmt.Errorf("row %d of table %d comes twice: %s", n, rows.Table, old)
			}
			r[rows.Table][n] = rowText(rows.Batch, i)
		}
	}
}

// follow reads up to a record.
func (r replica) follow(c *archive.Cursor, until uint64) error {
	for c.Position().Sequence <= until {
		rec, err := c.Next(ctx)
		if err != nil {
			return err
		}
		if err := r.take(rec, c); err != nil {
			return fmt.Errorf("record %d: %w", rec.Sequence, err)
		}
		if p := c.Position(); p.Sequence != rec.Sequence+1 || p.Row != 0 {
			return fmt.Errorf("position %v behind record %d", p, rec.Sequence)
		}
	}
	return nil
}

// scanned reads a table as the database has it.
func scanned(s *table.Snapshot, id catalog.TableID) (map[int64]string, error) {
	rel, err := s.Table(id)
	if err != nil {
		return nil, err
	}
	account := mem.NewPool(0).Account("test", 0)
	defer account.Close()
	req := &scan.Request{Account: account}
	ts := rel.Types()
	for i := range ts {
		req.Columns = append(req.Columns, i)
	}
	req.Columns = append(req.Columns, scan.RowNumber)
	sc, err := rel.Open(ctx, req)
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out, got := batch.New(append(ts, types.T(types.Int8))), map[int64]string{}
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			return got, err
		}
		n := len(ts)
		rows := &batch.Batch{Len: out.Len, Cols: out.Cols[:n]}
		for i := range out.Len {
			got[out.Cols[n].Datum(i).I] = rowText(rows, i)
		}
	}
}

// check holds the replica against the tables of a snapshot.
func (r replica) check(s *table.Snapshot) error {
	for _, t := range s.Catalog().Tables() {
		want, err := scanned(s, t.ID)
		if err != nil {
			return err
		}
		if got := r[t.ID]; !maps.Equal(got, want) {
			return fmt.Errorf("table %s has %d rows, and the log %d:\n%v\n%v", t.Name, len(want), len(got), want, got)
		}
	}
	for id := range r {
		if s.Catalog().TableByID(id) == nil {
			return fmt.Errorf("table %d was dropped", id)
		}
	}
	return nil
}

// life is random writes to a few tables.
type life struct {
	r    *rand.Rand
	db   *DB
	next int
}

// tables returns those that come and go.
func (l *life) tables() []*catalog.Table {
	return slices.DeleteFunc(slices.Clone(l.db.Catalog().Tables()), func(t *catalog.Table) bool { return t.Name == "kept" })
}

// step does something to the database, and adds a row to a table that stays: so each file of the log is wanted.
func (l *life) step() error {
	kept := l.db.Catalog().Table("public", "kept")
	if kept == nil {
		c := clicks("kept")
		c.Constraints = nil
		return l.db.Apply(ctx, catalog.Create(c))
	}
	if err := l.write(); err != nil {
		return err
	}
	l.next++
	return insert(l.db, kept, l.next-1, 1)
}

// write writes something.
func (l *life) write() error {
	list := l.tables()
	if len(list) < 2 || len(list) < 4 && l.r.IntN(20) == 0 {
		c := clicks(fmt.Sprintf("t%d", l.next))
		c.Constraints = nil
		if l.r.IntN(2) == 0 {
			set(c, "sort_key", "url")
		}
		l.next++
		return l.db.Apply(ctx, catalog.Create(c))
	}
	t := list[l.r.IntN(len(list))]
	n := 1 + l.r.IntN(40)
	first := l.next
	l.next += n
	switch l.r.IntN(20) {
	case 0:
		return l.db.Apply(ctx, catalog.Drop(nil, t))
	case 1:
		return l.db.Checkpoint(ctx)
	case 2:
		return l.db.Vacuum(ctx, t.ID, l.r.IntN(2) == 0)
	case 3:
		w := rowsOf(t, first, n)
		w.Truncate = true
		_, err := l.db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
		return err
	case 4, 5, 6:
		return l.load(t, list[l.r.IntN(len(list))], first)
	case 7, 8, 9, 10, 11:
		return l.change(t, first)
	}
	w := table.Write{Rows: []table.Rows{rowsOf(t, first, n)}}
	if o := list[l.r.IntN(len(list))]; o != t {
		w.Rows = append(w.Rows, rowsOf(o, first, n/2), rowsOf(t, first+n/2, n-n/2))
	}
	_, err := l.db.Commit(ctx, w)
	return err
}

// change deletes some rows of a table, and gives it others.
func (l *life) change(t *catalog.Table, first int) error {
	s := l.db.Snapshot()
	at, err := rowNumbersOf(s, t.ID)
	s.Release()
	if err != nil {
		return err
	}
	w := rowsOf(t, first, 3)
	w.Deleted = index.NewRowIDs()
	for _, n := range at {
		if l.r.IntN(4) == 0 {
			w.Deleted.Add(n)
		}
	}
	_, err = l.db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
	return err
}

// load commits or aborts a load of more rows than a live segment takes, some of which it deletes itself.
func (l *life) load(t, o *catalog.Table, first int) error {
	ld := l.db.NewLoad()
	n := 10 + l.r.IntN(180)
	l.next += n
	err := appendRows(ld, t, first, n, 30)
	if err == nil && o != t {
		err = appendRows(ld, o, first, 60, 25)
	}
	if err != nil || l.r.IntN(4) == 0 {
		ld.Abort()
		return err
	}
	gone := index.NewRowIDs()
	for i := range n {
		if l.r.IntN(10) == 0 {
			gone.Add(scan.OwnRows + uint64(i))
		}
	}
	_, err = ld.Commit(ctx, table.Write{}, l.db.Catalog(), func(id catalog.TableID) *index.RowIDs {
		if id == t.ID {
			return gone
		}
		return nil
	})
	return err
}

// TestCursorAgainstModel: who applies every record of the log has the tables' rows with their numbers, at each moment, also
// over restarts; and so has who begins with the first record in the end, when most of it is in the archive.
func TestCursorAgainstModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := vfs.NewMem()
			pool := mem.NewPool(0)
			open := func() *DB {
				o := testOptions(m)
				o.Pool = pool
				return mustOpen(t, o)
			}
			l := &life{r: rand.New(rand.NewPCG(seed, 1)), db: open()}
			cursor := func(from archive.Position) *archive.Cursor {
				c, err := l.db.Archive().Cursor(archive.CursorOptions{Follow: true, Holder: "test", From: from})
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			c := cursor(archive.Position{})
			r := replica{}
			for range 200 {
				if err := l.step(); err != nil {
					t.Fatal(err)
				}
				switch l.r.IntN(12) {
				case 0:
					c.Close()
					if l.r.IntN(2) == 0 {
						crashed := m.CrashClone(seed, 0.5)
						mustClose(t, l.db)
						m = crashed
					} else {
						mustClose(t, l.db)
					}
					l.db = open()
					c = cursor(c.Position())
				case 1, 2:
					wantReplica(t, l.db, r, c)
				}
			}
			wantReplica(t, l.db, r, c)
			c.Close()
			if err := l.db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			if n := len(l.db.set.Version().Archive.Files); n < 3 {
				t.Errorf("%d files in the archive", n)
			}
			if start := l.db.Archive().Start(0); start != 1 {
				t.Errorf("the log begins with record %d", start)
			}
			c = cursor(archive.Position{})
			wantReplica(t, l.db, replica{}, c)
			c.Close()
			for _, tab := range l.tables() {
				wantTable(t, l.db, tab.ID)
			}
			mustClose(t, l.db)
			if n := pool.Used(); n != 0 {
				t.Errorf("%d bytes are left", n)
			}
			if n := m.OpenFiles(); n != 0 {
				t.Errorf("%d files are open", n)
			}
		})
	}
}

// wantReplica lets a replica read up to what is visible, and holds it against that.
func wantReplica(t *testing.T, db *DB, r replica, c *archive.Cursor) {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	err := r.follow(c, db.Sequence())
	if err == nil {
		err = r.check(s)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wantTable reads the records of one table.
func wantTable(t *testing.T, db *DB, id catalog.TableID) {
	t.Helper()
	c, err := db.Archive().Cursor(archive.CursorOptions{Table: id, Until: db.Sequence()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, records := replica{}, 0
	for {
		rec, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			records++
			err = r.take(rec, c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := db.Snapshot()
	defer s.Release()
	want, err := scanned(s, id)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(r[id], want) || records == 0 || records == int(db.Sequence()) {
		t.Errorf("%d records of table %d have %d rows, want %d", records, id, len(r[id]), len(want))
	}
}

// TestCursorPositions: a cursor that begins in the middle of a record has the rest of it.
func TestCursorPositions(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	defer mustClose(t, db)
	a, b := mustCreate(t, db, "a"), mustCreate(t, db, "b")
	l := db.NewLoad()
	if err := errors.Join(appendRows(l, a, 0, 130, 30), appendRows(l, b, 0, 70, 30)); err != nil {
		t.Fatal(err)
	}
	gone := index.NewRowIDs()
	gone.AddRange(scan.OwnRows+3, scan.OwnRows+9)
	ack, err := l.Commit(ctx, table.Write{}, db.Catalog(), func(id catalog.TableID) *index.RowIDs {
		if id == a.ID {
			return gone
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(from int64, id catalog.TableID, most int) (list []string, last archive.Position) {
		c, err := db.Archive().Cursor(archive.CursorOptions{From: archive.Position{Sequence: ack.Sequence, Row: from}, Until: ack.Sequence, Table: id})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Next(ctx); err != nil {
			t.Fatal(err)
		}
		for len(list) < most {
			rows, err := c.Rows(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if rows == nil {
				break
			}
			for i, n := range rows.Numbers {
				list = append(list, fmt.Sprint(rows.Table, n, rowText(rows.Batch, i)))
			}
		}
		last = c.Position()
		if len(list) < most {
			if _, err := c.Next(ctx); !errors.Is(err, io.EOF) {
				t.Fatalf("behind the last record: %v", err)
			}
		}
		return list, last
	}
	all, end := read(0, 0, 1000)
	if len(all) != 130+70-6 || end != (archive.Position{Sequence: ack.Sequence + 1}) {
		t.Fatalf("%d rows up to %v", len(all), end)
	}
	for _, from := range []int64{1, 40, 44, 45, 94, 100, 124, 150, 193, 194} {
		if got, _ := read(from, 0, 1000); fmt.Sprint(got) != fmt.Sprint(all[from:]) {
			t.Errorf("from row %d:\n%v\n%v", from, got, all[from:])
		}
	}
	for most := 1; most < len(all); most += 13 { // one cursor goes on where another stopped
		first, at := read(0, 0, most)
		rest, _ := read(at.Row, 0, 1000)
		if fmt.Sprint(append(first, rest...)) != fmt.Sprint(all) {
			t.Errorf("cut at %v", at)
		}
	}
	if got, _ := read(0, b.ID, 1000); len(got) != 70 {
		t.Errorf("%d rows of one table", len(got))
	}
}

// TestCursorWaits: for new records, until its context or the database ends; what it holds stays.
func TestCursorWaits(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "a")
	c, err := db.Archive().Cursor(archive.CursorOptions{Table: tab.ID, Follow: true, Holder: "slow", Confirmed: true})
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := c.Next(ctx); err != nil || len(rec.Edits) != 1 {
		t.Fatal(rec, err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	if _, err := c.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	cancel()
	got := make(chan error)
	go func() {
		_, err := c.Next(ctx)
		got <- err
	}()
	if err := insert(db, tab, 0, 3); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	at := c.Position().Sequence
	for i := range 40 { // several log files
		if err := insert(db, tab, 100*i, 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if h := db.Archive().Holders(); len(h) != 1 || h[0].Name != "slow" || h[0].From > at {
		t.Errorf("holders %+v", h)
	}
	for range 40 {
		if _, err := c.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		_, err := c.Next(ctx)
		got <- err
	}()
	db.archive.Close()
	if err := <-got; !errs.Is(err, errs.AdminShutdown) {
		t.Error(err)
	}
	c.Close()
	if h := db.Archive().Holders(); len(h) != 0 {
		t.Errorf("holders %+v", h)
	}
	mustClose(t, db)
}
