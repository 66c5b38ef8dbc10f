package storage

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// many makes tables, each with so many segments, on a disk in memory.
func many(t testing.TB, tables, segments int) (*DB, *vfs.Mem) {
	t.Helper()
	m := vfs.NewMem()
	o := testOptions(m)
	o.LogFileMin, o.LogFileMax, o.SealRows, o.NoMerge = 1<<20, 64<<20, 1<<20, true
	db := mustOpen(t, o)
	var edits []catalog.Edit
	for i := range tables {
		edits = append(edits, catalog.Create(clicks(fmt.Sprint("t", i))))
	}
	if err := db.Apply(ctx, edits...); err != nil {
		t.Fatal(err)
	}
	all := db.Catalog().Tables()
	for s := range segments {
		var w table.Write
		for _, tab := range all {
			w.Rows = append(w.Rows, rowsOf(tab, s, 1))
		}
		if _, err := db.Commit(ctx, w); err != nil {
			t.Fatal(err)
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return db, m
}

// BenchmarkWriteAmid is a write of one row amid few and many tables and segments, on a disk in memory.
func BenchmarkWriteAmid(b *testing.B) {
	for _, n := range []struct{ tables, segments int }{{10, 1}, {10_000, 10}} {
		b.Run(fmt.Sprintf("%d tables of %d", n.tables, n.segments), func(b *testing.B) {
			db, _ := many(b, n.tables, n.segments)
			tab := db.Catalog().Tables()[0]
			runtime.GC() // of what making them has left
			for i := n.segments; b.Loop(); i++ {
				if err := insert(db, tab, i, 1); err != nil {
					b.Fatal(err)
				}
			}
			mustClose(b, db)
		})
	}
}

// TestManySegments: a database of more segments than are opened at its start opens by their names, and opens each when it
// is asked for; one that is damaged is set aside then.
func TestManySegments(t *testing.T) {
	if testing.Short() {
		t.Skip("makes thousands of files")
	}
	const tables, segments = openedAtStart/4 + 10, 4
	db, m := many(t, tables, segments)
	mustClose(t, db)
	o := testOptions(m)
	start := time.Now()
	db = mustOpen(t, o)
	t.Logf("%d segments open in %v", tables*segments, time.Since(start))
	for _, tab := range db.Catalog().Tables() {
		wantTotals(t, db, tab, segments)
	}
	mustClose(t, db)
	name := fmt.Sprintf("db/segments/%010d.seg", tables*segments)
	f, err := m.OpenWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 70); err != nil {
		t.Fatal(err)
	}
	f.Close()
	db = mustOpen(t, o)
	if !db.Health().Good() {
		t.Fatal("opening has read all of it")
	}
	awaitQuarantine(t, db)
	mustClose(t, db)
}

// awaitQuarantine reads all tables until a segment of one is set aside.
func awaitQuarantine(t *testing.T, db *DB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(db.Health().Quarantined) == 0; time.Sleep(time.Millisecond) {
		for _, tab := range db.Catalog().Tables() {
			s := db.Snapshot()
			_, _ = read(s, tab.ID)
			s.Release()
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is set aside")
		}
	}
}
