package live

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// zone is the bounds of each column over some rows.
type zone []bounds

// bounds are those of the values that are not NULL; integers, dates, scaled decimals in lo and hi, floats in flo, fhi.
type bounds struct {
	has      bool // there is a value, and a range: not with a NaN among floats, nor for strings and wide types
	nan      bool // there is one, which PostgreSQL sorts above infinity: no range, whatever other values come
	nulls    int32
	rows     int32
	lo, hi   int64
	flo, fhi float64
	sumLo    uint64 // of integers, in 128 bits
	sumHi    int64
}

// closeZones computes the bounds of zones that became full. The rows are still in the processor's cache.
func (s *Segment) closeZones() {
	if (len(*s.zones.Load())+1)*scan.ZoneRows > s.rows {
		return
	}
	zones := *s.zones.Load()
	for (len(zones)+1)*scan.ZoneRows <= s.rows {
		from := len(zones) * scan.ZoneRows
		z := make(zone, len(s.cols))
		for i := range z {
			z[i] = s.bounds(i, from, from+scan.ZoneRows)
		}
		zones = append(zones, z)
	}
	s.zones.Store(&zones)
}

// bounds looks at rows [from, to) of a column.
func (s *Segment) bounds(col, from, to int) bounds {
	var b bounds
	chunks := *s.chunks.Load()
	for from < to {
		index, start := chunkOf(from)
		end := min(to, chunkStart(index+1))
		b.add(s.cols[col].Type, &chunks[index].cols[col], from-start, end-start)
		from = end
	}
	return b
}

func (b *bounds) add(t types.Type, c *colChunk, from, to int) {
	b.rows += int32(to - from)
	var valid []byte
	if c.valid != nil {
		valid = c.valid[from:to]
		n := 0
		for _, x := range valid {
			n += int(x)
		}
		b.nulls += int32(len(valid) - n)
		if n == len(valid) {
			valid = nil
		}
	}
	switch t.Physical() {
	case types.PhysInt16:
		addInts(b, mem.View[int16](c.data)[from:to], valid)
	case types.PhysInt32:
		addInts(b, mem.View[int32](c.data)[from:to], valid)
	case types.PhysInt64:
		addInts(b, mem.View[int64](c.data)[from:to], valid)
	case types.PhysFloat32:
		addFloats(b, mem.View[float32](c.data)[from:to], valid)
	case types.PhysFloat64:
		addFloats(b, mem.View[float64](c.data)[from:to], valid)
	}
}

func addInts[T int16 | int32 | int64](b *bounds, v []T, valid []byte) {
	i := 0
	for valid != nil && i < len(v) && valid[i] == 0 {
		i++
	}
	if i == len(v) {
		return
	}
	lo, hi := v[i], v[i]
	// The halves of 64-bit values are added apart: a chunk has far fewer than 2^31 rows.
	var high, low int64
	if valid == nil {
		for _, x := range v {
			lo, hi = min(lo, x), max(hi, x)
			high, low = high+int64(x)>>32, low+int64(uint32(x))
		}
	} else {
		for i, x := range v {
			if valid[i] != 0 {
				lo, hi = min(lo, x), max(hi, x)
				high, low = high+int64(x)>>32, low+int64(uint32(x))
			}
		}
	}
	n := bounds{has: true, lo: int64(lo), hi: int64(hi), sumLo: uint64(high) << 32, sumHi: high >> 32}
	n.addSum(uint64(low), 0)
	b.merge(n)
}

func (b *bounds) addSum(lo uint64, hi int64) {
	var carry uint64
	b.sumLo, carry = bits.Add64(b.sumLo, lo, 0)
	b.sumHi += hi + int64(carry)
}

// addFloats widens the range by floats, up to the first NaN.
func addFloats[T float32 | float64](b *bounds, v []T, valid []byte) {
	if b.nan {
		return
	}
	for i, x := range v {
		if valid != nil && valid[i] == 0 {
			continue
		}
		if x != x {
			b.nan, b.has = true, false
			return
		}
		if f := float64(x); !b.has {
			b.has, b.flo, b.fhi = true, f, f
		} else {
			b.flo, b.fhi = min(b.flo, f), max(b.fhi, f)
		}
	}
}

// merge widens b by the range of o and adds its sum; rows and nulls are not touched.
func (b *bounds) merge(o bounds) {
	b.addSum(o.sumLo, o.sumHi)
	if b.nan = b.nan || o.nan; b.nan {
		b.has = false
		return
	}
	switch {
	case !o.has:
	case !b.has:
		b.has, b.lo, b.hi, b.flo, b.fhi = true, o.lo, o.hi, o.flo, o.fhi
	default:
		b.lo, b.hi = min(b.lo, o.lo), max(b.hi, o.hi)
		b.flo, b.fhi = min(b.flo, o.flo), max(b.fhi, o.fhi)
	}
}

func (b *bounds) stats(t types.Type) scan.ColumnStats {
	st := scan.ColumnStats{Rows: int64(b.rows), Nulls: int64(b.nulls), Distinct: -1}
	if !b.has {
		return st
	}
	st.HasRange = true
	if p := t.Physical(); p == types.PhysFloat32 || p == types.PhysFloat64 {
		st.Min, st.Max = types.FloatOf(t, b.flo), types.FloatOf(t, b.fhi)
	} else {
		st.Min, st.Max = types.IntOf(t, b.lo), types.IntOf(t, b.hi)
	}
	return st
}

// packBits turns bytes of 0 and 1 into bits and returns how many are set.
func packBits(dst batch.Bitmap, src []byte) {
	for i := range dst {
		var w uint64
		for j, b := range src[i*64 : min(i*64+64, len(src))] {
			w |= uint64(b) << uint(j)
		}
		dst[i] = w
	}
}
