package window

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// emit makes a vector of the values of n rows of the order, from one on.
func (b *bundle) emit(v *batch.Vector, f *field, from, n int) {
	if b.emitted != from || len(b.rows) != n {
		b.rows, b.emitted = b.rows[:0], from
		for i := from; i < from+n; i++ {
			b.rows = append(b.rows, b.row(i))
		}
	}
	emitRows(v, f, b.rows, &b.w.texts)
}

// emitRows makes a vector of the values of some rows.
func emitRows(v *batch.Vector, f *field, rows [][]uint64, t *texts) {
	n, at := len(rows), f.at
	if f.text() {
		emitTexts(v, f, rows, t)
		return
	}
	v.Reset(f.t, n)
	nulls := uint64(0)
	switch f.phys {
	case types.PhysBool:
		bits := v.Bools()
		for i, r := range rows {
			bits[i>>6] |= (r[at] & 1) << (uint(i) & 63)
			nulls |= r[f.nullAt]
		}
	case types.PhysInt16:
		nulls = emitInts(batch.Values[int16](v), f, rows)
	case types.PhysInt32:
		nulls = emitInts(batch.Values[int32](v), f, rows)
	case types.PhysInt64, types.PhysFloat64:
		nulls = emitInts(batch.Values[uint64](v), f, rows)
	case types.PhysFloat32:
		to := batch.Values[float32](v)
		for i, r := range rows {
			to[i] = float32(math.Float64frombits(r[at]))
			nulls |= r[f.nullAt]
		}
	default:
		to := batch.Values[[2]uint64](v)
		for i, r := range rows {
			to[i] = [2]uint64{r[at], r[at+1]}
			nulls |= r[f.nullAt]
		}
	}
	if nulls&f.nullBit != 0 {
		emitNulls(v, f, rows)
	}
}

func emitInts[T int16 | int32 | uint64](to []T, f *field, rows [][]uint64) (nulls uint64) {
	at, nullAt := f.at, f.nullAt
	to = to[:len(rows)]
	for i, r := range rows {
		to[i] = T(r[at])
		nulls |= r[nullAt]
	}
	return nulls
}

func emitNulls(v *batch.Vector, f *field, rows [][]uint64) {
	for i, r := range rows {
		if f.null(r) {
			v.Nulls(len(rows)).Clear(i)
		}
	}
}

// emitTexts makes a vector of strings: codes, when all of them are of one dictionary.
func emitTexts(v *batch.Vector, f *field, rows [][]uint64, t *texts) {
	dict, nulls := uint64(0), false
	for _, r := range rows {
		if f.null(r) {
			nulls = true
			continue
		}
		d := r[f.at] >> 32
		if dict == 0 {
			dict = d
		}
		if dict != d || d>>31 == 0 {
			dict = 0
			break
		}
	}
	if dict != 0 {
		v.ResetDict(f.t, (*t.dicts.Load())[dict&0x7fffffff], len(rows))
		for i, r := range rows {
			v.Codes[i] = uint32(r[f.at]) // 0 where NULL
		}
	} else {
		v.Reset(f.t, len(rows))
		for _, r := range rows {
			if f.null(r) {
				v.AppendBytes(nil)
			} else {
				v.AppendBytes(t.at(r[f.at]))
			}
		}
	}
	if nulls || dict == 0 {
		emitNulls(v, f, rows)
	}
}

// put writes the value that a row has in a column as row i of a vector of n rows, which is being filled from the first
// one on.
func (b *bundle) put(v *batch.Vector, i, n int, f *field, row []uint64) {
	switch {
	case f.null(row):
		putNull(v, i, n)
	case f.text():
		v.AppendBytes(b.w.texts.at(row[f.at]))
	case f.wide == 2:
		hashtable.SetWords(v, i, [2]uint64{row[f.at], row[f.at+1]})
	default:
		hashtable.SetWords(v, i, [2]uint64{row[f.at]})
	}
}

func putNull(v *batch.Vector, i, n int) {
	if v.Type.Physical() == types.PhysBytes {
		v.AppendBytes(nil)
	} else {
		hashtable.SetWords(v, i, [2]uint64{})
	}
	v.Nulls(n).Clear(i)
}

// repeat writes the value of row i-1 once more, as row i.
func repeat(v *batch.Vector, i, n int) {
	if v.Valid != nil && v.IsNull(i-1) {
		putNull(v, i, n)
		return
	}
	switch p := v.Type.Physical(); p {
	case types.PhysBytes:
		v.AppendBytes(v.BytesAt(i - 1))
	case types.PhysBool:
		v.Bools().SetTo(i, v.Bools().Get(i-1))
	default:
		w := p.Width()
		copy(v.Data[i*w:i*w+w], v.Data[(i-1)*w:i*w])
	}
}
