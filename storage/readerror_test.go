package storage

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// reading are the operations of which opening and scanning consist.
const reading = errorfs.Read | errorfs.Open | errorfs.List | errorfs.Lock | errorfs.Other

// readFault is how reads fail.
type readFault struct {
	sticky bool
	cause  error // EIO, or errorfs.ErrGarbled: the bytes are wrong
	then   error // of the read after it, which may be the second look at what was damaged
}

func (f readFault) String() string {
	if f.then != nil {
		return fmt.Sprintf("%v, then %v", f.cause, f.then)
	}
	return fmt.Sprintf("%v, sticky %v", f.cause, f.sticky)
}

// in makes the n-th operation from now fail.
func (f readFault) in(fsys *errorfs.FS, n int) {
	if f.then != nil {
		fsys.FailThen(n, f.cause, f.then)
	} else {
		fsys.Fail(n, f.sticky, f.cause)
	}
}

func (f readFault) garbled() bool { return errors.Is(f.cause, errorfs.ErrGarbled) }

var readFaults = []readFault{{false, syscall.EIO, nil}, {true, syscall.EIO, nil}, {false, errorfs.ErrGarbled, nil}, {false, errorfs.ErrGarbled, syscall.EIO}}

// Each operation of opening, recovery, scans and check that reads fails, once or from then on, or reads wrong bytes
// once: answers are right or errors, never quietly short. Once the fault is over everything is there again, in the
// process that met it if that could open the database, and no segment was set aside.
func TestErrorAtEveryRead(t *testing.T) {
	for i, crashed := range []bool{false, true} {
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
		step := len(readFaults) // they take turns, others after a crash
		if testing.Short() {
			step = 8 * len(readFaults)
		}
		for k, fault := range readFaults {
			first := 1 + (i+k)%len(readFaults)
			t.Run(fmt.Sprintf("crashed %v, %v", crashed, fault), func(t *testing.T) {
				t.Parallel()
				n := first
				for ; w.failReadAt(t, base, n, fault); n += step {
				}
				if n < 20 {
					t.Errorf("only %d operations", n)
				}
			})
			if fault.garbled() {
				continue // which check tells as damage
			}
			t.Run(fmt.Sprintf("check, crashed %v, %v", crashed, fault), func(t *testing.T) {
				t.Parallel()
				for n := first; checkFailsAt(t, base, n, fault); n += step {
				}
			})
		}
	}
}

// counted are the kinds of operations that a fault counts.
func (f readFault) counted() errorfs.Kind {
	if f.garbled() {
		return errorfs.Read
	}
	return reading
}

// failReadAt opens a copy of a database and reads it, with the n-th operation failing.
func (w *workload) failReadAt(t *testing.T, base *vfs.Mem, n int, fault readFault) (reached bool) {
	t.Helper()
	m := base.CrashClone(2, 1)
	fsys := errorfs.New(m, fault.counted())
	fault.in(fsys, n)
	what := fmt.Sprintf("operation %d, %v", n, fault)
	acked := int(w.acked.Load())
	o := noQuarantine(t, what, testOptions(fsys))
	db, err := Open(ctx, "db", o)
	if err == nil {
		if err = w.verify(db, acked, acked); err != nil {
			what += fmt.Sprintf(", first error %v", err)
		}
		if err != nil && errs.From(err).Code == errs.InternalError {
			t.Fatalf("%s: while it lasts", what)
		}
		reached = fsys.Failed() > 0
		fsys.Heal()
		if err := w.verify(db, acked, acked); err != nil {
			t.Fatalf("%s: afterwards: %v", what, err)
		}
		_ = db.Close()
	} else if errs.From(err).Code == errs.InternalError {
		t.Fatalf("%s: opening: %v", what, err)
	}
	if n := o.Pool.Used(); n != 0 {
		t.Fatalf("%s: %d bytes still charged", what, n)
	}
	reached = reached || fsys.Failed() > 0
	fsys.Heal()
	w.openAgain(t, what, m, acked, acked)
	return reached
}

// noQuarantine makes an error of a segment that is set aside.
func noQuarantine(t *testing.T, what string, o Options) Options {
	o.Events = func(e event.Event) {
		if e.Kind == event.Quarantined {
			t.Errorf("%s: %v", what, e)
		}
	}
	return o
}

// openAgain opens a database that was closed and checks what it holds.
func (w *workload) openAgain(t *testing.T, what string, m *vfs.Mem, acked, tried int) {
	t.Helper()
	if m.OpenFiles() != 0 {
		t.Fatalf("%s: %d files left open", what, m.OpenFiles())
	}
	db, err := Open(ctx, "db", testOptions(m))
	if err != nil {
		t.Fatalf("%s: opened again: %v", what, err)
	}
	if err := w.verify(db, acked, tried); err != nil {
		t.Errorf("%s: opened again: %v", what, err)
	}
	mustClose(t, db)
}

// Each read of a running workload fails: of seals, which look at what they have written, of deletions, which look for
// rows, and of queries. What was acknowledged stays, and the database takes writes as soon as the fault is over.
func TestErrorAtEveryReadOfWork(t *testing.T) {
	for _, work := range []struct {
		name string
		make func() *workload
		step int // loads take longer
	}{{"writes", mixed, 3}, {"loads", loads, 16}} {
		step := work.step * len(readFaults)
		if testing.Short() {
			step *= 8
		}
		for k, fault := range readFaults {
			t.Run(fmt.Sprintf("%s, %v", work.name, fault), func(t *testing.T) {
				t.Parallel()
				n := 1 + k*work.step
				for ; work.make().failWorkAt(t, n, fault); n += step {
				}
				if n < 20 {
					t.Errorf("only %d operations", n)
				}
			})
		}
	}
}

// failWorkAt runs the workload with the n-th read failing.
func (w *workload) failWorkAt(t *testing.T, n int, fault readFault) (reached bool) {
	t.Helper()
	m := vfs.NewMem()
	fsys := errorfs.New(m, errorfs.Read)
	what := fmt.Sprintf("read %d, %v", n, fault)
	db, err := Open(ctx, "db", noQuarantine(t, what, testOptions(fsys)))
	if err != nil {
		t.Fatal(err)
	}
	fault.in(fsys, n)
	if w.run(db); w.failed != nil {
		what += fmt.Sprintf(", first error %v", w.failed)
		if errs.From(w.failed).Code == errs.InternalError {
			t.Fatalf("%s: while it lasts", what)
		}
	}
	reached = fsys.Failed() > 0
	fsys.Heal()
	acked, tried := int(w.acked.Load()), int(w.tried.Load())
	if db.Catalog().Table("public", "c") != nil {
		if err := afterwards(w, db); err != nil {
			t.Fatalf("%s: afterwards: %v", what, err)
		}
	}
	mustClose(t, db)
	w.openAgain(t, what, m, acked, tried)
	return reached
}

// checkFailsAt checks a sound database, with the n-th operation failing: check must say so.
func checkFailsAt(t *testing.T, base *vfs.Mem, n int, fault readFault) (reached bool) {
	t.Helper()
	m := base.CrashClone(3, 1)
	fsys := errorfs.New(m, reading)
	fault.in(fsys, n)
	findings := check.Check(fsys, "db", check.Options{})
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

// A file that is damaged for good, which recovery reads to find the rows that the log deletes: the database opens, the
// damaged table says so, and the others answer.
func TestDamageDuringRecovery(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	c := clicks("a")
	set(c, "sort_key", "url")
	if err := db.Apply(ctx, catalog.Create(c)); err != nil {
		t.Fatal(err)
	}
	a, b := db.Catalog().Table("public", "a"), mustCreate(t, db, "b")
	for _, tab := range []*catalog.Table{a, b} {
		if err := insert(db, tab, 0, 50); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	s := db.Snapshot()
	at := numbers(t, s, a.ID)
	s.Release()
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(a, at[7], at[31])}}); err != nil {
		t.Fatal(err)
	}
	var file table.SegmentInfo
	for _, i := range db.Segments() {
		if i.Table == a.ID {
			file = i
		}
	}
	base := m.CrashClone(1, 1)
	mustClose(t, db)
	asked := 0
	for off := int64(0); off < file.Bytes; off += 5 {
		m := base.CrashClone(2, 1)
		flip(t, m, fmt.Sprintf("db/segments/%010d.seg", file.ID), off)
		db := mustOpen(t, testOptions(m))
		s := db.Snapshot()
		switch got, err := read(s, a.ID); {
		case err == nil && got.rows == 48: // nobody reads that byte
		case !errs.Is(err, errs.DataCorrupted):
			t.Errorf("offset %d: %+v, %v", off, got, err)
		case len(db.Health().Quarantined) == 1:
			asked++
		}
		s.Release()
		wantTotals(t, db, b, 50)
		mustClose(t, db)
	}
	if asked == 0 {
		t.Error("recovery set nothing aside")
	}
}
