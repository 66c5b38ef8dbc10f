package storage

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// The workload writes rows 0, 1, 2, ... in turn to tables a and b, some to both in one write and some with tokens,
// drops and makes a table now and then, and takes a checkpoint. Its segments are merged, in the background and once by it,
// and once those of a are built anew.
// Each write also replaces two rows of a by the same rows, and some delete a row of b: a half of a write is seen in the
// totals. Table c is truncated and filled by each write, some
// of which give its key another type, and
// every third write swaps table d for a new one with its rows.
type workload struct {
	rows  func(i int) (a, b int) // that step i adds
	do    func(db *DB, i, a, b int) error
	steps int
	progress
}

const workloadSteps = 24

// mixed is the workload of single writes.
func mixed() *workload { return &workload{rows: stepRows, do: step, steps: workloadSteps} }

// per step: rows in a, rows in b.
func stepRows(i int) (a, b int) {
	switch i % 4 {
	case 0:
		return 9, 0
	case 1:
		return 0, 11
	case 2:
		return 5, 6
	}
	return 70, 0 // more than a live segment takes
}

func (w *workload) until(steps int) (a, b int) {
	for i := range steps {
		x, y := w.rows(i)
		a, b = a+x, b+y
	}
	return a, b
}

// deletedUntil returns what the first steps have deleted of b.
func deletedUntil(steps int) (t totals) {
	for i := range steps {
		if id := deletedBy(i); id >= 0 {
			t.rows, t.distinct, t.sum = t.rows+1, t.distinct+1, t.sum+id
		}
	}
	return t
}

// deletedBy returns the row of b that a step deletes, or -1.
func deletedBy(i int) int {
	if i%5 != 4 {
		return -1
	}
	return i/5*3 + 1
}

// changes adds to a write what a step deletes and replaces, of a table a with so many rows.
func changes(db *DB, wr *table.Write, i, old int) error {
	s := db.Snapshot()
	defer s.Release()
	add := func(r table.Rows) {
		for k := range wr.Rows {
			if wr.Rows[k].Table == r.Table {
				wr.Rows[k].Deleted = r.Deleted
				wr.Rows[k].Batches = append(wr.Rows[k].Batches, r.Batches...)
				return
			}
		}
		wr.Rows = append(wr.Rows, r)
	}
	ta, tb, tc := db.Catalog().Table("public", "a"), db.Catalog().Table("public", "b"), db.Catalog().Table("public", "c")
	if old > 0 {
		at, err := rowNumbersOf(s, ta.ID)
		if err != nil {
			return err
		}
		first, last := i*7%old, old-1
		r := rowsOf(ta, first, 1)
		r.Deleted = remove(ta, at[int64(first)]).Deleted
		if last != first {
			r.Deleted.Add(at[int64(last)])
			r.Batches = append(r.Batches, rowsOf(ta, last, 1).Batches...)
		}
		add(r)
	}
	if id := deletedBy(i); id >= 0 {
		at, err := rowNumbersOf(s, tb.ID)
		if err != nil {
			return err
		}
		add(remove(tb, at[int64(id)]))
	}
	if i%6 == 5 {
		var err error
		if tc, err = retype(db, wr, tc); err != nil {
			return err
		}
	}
	r := rowsOf(tc, 0, i+1)
	r.Truncate, r.Updated = true, i%6 == 5
	add(r)
	return nil
}

// retype adds to a write that the key of a table becomes another column of another type, and returns the table as it is
// then: ALTER COLUMN TYPE does that, and writes all rows anew.
func retype(db *DB, wr *table.Write, t *catalog.Table) (*catalog.Table, error) {
	wr.Edits = append(wr.Edits, catalog.Replace(t, func(t *catalog.Table) (*catalog.Table, error) {
		c := &t.Columns[0]
		c.Number, c.ID = c.Attnum(), t.NextColumn
		if t.NextColumn++; c.Type.Kind == types.Int8 {
			c.Type = types.T(types.Int4)
		} else {
			c.Type = types.T(types.Int8)
		}
		t.Constraints[0].Columns = []uint32{c.ID}
		return t, nil
	}))
	final, _, err := db.Catalog().Apply(wr.Edits...)
	if err != nil {
		return nil, err
	}
	return final.TableByID(t.ID), nil
}

// swap adds to a write the drop of table d and a new d, with a comment that tells the step. It returns the catalog as
// the write leaves it, and the new table.
func swap(db *DB, wr *table.Write, i int) (*catalog.Snapshot, *catalog.Table) {
	if old := db.Catalog().Table("public", "d"); old != nil {
		wr.Edits = append(wr.Edits, catalog.Drop(nil, old))
	}
	c := clicks("d")
	c.Comment = fmt.Sprint(i)
	wr.Edits = append(wr.Edits, db.Numbered(catalog.Create(c))...)
	final, _, err := db.Catalog().Apply(wr.Edits...)
	if err != nil {
		panic(err)
	}
	return final, final.Table("public", "d")
}

// swaps tells whether a step swaps table d, and for one with how many rows.
func swaps(i int) (rows int, ok bool) { return 9*i + 1, i%3 == 1 }

// checkSwapped checks that table d is that of the last swap of n steps, with all its rows.
func checkSwapped(s *table.Snapshot, n int) error {
	d := s.Catalog().Table("public", "d")
	for i := n - 1; i >= 0; i-- {
		rows, ok := swaps(i)
		if !ok {
			continue
		}
		if d == nil || d.Comment != fmt.Sprint(i) {
			return fmt.Errorf("after %d steps table d is %+v", n, d)
		}
		if got, err := read(s, d.ID); err != nil || got != upTo(rows) {
			return fmt.Errorf("table d of step %d holds %+v: %w", i, got, err)
		}
		return nil
	}
	if d != nil {
		return fmt.Errorf("after %d steps there is a table d", n)
	}
	return nil
}

func (w *workload) run(db *DB) {
	c := clicks("a")
	set(c, "sort_key", "url")
	if w.failed = db.Apply(ctx, catalog.CreateIfNotExists(c), catalog.CreateIfNotExists(clicks("c")), catalog.CreateIfNotExists(clicks("b"))); w.failed != nil {
		return
	}
	for i := range w.steps {
		w.tried.Store(int64(i + 1))
		a, b := w.until(i)
		if w.failed = w.do(db, i, a, b); w.failed != nil {
			return
		}
		w.acked.Store(int64(i + 1))
	}
}

// step writes rows from a and b on.
func step(db *DB, i, a, b int) error {
	na, nb := stepRows(i)
	ta, tb := db.Catalog().Table("public", "a"), db.Catalog().Table("public", "b")
	wr := table.Write{}
	if na > 0 {
		wr.Rows = append(wr.Rows, rowsOf(ta, a, na))
	}
	if nb > 0 {
		wr.Rows = append(wr.Rows, rowsOf(tb, b, nb))
	}
	if i%3 == 0 {
		wr.Token = &table.Token{Client: "c", Key: fmt.Sprint(i)}
	}
	if err := changes(db, &wr, i, a); err != nil {
		return err
	}
	if rows, ok := swaps(i); ok {
		_, d := swap(db, &wr, i)
		wr.Rows = append(wr.Rows, rowsOf(d, 0, rows))
	}
	ack, err := db.Commit(ctx, wr)
	if err == nil && ack.Duplicate {
		return fmt.Errorf("step %d: ack %+v", i, ack)
	}
	if err == nil && i%10 == 7 {
		err = db.Apply(ctx, catalog.Create(clicks("temp")))
		if err == nil {
			err = db.Apply(ctx, catalog.Drop(nil, db.Catalog().Table("public", "temp")))
		}
	}
	if err == nil && i == workloadSteps/2 {
		err = db.Checkpoint(ctx)
	}
	if err == nil && i == workloadSteps/2+6 {
		err = db.Reindex(ctx, ta.ID, func(l rebuild.Line) error {
			if p := l.Problem(); p != "" && !l.Unread { // it comes back from the log, or that is the error
				return fmt.Errorf("segment %d: %s", l.Segment, p)
			}
			return nil
		})
	}
	if err == nil && i == workloadSteps/2+3 { // what the background has not merged
		err = db.Vacuum(ctx, ta.ID, false)
	}
	return err
}

// verify checks a recovered database: a whole number of steps, between the acknowledged and the tried, tokens known.
func (w *workload) verify(db *DB, acked, tried int) error {
	s := db.Snapshot()
	defer s.Release()
	ta, tb := s.Catalog().Table("public", "a"), s.Catalog().Table("public", "b")
	if ta == nil || tb == nil {
		if acked > 0 || (ta == nil) != (tb == nil) {
			return fmt.Errorf("tables are missing after %d steps", acked)
		}
		return nil
	}
	a, err := read(s, ta.ID)
	if err != nil {
		return err
	}
	b, err := read(s, tb.ID)
	if err != nil {
		return err
	}
	c, err := read(s, s.Catalog().Table("public", "c").ID)
	if err != nil {
		return err
	}
	for n := acked; n <= tried; n++ {
		x, y := w.until(n)
		left, gone := upTo(y), deletedUntil(n)
		left.rows, left.distinct, left.sum = left.rows-gone.rows, left.distinct-gone.distinct, left.sum-gone.sum
		if a != upTo(x) || b != left || c != upTo(n) {
			continue
		}
		if err := checkSwapped(s, n); err != nil {
			return err
		}
		for i := 0; i < n; i += 3 {
			ack, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(ta, 0, 1)}, Token: &table.Token{Client: "c", Key: fmt.Sprint(i)}})
			if err != nil {
				return fmt.Errorf("the token of step %d again: %w", i, err)
			}
			if !ack.Duplicate {
				return fmt.Errorf("token of step %d is forgotten: %+v", i, ack)
			}
		}
		return nil
	}
	return fmt.Errorf("a holds %+v, b %+v and c %+v, which is no whole number of steps from %d to %d", a, b, c, acked, tried)
}

// A crash before each change of the disk, with different parts of what was not synced surviving, and crashes during
// the recovery from some of them.
func TestCrashEverywhere(t *testing.T) { crashEverywhere(t, mixed(), 8, 1000) }

// Each operation fails in each of four ways: once or from then on, with a device that is broken or full. What was
// acknowledged is found by the next Open, and once the fault is over the database works again, or says why not.
func TestErrorAtEveryOperation(t *testing.T) {
	errorEverywhere(t, func() crashing { return mixed() }, 4)
}

// errorEverywhere lets every step-th operation fail in each of the four ways, which take turns when step is 4 or more.
func errorEverywhere(t *testing.T, w func() crashing, step int) {
	switch {
	case testing.Short():
		step = 44
	case *fullFlag:
		step = 1
	}
	first := 1
	for _, sticky := range []bool{false, true} {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
			from := first
			first += step / 4
			t.Run(fmt.Sprintf("%v, sticky %v", cause, sticky), func(t *testing.T) {
				t.Parallel() // much of it is waiting for another try
				works, n := 0, from
				for ; ; n += step {
					reached, again := failAt(t, w(), n, sticky, cause)
					if again {
						works++
					}
					if !reached {
						break
					}
				}
				t.Logf("%d operations, works again after %d", n, works)
			})
		}
	}
}

// failAt lets the n-th operation fail. again says that the database took writes afterwards.
func failAt(t *testing.T, w crashing, n int, sticky bool, cause error) (reached, again bool) {
	t.Helper()
	m := vfs.NewMem()
	fsys := errorfs.New(m, errorfs.All&^errorfs.Read)
	fsys.Fail(n, sticky, cause)
	o := testOptions(fsys)
	db, err := Open(ctx, "db", o)
	what := fmt.Sprintf("operation %d, sticky %v, %v", n, sticky, cause)
	if err == nil {
		w.run(db)
		err = w.sofar().failed
		reached = fsys.Failed() > 0
		fsys.Heal()
		e := afterwards(w, db)
		if again = e == nil; !again && errs.From(e).Code == errs.InternalError {
			t.Fatalf("%s: after the fault: %v", what, e)
		}
		_ = db.Close()
	}
	what += fmt.Sprintf(", first error %v", err)
	if err != nil && errs.From(err).Code == errs.InternalError {
		t.Fatalf("%s: no SQLSTATE", what)
	}
	if m.OpenFiles() != 0 || o.Pool.Used() != 0 {
		t.Fatalf("%s: %d files left open, %d bytes still charged", what, m.OpenFiles(), o.Pool.Used())
	}
	reached = reached || fsys.Failed() > 0
	db, err = Open(ctx, "db", testOptions(m.CrashClone(uint64(n), 0.5)))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	p := w.sofar()
	err = w.verify(db, int(p.acked.Load()), int(p.tried.Load()))
	if after := db.Catalog().Table("public", "after"); again && after == nil {
		t.Errorf("%s: a table that was made afterwards is gone", what)
	} else if again {
		wantTotals(t, db, after, 3)
	}
	db.Close()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return reached, again
}

// afterwards writes to a table of its own and reads everything. An error without a SQLSTATE, or a wrong answer, comes as
// XX000.
func afterwards(w crashing, db *DB) error {
	p := w.sofar()
	if err := w.verify(db, int(p.acked.Load()), int(p.tried.Load())); err != nil {
		return err
	}
	if err := db.Apply(ctx, catalog.Create(clicks("after"))); err != nil {
		return err
	}
	after := db.Catalog().Table("public", "after")
	if err := insert(db, after, 0, 3); err != nil {
		return err
	}
	s := db.Snapshot()
	defer s.Release()
	got, err := read(s, after.ID)
	if err == nil && got != upTo(3) {
		err = fmt.Errorf("the table made afterwards holds %+v", got)
	}
	return err
}

// One writer, several readers: totals are exact at every moment of thousands of seals.
func TestRunningTotals(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.SealRows = 20
	o.LogFileMax = 64 << 10
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	var acked, tried atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				low := int(acked.Load())
				s := db.Snapshot()
				high := int(tried.Load())
				got, err := read(s, tab.ID)
				s.Release()
				if err != nil || got != upTo(got.rows) || got.rows < low || got.rows > high {
					t.Errorf("read %+v with %d to %d rows written: %v", got, low, high, err)
					return
				}
			}
		})
	}
	n := 0
	seals, deadline := int64(2000), time.Now().Add(8*time.Second)
	if testing.Short() {
		seals = 200
	}
	for i := 0; time.Now().Before(deadline) && !t.Failed() && db.Metrics().Seals.Value() < seals; i++ {
		k := 1 + i%13
		tried.Store(int64(n + k))
		if err := insert(db, tab, n, k); err != nil {
			t.Fatal(err)
		}
		n += k
		acked.Store(int64(n))
	}
	done.Store(true)
	wg.Wait()
	wantTotals(t, db, tab, n)
	t.Logf("%d rows, %d seals", n, db.Metrics().Seals.Value())
	mustClose(t, db)
}
