package storage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// fed is a table with a key that is fed by upserts and loads while its columns come, go and grow and its files are
// merged and sorted anew. What its rows must be is kept beside it as text, for each number of steps.
type fed struct {
	progress
	db    *DB
	i     int                     // the step
	rows  map[int64][]types.Datum // by key, a value for each column
	after []string                // what there is after so many steps
}

// fedSteps are done in turn. Each is one commit at most; those that make none change nothing that a reader sees. What
// the database learns to do to the files of a table joins them.
var fedSteps = []struct {
	name string
	do   func(l *fed) error
}{
	{"upsert", (*fed).upsert},
	{"add a column", (*fed).addColumn},
	{"upsert", (*fed).upsert},
	{"load", (*fed).load},
	{"delete", (*fed).delete},
	{"widen", (*fed).widen},
	{"upsert", (*fed).upsert},
	{"checkpoint", func(l *fed) error { return l.db.Checkpoint(ctx) }},
	{"upsert", (*fed).upsert},
	{"vacuum", func(l *fed) error { return l.db.Vacuum(ctx, l.table().ID, false) }},
	{"a transaction that alters", (*fed).transaction},
	{"rename", (*fed).rename},
	{"delete", (*fed).delete},
	{"load", (*fed).load},
	{"drop a column", (*fed).dropColumn},
	{"upsert", (*fed).upsert},
	{"cluster", func(l *fed) error { return l.db.Cluster(ctx, l.table().ID) }},
	{"reindex", func(l *fed) error {
		return l.db.Reindex(ctx, l.table().ID, func(rebuild.Line) error { return nil })
	}},
	{"truncate", (*fed).truncate},
}

const fedRounds = 4

func (l *fed) table() *catalog.Table { return l.db.Catalog().Table("public", "e") }

func (l *fed) run(db *DB) {
	l.db, l.rows = db, map[int64][]types.Datum{}
	l.after = []string{"no table"}
	l.step(func(l *fed) error {
		return db.Apply(ctx, catalog.Create(pairs("e", catalog.Option{Name: "on_conflict", Value: "update"}, catalog.Option{Name: "sort_key", Value: "v, k"})))
	})
	for range fedRounds {
		for _, s := range fedSteps {
			if l.failed == nil {
				l.step(s.do)
			}
			if l.failed != nil {
				l.failed = fmt.Errorf("step %d, %s: %w", l.i, s.name, l.failed)
				return
			}
		}
	}
}

// step does a step. What will be is known before it begins: do changes the rows before it commits.
func (l *fed) step(do func(l *fed) error) {
	l.i++
	l.tried.Store(int64(l.i))
	if l.failed = do(l); l.failed != nil {
		return
	}
	l.after = append(l.after, l.text())
	l.acked.Store(int64(l.i))
	s := l.db.Snapshot()
	defer s.Release()
	if got, err := fedText(s); err != nil || got != l.after[l.i] {
		l.failed = fmt.Errorf("there is %s, want %s: %w", got, l.after[l.i], err)
	}
}

func (l *fed) text() string {
	t := l.table()
	b := new(strings.Builder)
	for _, c := range t.Columns {
		fmt.Fprintf(b, "%s %s, ", c.Name, c.Type)
	}
	for _, k := range slices.Sorted(maps.Keys(l.rows)) {
		fmt.Fprintf(b, "%v, ", l.rows[k])
	}
	return b.String()
}

func (l *fed) verify(db *DB, acked, tried int) error {
	s := db.Snapshot()
	defer s.Release()
	got, err := fedText(s)
	if err != nil {
		return err
	}
	if !slices.Contains(l.after[acked:tried+1], got) {
		return fmt.Errorf("after %d to %d steps there is\n%s, want\n%s", acked, tried, got, strings.Join(l.after[acked:tried+1], "\nor\n"))
	}
	return nil
}

// fedText is text as the database has it.
func fedText(s *table.Snapshot) (string, error) {
	t := s.Catalog().Table("public", "e")
	if t == nil {
		return "no table", nil
	}
	rel, err := s.Table(t.ID)
	if err != nil {
		return "", err
	}
	account := mem.NewPool(0).Account("test", 0)
	defer account.Close()
	req := &scan.Request{Account: account}
	for i := range t.Columns {
		req.Columns = append(req.Columns, i)
	}
	sc, err := rel.Open(ctx, req)
	if err != nil {
		return "", err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return "", err
	}
	defer r.Close()
	out := batch.New(rel.Types())
	b := new(strings.Builder)
	for _, c := range t.Columns {
		fmt.Fprintf(b, "%s %s, ", c.Name, c.Type)
	}
	var list [][]types.Datum
	for {
		ok, err := r.Next(ctx, out)
		if err != nil {
			return "", err
		}
		if !ok {
			break
		}
		for i := range out.Len {
			row := make([]types.Datum, len(out.Cols))
			for k, v := range out.Cols {
				row[k] = v.Datum(i)
			}
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(x, y []types.Datum) int { return int(x[0].I - y[0].I) })
	for _, row := range list {
		fmt.Fprintf(b, "%v, ", row)
	}
	return b.String(), nil
}

// batch makes rows of which many have a key that is there.
func (l *fed) batch(first, n int) *batch.Batch { return l.batchOf(l.table(), first, n) }

func (l *fed) batchOf(t *catalog.Table, first, n int) *batch.Batch {
	b := batch.New(t.Types())
	b.Reset()
	for j := range n {
		k := int64(first+3*j) % 150
		row := []types.Datum{types.IntOf(types.T(types.Int8), k)}
		for c, col := range t.Columns[1:] {
			row = append(row, types.IntOf(col.Type, int64((l.i*31+j*7+c)%100)))
			if (j+c+l.i)%11 == 0 {
				row[c+1] = types.NullOf(col.Type)
			}
		}
		for c, v := range row {
			b.Cols[c].AppendDatum(v)
		}
		l.rows[k] = row
	}
	b.Len = n
	return b
}

func (l *fed) upsert() error {
	t := l.table()
	_, err := l.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Batches: []*batch.Batch{l.batch(l.i*13, 5+l.i%9)}}}})
	return err
}

func (l *fed) load() error {
	load := l.db.NewLoad()
	defer load.Abort()
	for j := range 3 {
		if err := load.Append(ctx, l.table(), l.batch(l.i*17+j, 40)); err != nil {
			return err
		}
	}
	_, err := load.Commit(ctx, table.Write{}, l.db.Catalog(), none)
	return err
}

// transaction writes rows, adds a column, writes more, which a savepoint takes back with another column, drops a column
// and writes the last ones. A part of the rows is in files by then.
func (l *fed) transaction() error {
	load := l.db.NewLoad()
	defer load.Abort()
	load.Savepoint()
	cat, edits := l.db.Catalog(), []catalog.Edit(nil)
	alter := func(change func(t *catalog.Table)) {
		edit := catalog.Replace(l.table(), func(t *catalog.Table) (*catalog.Table, error) {
			t.Columns = slices.Clone(t.Columns)
			change(t)
			return t, nil
		})
		next, _, err := cat.Apply(edit)
		if err != nil {
			panic(err)
		}
		cat, edits = next, append(edits, edit)
	}
	now := func() *catalog.Table { return cat.TableByID(l.table().ID) }
	add := func(first, n int) error { return load.Append(ctx, now(), l.batchOf(now(), first, n)) }
	v := types.IntOf(types.T(types.Int2), int64(l.i))
	another := func(name string) func(*catalog.Table) {
		return func(t *catalog.Table) {
			t.Columns = append(t.Columns, catalog.Column{Name: name, Type: v.Type, Missing: &v})
		}
	}
	if err := add(l.i*19, 40+l.i%3*30); err != nil {
		return err
	}
	alter(another(fmt.Sprintf("t%d", l.i)))
	for k := range l.rows {
		l.rows[k] = append(slices.Clone(l.rows[k]), v)
	}
	if err := add(l.i*23, 30); err != nil {
		return err
	}
	then, before, kept := cat, edits, maps.Clone(l.rows)
	alter(another("back"))
	if err := add(bogus, 70); err != nil {
		return err
	}
	cat, edits, l.rows = then, before, kept
	if err := load.Truncate(map[catalog.TableID]int64{l.table().ID: int64(70 + l.i%3*30)}, cat); err != nil {
		return err
	}
	at := len(now().Columns) - 2
	alter(func(t *catalog.Table) { t.Columns = slices.Delete(t.Columns, at, at+1) })
	for k := range l.rows {
		l.rows[k] = slices.Delete(slices.Clone(l.rows[k]), at, at+1)
	}
	if err := add(l.i*29, 20); err != nil {
		return err
	}
	_, err := load.Commit(ctx, table.Write{Edits: edits}, cat, none)
	return err
}

func (l *fed) delete() error {
	s := l.db.Snapshot()
	defer s.Release()
	t := l.table()
	list, err := pairsOf(s, t.ID)
	if err != nil {
		return err
	}
	ids := index.NewRowIDs()
	for _, x := range list {
		if x.k%5 == int64(l.i%5) {
			ids.Add(x.number)
			delete(l.rows, x.k)
		}
	}
	_, err = l.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Deleted: ids}}})
	return err
}

func (l *fed) truncate() error {
	t := l.table()
	clear(l.rows)
	_, err := l.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: t.ID, Version: t.Version, Truncate: true, Batches: []*batch.Batch{l.batch(l.i, 60)}}}})
	return err
}

func (l *fed) alter(change func(t *catalog.Table)) error {
	return l.db.Apply(ctx, catalog.Replace(l.table(), func(t *catalog.Table) (*catalog.Table, error) {
		t.Columns = slices.Clone(t.Columns)
		change(t)
		return t, nil
	}))
}

func (l *fed) addColumn() error {
	v := types.IntOf(types.T(types.Int2), int64(l.i))
	for k := range l.rows {
		l.rows[k] = append(slices.Clone(l.rows[k]), v)
	}
	return l.alter(func(t *catalog.Table) {
		t.Columns = append(t.Columns, catalog.Column{Name: fmt.Sprintf("c%d", l.i), Type: v.Type, Missing: &v})
	})
}

// widen makes the last column an int8.
func (l *fed) widen() error {
	to := types.T(types.Int8)
	for k, row := range l.rows {
		row = slices.Clone(row)
		row[len(row)-1].Type = to
		l.rows[k] = row
	}
	return l.alter(func(t *catalog.Table) {
		c := &t.Columns[len(t.Columns)-1]
		if c.Type = to; c.Missing != nil {
			v := scan.WidenDatum(*c.Missing, to)
			c.Missing = &v
		}
	})
}

func (l *fed) rename() error {
	return l.alter(func(t *catalog.Table) { t.Columns[len(t.Columns)-1].Name = fmt.Sprintf("r%d", l.i) })
}

// dropColumn drops the last column.
func (l *fed) dropColumn() error {
	for k, row := range l.rows {
		l.rows[k] = row[:len(row)-1]
	}
	return l.alter(func(t *catalog.Table) { t.Columns = t.Columns[:len(t.Columns)-1] })
}

// A crash before each change of the disk while a table is fed and altered.
func TestCrashWhileFed(t *testing.T) { crashEverywhere(t, new(fed), 1, 20_000) }
