package storage

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// oddThings are what may stand in place of a file that is none.
var oddThings = map[string]func(name string) error{
	"a FIFO":      func(name string) error { return syscall.Mkfifo(name, 0o600) },
	"a directory": func(name string) error { return os.Mkdir(name, 0o700) },
	"a link to nothing": func(name string) error {
		return os.Symlink(filepath.Join(filepath.Dir(name), "nowhere"), name)
	},
	"a link to a FIFO": func(name string) error {
		to := filepath.Join(filepath.Dir(filepath.Dir(name)), "fifo-"+filepath.Base(name))
		if err := syscall.Mkfifo(to, 0o600); err != nil {
			return err
		}
		return os.Symlink(to, name)
	},
	"a socket": func(name string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err == nil {
			l.SetUnlinkOnClose(false)
			l.Close()
		}
		return err
	},
}

// diskDatabase makes a closed database on the disk that has a file of every kind: manifests, log, tokens, segments.
func diskDatabase(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "db")
	o := testOptions(vfs.Disk)
	db, err := Open(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	tab := mustCreate(t, db, "a")
	if err := insert(db, tab, 0, 100); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if err := insert(db, tab, 100, 120); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	return dir
}

// soon runs f, which must not wait.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s waits", what)
	}
}

// TestOddFiles puts something that is not a file in place of each file and folder of a data directory, one at a time:
// opening and check end soon, and name it.
func TestOddFiles(t *testing.T) {
	sound := diskDatabase(t)
	var files []string
	err := filepath.WalkDir(sound, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != sound {
			name, _ := filepath.Rel(sound, path)
			files = append(files, name)
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatalf("files: %v, %v", files, err)
	}
	for _, file := range files {
		for kind, put := range oddThings {
			what := fmt.Sprintf("%s in place of %s", kind, file)
			dir := filepath.Join(t.TempDir(), "db")
			if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(dir, file)
			if i, err := os.Stat(name); err != nil || i.IsDir() && kind == "a directory" {
				continue
			}
			os.RemoveAll(name)
			if err := put(name); err != nil {
				t.Fatal(err)
			}
			named := func(text string) bool { return strings.Contains(text, filepath.Base(file)) }
			soon(t, what+": check", func() {
				for _, f := range check.Check(vfs.Disk, dir, check.Options{}) {
					if f.Fatal && named(f.String()) {
						return
					}
				}
				t.Errorf("%s: check does not name it: %v", what, check.Check(vfs.Disk, dir, check.Options{}))
			})
			soon(t, what+": open", func() { openOdd(t, what, dir, named) })
		}
	}
}

// openOdd opens a directory with something odd in it: that fails and names it, or the table does.
func openOdd(t *testing.T, what, dir string, named func(string) bool) {
	db, err := Open(ctx, dir, testOptions(vfs.Disk))
	if err != nil {
		if !named(err.Error()) {
			t.Errorf("%s: Open does not name it: %v", what, err)
		}
		return
	}
	defer db.Close()
	for _, s := range db.Health().Quarantined {
		if named(fmt.Sprintf("%010d.seg: %s", s.ID, s.Detail)) {
			return
		}
	}
	t.Errorf("%s: Open takes no notice, health %+v", what, db.Health())
}

// Files of a table that was sorted have row numbers between each other's. When one is set aside, the rows of the others are
// there once, and its own not at all.
func TestDeleteBesideADamagedFile(t *testing.T) {
	o := testOptions(vfs.NewMem())
	db := mustOpen(t, o)
	c := clicks("clicks")
	set(c, "sort_key", "url")
	if err := db.Apply(ctx, catalog.Create(c)); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "clicks")
	if err := insert(db, tab, 0, 900); err != nil {
		t.Fatal(err)
	}
	if err := db.Cluster(ctx, tab.ID); err != nil {
		t.Fatal(err)
	}
	s := db.Snapshot()
	before := numbers(t, s, tab.ID)
	s.Release()
	files := db.Segments()
	mustClose(t, db)
	if len(files) != 3 {
		t.Fatalf("%d segments, want 3: %+v", len(files), files)
	}
	if err := o.FS.Remove(fmt.Sprintf("db/segments/%010d.seg", files[0].ID)); err != nil {
		t.Fatal(err)
	}
	o.ServeDamaged = true
	db = mustOpen(t, o)
	awaitQuarantine(t, db)
	s = db.Snapshot()
	left := numbers(t, s, tab.ID)
	s.Release()
	if len(left) != int(900-files[0].Rows) {
		t.Fatalf("%d rows are left of 900 without %d", len(left), files[0].Rows)
	}
	for id, n := range before {
		if _, ok := left[id]; ok {
			continue
		}
		_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, n)}})
		if !errs.Is(err, errs.SerializationFailure) {
			t.Errorf("row %d, which is out of reach, was deleted: %v", n, err)
		}
		break
	}
	del(t, db, tab, slices.Collect(maps.Values(left))...)
	wantTotals(t, db, tab, 0)
	mustClose(t, db)
}
