package batch

// Flattener turns batches of any form into flat ones without a selection, which the log and live segments take. The
// result is valid until the next call, and as long as the argument, from which flat columns are lent.
type Flattener struct {
	flat, dense Batch
}

// Flatten returns b itself when it is flat.
func (f *Flattener) Flatten(b *Batch) *Batch {
	if !b.Sel.All() {
		f.dense.Cols = growCols(f.dense.Cols, len(b.Cols))
		b.Compact(&f.dense)
		b = &f.dense
	}
	flat := true
	for _, c := range b.Cols {
		flat = flat && c.Form == Flat
	}
	if flat {
		return b
	}
	f.flat.Cols = growCols(f.flat.Cols, len(b.Cols))
	for i, c := range b.Cols {
		f.flat.Cols[i].Flatten(c)
	}
	f.flat.Len = b.Len
	return &f.flat
}

// Held returns the bytes of the copies that are kept for the next call.
func (f *Flattener) Held() (n int64) {
	for _, b := range [2]*Batch{&f.flat, &f.dense} {
		for _, c := range b.Cols[:cap(b.Cols)] {
			if c != nil {
				n += c.Held()
			}
		}
	}
	return n
}

func growCols(cols []*Vector, n int) []*Vector {
	for len(cols) < n {
		cols = append(cols, new(Vector))
	}
	return cols[:n]
}
