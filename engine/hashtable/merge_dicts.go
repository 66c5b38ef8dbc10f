package hashtable

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// noRef stands at numbers that no string has.
const noRef = 1<<64 - 1

// Mergeable tells whether merge can number the entries of dictionaries.
func Mergeable(dicts []*batch.Dictionary) bool {
	total := 0
	for _, d := range dicts {
		if d.Hashes == nil || !d.Distinct {
			return false
		}
		total += d.Len
	}
	return len(dicts) > 0 && len(dicts) < 1<<16 && total < 1<<31
}

// Merge numbers all entries of dictionaries before any row arrives, partition by partition of their hashes: equal
// strings of several dictionaries meet in a table that fits the second-level cache. Every partition has its own range
// of numbers, as long as the sum of its entries, so that partitions do not wait for each other; numbers that are left
// over belong to no string.
func (in *Interner) Merge(t *op.Task, dicts []*batch.Dictionary) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	total := 0
	for _, d := range dicts {
		total += d.Len
	}
	if len(dicts) == 1 {
		in.addCodesLocked(dicts[0], nil).done = true
		in.merged = uint32(total)
		return nil
	}
	var err error
	if in.refs, err = mem.Slice[uint64](in.acc, total); err != nil {
		return err
	}
	m := numbering{in: in, dicts: dicts, runs: make([]HashRuns, len(dicts)), numbers: make([][]uint32, len(dicts))}
	defer func() {
		for i := range m.runs {
			m.runs[i].Release(in.acc)
		}
	}()
	for i, d := range dicts {
		if m.numbers[i], err = mem.Slice[uint32](in.acc, d.Len); err != nil {
			return err
		}
		in.addCodesLocked(d, m.numbers[i]).done = true
	}
	if err := op.Parallel(t, len(dicts), func(_, i int) error {
		return m.runs[i].Split(in.acc, dicts[i].Hashes, dicts[i].HashOrdered)
	}); err != nil {
		return err
	}
	for p := range Partitions {
		m.first[p+1] = m.first[p]
		for i := range m.runs {
			m.first[p+1] += m.runs[i].Start[p+1] - m.runs[i].Start[p]
		}
	}
	tables := make([][]uint64, max(1, t.Workers))
	err = op.Parallel(t, Partitions, func(w, p int) error {
		tab, err := m.number(tables[w], p)
		tables[w] = tab
		return err
	})
	for _, tab := range tables {
		mem.ReleaseSlice(in.acc, tab)
	}
	in.merged = uint32(total)
	return err
}

// numbering is one merge.
type numbering struct {
	in      *Interner
	dicts   []*batch.Dictionary
	runs    []HashRuns
	numbers [][]uint32
	first   [Partitions + 1]uint32
}

// number numbers the strings of partition p. Slots of tab hold the high half of a hash without its partition, and the
// place in the partition + 1.
func (m *numbering) number(tab []uint64, p int) ([]uint64, error) {
	base := m.first[p]
	n := int(m.first[p+1] - base)
	log := uint(max(6, bits.Len(uint(n+n/2))))
	if len(tab) < 1<<log {
		mem.ReleaseSlice(m.in.acc, tab)
		var err error
		if tab, err = mem.Slice[uint64](m.in.acc, 1<<log); err != nil {
			return nil, err
		}
	}
	slots := tab[:1<<log]
	clear(slots)
	refs := m.in.refs[base:m.first[p+1]]
	mask, shift := uint64(1)<<log-1, 64-log
	used := uint32(0)
	for d, dict := range m.dicts {
		run, numbers := &m.runs[d], m.numbers[d]
		for i := run.Start[p]; i < run.Start[p+1]; i++ {
			code, hash := run.Code(i), run.hashes[i]
			tag := hash << 32
			s := hash << PartitionBits >> shift // hash-ordered dictionaries fill the table from front to back
			for {
				x := slots[s]
				if x == 0 {
					refs[used] = uint64(d)<<32 | uint64(code)
					used++
					slots[s] = tag | uint64(used)
					numbers[code] = base + used
					break
				}
				if x&^0xffffffff == tag {
					// The strings are compared, though equal tags are nearly always equal strings: two that differ in
					// 2^32 would else be one group.
					if ref := refs[uint32(x)-1]; string(m.dicts[ref>>32].At(int(uint32(ref)))) == string(dict.At(int(code))) {
						numbers[code] = base + uint32(x)
						break
					}
				}
				s = (s + 1) & mask
			}
		}
	}
	for i := used; i < uint32(len(refs)); i++ {
		refs[i] = noRef
	}
	return tab, nil
}

// findMerged looks a string up in the merged dictionaries: for the few values that come without a code.
func (in *Interner) findMerged(hash uint64, b []byte) uint32 {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, d := range *in.dicts.Load() {
		m := in.mu.codes[codeKey(d)]
		if m == nil || m.dict != d || !m.done {
			continue
		}
		if c, ok := d.Find(hash, b); ok {
			if l := m.list(); l != nil {
				return l[c]
			}
			return uint32(c) + 1
		}
	}
	return 0
}
