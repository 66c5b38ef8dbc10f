package storage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// aged is a table with a key and partitions of hours, into which rows of the present and of many hours ago come, and old ones
// are dropped now and then: all that have a partition which has ended, or none of them, whatever crashes. Their keys come
// again afterwards.
type aged struct {
	progress
	db    *DB
	base  time.Time
	i     int
	rows  map[int64][]types.Datum // by key
	after [][]string              // what there may be after so many steps
}

var agedSteps = []struct {
	name string
	do   func(a *aged) error
}{
	{"write", (*aged).write},
	{"write", (*aged).write},
	{"checkpoint", func(a *aged) error { return a.db.Checkpoint(ctx) }},
	{"load", (*aged).load},
	{"delete", (*aged).delete},
	{"write", (*aged).write},
	{"checkpoint", func(a *aged) error { return a.db.Checkpoint(ctx) }},
	{"retain", func(a *aged) error { return a.alter(5 * time.Hour) }},
	{"drop", (*aged).drop},
	{"retain for ever", func(a *aged) error { return a.alter(0) }},
	{"write", (*aged).write},
	{"vacuum", func(a *aged) error { return a.db.Vacuum(ctx, a.table().ID, true) }},
}

const agedRounds = 4

func (a *aged) table() *catalog.Table { return a.db.Catalog().Table("public", "e") }

func (a *aged) run(db *DB) {
	a.db, a.rows, a.base = db, map[int64][]types.Datum{}, time.Now().Truncate(time.Hour)
	a.after = [][]string{{"no table"}}
	a.step("create", func(a *aged) error {
		t := primary(catalog.NewTable("public", "e",
			catalog.Column{Name: "k", Type: types.T(types.Int8), NotNull: true},
			catalog.Column{Name: "ts", Type: types.T(types.Timestamptz)},
			catalog.Column{Name: "v", Type: types.T(types.Int4)}), 1)
		t.Options.PartitionBy, t.Options.Unit, t.Options.OnConflict = 2, partition.Hour, catalog.ConflictUpdates
		return db.Apply(ctx, catalog.Create(t))
	})
	for range agedRounds {
		for _, s := range agedSteps {
			if a.failed == nil {
				a.step(s.name, s.do)
			}
		}
	}
}

// step does a step. While old rows are to be dropped there may be both, since the background drops them, too.
func (a *aged) step(name string, do func(a *aged) error) {
	a.i++
	a.tried.Store(int64(a.i))
	if a.failed = do(a); a.failed != nil {
		a.failed = fmt.Errorf("step %d, %s: %w", a.i, name, a.failed)
		return
	}
	may := []string{a.text(true)}
	if a.table().Options.Retain > 0 && name == "retain" {
		may = append(may, a.text(false))
	}
	a.after = append(a.after, may)
	a.acked.Store(int64(a.i))
	s := a.db.Snapshot()
	defer s.Release()
	if got, err := fedText(s); err != nil || !slices.Contains(may, got) {
		a.failed = fmt.Errorf("step %d, %s: there is\n%s, want\n%s: %w", a.i, name, got, strings.Join(may, "\nor\n"), err)
	}
}

// text is the rows, with those whose partitions have ended or without.
func (a *aged) text(all bool) string {
	b := new(strings.Builder)
	for _, c := range a.table().Columns {
		fmt.Fprintf(b, "%s %s, ", c.Name, c.Type)
	}
	for _, k := range slices.Sorted(maps.Keys(a.rows)) {
		if all || !a.old(a.rows[k]) {
			fmt.Fprintf(b, "%v, ", a.rows[k])
		}
	}
	return b.String()
}

func (a *aged) old(row []types.Datum) bool {
	return !row[1].Null && row[1].I < a.base.Add(-6*time.Hour).UnixMicro()
}

func (a *aged) verify(db *DB, acked, tried int) error {
	s := db.Snapshot()
	got, err := fedText(s)
	s.Release()
	if err != nil {
		return err
	}
	may := slices.Concat(a.after[acked : tried+1]...)
	if !slices.Contains(may, got) {
		return fmt.Errorf("after %d to %d steps there is\n%s, want\n%s", acked, tried, got, strings.Join(may, "\nor\n"))
	}
	return nil
}

// batch makes rows of the present, of nobody knows when, and of many hours ago.
func (a *aged) batch(first, n int) *batch.Batch {
	t := a.table()
	b := batch.New(t.Types())
	b.Reset()
	for j := range n {
		k := int64(first+3*j) % 120
		ts := types.IntOf(types.T(types.Timestamptz), a.base.Add(time.Duration(j%90)*time.Minute).UnixMicro())
		switch {
		case (a.i+j)%17 == 0:
			ts = types.NullOf(ts.Type)
		case (a.i+j)%3 == 0:
			ts.I = a.base.Add(-time.Duration(8+j%9) * time.Hour).UnixMicro()
		}
		row := []types.Datum{types.IntOf(types.T(types.Int8), k), ts, types.IntOf(types.T(types.Int4), int64(a.i*31+j))}
		for c, v := range row {
			b.Cols[c].AppendDatum(v)
		}
		a.rows[k] = row
	}
	b.Len = n
	return b
}

func (a *aged) write() error {
	t := a.table()
	_, err := a.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Batches: []*batch.Batch{a.batch(a.i*13, 15+a.i%30)}}}})
	return err
}

func (a *aged) load() error {
	load := a.db.NewLoad()
	defer load.Abort()
	for j := range 3 {
		if err := load.Append(ctx, a.table(), a.batch(a.i*17+j, 40)); err != nil {
			return err
		}
	}
	_, err := load.Commit(ctx, table.Write{}, a.db.Catalog(), none)
	return err
}

func (a *aged) delete() error {
	s := a.db.Snapshot()
	defer s.Release()
	numbers, err := rowNumbersOf(s, a.table().ID)
	if err != nil {
		return err
	}
	ids := index.NewRowIDs()
	for k, number := range numbers {
		if k%5 == int64(a.i%5) {
			ids.Add(number)
			delete(a.rows, k)
		}
	}
	t := a.table()
	_, err = a.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Deleted: ids}}})
	return err
}

func (a *aged) alter(retain time.Duration) error {
	return a.db.Apply(ctx, catalog.Replace(a.table(), func(t *catalog.Table) (*catalog.Table, error) {
		t.Options.Retain = retain
		return t, nil
	}))
}

// drop waits until old rows are gone, which the background may have begun.
func (a *aged) drop() error {
	maps.DeleteFunc(a.rows, func(_ int64, row []types.Datum) bool { return a.old(row) })
	want := a.text(true)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		a.db.retain(ctx)
		s := a.db.Snapshot()
		got, err := fedText(s)
		s.Release()
		if err != nil || got == want {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("old rows are still there:\n%s, want\n%s", got, want)
		}
	}
}

func TestCrashWhileAging(t *testing.T) { crashEverywhere(t, new(aged), 8, 1000) }
