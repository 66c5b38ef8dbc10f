package segment

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// writeInts writes a column of integers, or of floats as their bits.
func (w *writer) writeInts(m *meta, chunks []*batch.Vector) {
	phys := m.Type.Physical()
	w.ints = grow(w.ints, w.in.Rows)
	at := 0
	for _, v := range chunks {
		w.widen(w.ints[at:at+v.Len], v)
		at += v.Len
	}
	v := w.ints
	if w.in.Order != nil {
		w.sorted = permute(w.sorted, v, w.in.Order)
		v = w.sorted
	}
	valid := w.validity(chunks)
	fillNulls(v, valid)
	isFloat := phys == types.PhysFloat32 || phys == types.PhysFloat64
	if isFloat {
		w.floatZones(m, v, valid, phys)
	} else {
		w.intZones(m, v, valid)
	}
	w.commonInts(m, v, valid)
	w.ranges(scan.BlockRows, func(from, to int) {
		w.block(m, valid, from, to, false, func(dst []byte) []byte {
			return w.enc.Ints(dst, v[from:to], phys.Width())
		})
	})
	if m.stats.HasRange && m.stats.Nulls == 0 && m.stats.HasSum {
		m.stats.SumLo, m.stats.SumHi = kernel.Sum64(v)
	}
}

// widen copies the values of a chunk.
func (w *writer) widen(dst []int64, v *batch.Vector) {
	if v.Form == batch.Packed {
		kernel.UnpackInts(dst, v.Data, v.Width, v.Base)
		return
	}
	switch v.Type.Physical() {
	case types.PhysInt16:
		widen(dst, batch.Values[int16](v), v.Form)
	case types.PhysInt32:
		widen(dst, batch.Values[int32](v), v.Form)
	case types.PhysInt64, types.PhysFloat64:
		widen(dst, batch.Values[int64](v), v.Form)
	case types.PhysFloat32:
		widen(dst, batch.Values[int32](v), v.Form)
	}
}

func widen[T kernel.Integer](dst []int64, src []T, form batch.Form) {
	if form == batch.Constant {
		for i := range dst {
			dst[i] = int64(src[0])
		}
		return
	}
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = int64(x)
	}
}

// fillNulls gives NULL rows the value of the row before (the first ones that of the first value), so that they cost
// nothing in any encoding.
func fillNulls[T any](v []T, valid batch.Bitmap) {
	if valid == nil {
		return
	}
	first := 0
	for first < len(v) && !valid.Get(first) {
		first++
	}
	if first == len(v) {
		return
	}
	prev := v[first]
	for i := range v {
		if valid.Get(i) {
			prev = v[i]
		} else {
			v[i] = prev
		}
	}
}

// intZones fills zone maps, range, sum and sketch.
func (w *writer) intZones(m *meta, v []int64, valid batch.Bitmap) {
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	m.stats.HasSum = summable(m.Type)
	w.ranges(scan.ZoneRows, func(from, to int) {
		bits := bitsFrom(valid, from, to)
		part := v[from:to]
		zlo, zhi, ok := index.IntRange(part, bits)
		nulls := nullsOf(bits, len(part))
		if !ok {
			m.zones.Add(0, 0, nulls)
			return
		}
		m.zones.Add(uint64(zlo), uint64(zhi), nulls)
		lo, hi = min(lo, zlo), max(hi, zhi)
		m.stats.HasRange = true
		if valid != nil && m.stats.HasSum {
			w.addSum(m, part, bits)
		}
		if zlo == zhi {
			m.sketch.Add(kernel.HashUint64(uint64(zlo)))
			return
		}
		for i, x := range part {
			if i == 0 || x != part[i-1] {
				m.sketch.Add(kernel.HashUint64(uint64(x)))
			}
		}
	})
	if m.stats.HasRange {
		m.stats.Min, m.stats.Max = types.IntOf(m.Type, lo), types.IntOf(m.Type, hi)
	}
}

// addSum adds the values that are not NULL.
func (w *writer) addSum(m *meta, v []int64, valid batch.Bitmap) {
	for i, x := range v {
		x &= -int64(kernel.Bit(valid == nil || valid.Get(i)))
		m.stats.SumLo, m.stats.SumHi = kernel.Add128(m.stats.SumLo, m.stats.SumHi, uint64(x), x>>63)
	}
}

// summable tells the types whose sum means something: not dates and times.
func summable(t types.Type) bool { return t.IsInteger() || t.Kind == types.Numeric }

// floatZones is intZones for floats, in PostgreSQL's order. There is no sum: it would depend on the order of additions.
func (w *writer) floatZones(m *meta, v []int64, valid batch.Bitmap, phys types.Physical) {
	total := floatRange{}
	w.ranges(scan.ZoneRows, func(from, to int) {
		bits := bitsFrom(valid, from, to)
		var z floatRange
		for i, x := range v[from:to] {
			if bits != nil && !bits.Get(i) {
				continue
			}
			f := math.Float64frombits(uint64(x))
			if phys == types.PhysFloat32 {
				f = float64(math.Float32frombits(uint32(x)))
			}
			z.add(f)
			m.sketch.Add(kernel.HashUint64(batch.Float64Bits(f)))
		}
		m.zones.Add(math.Float64bits(z.min), math.Float64bits(z.max), nullsOf(bits, to-from))
		if z.some {
			total.add(z.min)
			total.add(z.max)
		}
	})
	if total.some {
		m.stats.HasRange = true
		m.stats.Min, m.stats.Max = types.FloatOf(m.Type, total.min), types.FloatOf(m.Type, total.max)
	}
}

// floatRange is the least and the greatest of the floats added.
type floatRange struct {
	min, max float64
	some     bool
}

func (r *floatRange) add(f float64) {
	if !r.some || batch.Float64Bits(f) < batch.Float64Bits(r.min) {
		r.min = f
	}
	if !r.some || batch.Float64Bits(f) > batch.Float64Bits(r.max) {
		r.max = f
	}
	r.some = true
}

// writeBools writes a column of booleans.
func (w *writer) writeBools(m *meta, chunks []*batch.Vector) {
	bits := make(batch.Bitmap, batch.Words(w.in.Rows))
	at := 0
	for _, v := range chunks {
		switch {
		case v.Form != batch.Constant:
			kernel.CopyBits(bits, at, v.Bools(), 0, v.Len)
		case v.Bools().Get(0):
			kernel.SetRange(bits, at, v.Len)
		}
		at += v.Len
	}
	var sorted batch.Bitmap
	bits = w.permuteBits(bits, &sorted)
	valid := w.validity(chunks)
	if valid != nil {
		bits.And(valid)
	}
	var seen [2]bool
	w.ranges(scan.ZoneRows, func(from, to int) {
		v := bitsFrom(valid, from, to)
		nulls := nullsOf(v, to-from)
		set := kernel.CountBits(bits[from>>6:], to-from)
		clear := to - from - nulls - set
		m.zones.Add(kernel.Bit(clear == 0), kernel.Bit(set > 0), nulls)
		seen[0], seen[1] = seen[0] || clear > 0, seen[1] || set > 0
	})
	for i, s := range seen {
		if s {
			m.stats.Distinct++
			m.stats.Max = types.BoolOf(i == 1)
			if !m.stats.HasRange {
				m.stats.Min, m.stats.HasRange = m.stats.Max, true
			}
			m.sketch.Add(kernel.HashUint64(uint64(i)))
		}
	}
	m.stats.DistinctExact = true
	w.ranges(scan.BlockRows, func(from, to int) {
		w.block(m, valid, from, to, false, func(dst []byte) []byte {
			return w.enc.Bits(dst, bits[from>>6:batch.Words(to)], to-from)
		})
	})
}

// writeWide writes a column of values of 16 bytes.
func (w *writer) writeWide(m *meta, chunks []*batch.Vector) {
	w.wide = grow(w.wide, w.in.Rows)
	at := 0
	for _, v := range chunks {
		src := batch.Values[batch.Int128](v)
		for i := range v.Len {
			k := i
			if v.Form == batch.Constant {
				k = 0
			}
			w.wide[at+i] = src[k]
		}
		at += v.Len
	}
	v := w.wide
	if w.in.Order != nil {
		w.wide2 = permute(w.wide2, v, w.in.Order)
		v = w.wide2
	}
	valid := w.validity(chunks)
	fillNulls(v, valid)
	w.wideZones(m, v, valid)
	isInt := m.Type.Physical() == types.PhysInt128
	w.ranges(scan.BlockRows, func(from, to int) {
		w.block(m, valid, from, to, false, func(dst []byte) []byte { return w.enc.Wide(dst, v[from:to], isInt) })
	})
}

func (w *writer) wideZones(m *meta, v []batch.Int128, valid batch.Bitmap) {
	var scratch batch.Vector
	scratch.Reset(m.Type, 1)
	one := batch.Values[batch.Int128](&scratch)
	w.ranges(scan.ZoneRows, func(from, to int) {
		lo, hi := ^uint64(0), uint64(0)
		before := -1 // the last value that was looked at; a NULL before it may have been filled with the same
		for i := from; i < to; i++ {
			if valid != nil && !valid.Get(i) || before >= 0 && v[i] == v[before] {
				continue
			}
			before = i
			m.sketch.Add(kernel.HashUint128(v[i].Lo, uint64(v[i].Hi)))
			one[0] = v[i]
			d := scratch.Datum(0)
			if m.zones.Ranges {
				p := scan.StringPrefix(d.S)
				lo, hi = min(lo, p), max(hi, p)
			}
			if !m.stats.HasRange {
				m.stats.Min, m.stats.Max, m.stats.HasRange = d, d, true
				continue
			}
			if scan.Order(d, m.stats.Min) < 0 {
				m.stats.Min = d
			}
			if scan.Order(d, m.stats.Max) > 0 {
				m.stats.Max = d
			}
		}
		m.zones.Add(lo, hi, nullsOf(bitsFrom(valid, from, to), to-from))
	})
}
