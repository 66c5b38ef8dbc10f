package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/ladder"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestGoldenDirectories opens a directory of each format that was ever released, as it lies in testdata/format-<number>,
// and finds what was put into it; the dump beside it tells the bytes of those of the newest format. With -rewrite that one
// is made anew: once its format is released that is a mistake, and another step of the ladder is due (package ladder).
func TestGoldenDirectories(t *testing.T) {
	newest := fmt.Sprintf("testdata/format-%d", ladder.Newest())
	if rewrite() {
		m := vfs.NewMem()
		smallWith(t, m, func(db *DB) { parted(t, db) })
		if err := os.RemoveAll(newest); err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"", "/wal", "/archive", "/tokens", "/segments"} {
			keep(t, m, "db"+sub, newest+sub)
		}
		if err := os.WriteFile(newest+".dump", []byte(dumpAll(t, m, "db")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dirs, err := filepath.Glob("testdata/format-*[0-9]")
	if err != nil || len(dirs) != int(ladder.Newest()) {
		t.Fatalf("%d directories of %d formats: %v", len(dirs), ladder.Newest(), err)
	}
	for _, dir := range dirs {
		m := vfs.NewMem()
		for _, sub := range []string{"", "/wal", "/archive", "/tokens", "/segments"} {
			bring(t, m, dir+sub, "db"+sub)
		}
		if dir == newest {
			want, err := os.ReadFile(newest + ".dump")
			if err != nil {
				t.Fatal(err)
			}
			if got := dumpAll(t, m, "db"); got != string(want) {
				t.Errorf("%s: the dump differs:\n%s", dir, got)
			}
			if found := check.Check(m, "db", check.Options{}); len(found) > 0 {
				t.Errorf("%s: %v", dir, found)
			}
		}
		o := small(t, vfs.NewMem())
		wantParted(t, m, o)
		if got := flipped(t, m, o); got != "12 rows, duplicates true true" {
			t.Errorf("%s: %s", dir, got)
		}
	}
}

// parted adds a table with partitions to a database.
func parted(t *testing.T, db *DB) {
	t.Helper()
	def := catalog.NewTable("public", "p", catalog.Column{Name: "d", Type: types.T(types.Date)})
	def.Options.PartitionBy, def.Options.Unit, def.Options.Retain = 1, partition.Day, 100*24*time.Hour
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	def = db.Catalog().Table("public", "p")
	b := batch.New(def.Types())
	b.Reset()
	for _, d := range []int64{19_675, 19_674, 19_675} { // the clock stands at the end of the first
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Date), d))
		b.Len++
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: def.ID, Version: def.Version, Batches: []*batch.Batch{b}}}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
}

// wantParted looks that it is there.
func wantParted(t *testing.T, m *vfs.Mem, o Options) {
	t.Helper()
	o.FS = m.CrashClone(0, 0)
	db := mustOpen(t, o)
	def := db.Catalog().Table("public", "p")
	if got := fmt.Sprintf("%s %v", pieces(db, def), def.Settings()); got != "2023-11-13: 1 rows in 1, 2023-11-14: 2 rows in 1 [{partition day} {retain 100d}]" {
		t.Errorf("there is %s", got)
	}
	mustClose(t, db)
}

// keep writes the files of a folder to the disk.
func keep(t *testing.T, m *vfs.Mem, from, to string) {
	t.Helper()
	infos, err := m.List(from)
	if err == nil {
		err = os.MkdirAll(to, 0o700)
	}
	for _, i := range infos {
		if err != nil {
			t.Fatal(err)
		}
		if i.Dir || i.Name == "LOCK" {
			continue
		}
		var b []byte
		if b, err = vfs.ReadFile(m, from+"/"+i.Name, 1<<20); err == nil {
			err = os.WriteFile(to+"/"+i.Name, b, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// bring reads the files of a folder from the disk. One that is not there was empty: git keeps no empty folders.
func bring(t *testing.T, m *vfs.Mem, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = m.MkdirAll(to)
	}
	for _, e := range entries {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsDir() {
			continue
		}
		var b []byte
		if b, err = os.ReadFile(from + "/" + e.Name()); err == nil {
			err = vfs.WriteFile(m, to, e.Name(), b)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
