package table

import "github.com/siltstone-db/siltstone/storage/batch"

// generate fills in the columns of a batch that owns its vectors which are computed of the others. A row for which that
// fails is a fault, and is taken out; from is as in held.
func (a *Appender) generate(b *batch.Batch, from []uint16) ([]uint16, error) {
	if len(a.o.Terms.Generated) == 0 || b.Len == 0 {
		return from, nil
	}
	made, err := a.o.Terms.Generate(b)
	if err != nil && isFault(err) {
		if from, err = a.generable(b, from); err == nil {
			made, err = a.o.Terms.Generate(b)
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range a.o.Terms.Generated {
		c := a.o.Terms.Generated[i].Column
		own, v := b.Cols[c], made.Cols[c]
		if b.Len > 0 {
			own.Reset(a.o.Table.Columns[c].Type, 0)
			own.AppendVector(v)
		}
	}
	return from, nil
}

// generable takes the rows out of a batch for which a column cannot be computed.
func (a *Appender) generable(b *batch.Batch, from []uint16) (left []uint16, err error) {
	place := func(r int) int {
		if from != nil {
			return int(from[r])
		}
		return r
	}
	var stay []uint16
	for r := range b.Len {
		_, err := a.o.Terms.Generate(pick(&a.one, b, r))
		switch {
		case err == nil:
			stay, left = append(stay, uint16(r)), append(left, uint16(place(r)))
		case isFault(err):
			a.faults = append(a.faults, a.notes.Wanting(place(r), "", err))
		default:
			return nil, err
		}
	}
	compact(b, stay)
	return left, nil
}
