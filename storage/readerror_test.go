package storage

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// reading are the operations of which opening and scanning consist.
const reading = errorfs.Read | errorfs.Open | errorfs.List | errorfs.Lock | errorfs.Other

// Each operation of opening, recovery, scans and check that reads fails, once or from then on: answers are right or
// errors, never quietly short, and once the fault is over everything is there again.
func TestErrorAtEveryRead(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		w := mixed()
		m := vfs.NewMem()
		db := mustOpen(t, testOptions(m))
		if w.run(db); w.failed != nil {
			t.Fatal(w.failed)
		}
		base := m
		if crashed { // the log is read again
			base = m.CrashClone(1, 1)
		}
		mustClose(t, db)
		step := 2 // the two ways take turns, the other way round after a crash
		if testing.Short() {
			step = 16
		}
		for _, sticky := range []bool{false, true} {
			first := 1
			if sticky != crashed {
				first += step / 2
			}
			t.Run(fmt.Sprintf("crashed %v, sticky %v", crashed, sticky), func(t *testing.T) {
				t.Parallel()
				n := first
				for ; w.failReadAt(t, base, n, sticky); n += step {
				}
				if n < 20 {
					t.Errorf("only %d operations", n)
				}
			})
			t.Run(fmt.Sprintf("check, crashed %v, sticky %v", crashed, sticky), func(t *testing.T) {
				t.Parallel()
				for n := first; checkFailsAt(t, base, n, sticky); n += step {
				}
			})
		}
	}
}

// failReadAt opens a copy of a database and reads it, with the n-th operation failing.
func (w *workload) failReadAt(t *testing.T, base *vfs.Mem, n int, sticky bool) (reached bool) {
	t.Helper()
	m := base.CrashClone(2, 1)
	fsys := errorfs.New(m, reading)
	fsys.Fail(n, sticky, syscall.EIO)
	what := fmt.Sprintf("operation %d, sticky %v", n, sticky)
	acked := int(w.acked.Load())
	db, err := Open(ctx, "db", testOptions(fsys))
	if err == nil {
		if err = w.verify(db, acked, acked); err != nil {
			what += fmt.Sprintf(", first error %v", err)
		}
		if err != nil && errs.From(err).Code == errs.InternalError {
			t.Fatalf("%s: while it lasts", what)
		}
		reached = fsys.Failed() > 0
		fsys.Heal()
		if err := w.verify(db, acked, acked); err != nil && errs.From(err).Code == errs.InternalError {
			t.Fatalf("%s: afterwards: %v", what, err)
		}
		_ = db.Close()
	} else if errs.From(err).Code == errs.InternalError {
		t.Fatalf("%s: opening: %v", what, err)
	}
	reached = reached || fsys.Failed() > 0
	fsys.Heal()
	if m.OpenFiles() != 0 {
		t.Fatalf("%s: %d files left open", what, m.OpenFiles())
	}
	db, err = Open(ctx, "db", testOptions(m))
	if err != nil {
		t.Fatalf("%s: opened again: %v", what, err)
	}
	if err := w.verify(db, acked, acked); err != nil {
		t.Errorf("%s: opened again: %v", what, err)
	}
	mustClose(t, db)
	return reached
}

// checkFailsAt checks a sound database, with the n-th operation failing: check must say so.
func checkFailsAt(t *testing.T, base *vfs.Mem, n int, sticky bool) (reached bool) {
	t.Helper()
	m := base.CrashClone(3, 1)
	fsys := errorfs.New(m, reading)
	fsys.Fail(n, sticky, syscall.EIO)
	findings := check.Check(fsys, "db")
	reached = fsys.Failed() > 0
	said := false
	for _, f := range findings {
		said = said || f.Fatal && strings.Contains(f.Error, "injected")
	}
	if reached && !said {
		t.Errorf("operation %d failed and check says %v", n, findings)
	}
	if m.OpenFiles() != 0 {
		t.Fatalf("operation %d: %d files left open", n, m.OpenFiles())
	}
	return reached
}
