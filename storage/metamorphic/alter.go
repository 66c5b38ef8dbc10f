package metamorphic

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// alteration is what an ALTER TABLE does to a table and to the values of its rows.
type alteration struct {
	table func(t *catalog.Table)
	row   func(values []types.Datum) []types.Datum // nil: they stay, and transactions that have seen them can go on
}

// alter adds a column, drops, renames or widens one, or drops one and adds another in its name.
func (r *runner) alter(o Op) error {
	t := r.table(o.Table)
	if t == nil {
		return nil
	}
	random := rand.New(rand.NewPCG(o.Seed, 11))
	a := alterations[random.IntN(len(alterations))](random, t.info)
	if a == nil {
		return nil
	}
	edit := catalog.Replace(t.info, func(t *catalog.Table) (*catalog.Table, error) {
		t.Columns = slices.Clone(t.Columns)
		a.table(t)
		return t, nil
	})
	next, _, err := r.db.Catalog().Apply(edit)
	if err != nil {
		return err
	}
	info := next.TableByID(t.info.ID)
	err = r.db.Apply(ctx, edit)
	return r.done(err, o, func(m *model) {
		was := m.tables[o.Table]
		now := &tableModel{info: info, unordered: was.unordered}
		if a.row == nil {
			now.rows = was.rows
			m.tables[o.Table] = now
			return
		}
		for _, x := range was.rows { // pictures have the old ones
			now.rows = append(now.rows, &row{values: a.row(slices.Clone(x.values)), number: x.number, identity: x.identity})
		}
		m.tables[o.Table] = now
	})
}

// xalter alters a table inside a transaction, which may have written to it: its rows of then are read as it is now.
func (r *runner) xalter(o Op) error {
	x, t := r.in(o)
	if x == nil {
		return nil
	}
	random := rand.New(rand.NewPCG(o.Seed, 12))
	a := alterations[random.IntN(len(alterations))](random, t.info)
	if a == nil {
		return nil
	}
	seen := t.info.Version
	edit := catalog.Replace(t.info, func(t *catalog.Table) (*catalog.Table, error) {
		if t.Version != seen {
			return nil, fmt.Errorf("table %q has version %d, want %d", t.Name, t.Version, seen)
		}
		t.Columns = slices.Clone(t.Columns)
		a.table(t)
		return t, nil
	})
	next, _, err := x.cat.Apply(edit)
	if err != nil {
		return err
	}
	x.cat, x.edits = next, append(slices.Clip(x.edits), edit)
	x.alters[o.Table] = append(slices.Clip(x.alters[o.Table]), a)
	now := &tableModel{info: next.TableByID(t.info.ID), unordered: t.unordered, rows: t.rows}
	x.base.tables[o.Table] = now
	if a.row == nil {
		return nil
	}
	w := &x.own[o.Table]
	all := rowsNow{}
	now.rows = all.alter(t.rows, a)
	w.rows = all.alter(w.rows, a)
	w.hidden, w.gone = all.set(w.hidden), all.set(w.gone)
	return nil
}

// rowsNow are rows of an altered table by what they were before.
type rowsNow map[*row]*row

// alter returns rows as they have become.
func (n rowsNow) alter(rows []*row, a *alteration) []*row {
	list := make([]*row, len(rows))
	for i, x := range rows {
		list[i] = &row{values: a.row(slices.Clone(x.values)), number: x.number, identity: x.identity, was: x}
		n[x] = list[i]
	}
	return list
}

func (n rowsNow) set(rows map[*row]bool) map[*row]bool {
	set := map[*row]bool{}
	for x := range rows {
		set[n[x]] = true
	}
	return set
}

// now returns what has become of a row that a transaction saw; itself when nobody has altered its table, or it has gone.
func (n rowsNow) now(x *row) *row {
	for x.was != nil {
		x = x.was
	}
	if y := n[x]; y != nil {
		return y
	}
	return x
}

// alteredBy returns the model as the edits of a transaction leave it, and what has become of its rows.
func (r *runner) alteredBy(x *transaction, final *catalog.Snapshot) (*model, rowsNow) {
	m, all := r.model.clone(), rowsNow{}
	for slot, t := range m.tables {
		if t == nil || len(x.alters[slot]) == 0 {
			continue
		}
		rows := t.rows
		for _, a := range x.alters[slot] {
			if a.row != nil {
				rows = rowsNow{}.alter(rows, a)
			}
		}
		for i, y := range rows {
			if y != t.rows[i] {
				all[t.rows[i]], y.was = y, nil
			}
		}
		m.tables[slot] = &tableModel{info: final.TableByID(t.info.ID), rows: rows, unordered: t.unordered}
	}
	return m, all
}

var alterations = []func(*rand.Rand, *catalog.Table) *alteration{addColumn, addColumn, dropColumn, renameColumn, widenColumn, widenColumn, exchangeColumn}

// columnsMax keeps rows small.
const columnsMax = 9

// newColumn makes a column that older rows have a value of, or NULL.
func newColumn(r *rand.Rand, name string) catalog.Column {
	c := catalog.Column{Name: name, Type: columnTypes[r.IntN(len(columnTypes))]}
	if r.IntN(3) > 0 {
		d := valueOf(c.Type, int64(r.IntN(100)))
		c.Missing, c.NotNull = &d, r.IntN(2) == 0
	}
	return c
}

func addColumn(r *rand.Rand, t *catalog.Table) *alteration {
	if len(t.Columns) >= columnsMax {
		return nil
	}
	c := newColumn(r, fmt.Sprintf("n%d", t.NextColumn))
	return &alteration{
		table: func(t *catalog.Table) { t.Columns = append(t.Columns, c) },
		row:   func(v []types.Datum) []types.Datum { return append(v, c.Value()) },
	}
}

// plainColumn picks a column that is neither that of a key nor of partitions, -1: there is none.
func plainColumn(r *rand.Rand, t *catalog.Table, fits func(*catalog.Column) bool) int {
	for range 5 {
		if at := r.IntN(len(t.Columns)); !isKey(&t.Columns[at]) && t.Columns[at].ID != t.Options.PartitionBy && fits(&t.Columns[at]) {
			return at
		}
	}
	return -1
}

func whatever(*catalog.Column) bool { return true }

// forget takes a column out of the table's options.
func forget(t *catalog.Table, id uint32) {
	t.Options.SortKey = slices.DeleteFunc(slices.Clone(t.Options.SortKey), func(s uint32) bool { return s == id })
}

func dropColumn(r *rand.Rand, t *catalog.Table) *alteration {
	at := plainColumn(r, t, whatever)
	if at < 0 || len(t.Columns) == 1 {
		return nil
	}
	return &alteration{
		table: func(t *catalog.Table) {
			forget(t, t.Columns[at].ID)
			t.Columns = slices.Delete(t.Columns, at, at+1)
		},
		row: func(v []types.Datum) []types.Datum { return slices.Delete(v, at, at+1) },
	}
}

// exchangeColumn drops a column and adds another one of its name, in one edit.
func exchangeColumn(r *rand.Rand, t *catalog.Table) *alteration {
	at := plainColumn(r, t, whatever)
	if at < 0 {
		return nil
	}
	c := newColumn(r, t.Columns[at].Name)
	return &alteration{
		table: func(t *catalog.Table) {
			forget(t, t.Columns[at].ID)
			t.Columns = append(slices.Delete(t.Columns, at, at+1), c)
		},
		row: func(v []types.Datum) []types.Datum { return append(slices.Delete(v, at, at+1), c.Value()) },
	}
}

func renameColumn(r *rand.Rand, t *catalog.Table) *alteration {
	at := plainColumn(r, t, whatever)
	if at < 0 {
		return nil
	}
	name := fmt.Sprintf("r%d_%d", t.NextColumn, r.IntN(1000))
	if t.Column(name) >= 0 {
		return nil
	}
	return &alteration{
		table: func(t *catalog.Table) { t.Columns[at].Name = name },
	}
}

// widerTypes are what columns are widened to.
var widerTypes = []types.Type{types.T(types.Int4), types.T(types.Int8), types.T(types.Float8), types.NumericOf(18, 2), types.NumericOf(30, 2), types.NumericOf(38, 4), types.T(types.Text)}

func widenColumn(r *rand.Rand, t *catalog.Table) *alteration {
	to := widerTypes[r.IntN(len(widerTypes))]
	at := plainColumn(r, t, func(c *catalog.Column) bool { return c.Type != to && types.Widens(c.Type, to) })
	if at < 0 {
		return nil
	}
	widened := func(d types.Datum) types.Datum {
		if d.Null {
			return types.NullOf(to)
		}
		return scan.WidenDatum(d, to)
	}
	return &alteration{
		table: func(t *catalog.Table) {
			c := &t.Columns[at]
			if c.Type = to; c.Missing != nil {
				d := widened(*c.Missing)
				c.Missing = &d
			}
		},
		row: func(v []types.Datum) []types.Datum {
			v[at] = widened(v[at])
			return v
		},
	}
}
