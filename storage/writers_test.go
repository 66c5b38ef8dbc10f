package storage

import (
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// heldLog is a file system whose log can be held before its next write, which then fails or not.
type heldLog struct {
	*errorfs.FS
	held    atomic.Bool
	reached chan struct{}
	let     chan struct{}
}

func newHeldLog(m *vfs.Mem) *heldLog {
	h := &heldLog{FS: errorfs.New(m, errorfs.Write), reached: make(chan struct{}), let: make(chan struct{})}
	h.Before = func(_ int, _ errorfs.Kind, name string) {
		if strings.Contains(name, "/wal/") && h.held.CompareAndSwap(true, false) {
			close(h.reached)
			<-h.let
		}
	}
	return h
}

// TestTwoWritersOfASealedRow: of two writes that change one row of a sealed segment and have seen it in the same snapshot,
// the second waits for the first and fails when that is there; it gets the row when the first fails. The segment has no
// deleted rows before, or some.
func TestTwoWritersOfASealedRow(t *testing.T) {
	for _, whole := range []bool{true, false} {
		for _, fails := range []bool{false, true} {
			t.Run(fmt.Sprintf("whole %v, the first fails %v", whole, fails), func(t *testing.T) {
				m := vfs.NewMem()
				h := newHeldLog(m)
				o := testOptions(h)
				o.NoMerge = true
				db := mustOpen(t, o)
				tab := mustCreate(t, db, "t")
				if err := insert(db, tab, 0, 40); err != nil {
					t.Fatal(err)
				}
				if err := db.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
				want := upTo(40)
				drop := func(id int) { want.rows, want.distinct, want.sum = want.rows-1, want.distinct-1, want.sum-id }
				if !whole {
					del(t, db, tab, 39)
					drop(39)
				}
				change := func() error { // row 7 is itself again, in another place
					r := remove(tab, 7)
					r.Batches, r.Updated = rowsOf(tab, 7, 1).Batches, true
					_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{r}})
					return err
				}
				if fails {
					h.Fail(1, false, syscall.ENOSPC)
				}
				h.held.Store(true)
				first, second := make(chan error, 1), make(chan error, 1)
				go func() { first <- change() }()
				<-h.reached
				go func() { second <- change() }()
				waitsIn(t, "storage.(*DB).awaitClaimsLocked")
				close(h.let)
				if err := <-first; fails != (err != nil) || fails && !errs.Is(err, errs.DiskFull) {
					t.Errorf("the first: %v", err)
				}
				err := <-second
				if fails && err != nil {
					t.Errorf("the second, after the first has failed: %v", err)
				}
				if !fails && (!errs.Is(err, errs.SerializationFailure) || errs.From(err).Message != "could not serialize access due to concurrent update") {
					t.Errorf("the second: %v", err)
				}
				s := db.Snapshot()
				if got, err := read(s, tab.ID); err != nil || got != want {
					t.Errorf("%+v, want %+v: %v", got, want, err)
				}
				s.Release()
				mustClose(t, db)
				if m.OpenFiles() != 0 {
					t.Errorf("%d files left open", m.OpenFiles())
				}
			})
		}
	}
}

// TestFilterBehindTruncate: rows that a transaction has taken back, in the middle of a zone or at its border, and those that
// came in their place are filtered right while they are live, and when they are sealed: no zone, dictionary or count knows
// more or less than the rows that are left.
func TestFilterBehindTruncate(t *testing.T) {
	const zone = scan.ZoneRows
	for _, keep := range []int{0, 1, 100, zone - 1, zone, zone + 1, 2*zone - 7} {
		o := testOptions(vfs.NewMem())
		o.SealRows, o.NoMerge = 1<<20, true
		db := mustOpen(t, o)
		tab := mustCreate(t, db, "t")
		l := db.NewLoad()
		l.Savepoint()
		const rows, more = 2*zone + 500, zone + 300
		if err := appendRows(l, tab, 0, rows, 1000); err != nil {
			t.Fatal(err)
		}
		if err := l.Truncate(map[catalog.TableID]int64{tab.ID: int64(keep)}, db.Catalog()); err != nil {
			t.Fatal(err)
		}
		const far = 10_000_000 // outside of what the zones held
		if err := appendRows(l, tab, far, more, 1000); err != nil {
			t.Fatal(err)
		}
		check := func(when string, s *table.Snapshot) {
			t.Helper()
			defer s.Release()
			for _, c := range []struct {
				op   scan.Op
				at   int
				want totals
			}{
				{scan.Ge, far, span(far, more)}, {scan.Lt, far, upTo(keep)}, {scan.Ge, keep, span(far, more)}, {scan.Lt, keep, upTo(keep)},
				{scan.Eq, far + more - 1, span(far+more-1, 1)}, {scan.Gt, far + more - 1, totals{}}, {scan.Eq, rows - 1, totals{}},
			} {
				term := scan.Term{Column: 0, Op: c.op, Values: []types.Datum{types.IntOf(types.T(types.Int8), int64(c.at))}}
				if got, err := read(s, tab.ID, term); err != nil || got != c.want {
					t.Errorf("%d rows kept, %s, id %v %d: %+v, want %+v: %v", keep, when, c.op, c.at, got, c.want, err)
				}
			}
		}
		s := db.Snapshot()
		check("in the transaction", l.Overlay(s, tab, table.Hidden{}))
		s.Release()
		if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
			t.Fatal(err)
		}
		check("committed", db.Snapshot())
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		check("sealed", db.Snapshot())
		mustClose(t, db)
	}
}

// span is what n rows from one on are.
func span(first, n int) totals { return totals{n, n * (2*first + n - 1) / 2, n} }
