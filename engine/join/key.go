package join

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// keys computes the keys of batches: words when all columns together fit 64 bits, else bytes and their hash. It
// belongs to one goroutine.
type keys struct {
	cols  []int
	types []types.Type
	words bool

	word  []uint64     // the key, or its hash
	null  batch.Bitmap // rows with a NULL in the key
	bytes []byte       // keys one after the other, when not words
	ends  []uint32
	tmp   []int64
}

// newKeys prepares the keys over columns cols of batches of types ts.
func newKeys(cols []int, ts []types.Type) *keys {
	k := &keys{cols: cols}
	bits := 0
	for _, c := range cols {
		k.types = append(k.types, ts[c])
		switch p := ts[c].Physical(); p {
		case types.PhysBool:
			bits++
		case types.PhysInt16, types.PhysInt32, types.PhysInt64:
			bits += 8 * p.Width()
		default:
			bits += 65
		}
	}
	k.words = bits <= 64
	return k
}

// load computes the keys of a batch.
func (k *keys) load(b *batch.Batch) {
	n := b.Len
	if cap(k.word) < n {
		k.word = make([]uint64, max(n, batch.MaxRows))
		k.null = make(batch.Bitmap, batch.Words(max(n, batch.MaxRows)))
		k.tmp = make([]int64, max(n, batch.MaxRows))
	}
	k.word = k.word[:n]
	k.null = k.null[:batch.Words(n)]
	clear(k.null)
	for _, c := range k.cols {
		v := b.Cols[c]
		for i := 0; v.Valid != nil && i < n; i++ {
			if v.IsNull(i) {
				k.null.Set(i)
			}
		}
	}
	if k.words {
		k.loadWords(b)
	} else {
		k.loadBytes(b)
	}
}

// loadWords packs the columns, the first one lowest.
func (k *keys) loadWords(b *batch.Batch) {
	shift := uint(0)
	clear(k.word)
	for i, c := range k.cols {
		v := b.Cols[c]
		phys := k.types[i].Physical()
		width := uint(8 * phys.Width())
		if phys == types.PhysBool {
			width = 1
		}
		mask := uint64(math.MaxUint64)
		if len(k.cols) > 1 && width < 64 {
			mask = 1<<width - 1
		}
		for j, x := range k.ints(v, phys, b.Len) {
			k.word[j] |= uint64(x) & mask << shift
		}
		shift += width
	}
}

// ints widens a column.
func (k *keys) ints(v *batch.Vector, phys types.Physical, n int) []int64 {
	out := k.tmp[:n]
	switch {
	case v.Form == batch.Packed:
		kernel.UnpackInts(out, v.Data, v.Width, v.Base)
	case v.Form == batch.Constant:
		x := int64(0)
		if !v.IsNull(0) {
			x = v.Datum(0).I
		}
		for i := range out {
			out[i] = x
		}
	case phys == types.PhysBool:
		for i := range out {
			out[i] = 0
			if v.Bools().Get(i) {
				out[i] = 1
			}
		}
	case phys == types.PhysInt16:
		for i, x := range batch.Values[int16](v)[:n] {
			out[i] = int64(x)
		}
	case phys == types.PhysInt32:
		for i, x := range batch.Values[int32](v)[:n] {
			out[i] = int64(x)
		}
	default:
		return batch.Values[int64](v)[:n]
	}
	return out
}

// loadBytes writes each key as bytes that are equal when the values are, and hashes them.
func (k *keys) loadBytes(b *batch.Batch) {
	k.bytes, k.ends = k.bytes[:0], k.ends[:0]
	for i := range b.Len {
		from := len(k.bytes)
		if !k.null.Get(i) {
			for j, c := range k.cols {
				k.bytes = appendEqual(k.bytes, b.Cols[c], k.types[j], i)
			}
		}
		k.ends = append(k.ends, uint32(len(k.bytes)))
		k.word[i] = kernel.HashBytes(k.bytes[from:])
	}
}

// at returns the bytes of key i.
func (k *keys) at(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = k.ends[i-1]
	}
	return k.bytes[from:k.ends[i]]
}

// appendEqual appends a form of a value that is the same for equal values, and no prefix of another's.
func appendEqual(dst []byte, v *batch.Vector, t types.Type, i int) []byte {
	switch t.Physical() {
	case types.PhysBytes:
		s := v.BytesAt(i)
		switch t.Kind {
		case types.Numeric:
			s = decimal.Key(s)
		case types.JSONB:
			s = jsonb.Key(s)
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		return append(dst, s...)
	case types.PhysFloat32, types.PhysFloat64:
		return binary.LittleEndian.AppendUint64(dst, batch.Float64Bits(v.Datum(i).F))
	case types.PhysInterval:
		return appendSpan(dst, v.Datum(i))
	case types.PhysUUID:
		return append(dst, v.Datum(i).S...)
	}
	d := v.Datum(i)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(d.I))
	if t.Physical() == types.PhysInt128 {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(d.Hi))
	}
	return dst
}

// appendSpan appends the length of an interval in microseconds, a month being 30 days, as 128 bits.
func appendSpan(dst []byte, d types.Datum) []byte {
	const microsPerDay = 86_400_000_000
	months, days, micros := d.IntervalParts()
	n := decimal.MulInt64(int64(months)*30+int64(days), microsPerDay).AddWrapping(decimal.Int128From64(micros))
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, n.Lo), uint64(n.Hi))
}
