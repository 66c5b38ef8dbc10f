package storage

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// twoTables makes a closed database with 120 sealed rows in each of two tables.
func twoTables(t *testing.T) *vfs.Mem {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	for _, name := range []string{"a", "b"} {
		tab := mustCreate(t, db, name)
		if err := insert(db, tab, 0, 120); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	if f := check.Check(m, "db", check.Options{}); len(f) != 0 {
		t.Fatalf("a sound database: %v", f)
	}
	return m
}

func flip(t *testing.T, m *vfs.Mem, name string, off int64) {
	t.Helper()
	f, err := m.OpenWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	f.WriteAt(b[:], off)
}

// A damaged segment is named and set aside, at opening or at reading; other tables answer, and the rest of the table
// does when that is asked for.
func TestQuarantine(t *testing.T) {
	for _, where := range []string{"header", "data", "missing"} {
		m := twoTables(t)
		v, _, err := manifest.Read(m, "db")
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for f, s := range v.Segments.All() {
			if s.Table == 2 && s.Rows == 50 && name == "" {
				name = fmt.Sprintf("db/segments/%010d.seg", f)
			}
		}
		switch where {
		case "header":
			flip(t, m, name, 20)
		case "data":
			flip(t, m, name, 70)
		case "missing":
			m.Remove(name)
		}
		if f := check.Check(m, "db", check.Options{}); len(f) != 1 || !f[0].Fatal || f[0].File != name {
			t.Fatalf("%s: check says %v", where, f)
		}
		db := mustOpen(t, testOptions(m))
		a, b := db.Catalog().Table("public", "a"), db.Catalog().Table("public", "b")
		s := db.Snapshot()
		if _, err := read(s, a.ID); !errs.Is(err, errs.DataCorrupted) || !strings.Contains(err.Error(), "segment") {
			t.Fatalf("%s: reading the damaged table: %v", where, err)
		}
		s.Release()
		wantTotals(t, db, b, 120)
		for i := 0; len(db.Health().Quarantined) == 0; i++ {
			if time.Sleep(time.Millisecond); i > 5000 {
				t.Fatalf("%s: not set aside", where)
			}
		}
		if err := insert(db, b, 120, 1); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		o := testOptions(m)
		o.ServeDamaged = true
		db = mustOpen(t, o)
		s = db.Snapshot()
		if got, err := read(s, a.ID); err != nil || got.rows != 70 {
			t.Fatalf("%s: the rest of the table: %+v, %v", where, got, err)
		}
		s.Release()
		mustClose(t, db)
	}
}

// A table that is dropped while its damaged file is set aside leaves nothing behind.
func TestQuarantineOfADroppedTable(t *testing.T) {
	m := twoTables(t)
	var db *DB
	var victim *catalog.Table
	dropped := make(chan error, 2)
	o := testOptions(m)
	o.Events = func(e event.Event) {
		if e.Kind == event.Quarantined { // from a goroutine of the database, which holds no lock that DDL takes
			dropped <- db.Apply(ctx, catalog.Drop(nil, victim))
		}
	}
	db = mustOpen(t, o)
	victim = db.Catalog().TableByID(2)
	var file table.SegmentInfo
	for _, i := range db.Segments() {
		if i.Table == 2 && i.Rows == 50 {
			file = i
		}
	}
	flip(t, m, fmt.Sprintf("db/segments/%010d.seg", file.ID), 70)
	s := db.Snapshot()
	if _, err := read(s, 2); !errs.Is(err, errs.DataCorrupted) {
		t.Fatalf("reading the damaged table: %v", err)
	}
	s.Release()
	if err := <-dropped; err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	mustClose(t, mustOpen(t, testOptions(m)))
	for _, dir := range []string{"db/quarantine", "db/segments"} {
		infos, err := m.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			if i.Name == fmt.Sprintf("%010d.seg", file.ID) {
				t.Errorf("%s/%s belongs to nobody", dir, i.Name)
			}
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	if _, err := Open(ctx, "db", testOptions(m)); !errs.Is(err, errs.ObjectInUse) {
		t.Fatalf("second open: %v", err)
	}
	mustClose(t, db)
	disk := testOptions(vfs.Disk)
	dir := t.TempDir() + "/data"
	first, err := Open(ctx, dir, disk)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, disk); !errs.Is(err, errs.ObjectInUse) {
		t.Fatalf("second open on disk: %v", err)
	}
	tab := mustCreate(t, first, "clicks")
	if err := insert(first, tab, 0, 200); err != nil {
		t.Fatal(err)
	}
	if err := first.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	wantTotals(t, first, tab, 200)
	mustClose(t, first)
}

func TestTokens(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	now := time.Unix(1_700_000_000, 0)
	o.Now = func() time.Time { return now }
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	w := table.Write{Rows: []table.Rows{rowsOf(tab, 0, 10)}, Token: &table.Token{Client: "push", Key: "1"}}
	first, err := db.Commit(ctx, w)
	if err != nil || first.Duplicate || first.Rows != 10 {
		t.Fatalf("%+v, %v", first, err)
	}
	again := func(what string, duplicate bool) {
		t.Helper()
		ack, err := db.Commit(ctx, w)
		if err != nil || ack.Duplicate != duplicate || duplicate && (ack.Sequence != first.Sequence || ack.Rows != 10) {
			t.Fatalf("%s: %+v, %v", what, ack, err)
		}
	}
	again("at once", true)
	mustClose(t, db)
	db = mustOpen(t, o)
	again("after a restart", true)
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, o)
	again("after sealing and a restart", true)
	wantTotals(t, db, tab, 10)
	mustClose(t, db)
	now = now.Add(8 * 24 * time.Hour) // nobody looks at the clock of a closed database
	db = mustOpen(t, o)
	again("after eight days", false)
	mustClose(t, db)
}

func TestBackPressure(t *testing.T) {
	fsys := errorfs.New(vfs.NewMem(), errorfs.Rename)
	o := testOptions(fsys)
	o.LiveBytes, o.IntakeWait = 1<<20, 50*time.Millisecond
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	fsys.Fail(1, true, syscall.ENOSPC) // no segment can be finished
	n := 0
	var err error
	for ; n < 1<<20 && err == nil; n += 10 {
		err = insert(db, tab, n, 10)
	}
	n -= 10
	if !errs.Is(err, errs.OutOfMemory) || db.Health().Good() {
		t.Fatalf("live segments grow without end: %d rows, %v, %+v", n, err, db.Health())
	}
	wantTotals(t, db, tab, n)
	fsys.Heal()
	for i := 0; i < 100; i++ {
		if err = insert(db, tab, n, 10); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("intake does not resume: %v", err)
	}
	wantTotals(t, db, tab, n+10)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNotNullAndOverlay(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "clicks")
	bad := rowsOf(tab, 0, 3)
	bad.Batches[0].Cols[0].SetNull(1)
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{bad}}); !errs.Is(err, errs.NotNullViolation) {
		t.Fatalf("NULL in a NOT NULL column: %v", err)
	}
	if err := insert(db, tab, 0, 60); err != nil {
		t.Fatal(err)
	}
	s := db.Snapshot()
	load := db.NewLoad()
	if err := load.Append(ctx, tab, bad.Batches[0]); !errs.Is(err, errs.NotNullViolation) {
		t.Fatalf("NULL in a NOT NULL column of a load: %v", err)
	}
	if err := load.Append(ctx, tab, rowsOf(tab, 60, 30).Batches[0]); err != nil {
		t.Fatal(err)
	}
	own := load.Overlay(s, tab, table.Hidden{})
	if got, err := read(own, tab.ID); err != nil || got != upTo(90) {
		t.Fatalf("own rows: %+v, %v", got, err)
	}
	eq := scan.Term{Column: 0, Op: scan.Ge, Values: []types.Datum{types.IntOf(types.T(types.Int8), 55)}}
	if got, err := read(own, tab.ID, eq); err != nil || got.rows != 35 {
		t.Fatalf("with a term: %+v, %v", got, err)
	}
	url := scan.Term{Column: 1, Op: scan.Eq, Values: []types.Datum{types.TextOf("/page/3")}}
	if got, err := read(own, tab.ID, url); err != nil || got.rows != 11 { // 10 and 80 are NULL
		t.Fatalf("with a term on a string: %+v, %v", got, err)
	}
	if got, err := read(s, tab.ID); err != nil || got != upTo(60) {
		t.Fatalf("others: %+v, %v", got, err)
	}
	own.Release()
	s.Release()
	load.Abort()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := db.Commit(canceled, table.Write{Rows: []table.Rows{rowsOf(tab, 60, 1)}}); err == nil {
		t.Fatal("a canceled commit was stored")
	}
	mustClose(t, db)
}

func TestSortKey(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	c := clicks("clicks")
	set(c, "sort_key", "url, id")
	set(c, "seal_rows", "1000")
	if err := db.Apply(ctx, catalog.Create(c)); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "clicks")
	if err := insert(db, tab, 0, 500); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	wantTotals(t, db, tab, 500)
	s := db.Snapshot()
	rel, err := s.Table(tab.ID)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := rel.Open(ctx, &scan.Request{Columns: []int{1}, Account: db.o.Pool.Account("test", 0)})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := sc.Reader()
	out := batch.New([]types.Type{types.T(types.Text)})
	last := ""
	for {
		ok, err := r.Next(ctx, out)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		for i := range out.Len {
			if d := out.Cols[0].Datum(i); !d.Null {
				if d.S < last {
					t.Fatalf("%q after %q", d.S, last)
				}
				last = d.S
			}
		}
	}
	r.Close()
	sc.Close()
	s.Release()
	mustClose(t, db)
}
