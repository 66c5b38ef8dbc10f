package order

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A normalised key is a string of bytes whose order is that of the rows: for each column a byte that places NULLs,
// then the value, most significant byte first, inverted when descending. Strings are escaped and ended so that none is
// a prefix of another: 00 becomes 00 FF, the end is 00 00.
const (
	nullFirst byte = 0
	notNull   byte = 1
	nullLast  byte = 2
)

// appendKey appends the normalised key of row i.
func appendKey(dst []byte, keys []Key, b *batch.Batch, i int) []byte {
	for _, k := range keys {
		v := b.Cols[k.Column]
		if v.IsNull(i) {
			if k.NullsFirst {
				dst = append(dst, nullFirst)
			} else {
				dst = append(dst, nullLast)
			}
			continue
		}
		dst = append(dst, notNull)
		from := len(dst)
		dst = appendValue(dst, v, i)
		if k.Desc {
			for j := from; j < len(dst); j++ {
				dst[j] = ^dst[j]
			}
		}
	}
	return dst
}

// appendValue appends the ascending form of a value that is not NULL.
func appendValue(dst []byte, v *batch.Vector, i int) []byte {
	phys := v.Type.Physical()
	switch phys {
	case types.PhysBytes:
		return appendString(dst, scan.OrderKey(v.Type, v.BytesAt(i)))
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		lo, hi := wideRank(v, i)
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, hi), lo)
	}
	w := rank(v, phys, i)
	switch phys {
	case types.PhysBool:
		return append(dst, byte(w>>56))
	case types.PhysInt16:
		return append(dst, byte(w>>56), byte(w>>48))
	case types.PhysInt32:
		return binary.BigEndian.AppendUint32(dst, uint32(w>>32))
	}
	return binary.BigEndian.AppendUint64(dst, w)
}

func appendString(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, c)
		if c == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return append(dst, 0, 0)
}

// rank maps a value to 64 bits whose unsigned order agrees with that of the values: exactly for types of up to 64
// bits, by their first 8 bytes for others.
func rank(v *batch.Vector, phys types.Physical, i int) uint64 {
	if v.Form == batch.Packed {
		return intRank(v.Unpack(i), phys)
	}
	if v.Form == batch.Constant && phys != types.PhysBytes {
		i = 0
	}
	switch phys {
	case types.PhysBool:
		if v.Bools().Get(i) {
			return 1 << 56
		}
		return 0
	case types.PhysInt16:
		return intRank(int64(batch.Values[int16](v)[i]), phys)
	case types.PhysInt32:
		return intRank(int64(batch.Values[int32](v)[i]), phys)
	case types.PhysInt64:
		return intRank(batch.Values[int64](v)[i], phys)
	case types.PhysFloat32:
		return batch.Float64Bits(float64(batch.Values[float32](v)[i]))
	case types.PhysFloat64:
		return batch.Float64Bits(batch.Values[float64](v)[i])
	case types.PhysBytes:
		return bytesRank(scan.OrderKey(v.Type, v.BytesAt(i)))
	}
	_, hi := wideRank(v, i)
	return hi
}

func bytesRank(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var t [8]byte
	copy(t[:], b)
	return binary.BigEndian.Uint64(t[:])
}

// intRank puts the sign-flipped value into the highest bits.
func intRank(x int64, phys types.Physical) uint64 {
	switch phys {
	case types.PhysInt16:
		return uint64(uint16(x)^1<<15) << 48
	case types.PhysInt32:
		return uint64(uint32(x)^1<<31) << 32
	}
	return uint64(x) ^ 1<<63
}

// wideRank is rank for 16-byte values.
func wideRank(v *batch.Vector, i int) (lo, hi uint64) {
	if v.Form == batch.Constant {
		i = 0
	}
	switch v.Type.Physical() {
	case types.PhysInt128:
		x := batch.Values[batch.Int128](v)[i]
		return x.Lo, uint64(x.Hi) ^ 1<<63
	case types.PhysInterval:
		x := batch.Values[batch.Interval](v)[i]
		return spanRank(x)
	}
	b := v.Data[i*16 : i*16+16]
	return binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b)
}

// spanRank orders intervals by their length, a month being 30 days.
func spanRank(x batch.Interval) (lo, hi uint64) {
	const microsPerDay = 86_400_000_000
	days := int64(x.Months)*30 + int64(x.Days)
	hi, lo = bits.Mul64(uint64(days), microsPerDay)
	if days < 0 {
		hi -= microsPerDay
	}
	lo, c := bits.Add64(lo, uint64(x.Micros), 0)
	return lo, (hi + uint64(x.Micros>>63) + c) ^ 1<<63
}

// ranks fills out with the rank of each row's first key as the order wants it: descending ones inverted, NULLs at
// their end.
func ranks(k Key, v *batch.Vector, n int, out []uint64) {
	phys := v.Type.Physical()
	flip := uint64(0)
	if k.Desc {
		flip = math.MaxUint64
	}
	switch {
	case v.Form == batch.Flat && phys == types.PhysInt64:
		for i, x := range batch.Values[int64](v)[:n] {
			out[i] = uint64(x) ^ 1<<63 ^ flip
		}
	case v.Form == batch.Flat && phys == types.PhysInt32:
		for i, x := range batch.Values[int32](v)[:n] {
			out[i] = uint64(uint32(x)^1<<31)<<32 ^ flip
		}
	case v.Form == batch.Dict && v.Dict.Len > 0:
		for i, c := range v.Codes[:n] {
			out[i] = bytesRank(scan.OrderKey(v.Type, v.Dict.At(int(c)))) ^ flip
		}
	default:
		for i := range n {
			if !v.IsNull(i) {
				out[i] = rank(v, phys, i) ^ flip
			}
		}
	}
	if v.Valid == nil {
		return
	}
	null := uint64(math.MaxUint64)
	if k.NullsFirst {
		null = 0
	}
	for i := range n {
		if v.IsNull(i) {
			out[i] = null
		}
	}
}
