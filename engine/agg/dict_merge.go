package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// dictMerge merges the arrays of all dictionaries, partition by partition of the strings' hashes. Entries of
// hash-ordered dictionaries that belong to a partition are one run; those of others are sorted into lists first.
type dictMerge struct {
	g    *dictionary
	runs []hashtable.HashRuns // by dictionary; the last one is that of the interner
}

func (g *dictionary) combineDicts(t *op.Task) error {
	if err := g.takeRuns(); err != nil {
		return err
	}
	sparse, err := g.sumSparse()
	if err != nil {
		return err
	}
	if err := g.sumArrays(t); err != nil {
		return err
	}
	m := dictMerge{g: g, runs: make([]hashtable.HashRuns, len(g.dicts)+1)}
	defer func() {
		for i := range m.runs {
			m.runs[i].Release(g.acc)
		}
	}()
	g.builders = make([]*worker, max(1, t.Workers))
	collect := make([]collector, len(g.builders))
	for i := range collect {
		collect[i].init(g.Group)
	}
	defer func() {
		for i := range collect {
			g.out.blocks = append(g.out.blocks, collect[i].blocks()...)
			g.out.slabs = append(g.out.slabs, collect[i].slabs...)
		}
	}()
	for i := range g.builders {
		g.builders[i] = &worker{g: g.Group, tab: hashtable.NewTable(g.acc, 2, g.prog.words)}
		g.builders[i].tab.Stored = true
	}
	if sparse {
		return m.mergeSparse(t, collect)
	}
	if k := g.topByCount(); k > 0 {
		// Strings are looked up one by one: only where that takes the lists of partitions, these are made.
		if err := m.splitAll(t, func(d int) bool { return d < len(g.dicts) && !g.dicts[d].Searchable() }); err != nil {
			return err
		}
		tab := g.builders[0].tab
		done, err := m.topDicts(t, tab, k)
		if err != nil {
			return err
		}
		if done {
			if err := collect[0].take(tab.Rows, tab.Width, tab.Used); err != nil {
				return err
			}
			return g.collectNull(&collect[0])
		}
	}
	if err := m.splitAll(t, func(int) bool { return true }); err != nil {
		return err
	}
	if err := op.Parallel(t, hashtable.Partitions, func(wk, p int) error {
		tab := g.builders[wk].tab
		if err := m.build(tab, p); err != nil {
			return err
		}
		return collect[wk].take(tab.Rows, tab.Width, tab.Used)
	}); err != nil {
		return err
	}
	return g.collectNull(&collect[0])
}

// collectNull adds the group of NULL.
func (g *dictionary) collectNull(k *collector) error {
	rows, words := g.workers[0].dict.group(len(g.dicts), 0)
	if rows == 0 {
		return nil
	}
	row := make([]uint64, g.out.width)
	row[0], row[1] = rows, refOf(len(g.dicts), 0)
	copy(row[3:], words)
	return k.take(row, len(row), 1)
}

// hash returns the hash of an entry.
func (m *dictMerge) hash(d int, code uint32) uint64 {
	if d < len(m.g.dicts) {
		return m.g.dicts[d].Hashes[code]
	}
	return m.g.lay.Fields[0].Strings.HashOf(code)
}

// splitAll finds the partitions of the dictionaries that need says, if that was not done before.
func (m *dictMerge) splitAll(t *op.Task, need func(d int) bool) error {
	return op.Parallel(t, len(m.runs), func(_, d int) error {
		if need(d) && !m.runs[d].Done {
			if err := m.split(d); err != nil {
				return err
			}
			m.runs[d].Done = true
		}
		return nil
	})
}

// split finds the partitions of dictionary d.
func (m *dictMerge) split(d int) (err error) {
	if d < len(m.g.dicts) {
		return m.runs[d].Split(m.g.acc, m.g.dicts[d].Hashes, m.g.dicts[d].HashOrdered)
	}
	w := m.g.workers[0].dict
	r := &m.runs[d]
	a := w.arrays[d]
	for c := 1; c*w.width < len(a); c++ {
		if a[c*w.width] > 0 {
			r.Start[m.hash(d, uint32(c))>>(64-hashtable.PartitionBits)+1]++
		}
	}
	for p := range hashtable.Partitions {
		r.Start[p+1] += r.Start[p]
	}
	next := r.Start
	if r.List, err = mem.Slice[uint32](m.g.acc, int(r.Start[hashtable.Partitions])); err != nil {
		return err
	}
	for c := 1; c*w.width < len(a); c++ {
		if a[c*w.width] > 0 {
			p := m.hash(d, uint32(c)) >> (64 - hashtable.PartitionBits)
			r.List[next[p]] = uint32(c)
			next[p]++
		}
	}
	return nil
}

// build makes the table of partition p.
func (m *dictMerge) build(tab *hashtable.Table, p int) error {
	n := 0
	for d := range m.runs {
		n += int(m.runs[d].Start[p+1] - m.runs[d].Start[p])
	}
	if err := tab.Reset(min(hashtable.LogFor(n), builderLog)); err != nil {
		return err
	}
	for d := range m.runs {
		run := &m.runs[d]
		if m.g.workers[0].dict.size(d) == 0 {
			continue
		}
		for i := run.Start[p]; i < run.Start[p+1]; i++ {
			if err := m.add(tab, d, run.Code(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// add merges an entry into its group.
func (m *dictMerge) add(tab *hashtable.Table, d int, code uint32) error {
	rows, words := m.g.workers[0].dict.group(d, code)
	if rows == 0 {
		return nil
	}
	return m.addGroup(tab, refOf(d, code), m.hash(d, code), rows, words)
}

// group returns the rows and the states of an entry, 0 rows when it was not met.
func (d *dictWorker) group(dict int, code uint32) (rows uint64, words []uint64) {
	if d.sparse != nil {
		key := [1]uint64{refOf(dict, code)}
		row := d.sparse.Row(key[:])
		if row == nil {
			return 0, nil
		}
		return row[0], row[2:]
	}
	if l := d.lent[dict]; l != nil {
		if int(code) >= len(l) {
			return 0, nil
		}
		return uint64(l[code]), nil
	}
	a, at := d.arrays[dict], int(code)*d.width
	if at >= len(a) {
		return 0, nil
	}
	return a[at], a[at+1 : at+d.width]
}

// addGroup adds rows and states of an entry to the group with the same string.
func (m *dictMerge) addGroup(tab *hashtable.Table, ref, hash, rows uint64, words []uint64) error {
	if err := tab.Reserve(1); err != nil {
		return err
	}
	dst := m.seek(tab, ref, hash)
	if dst[0] == 0 {
		dst[1], dst[2] = ref, hash
		tab.Used++
	}
	dst[0] += rows
	if len(words) > 0 {
		return m.g.prog.merge(dst[3:], words)
	}
	return nil
}

// seek returns the group of an entry, that whose string has the same bytes, or the empty row where it belongs.
func (m *dictMerge) seek(tab *hashtable.Table, ref, hash uint64) []uint64 {
	mask := uint64(1)<<tab.Log - 1
	s := hash << hashtable.PartitionBits >> (64 - tab.Log)
	var b []byte
	for {
		row := tab.Rows[int(s)*tab.Width:][:tab.Width]
		if row[0] == 0 {
			return row
		}
		if row[2] == hash {
			// The same hash is the same string, but for one pair in 2^64. It is compared all the same: that costs two
			// misses for a group that has several dictionaries, and a wrong answer can never be told from a right one.
			if b == nil {
				b = m.g.dictBytes(ref)
			}
			if string(m.g.dictBytes(row[1])) == string(b) {
				return row
			}
		}
		s = (s + 1) & mask
	}
}
