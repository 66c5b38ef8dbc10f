package storage

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
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

// listing counts how often the folder of segments is listed.
type listing struct {
	vfs.FS
	segments int
}

func (l *listing) List(dir string) ([]vfs.Info, error) {
	if strings.HasSuffix(dir, "/segments") {
		l.segments++
	}
	return l.FS.List(dir)
}

// A start lists the folder of segments once: with 100,000 of them that is most of it.
func TestStartListsOnce(t *testing.T) {
	db, m := many(t, 3, 2)
	mustClose(t, db)
	l := &listing{FS: m}
	db = mustOpen(t, testOptions(l))
	if l.segments != 1 {
		t.Errorf("segments are listed %d times", l.segments)
	}
	mustClose(t, db)
}

// Many small writes are rows of the log and of live segments, and no files.
func TestSmallWritesMakeNoFiles(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.LogFileMin, o.LogFileMax, o.SealRows = 64<<20, 64<<20, 1<<20
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	files := func() (list []string) { // but those of the log, which makes its next file ahead of time
		var walk func(dir string)
		walk = func(dir string) {
			infos, err := m.List(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range infos {
				switch name := dir + "/" + i.Name; {
				case name == "db/wal":
				case i.Dir:
					walk(name)
				default:
					list = append(list, name)
				}
			}
		}
		walk("db")
		return list
	}
	before := files()
	for i := range 10_000 {
		if err := insert(db, tab, i, 1); err != nil {
			t.Fatal(err)
		}
	}
	if after := files(); !slices.Equal(before, after) {
		t.Errorf("10,000 rows, one by one, made of\n%v\nfiles\n%v", before, after)
	}
	mustClose(t, db)
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
	o.NoMerge = true
	start := time.Now()
	db = mustOpen(t, o)
	t.Logf("%d segments open in %v", tables*segments, time.Since(start))
	for _, tab := range db.Catalog().Tables() {
		wantTotals(t, db, tab, segments)
	}
	mustClose(t, db)
	infos, err := m.List("db/segments")
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.OpenWrite("db/segments/" + infos[len(infos)-1].Name)
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
