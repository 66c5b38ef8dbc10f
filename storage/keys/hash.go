package keys

import (
	"encoding/binary"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

const (
	seed     = 1
	nullHash = 0x6e756c6c6e756c6c
)

// weak is the mask of the bits that hashes have; all of them but in tests.
var weak = ^uint64(0)

// Weaken makes all hashes from now on those of a bad function, which has so many bits, so that tests meet different keys
// with equal hashes. restore ends it.
func Weaken(bits uint) (restore func()) {
	weak = ^(^uint64(0) >> bits)
	return func() { weak = ^uint64(0) }
}

// Hash returns the hashes of the keys of rows rows in dst, which it may replace. columns are the key's.
func (k *Key) Hash(dst []uint64, columns []*batch.Vector, rows int) []uint64 {
	if cap(dst) < rows {
		dst = make([]uint64, rows)
	}
	dst = dst[:rows]
	Begin(dst)
	for _, c := range columns {
		k.Fold(dst, c)
	}
	End(dst)
	return dst
}

// Begin makes hashes those of no columns.
func Begin(hashes []uint64) {
	for i := range hashes {
		hashes[i] = seed
	}
}

// Fold takes the next column of a key into the hashes of as many rows as the vector has, which may have any form.
func (k *Key) Fold(hashes []uint64, v *batch.Vector) {
	switch {
	case v.Valid == nil:
		foldAll(hashes, v)
	case k.NullsEqual:
		foldNulls(hashes, v)
	default:
		foldAll(hashes, v)
		for i := range v.Len {
			if v.IsNull(i) {
				hashes[i] = None
			}
		}
	}
}

// End finishes hashes: what is left of the fold may be 0, which means something else.
func End(hashes []uint64) {
	if weak == ^uint64(0) {
		return
	}
	for i, h := range hashes {
		if h != None {
			hashes[i] = max(h&weak, 1)
		}
	}
}

// mix takes a value into a hash. A row without a key stays without one.
func mix(h, x uint64) uint64 {
	if h == None {
		return None
	}
	return max(kernel.HashUint64(bits.RotateLeft64(h, 32)^x), 1)
}

// foldNulls is foldAll for a column where NULL is a value.
func foldNulls(hashes []uint64, v *batch.Vector) {
	before := make([]uint64, v.Len)
	copy(before, hashes)
	foldAll(hashes, v)
	for i, h := range before {
		if v.IsNull(i) {
			hashes[i] = mix(h, nullHash)
		}
	}
}

// foldAll takes in the values of all rows, whatever those of NULL are.
func foldAll(hashes []uint64, v *batch.Vector) {
	switch {
	case v.Type.Physical() == types.PhysBytes:
		foldStrings(hashes, v)
	case v.Type.Kind == types.Numeric && v.Type.Physical() == types.PhysInt64:
		foldScaled(hashes, v)
	case v.Form == batch.Packed:
		for i := range v.Len {
			hashes[i] = mix(hashes[i], uint64(v.Unpack(i)))
		}
	default:
		foldFixed(hashes, v)
	}
}

func foldFixed(hashes []uint64, v *batch.Vector) {
	switch v.Type.Physical() {
	case types.PhysBool:
		b := v.Bools()
		fold(hashes, v, func(i int) uint64 { return b[i>>6] >> (uint(i) & 63) & 1 })
	case types.PhysInt16:
		foldInts(hashes, v, batch.Values[int16](v))
	case types.PhysInt32:
		foldInts(hashes, v, batch.Values[int32](v))
	case types.PhysInt64:
		foldInts(hashes, v, batch.Values[int64](v))
	case types.PhysFloat32:
		x := batch.Values[float32](v)
		fold(hashes, v, func(i int) uint64 { return batch.Float64Bits(float64(x[i])) })
	case types.PhysFloat64:
		x := batch.Values[float64](v)
		fold(hashes, v, func(i int) uint64 { return batch.Float64Bits(x[i]) })
	case types.PhysInt128:
		x := batch.Values[batch.Int128](v)
		fold(hashes, v, func(i int) uint64 { return hash128(x[i]) })
	case types.PhysInterval:
		x := batch.Values[batch.Interval](v)
		fold(hashes, v, func(i int) uint64 { return hash128(x[i].Key()) })
	case types.PhysUUID:
		x := batch.Values[[16]byte](v)
		fold(hashes, v, func(i int) uint64 {
			return kernel.HashUint128(binary.LittleEndian.Uint64(x[i][:8]), binary.LittleEndian.Uint64(x[i][8:]))
		})
	}
}

// foldScaled takes in numerics of few digits as those of more digits, which they may become.
func foldScaled(hashes []uint64, v *batch.Vector) {
	switch v.Form {
	case batch.Constant:
		foldConstant(hashes[:v.Len], hash128(decimal.Int128From64(batch.Values[int64](v)[0])))
	case batch.Packed:
		for i := range v.Len {
			hashes[i] = mix(hashes[i], hash128(decimal.Int128From64(v.Unpack(i))))
		}
	default:
		for i, x := range batch.Values[int64](v)[:v.Len] {
			hashes[i] = mix(hashes[i], hash128(decimal.Int128From64(x)))
		}
	}
}

func hash128(x batch.Int128) uint64 { return kernel.HashUint128(x.Lo, uint64(x.Hi)) }

// fold takes in what value gives for each row of a vector that is flat or constant.
func fold(hashes []uint64, v *batch.Vector, value func(i int) uint64) {
	if v.Form == batch.Constant {
		foldConstant(hashes[:v.Len], value(0))
		return
	}
	for i := range v.Len {
		hashes[i] = mix(hashes[i], value(i))
	}
}

func foldConstant(hashes []uint64, x uint64) {
	for i, h := range hashes {
		hashes[i] = mix(h, x)
	}
}

// foldInts is fold for what most keys are made of, without a call for each row.
func foldInts[T int16 | int32 | int64](hashes []uint64, v *batch.Vector, x []T) {
	if v.Form == batch.Constant {
		foldConstant(hashes[:v.Len], uint64(int64(x[0])))
		return
	}
	for i, value := range x[:v.Len] {
		hashes[i] = mix(hashes[i], uint64(int64(value)))
	}
}

func foldStrings(hashes []uint64, v *batch.Vector) {
	kind := v.Type.Kind
	switch {
	case v.Form == batch.Constant:
		foldConstant(hashes[:v.Len], kernel.HashBytes(canonical(kind, v.BytesAt(0))))
	case v.Form == batch.Dict && v.Dict.Hashes != nil && plain(kind):
		for i, c := range v.Codes[:v.Len] {
			hashes[i] = mix(hashes[i], v.Dict.Hashes[c])
		}
	default:
		for i := range v.Len {
			hashes[i] = mix(hashes[i], kernel.HashBytes(canonical(kind, v.BytesAt(i))))
		}
	}
}

// plain tells that values of a kind are equal when their bytes are.
func plain(kind types.Kind) bool {
	return kind != types.Char && kind != types.Numeric && kind != types.JSONB
}

// canonical returns the bytes in which equal values of a kind are equal.
func canonical(kind types.Kind, b []byte) []byte {
	switch kind {
	case types.Char:
		for len(b) > 0 && b[len(b)-1] == ' ' {
			b = b[:len(b)-1]
		}
	case types.Numeric:
		b = decimal.Key(b)
	case types.JSONB:
		b = jsonb.Key(b)
	}
	return b
}
