package spill

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Rows turns rows of batches into records and back. A record has a bit per column, set where the value is not NULL, in
// whole bytes; then the values that are not NULL: those of fixed width as in a flat vector, a boolean as one byte,
// strings behind their length as a uvarint. It belongs to one goroutine.
type Rows struct {
	types []types.Type
	phys  []types.Physical
	width []int // bytes of a value; 0: a string
}

// NewRows returns the codec of rows of the given types.
func NewRows(ts []types.Type) *Rows {
	r := &Rows{types: ts}
	for _, t := range ts {
		p := t.Physical()
		w := p.Width()
		if p == types.PhysBytes {
			w = 0
		} else if p == types.PhysBool {
			w = 1
		}
		r.phys = append(r.phys, p)
		r.width = append(r.width, w)
	}
	return r
}

// Append appends the record of row i of a batch in any form.
func (r *Rows) Append(dst []byte, b *batch.Batch, i int) []byte {
	head := len(dst)
	for range (len(r.types) + 7) / 8 {
		dst = append(dst, 0)
	}
	for c, v := range b.Cols {
		if v.IsNull(i) {
			continue
		}
		dst[head+c>>3] |= 1 << (c & 7)
		dst = r.appendValue(dst, v, c, i)
	}
	return dst
}

func (r *Rows) appendValue(dst []byte, v *batch.Vector, c, i int) []byte {
	w := r.width[c]
	if w == 0 {
		s := v.BytesAt(i)
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		return append(dst, s...)
	}
	switch v.Form {
	case batch.Packed:
		var x [8]byte
		binary.LittleEndian.PutUint64(x[:], uint64(v.Unpack(i)))
		return append(dst, x[:w]...)
	case batch.Constant:
		i = 0
	}
	if r.phys[c] == types.PhysBool {
		if v.Bools().Get(i) {
			return append(dst, 1)
		}
		return append(dst, 0)
	}
	return append(dst, v.Data[i*w:i*w+w]...)
}

// Reset makes a batch of the codec's types ready for up to n rows, which Read fills in from the first on.
func (r *Rows) Reset(b *batch.Batch, n int) {
	for c, v := range b.Cols {
		v.Reset(r.types[c], n)
	}
	b.Len, b.Sel = n, batch.Selection{}
}

// Read makes a record row i of a batch that was Reset for n rows; rows before it must have been read.
func (r *Rows) Read(record []byte, b *batch.Batch, i, n int) error {
	head := (len(r.types) + 7) / 8
	if len(record) < head {
		return errDamaged()
	}
	rest := record[head:]
	for c, v := range b.Cols {
		some := record[c>>3]>>(c&7)&1 != 0
		w := r.width[c]
		if !some {
			v.Nulls(n).Clear(i)
			if w == 0 {
				v.AppendBytes(nil)
			}
			continue
		}
		if w == 0 {
			size, k := binary.Uvarint(rest)
			if k <= 0 || size > uint64(len(rest)-k) {
				return errDamaged()
			}
			v.AppendBytes(rest[k : k+int(size)])
			rest = rest[k+int(size):]
			continue
		}
		if len(rest) < w {
			return errDamaged()
		}
		if r.phys[c] == types.PhysBool {
			v.Bools().SetTo(i, rest[0] != 0)
		} else {
			copy(v.Data[i*w:i*w+w], rest)
		}
		rest = rest[w:]
	}
	if len(rest) > 0 {
		return errDamaged()
	}
	return nil
}

// Cut makes a batch that was Reset for more rows n rows long.
func (r *Rows) Cut(b *batch.Batch, n int) {
	for _, v := range b.Cols {
		v.Truncate(n)
	}
	b.Len = n
}

// Fill reads up to n rows, but no more than fit bytesMax once one is there, into a batch of the codec's types; it has
// none at the end of the run.
func (r *Rows) Fill(x *Reader, b *batch.Batch, n, bytesMax int) error {
	r.Reset(b, n)
	rows := 0
	for bytes := 0; rows < n && bytes < bytesMax; rows++ {
		record, err := x.Next()
		if err != nil {
			return err
		}
		if record == nil {
			break
		}
		if err := r.Read(record, b, rows, n); err != nil {
			return err
		}
		bytes += len(record)
	}
	r.Cut(b, rows)
	return nil
}

func errDamaged() error { return errs.Corrupt("a row of a temporary file is damaged") }
