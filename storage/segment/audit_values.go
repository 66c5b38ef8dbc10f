package segment

import (
	"bytes"
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// values takes rows of one zone, flat or codes.
func (a *audit) values(v *batch.Vector, from, to int) {
	switch p := a.c.Type.Physical(); p {
	case types.PhysBool:
		bits := v.Bools()
		a.words(v, from, to, func(i int) uint64 { return bits[i>>6] >> (uint(i) & 63) & 1 })
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		a.integers(v, from, to)
	case types.PhysFloat32, types.PhysFloat64:
		a.floats(v, from, to, p)
	case types.PhysBytes:
		if v.Form == batch.Dict && v.Dict == a.dict {
			a.codes(v, from, to)
		} else {
			a.strings(v, from, to)
		}
	default:
		a.wide(v, from, to)
	}
}

// words takes values by what orders them.
func (a *audit) words(v *batch.Vector, from, to int, word func(i int) uint64) {
	z := &a.zone
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			z.nulls++
			continue
		}
		x := word(i)
		if !z.some {
			z.min, z.max, z.some = x, x, true
		}
		z.min, z.max = min(z.min, x), max(z.max, x)
	}
}

// signBit makes the order of unsigned words that of signed ones.
const signBit = 1 << 63

func (a *audit) integers(v *batch.Vector, from, to int) {
	x := a.widened(v)
	a.words(v, from, to, func(i int) uint64 { return uint64(x[i]) ^ signBit })
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			continue
		}
		if a.c.stats.HasSum {
			a.sumLo, a.sumHi = kernel.Add128(a.sumLo, a.sumHi, uint64(x[i]), x[i]>>63)
		}
		a.countCommon(x[i])
	}
}

func (a *audit) floats(v *batch.Vector, from, to int, p types.Physical) {
	x := a.widened(v)
	a.words(v, from, to, func(i int) uint64 {
		if p == types.PhysFloat32 {
			return batch.Float64Bits(float64(math.Float32frombits(uint32(x[i]))))
		}
		return batch.Float64Bits(math.Float64frombits(uint64(x[i])))
	})
	for i := from; i < to; i++ {
		if !v.IsNull(i) {
			a.countCommon(x[i])
		}
	}
}

// widened returns the values of a vector as integers, floats as their bits.
func (a *audit) widened(v *batch.Vector) []int64 {
	a.ints = grow(a.ints, v.Len)
	(*writer)(nil).widen(a.ints, v)
	return a.ints
}

// ordered returns a bound of a zone map in the form that orders it.
func (a *audit) ordered(x uint64) uint64 {
	switch a.c.Type.Physical() {
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		return x ^ signBit
	case types.PhysFloat32, types.PhysFloat64:
		return batch.Float64Bits(math.Float64frombits(x))
	}
	return x
}

// codes takes strings by their entries.
func (a *audit) codes(v *batch.Vector, from, to int) {
	a.words(v, from, to, func(i int) uint64 { return a.prefixes[v.Codes[i]] })
	for i := from; i < to; i++ {
		if !v.IsNull(i) {
			a.counts[v.Codes[i]]++
		}
	}
}

// strings takes strings that came without their codes: the column has no dictionary, or one that is too large for the cache.
func (a *audit) strings(v *batch.Vector, from, to int) {
	a.words(v, from, to, func(i int) uint64 {
		return scan.StringPrefix(string(prefixOf(scan.OrderKey(a.c.Type, v.BytesAt(i)))))
	})
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			continue
		}
		b := v.BytesAt(i)
		if a.dict == nil {
			a.bytes += int64(len(b))
			a.extreme(b)
			a.countText(b, 1)
		} else if code, ok := a.dict.Find(kernel.HashBytes(b), b); ok {
			a.counts[code]++
		} else {
			a.say("dictionary", "the string of place %d is not found by its hash", a.place+i-from)
		}
	}
}

// extreme notes a string that is the least or the greatest of its zone.
func (a *audit) extreme(b []byte) {
	z, k := &a.zone, scan.OrderKey(a.c.Type, b)
	if z.least.Type != a.c.Type || bytes.Compare(k, []byte(scan.OrderKey(a.c.Type, z.least.S))) < 0 {
		z.least = types.StringOf(a.c.Type, string(b))
	}
	if z.most.Type != a.c.Type || bytes.Compare(k, []byte(scan.OrderKey(a.c.Type, z.most.S))) > 0 {
		z.most = types.StringOf(a.c.Type, string(b))
	}
}

// wide takes values of 16 bytes.
func (a *audit) wide(v *batch.Vector, from, to int) {
	z := &a.zone
	x := batch.Values[batch.Int128](v)
	last := -1 // that was looked at
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			z.nulls++
			continue
		}
		if last >= 0 && x[i] == x[last] {
			continue
		}
		last = i
		d := v.Datum(i)
		p := uint64(0)
		if a.c.zones.Ranges {
			p = scan.StringPrefix(d.S)
		}
		if !z.some {
			*z = bounds{nulls: z.nulls, some: true, min: p, max: p, least: d, most: d}
		}
		z.min, z.max = min(z.min, p), max(z.max, p)
		if scan.Order(d, z.least) < 0 {
			z.least = d
		}
		if scan.Order(d, z.most) > 0 {
			z.most = d
		}
	}
}
