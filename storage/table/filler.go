package table

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// filler makes whole rows of those that have some of a table's columns, in any order.
type filler struct {
	table   *catalog.Table
	terms   *Terms
	columns []int // ordinals of the columns that are read
	others  []int // and of those that are not
	risky   bool  // a column that takes no NULL has a value that was not read
	part    batch.Batch

	value, both batch.Vector
	order       []uint16
}

func newFiller(t *catalog.Table, terms *Terms, columns []int) filler {
	f := filler{table: t, terms: terms, columns: columns}
	f.part.Cols = make([]*batch.Vector, len(columns))
	for i := range t.Columns {
		listed := slices.Contains(columns, i)
		if !listed {
			f.others = append(f.others, i)
		}
		f.risky = f.risky || t.Columns[i].NotNull && (!listed || terms.of(i).Compute != nil)
	}
	return f
}

// listed returns the vectors of a batch for the table that are read, in the order of the reader.
func (f *filler) listed(out *batch.Batch) *batch.Batch {
	out.Cols = grow(out.Cols, len(f.table.Columns))
	for k, i := range f.columns {
		f.part.Cols[k] = out.Cols[i]
	}
	return &f.part
}

// rest makes the other columns of a batch, and fills in values that rows lack, which are told for each listed column.
func (f *filler) rest(out *batch.Batch, lacks [][]uint16) error {
	out.Len, out.Sel = f.part.Len, batch.Selection{}
	for _, i := range f.others {
		v, err := f.defaults(i, out.Len)
		if err != nil {
			return err
		}
		own := out.Cols[i]
		own.Reset(f.table.Columns[i].Type, 0)
		own.AppendVector(v)
	}
	for k, rows := range lacks {
		if len(rows) == 0 {
			continue
		}
		if err := f.patch(out.Cols[f.columns[k]], f.columns[k], rows); err != nil {
			return err
		}
	}
	return nil
}

// defaults returns n defaults of a column, until the next call.
func (f *filler) defaults(column, n int) (*batch.Vector, error) {
	d := f.terms.of(column)
	switch {
	case n == 0:
		f.value.ResetConstant(types.NullOf(f.table.Columns[column].Type), 0)
	case d.Compute != nil:
		return d.Compute(n)
	case d.Value != nil:
		f.value.ResetConstant(*d.Value, n)
	default:
		f.value.ResetConstant(types.NullOf(f.table.Columns[column].Type), n)
	}
	return &f.value, nil
}

// patch gives rows of a vector their defaults.
func (f *filler) patch(v *batch.Vector, column int, rows []uint16) error {
	d, err := f.defaults(column, len(rows))
	if err != nil {
		return err
	}
	n := v.Len
	f.both.Reset(v.Type, 0)
	f.both.AppendVector(v)
	f.both.AppendVector(d)
	f.order = f.order[:0]
	for r := range n {
		f.order = append(f.order, uint16(r))
	}
	for k, r := range rows {
		f.order[r] = uint16(n + k)
	}
	v.Gather(&f.both, f.order)
	return nil
}
