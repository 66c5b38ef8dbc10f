package segment

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
)

// interner finds the distinct strings of a column. As long as all rows come from one dictionary without equal entries
// (a live segment's), its codes are followed and no string is looked at; else strings meet in a hash table. It is used
// again for the next column, with its memory.
type interner struct {
	codes   []uint32 // entry of each row; 0 for NULL
	entries []entry
	bytes   int64 // of all entries
	sources []source
	table   []uint32 // 1 + entry by hash, linear probing; nil while there is one dictionary only

	// Memory of sort and of the first source.
	sorted       []entry
	rank, order  []uint32
	starts, next []uint32
	met          []uint32
}

// entry is a distinct string: number index of source.
type entry struct {
	hash   uint64
	source uint32
	index  uint32
	rows   uint32
}

// source is where strings lie: a dictionary or a flat vector.
type source struct {
	dict    *batch.Dictionary
	offsets []uint32
	heap    []byte
	codes   []uint32 // 1 + entry of each dictionary code, 0: not met
}

// reset empties the interner for a column of some rows.
func (d *interner) reset(rows int) {
	clear(d.sources)
	d.codes, d.entries, d.sources = grow(d.codes, rows)[:0], d.entries[:0], d.sources[:0]
	d.bytes, d.table = 0, nil
}

// held returns the bytes of the interner's memory.
func (d *interner) held() int64 {
	words := cap(d.codes) + cap(d.table) + cap(d.rank) + cap(d.order) + cap(d.starts) + cap(d.next) + cap(d.met)
	return int64(cap(d.entries)+cap(d.sorted))*int64(unsafe.Sizeof(entry{})) + 4*int64(words)
}

func (d *interner) at(e *entry) []byte {
	s := &d.sources[e.source]
	return s.heap[s.offsets[e.index]:s.offsets[e.index+1]]
}

// add takes the rows of a chunk.
func (d *interner) add(v *batch.Vector) {
	switch {
	case v.Form == batch.Dict:
		d.addDict(v)
	case v.Form == batch.Constant:
		d.addConstant(v)
	default:
		d.addFlat(v)
	}
}

func (d *interner) addDict(v *batch.Vector) {
	at := d.source(v.Dict)
	codes := d.sources[at].codes
	for i, c := range v.Codes[:v.Len] {
		if v.Valid != nil && !v.Valid.Get(i) {
			d.codes = append(d.codes, 0)
			continue
		}
		e := codes[c]
		if e == 0 {
			e = d.meet(at, c, v.Dict)
			codes[c] = e
		}
		d.entries[e-1].rows++
		d.codes = append(d.codes, e-1)
	}
}

// source returns the number of a dictionary's source. Codes of a shorter prefix of a dictionary that grew are valid in
// the longer one, so the longest is kept.
func (d *interner) source(dict *batch.Dictionary) uint32 {
	for i := range d.sources {
		s := &d.sources[i]
		if s.dict == nil || s.dict.ID != dict.ID {
			continue
		}
		if dict.Len > s.dict.Len {
			s.dict, s.offsets, s.heap = dict, dict.Offsets, dict.Heap
			s.codes = append(s.codes, make([]uint32, dict.Len-len(s.codes))...)
		}
		return uint32(i)
	}
	if len(d.sources) > 0 || !dict.Distinct {
		d.needTable()
	}
	src := source{dict: dict, offsets: dict.Offsets, heap: dict.Heap}
	if len(d.sources) == 0 {
		d.met = grow(d.met, dict.Len)
		clear(d.met)
		src.codes = d.met
		d.entries = slices.Grow(d.entries, min(dict.Len, cap(d.codes)))
	} else {
		src.codes = make([]uint32, dict.Len)
	}
	d.sources = append(d.sources, src)
	return uint32(len(d.sources) - 1)
}

// meet returns 1 + the entry of a dictionary's code that is met for the first time.
func (d *interner) meet(source, code uint32, dict *batch.Dictionary) uint32 {
	s := dict.At(int(code))
	var h uint64
	if dict.Hashes != nil {
		h = dict.Hashes[code]
	} else {
		h = kernel.HashBytes(s)
	}
	if d.table != nil {
		return d.find(h, s, source, code)
	}
	return d.newEntry(h, s, source, code)
}

func (d *interner) newEntry(h uint64, s []byte, source, index uint32) uint32 {
	d.entries = append(d.entries, entry{hash: h, source: source, index: index})
	d.bytes += int64(len(s))
	return uint32(len(d.entries))
}

func (d *interner) addFlat(v *batch.Vector) {
	d.needTable()
	at := uint32(len(d.sources))
	d.sources = append(d.sources, source{offsets: v.Offsets, heap: v.Data})
	for i := range v.Len {
		if v.Valid != nil && !v.Valid.Get(i) {
			d.codes = append(d.codes, 0)
			continue
		}
		s := v.Data[v.Offsets[i]:v.Offsets[i+1]]
		e := d.find(kernel.HashBytes(s), s, at, uint32(i))
		d.entries[e-1].rows++
		d.codes = append(d.codes, e-1)
	}
}

func (d *interner) addConstant(v *batch.Vector) {
	var e uint32
	if !v.IsNull(0) {
		d.needTable()
		s := v.BytesAt(0)
		d.sources = append(d.sources, source{offsets: v.Offsets, heap: v.Data})
		e = d.find(kernel.HashBytes(s), s, uint32(len(d.sources)-1), 0)
		d.entries[e-1].rows += uint32(v.Len)
		e--
	}
	for range v.Len {
		d.codes = append(d.codes, e)
	}
}

// needTable makes the hash table, with the entries met so far.
func (d *interner) needTable() {
	if d.table == nil {
		d.rehash(1 << 12)
	}
}

func (d *interner) rehash(size int) {
	for size < 2*len(d.entries) {
		size *= 2
	}
	d.table = make([]uint32, size)
	for i := range d.entries {
		k := d.slot(d.entries[i].hash)
		for d.table[k] != 0 {
			k = (k + 1) & (len(d.table) - 1)
		}
		d.table[k] = uint32(i + 1)
	}
}

func (d *interner) slot(h uint64) int { return int(h & uint64(len(d.table)-1)) }

// find returns 1 + the entry of a string, making it if need be.
func (d *interner) find(h uint64, s []byte, source, index uint32) uint32 {
	k := d.slot(h)
	for {
		e := d.table[k]
		if e == 0 {
			break
		}
		if x := &d.entries[e-1]; x.hash == h && bytes.Equal(d.at(x), s) {
			return e
		}
		k = (k + 1) & (len(d.table) - 1)
	}
	e := d.newEntry(h, s, source, index)
	d.table[k] = e
	if 2*len(d.entries) > len(d.table) {
		d.rehash(2 * len(d.table))
	}
	return e
}

// sort brings the entries into the order of dictionaries, hash then bytes, and returns the new number of each old one.
// One pass scatters by the top bits of the hash into buckets of some dozen entries, which are then sorted in cache.
func (d *interner) sort() (rank []uint32) {
	n := len(d.entries)
	rank = grow(d.rank, max(n, 1))
	rank[0] = 0
	shift := 64 - uint(max(bits.Len(uint(n))-5, 0))
	starts := grow(d.starts, 1<<(64-shift)+1)
	clear(starts)
	for i := range d.entries {
		starts[d.entries[i].hash>>shift+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	order := grow(d.order, n)
	next := append(d.next[:0], starts...)
	for i := range d.entries {
		b := d.entries[i].hash >> shift
		order[next[b]] = uint32(i)
		next[b]++
	}
	for b := range len(starts) - 1 {
		slices.SortFunc(order[starts[b]:starts[b+1]], func(x, y uint32) int {
			ex, ey := &d.entries[x], &d.entries[y]
			if ex.hash != ey.hash {
				return cmp.Compare(ex.hash, ey.hash)
			}
			return bytes.Compare(d.at(ex), d.at(ey))
		})
	}
	sorted := grow(d.sorted, n)
	for i, x := range order {
		sorted[i] = d.entries[x]
		rank[x] = uint32(i)
	}
	d.entries, d.sorted, d.table = sorted, d.entries, nil
	d.rank, d.order, d.starts, d.next = rank, order, starts, next
	return rank
}
