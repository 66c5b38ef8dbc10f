package agg

import (
	"slices"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
)

// sumArrays adds the arrays of all workers, dictionary by dictionary and in pieces, into those of the first worker.
func (g *dictionary) sumArrays(t *op.Task) error {
	into := g.workers[0].dict
	for d := range into.arrays {
		for _, w := range g.workers[1:] {
			if len(w.dict.arrays[d]) > len(into.arrays[d]) {
				into.arrays[d], w.dict.arrays[d] = w.dict.arrays[d], into.arrays[d]
			}
		}
	}
	pieces := g.pieces(0)
	err := op.Parallel(t, len(pieces), func(_, i int) error {
		p := pieces[i]
		dst := into.arrays[p.dict]
		for _, w := range g.workers[1:] {
			src := w.dict.arrays[p.dict]
			if err := g.sumPiece(dst, src, p.from*into.width, min(p.to*into.width, len(src)), into.width); err != nil {
				return err
			}
		}
		return nil
	})
	for _, w := range g.workers[1:] {
		w.dict.release()
	}
	return err
}

// sumPiece adds the groups of src between two offsets to those of dst.
func (g *dictionary) sumPiece(dst, src []uint64, from, to, width int) error {
	if width == 1 {
		for i := from; i < to; i++ {
			dst[i] += src[i]
		}
		return nil
	}
	for at := from; at < to; at += width {
		if src[at] == 0 {
			continue
		}
		dst[at] += src[at]
		if err := g.prog.merge(dst[at+1:at+width], src[at+1:at+width]); err != nil {
			return err
		}
	}
	return nil
}

// piece is some codes of one dictionary.
type piece struct {
	dict, from, to int
	best           []codeCount // the largest counts, largest first
}

type codeCount struct {
	code  uint32
	count uint64
}

// pieceCodes is what a worker takes at once: 512 KiB of counts.
const pieceCodes = 1 << 16

// pieces cuts the arrays into pieces; first is the first of the numbers to look at: 0 is NULL, 1 the first string.
func (g *dictionary) pieces(first int) []piece {
	var ps []piece
	for d := range g.workers[0].dict.arrays {
		from := 0
		if d == len(g.dicts) {
			from = first
		}
		for n := g.workers[0].dict.size(d); from < n; from += pieceCodes {
			ps = append(ps, piece{dict: d, from: from, to: min(n, from+pieceCodes)})
		}
	}
	return ps
}

// topCountMax is the largest K for which candidates are looked for: each costs a look-up in every dictionary.
const topCountMax = 1000

// topByCount returns how many groups are wanted when only those with the most rows are, or any, else 0.
func (g *dictionary) topByCount() int {
	top := g.cfg.Top
	if top == nil {
		if g.cfg.Limit <= topCountMax {
			return int(g.cfg.Limit)
		}
		return 0
	}
	c := &g.prog.calls[top.Call]
	if !top.Desc || top.K <= 0 || top.K > topCountMax || c.State != nil || c.in >= 0 || c.set >= 0 {
		return 0
	}
	return int(top.K)
}

// topDicts finds the K groups with the most rows without merging all entries, and leaves them, and some others, in tab;
// false when too many entries could be among them. A group among the best K has at least as many rows as the K-th of
// any K groups, and so in one of n dictionaries at least an n-th of that (Fagin's threshold algorithm, with counts by
// code in place of sorted lists).
func (m *dictMerge) topDicts(t *op.Task, tab *hashtable.Table, k int) (bool, error) {
	g := m.g
	pieces := g.pieces(1)
	if err := op.Parallel(t, len(pieces), func(_, i int) error {
		m.bestOf(&pieces[i], k)
		return nil
	}); err != nil {
		return false, err
	}
	if err := tab.Reset(hashtable.LogFor(2 * k * max(1, len(pieces)))); err != nil {
		return false, err
	}
	sources, total := 0, 0
	for i := range pieces {
		p := &pieces[i]
		total += p.to - p.from
		if i == 0 || p.dict != pieces[i-1].dict {
			sources++
		}
		for _, c := range p.best {
			if err := m.addKey(tab, p.dict, c.code); err != nil {
				return false, err
			}
		}
	}
	if tab.Used < k {
		return false, nil
	}
	bound := (kth(tab, k) + uint64(sources) - 1) / uint64(max(1, sources))
	return m.addAbove(t, tab, pieces, bound, k, total/32)
}

// bestOf keeps the k largest counts of a piece.
func (m *dictMerge) bestOf(p *piece, k int) {
	a, width := m.g.workers[0].dict.arrays[p.dict], m.g.workers[0].dict.width
	least := uint64(0)
	better := func(c int, n uint64) {
		p.best = insertBest(p.best, codeCount{uint32(c), n}, k)
		if len(p.best) == k {
			least = p.best[k-1].count
		}
	}
	if l := m.g.workers[0].dict.lent[p.dict]; l != nil {
		for i, n := range l[p.from:p.to] {
			if uint64(n) > least { // seldom, after the first few: nearly all counts are small
				better(p.from+i, uint64(n))
			}
		}
		return
	}
	for c := p.from; c < p.to; c++ {
		if n := a[c*width]; n > least { // as above
			better(c, n)
		}
	}
}

// insertBest adds x to the k largest counts, of which the last falls out.
func insertBest(best []codeCount, x codeCount, k int) []codeCount {
	at, _ := slices.BinarySearchFunc(best, x.count, func(o codeCount, n uint64) int {
		if o.count >= n {
			return -1
		}
		return 1
	})
	if len(best) == k {
		if at == k {
			return best
		}
		best = best[:k-1]
	}
	return slices.Insert(best, at, x)
}

// addAbove adds the groups that have at least bound rows in one dictionary; false when there are more than most.
// Pieces whose best entries reach below the bound have no others.
func (m *dictMerge) addAbove(t *op.Task, tab *hashtable.Table, pieces []piece, bound uint64, k, most int) (bool, error) {
	found := make([][]uint32, len(pieces))
	var n atomic.Int64
	if err := op.Parallel(t, len(pieces), func(_, i int) error {
		p := &pieces[i]
		if len(p.best) < k || p.best[k-1].count < bound || n.Load() > int64(most) {
			return nil
		}
		a, width := m.g.workers[0].dict.arrays[p.dict], m.g.workers[0].dict.width
		l := m.g.workers[0].dict.lent[p.dict]
		for c := p.from; c < p.to; c++ {
			if l != nil && uint64(l[c]) >= bound || l == nil && a[c*width] >= bound {
				found[i] = append(found[i], uint32(c))
			}
		}
		n.Add(int64(len(found[i])))
		return nil
	}); err != nil || n.Load() > int64(most) {
		return false, err
	}
	for i := range found {
		for _, c := range found[i] {
			if err := m.addKey(tab, pieces[i].dict, c); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// addKey adds what all dictionaries have of an entry's string, once.
func (m *dictMerge) addKey(tab *hashtable.Table, d int, code uint32) error {
	if err := tab.Reserve(1); err != nil {
		return err
	}
	ref, hash := refOf(d, code), m.hash(d, code)
	if m.seek(tab, ref, hash)[0] != 0 {
		return nil
	}
	b := m.g.dictBytes(ref)
	for o := range m.runs {
		c, ok := code, o == d
		if !ok {
			c, ok = m.look(o, hash, b)
		}
		if ok {
			if err := m.add(tab, o, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// look finds a string in dictionary d, or among the strings that came without one.
func (m *dictMerge) look(d int, hash uint64, b []byte) (uint32, bool) {
	if d == len(m.g.dicts) {
		id := m.g.lay.Fields[0].Strings.Find(hash, b)
		return id, id != 0
	}
	dict, run := m.g.dicts[d], &m.runs[d]
	if dict.Searchable() {
		c, ok := dict.Find(hash, b)
		return uint32(c), ok
	}
	p := hash >> (64 - hashtable.PartitionBits)
	for i := run.Start[p]; i < run.Start[p+1]; i++ {
		if c := run.List[i]; dict.Hashes[c] == hash && string(dict.At(int(c))) == string(b) {
			return c, true
		}
	}
	return 0, false
}

// kth returns the k-th largest row count of a table.
func kth(tab *hashtable.Table, k int) uint64 {
	var counts []uint64
	for at := 0; at < len(tab.Rows); at += tab.Width {
		if tab.Rows[at] != 0 {
			counts = append(counts, tab.Rows[at])
		}
	}
	slices.Sort(counts)
	return counts[len(counts)-k]
}
