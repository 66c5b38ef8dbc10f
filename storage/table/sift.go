package table

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
)

// wanted takes the rows out of a batch that Where does not want, and returns which it had of those that are left; nil: it
// has all of them.
func (a *Appender) wanted(b *batch.Batch) (from []uint16, err error) {
	if a.o.Where == nil || b.Len == 0 {
		return nil, nil
	}
	words := batch.Words(b.Len)
	if len(a.where) < words {
		a.where = make(batch.Bitmap, words)
	}
	bits := a.where[:words]
	clear(bits)
	if err = a.o.Where(b, bits); err != nil && isFault(err) {
		clear(bits)
		err = a.wantedSingly(b, bits)
	}
	if err != nil {
		return nil, err
	}
	from = slices.Clone(bits.AppendIndexes(nil))
	if len(from) < b.Len {
		compact(b, from)
	}
	return from, nil
}

// wantedSingly asks Where row by row, since it cannot be computed for some.
func (a *Appender) wantedSingly(b *batch.Batch, bits batch.Bitmap) error {
	for r := range b.Len {
		one := batch.Bitmap{0}
		switch err := a.o.Where(pick(&a.one, b, r), one); {
		case err == nil:
			bits.SetTo(r, one.Any())
		case isFault(err):
			a.faults = append(a.faults, a.notes.Wanting(r, "", err))
		default:
			return err
		}
	}
	return nil
}

// held takes the rows out of a batch that its table cannot have, which are faults. from says which rows of the notes the
// batch has (nil: all), and is returned for those that are left.
func (a *Appender) held(b *batch.Batch, from []uint16) ([]uint16, error) {
	if !a.guard.suspects(b) {
		return from, nil
	}
	good, err := a.guard.Good(b)
	if err != nil {
		return nil, err
	}
	bad := b.Len - good.Count()
	for r := 0; bad > 0; r++ {
		if good.Get(r) {
			continue
		}
		bad--
		column, name := 0, ""
		if column, err = a.guard.Fault(b, r); column >= 0 {
			name = a.o.Table.Columns[column].Name
		}
		if !isFault(err) {
			return nil, err
		}
		row := r
		if from != nil {
			row = int(from[r])
		}
		a.faults = append(a.faults, a.notes.Wanting(row, name, err))
		if a.o.Bad == nil {
			return from, nil // the first is enough
		}
	}
	if good.Count() == b.Len {
		return from, nil
	}
	left := good.AppendIndexes(nil)
	compact(b, left)
	if from != nil {
		for i, r := range left {
			left[i] = from[r]
		}
	}
	return left, nil
}

// compact keeps some rows of a batch that owns its vectors.
func compact(b *batch.Batch, idx []uint16) {
	some := batch.New(b.Types())
	all := batch.Batch{Len: b.Len, Cols: b.Cols, Sel: batch.SelectIndex(idx)}
	all.Compact(some)
	*b = *some
}

// setAside tells of the bad rows of a batch, in their order.
func (a *Appender) setAside(ctx context.Context) error {
	slices.SortStableFunc(a.faults, func(x, y format.BadRow) int { return int(x.Index - y.Index) })
	for i := range a.faults {
		f := &a.faults[i]
		if a.o.Bad == nil {
			return f.Err
		}
		a.bad++
		if err := a.o.Bad(f); err != nil {
			return err
		}
		if a.o.Rejects == nil {
			continue
		}
		if a.rejects == nil {
			var err error
			if a.rejects, err = newRejects(a.o.Table, a.o.Rejects, a.o.Sink); err != nil {
				return err
			}
		}
		if err := a.rejects.add(ctx, f); err != nil {
			return err
		}
	}
	clear(a.faults)
	return nil
}
