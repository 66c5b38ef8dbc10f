package segment

import (
	"bytes"
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

const (
	// plainPercent is the share of distinct values above which a dictionary stops paying: codes and hashes then take
	// more than repeated strings would.
	plainPercent = 95
	// plainMinEntries keeps small dictionaries in any case: they cost little, and their statistics are exact.
	plainMinEntries = 4096
	// chunkBytes is the plain size of a piece of a dictionary's bytes: zstd finds most of its matches within.
	chunkBytes = 256 << 10
)

// writeStrings writes a column of strings: with a dictionary, unless nearly every row has its own value.
func (w *writer) writeStrings(m *meta, chunks []*batch.Vector) error {
	valid := w.validity(chunks)
	d := &w.strings
	d.reset(w.in.Rows)
	for _, v := range chunks {
		d.add(v)
	}
	codes := d.codes
	if w.in.Order != nil {
		codes = permute(w.codes, codes, w.in.Order)
		w.codes = codes
	}
	fillNulls(codes, valid)
	rank := d.sort()
	w.stringStats(m, d)
	w.stringZones(m, d, codes, rank, valid)
	notNull := m.stats.Rows - m.stats.Nulls
	m.stats.Nulls = 0        // block counts them once more
	if len(d.entries) == 0 { // all NULL
		w.ranges(scan.BlockRows, func(from, to int) { w.block(m, valid, from, to, false, nil) })
		return nil
	}
	many := len(d.entries) > plainMinEntries && int64(len(d.entries))*100 > notNull*plainPercent
	if many || d.bytes > math.MaxUint32-1 {
		return w.writePlain(m, d, codes, rank, valid)
	}
	w.writeDictionary(m, d)
	w.ints = grow(w.ints, w.in.Rows)
	for i, c := range codes {
		w.ints[i] = int64(rank[c])
	}
	w.ranges(scan.BlockRows, func(from, to int) {
		w.block(m, valid, from, to, false, func(dst []byte) []byte { return w.enc.Ints(dst, w.ints[from:to], 4) })
	})
	return nil
}

// stringStats fills the statistics that follow from the distinct values.
func (w *writer) stringStats(m *meta, d *interner) {
	m.stats.Distinct, m.stats.DistinctExact = int64(len(d.entries)), scan.KeyIsValue(m.Type)
	var lo, hi []byte
	for i := range d.entries {
		e := &d.entries[i]
		m.sketch.Add(e.hash)
		s := d.at(e)
		m.stats.StringBytes += int64(len(s)) * int64(e.rows)
		k := scan.OrderKey(m.Type, s)
		if i == 0 || bytes.Compare(k, scan.OrderKey(m.Type, lo)) < 0 {
			lo = s
		}
		if i == 0 || bytes.Compare(k, scan.OrderKey(m.Type, hi)) > 0 {
			hi = s
		}
	}
	commonStrings(m, d)
	// Very long bounds would weigh on every open segment.
	if len(d.entries) > 0 && len(lo) <= 4096 && len(hi) <= 4096 {
		m.stats.HasRange = true
		m.stats.Min, m.stats.Max = types.StringOf(m.Type, string(lo)), types.StringOf(m.Type, string(hi))
	}
}

// stringZones bounds zones by the prefixes of their strings.
func (w *writer) stringZones(m *meta, d *interner, codes, rank []uint32, valid batch.Bitmap) {
	prefixes := grow(w.prefixes, len(d.entries))
	w.prefixes = prefixes
	for i := range d.entries {
		prefixes[i] = scan.StringPrefix(string(prefixOf(scan.OrderKey(m.Type, d.at(&d.entries[i])))))
	}
	w.ranges(scan.ZoneRows, func(from, to int) {
		bits := bitsFrom(valid, from, to)
		lo, hi := ^uint64(0), uint64(0)
		nulls := nullsOf(bits, to-from)
		if nulls < to-from {
			for i, c := range codes[from:to] {
				if bits == nil || bits.Get(i) {
					lo, hi = min(lo, prefixes[rank[c]]), max(hi, prefixes[rank[c]])
				}
			}
		}
		m.zones.Add(lo, hi, nulls)
		m.stats.Nulls += int64(nulls)
	})
}

func prefixOf(b []byte) []byte { return b[:min(len(b), 8)] }

// writePlain writes blocks of strings, compressed.
func (w *writer) writePlain(m *meta, d *interner, codes, rank []uint32, valid batch.Bitmap) error {
	var err error
	w.ranges(scan.BlockRows, func(from, to int) {
		offsets, heap := append(w.offsets[:0], 0), w.heap[:0]
		for i, c := range codes[from:to] {
			if valid == nil || valid.Get(from+i) {
				heap = append(heap, d.at(&d.entries[rank[c]])...)
			}
			if len(heap) > plainMax {
				err = errs.New(errs.ProgramLimitExceeded, "more than %d bytes of strings in %d rows", plainMax, scan.BlockRows)
				return
			}
			offsets = append(offsets, uint32(len(heap)))
		}
		w.offsets, w.heap = offsets, heap
		w.block(m, valid, from, to, true, func(dst []byte) []byte { return w.enc.Strings(dst, offsets, heap) })
	})
	return err
}

// writeDictionary writes the entries, which are in order.
func (w *writer) writeDictionary(m *meta, d *interner) {
	n := len(d.entries)
	m.dict = &dictMeta{entries: n, heap: uint64(d.bytes)}
	v := grow(w.ints, min(n, scan.BlockRows))
	for from := 0; from < n; from += scan.BlockRows {
		part := d.entries[from:min(from+scan.BlockRows, n)]
		var g [3]ref
		for k, elem := range [3]int{8, 4, 4} {
			v = v[:0]
			for i := range part {
				switch k {
				case 0:
					v = append(v, int64(part[i].hash))
				case 1:
					v = append(v, int64(len(d.at(&part[i]))))
				case 2:
					v = append(v, int64(part[i].rows))
				}
			}
			w.buf = w.enc.Ints(w.buf[:0], v, elem)
			g[k] = w.add(w.buf, false)
		}
		m.dict.groups = append(m.dict.groups, g)
	}
	w.ints = v
	heap := grow(w.heap, chunkBytes)[:0]
	w.heap = heap
	for i := range d.entries {
		s := d.at(&d.entries[i])
		for len(heap)+len(s) > chunkBytes {
			k := chunkBytes - len(heap)
			heap = append(heap, s[:k]...)
			m.dict.chunks = append(m.dict.chunks, w.add(heap, true))
			heap, s = heap[:0], s[k:]
		}
		heap = append(heap, s...)
	}
	if len(heap) > 0 {
		m.dict.chunks = append(m.dict.chunks, w.add(heap, true))
	}
}
