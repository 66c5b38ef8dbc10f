package segment

import (
	"bytes"
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// endDictionary holds the entries against their hashes, their order and the rows that have them, and adds up what follows
// from these.
func (a *audit) endDictionary() {
	d, used := a.dict, int64(0)
	if a.c.Type.Physical() == types.PhysBool && a.all.some {
		used = 1 + int64(a.all.max-a.all.min)
	}
	if d == nil {
		if t := &a.c.stats; a.c.Type.Physical() == types.PhysBool && t.Distinct != used {
			a.say("distinct values", "there are %d, the statistics say %d", used, t.Distinct)
		}
		return
	}
	for i := range d.Len {
		b := d.At(i)
		if kernel.HashBytes(b) != d.Hashes[i] {
			a.say("dictionary", "the hash of entry %d is not that of its string", i)
		}
		if i > 0 && (d.Hashes[i] < d.Hashes[i-1] || d.Hashes[i] == d.Hashes[i-1] && bytes.Compare(d.At(i-1), b) >= 0) {
			a.say("dictionary order", "entry %d stands in a wrong place, or is there twice", i)
		}
		if a.counts[i] != d.Counts[i] {
			a.say("dictionary counts", "entry %d has %d rows, the dictionary says %d", i, a.counts[i], d.Counts[i])
		}
		if a.counts[i] > 0 {
			used++
			a.bytes += int64(len(b)) * int64(a.counts[i])
			a.extreme(b)
			a.countText(b, int64(a.counts[i]))
		}
	}
	a.all.least, a.all.most = a.zone.least, a.zone.most
	if t := &a.c.stats; t.DistinctExact && t.Distinct != used {
		a.say("distinct values", "there are %d, the statistics say %d", used, t.Distinct)
	}
}

// endBounds compares the least and the greatest value.
func (a *audit) endBounds() {
	t := &a.c.stats
	switch {
	case !t.HasRange:
		if p := a.c.Type.Physical(); a.all.some && p != types.PhysBytes { // very long strings have none
			a.say("bounds", "the statistics have none")
		}
		return
	case !a.all.some:
		a.say("bounds", "the statistics have some, and there are no values")
		return
	}
	var ok bool
	switch a.c.Type.Physical() {
	case types.PhysBool:
		ok = uint64(t.Min.I) == a.all.min && uint64(t.Max.I) == a.all.max
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		ok = uint64(t.Min.I)^signBit == a.all.min && uint64(t.Max.I)^signBit == a.all.max
	case types.PhysFloat32, types.PhysFloat64:
		ok = batch.Float64Bits(t.Min.F) == a.all.min && batch.Float64Bits(t.Max.F) == a.all.max
	default:
		ok = scan.Order(t.Min, a.all.least) == 0 && scan.Order(t.Max, a.all.most) == 0
	}
	if !ok {
		a.say("bounds", "the least or the greatest value is not what the statistics say")
	}
}

// beginCommon gets ready to count the rows of the values that are said to be common.
func (a *audit) beginCommon() {
	a.common.minus = minusZero(a.c.Type)
	a.texts = make([]int64, len(a.c.stats.Common))
	p := a.c.Type.Physical()
	if p == types.PhysBytes {
		return
	}
	for _, c := range a.c.stats.Common[:min(len(a.c.stats.Common), commonMax)] {
		x := c.Value.I
		switch p {
		case types.PhysFloat32:
			x = int64(int32(math.Float32bits(float32(c.Value.F))))
		case types.PhysFloat64:
			x = int64(math.Float64bits(c.Value.F))
		}
		a.common.values[a.common.n] = x
		a.common.n++
		s := a.common.slot(x)
		for a.common.slots[s] != 0 {
			s = (s + 1) & (len(a.common.slots) - 1)
		}
		a.common.slots[s] = int8(a.common.n)
	}
}

func (a *audit) countCommon(x int64) {
	if a.common.n == 0 {
		return
	}
	if k := a.common.find(x); k >= 0 {
		a.common.rows[k]++
	}
}

// countText counts rows of a common string.
func (a *audit) countText(b []byte, rows int64) {
	for i := range a.texts {
		if a.c.stats.Common[i].Value.S == string(b) {
			a.texts[i] += rows
		}
	}
}

// endCommon compares the rows of common values with what the statistics say.
func (a *audit) endCommon() {
	for i, c := range a.c.stats.Common {
		rows := a.texts[i]
		if a.c.Type.Physical() != types.PhysBytes && i < commonMax {
			rows = a.common.rows[i]
		}
		if rows != c.Rows {
			a.say("common values", "value %d has %d rows, the statistics say %d", i, rows, c.Rows)
		}
	}
}
