package storage

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// TestFewDescriptors: far more segments than files that may be open, read by several at once, before and after a restart.
func TestFewDescriptors(t *testing.T) {
	const segments, rows, most = 300, 3, 8
	m := vfs.NewMem()
	o := testOptions(m)
	o.FilesMax, o.SealRows, o.NoMerge = most, 1000, true
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "a")
	for i := range segments {
		if err := insert(db, tab, i*rows, rows); err != nil {
			t.Fatal(err)
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if n := len(db.Segments()); n < segments {
			t.Fatalf("%d segments", n)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if n := count(t, db, tab); n != segments*rows {
					t.Errorf("%d rows, want %d", n, segments*rows)
				}
				// The log has two, the manifest, tokens and the lock one each.
				if n := m.OpenFiles(); n > most+8 {
					t.Errorf("%d files are open", n)
				}
			})
		}
		wg.Wait()
		mustClose(t, db)
		if n := m.OpenFiles(); n != 0 {
			t.Errorf("%d files are open at the end", n)
		}
		db = mustOpen(t, o)
		tab = db.Catalog().Table("public", "a")
	}
	mustClose(t, db)
}

// count reads all rows of a table.
func count(t *testing.T, db *DB, tab *catalog.Table) int {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	got, err := read(s, tab.ID)
	if err != nil {
		t.Error(err)
	}
	return got.rows
}

// TestDescriptorsComeBack: when there is no descriptor for the log's next file, for segments and all else for longer than
// anybody waits, writes are refused with 53000, and go on when there are some again. Nothing that was acknowledged is lost.
func TestDescriptorsComeBack(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		fsys := errorfs.New(vfs.NewMem(), errorfs.Create|errorfs.Open|errorfs.SyncDir|errorfs.List)
		o := testOptions(fsys)
		o.LogFileMin, o.LogFileMax, o.FilesPatience = 4096, 4096, time.Millisecond
		db := mustOpen(t, o)
		tab := mustCreate(t, db, "a")
		if err := insert(db, tab, 0, 10); err != nil {
			t.Fatal(err)
		}
		stored := 10
		fsys.Fail(1, true, errno)
		refused := 0
		for range 100 {
			err := insert(db, tab, stored, 10)
			switch {
			case err == nil:
				stored += 10
			case errs.Is(err, errs.InsufficientResources):
				refused++
			default:
				t.Fatalf("%v: %v", errno, err)
			}
		}
		if refused == 0 || db.Health().Intake == nil {
			t.Fatalf("%v: nothing was refused, intake %v", errno, db.Health().Intake)
		}
		if err := db.Checkpoint(ctx); !errs.Is(err, errs.InsufficientResources) {
			t.Errorf("%v: Checkpoint: %v", errno, err)
		}
		if got := count(t, db, tab); got != stored {
			t.Errorf("%v: %d rows are read, want %d", errno, got, stored)
		}
		fsys.Heal()
		if err := insert(db, tab, stored, 10); err != nil {
			t.Fatalf("%v: with descriptors again: %v", errno, err)
		}
		stored += 10
		if err := db.Checkpoint(ctx); err != nil {
			t.Errorf("%v: with descriptors again: %v", errno, err)
		}
		if err := db.Health().Intake; err != nil {
			t.Errorf("%v: health: %v", errno, err)
		}
		mustClose(t, db)
		db = mustOpen(t, o)
		if got := count(t, db, db.Catalog().Table("public", "a")); got != stored {
			t.Errorf("%v: %d rows after a restart, want %d", errno, got, stored)
		}
		mustClose(t, db)
	}
}
