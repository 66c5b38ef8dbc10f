package scan

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Layout is what a table's columns are now. Its parts may be older: they find the columns by their ids, give those that
// they lack their missing-value, and widen the values of those whose type has grown since (types.Widens). It is
// immutable.
type Layout struct {
	IDs   []uint32
	Types []types.Type
	// Missing has the values of columns, by ordinal, that older rows are to have; all others are NULL there.
	Missing map[int]types.Datum
}

// What a part has in place of the ordinal of a column of its own.
const (
	Absent = -1 // it does not have the column: every row has the missing-value
	Unfit  = -3 // its values are of a type that does not become the table's
)

// Value returns the missing-value of a column.
func (l *Layout) Value(column int) types.Datum {
	if d, ok := l.Missing[column]; ok {
		return d
	}
	return types.NullOf(l.Types[column])
}

// Match returns the ordinals of a part's columns by those of the table, nil when they are the same: the part has n
// columns, told by own.
func (l *Layout) Match(n int, own func(i int) (id uint32, t types.Type)) []int {
	same := n == len(l.IDs)
	for i := 0; same && i < n; i++ {
		id, t := own(i)
		same = id == l.IDs[i] && t == l.Types[i]
	}
	if same {
		return nil
	}
	cols := make([]int, len(l.IDs))
	for i, id := range l.IDs {
		cols[i] = Absent
		// Mostly the table has not changed since: a search for each of 100 columns in each of 100 segments is what a
		// small query would wait for.
		at := i
		if at < n {
			if x, _ := own(at); x != id {
				at = n
			}
		}
		for j := 0; at >= n && j < n; j++ {
			if x, _ := own(j); x == id {
				at = j
			}
		}
		if at >= n {
			continue
		}
		if cols[i] = at; !fits(own, at, l.Types[i]) {
			cols[i] = Unfit
		}
	}
	return cols
}

func fits(own func(int) (uint32, types.Type), i int, t types.Type) bool {
	_, from := own(i)
	return types.Widens(from, t)
}

// UnfitError tells of a column that is Unfit: part names the part, from is the type that it has there.
func (l *Layout) UnfitError(part string, column int, from types.Type) error {
	return errs.Corrupt("%s: column with id %d has type %s, and the table's has type %s", part, l.IDs[column], from, l.Types[column])
}

// MissingTotals is what is known of a column of which every row has one value.
func MissingTotals(rows int64, d types.Datum) Totals {
	if d.Null {
		return Totals{Rows: rows, Nulls: rows, DistinctExact: true}
	}
	t := Totals{Rows: rows, HasRange: true, Min: d, Max: d, Distinct: 1, DistinctExact: true}
	switch p := d.Type.Physical(); {
	case p == types.PhysBytes:
		t.StringBytes = rows * int64(len(d.S))
	case p == types.PhysInterval || (p == types.PhysFloat32 || p == types.PhysFloat64) && math.IsNaN(d.F):
		t.HasRange, t.Min, t.Max = false, types.Datum{}, types.Datum{} // as parts that have the values
	}
	return t
}

// WidenDatum returns a value as one of a type that its own widens to.
func WidenDatum(d types.Datum, t types.Type) types.Datum {
	if d.Type.Physical() != types.PhysInt128 && t.Physical() == types.PhysInt128 {
		d.Hi = d.I >> 63
	}
	d.Type = t
	return d
}

// WidenTerm returns a term on values of type to as one on values as a part has them, which have another physical form.
// What is decided by validity alone stays as it is.
func WidenTerm(t *Term, to types.Type) *Term {
	if t.Op == IsNull || t.Op == IsNotNull {
		return t
	}
	return &Term{Column: t.Column, Op: Entries, Filter: &widened{t, to}, Text: t.Text}
}

// widened is a term on wider values as a filter.
type widened struct {
	term *Term
	to   types.Type
}

// Filter implements EntryFilter.
func (f *widened) Filter(v *batch.Vector, out batch.Bitmap) error {
	var wide batch.Vector
	wide.Widen(v, f.to)
	return NewMatcher(f.term, f.to).Match(&wide, out)
}
