package keys

import (
	"bytes"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Equal tells whether row i of some columns and row j of others are the same key. Both are the key's columns in any form
// but packed, and have keys. Where the columns of one side are of an older, narrower type, their values count.
func (k *Key) Equal(a []*batch.Vector, i int, b []*batch.Vector, j int) bool {
	for c, v := range a {
		w := b[c]
		n, m := v.IsNull(i), w.IsNull(j)
		if n != m || !n && !equalValues(v, i, w, j) {
			return false
		}
	}
	return true
}

func equalValues(a *batch.Vector, i int, b *batch.Vector, j int) bool {
	if a.Form == batch.Constant {
		i = 0
	}
	if b.Form == batch.Constant {
		j = 0
	}
	switch a.Type.Physical() {
	case types.PhysBytes:
		return bytes.Equal(canonical(a.Type.Kind, a.BytesAt(i)), canonical(b.Type.Kind, b.BytesAt(j)))
	case types.PhysBool:
		return a.Bools().Get(i) == b.Bools().Get(j)
	case types.PhysFloat32, types.PhysFloat64:
		return batch.Float64Bits(floatAt(a, i)) == batch.Float64Bits(floatAt(b, j))
	case types.PhysInt128:
		return batch.Values[batch.Int128](a)[i] == batch.Values[batch.Int128](b)[j]
	case types.PhysInterval:
		return batch.Values[batch.Interval](a)[i].Key() == batch.Values[batch.Interval](b)[j].Key()
	case types.PhysUUID:
		return batch.Values[[16]byte](a)[i] == batch.Values[[16]byte](b)[j]
	}
	return intAt(a, i) == intAt(b, j)
}

func floatAt(v *batch.Vector, i int) float64 {
	if v.Type.Physical() == types.PhysFloat32 {
		return float64(batch.Values[float32](v)[i])
	}
	return batch.Values[float64](v)[i]
}

func intAt(v *batch.Vector, i int) int64 {
	switch v.Type.Physical() {
	case types.PhysInt16:
		return int64(batch.Values[int16](v)[i])
	case types.PhysInt32:
		return int64(batch.Values[int32](v)[i])
	}
	return batch.Values[int64](v)[i]
}

// Text returns the key of row i as PostgreSQL's errors show it: (a, b)=(1, x).
func Text(names []string, columns []*batch.Vector, i int) string {
	b := []byte{'('}
	for c, n := range names {
		if c > 0 {
			b = append(b, ", "...)
		}
		b = append(b, n...)
	}
	b = append(b, ")=("...)
	for c, v := range columns {
		if c > 0 {
			b = append(b, ", "...)
		}
		if v.IsNull(i) {
			b = append(b, "null"...)
			continue
		}
		b = types.Append(b, v.Datum(i))
	}
	return string(append(b, ')'))
}
