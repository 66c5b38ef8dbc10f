package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// sparseGroups are the groups of a table by the partitions of their strings' hashes. NULL is not among them.
type sparseGroups struct {
	start  [hashtable.Partitions + 1]uint32
	at     []uint32 // numbers of the table's rows, partition by partition
	hashes []uint64 // of their strings
}

func (f *sparseGroups) release(acc *mem.Account) {
	mem.ReleaseSlice(acc, f.at)
	mem.ReleaseSlice(acc, f.hashes)
}

// split reads the hashes of all groups.
func (f *sparseGroups) split(m *dictMerge, tab *hashtable.Table) (err error) {
	acc := m.g.acc
	if f.at, err = mem.Slice[uint32](acc, tab.Used); err != nil {
		return err
	}
	if f.hashes, err = mem.Slice[uint64](acc, tab.Used); err != nil {
		return err
	}
	found, err := mem.Slice[uint64](acc, tab.Used)
	if err != nil {
		return err
	}
	defer mem.ReleaseSlice(acc, found)
	null, n := refOf(len(m.g.dicts), 0), 0
	for at := 0; at < len(tab.Rows); at += tab.Width {
		if row := tab.Rows[at:]; row[0] != 0 && row[1] != null {
			found[n] = m.hash(int(row[1]>>32), uint32(row[1]))
			f.start[found[n]>>(64-hashtable.PartitionBits)+1]++
			n++
		}
	}
	for p := range hashtable.Partitions {
		f.start[p+1] += f.start[p]
	}
	next := f.start
	n = 0
	for at := 0; at < len(tab.Rows); at += tab.Width {
		if row := tab.Rows[at:]; row[0] != 0 && row[1] != null {
			p := found[n] >> (64 - hashtable.PartitionBits)
			f.at[next[p]], f.hashes[next[p]] = uint32(at/tab.Width), found[n]
			next[p]++
			n++
		}
	}
	return nil
}

// mergeSparse merges the groups of the table by their strings, and hands them to the collectors.
func (m *dictMerge) mergeSparse(t *op.Task, collect []collector) error {
	g := m.g
	sparse := g.workers[0].dict.sparse
	if k := g.topByCount(); k > 0 {
		tab := g.builders[0].tab
		done, err := m.topSparse(tab, sparse, k)
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
	var groups sparseGroups
	defer groups.release(g.acc)
	if err := groups.split(m, sparse); err != nil {
		return err
	}
	if err := op.Parallel(t, hashtable.Partitions, func(wk, p int) error {
		from, to := groups.start[p], groups.start[p+1]
		if from == to {
			return nil
		}
		tab := g.builders[wk].tab
		if err := tab.Reset(min(hashtable.LogFor(int(to-from)), builderLog)); err != nil {
			return err
		}
		for i := from; i < to; i++ {
			row := sparse.Rows[int(groups.at[i])*sparse.Width:][:sparse.Width]
			if err := m.addGroup(tab, row[1], groups.hashes[i], row[0], row[2:]); err != nil {
				return err
			}
		}
		return collect[wk].take(tab.Rows, tab.Width, tab.Used)
	}); err != nil {
		return err
	}
	return g.collectNull(&collect[0])
}

// findCost is what it costs to find a string in a dictionary, in groups that could be merged meanwhile.
const findCost = 8

// topSparse is topDicts over a table: it leaves the K groups with the most rows, and some others, in tab; false when it is
// cheaper to merge all.
func (m *dictMerge) topSparse(tab, sparse *hashtable.Table, k int) (bool, error) {
	best := make([][]codeCount, len(m.runs))
	null := refOf(len(m.g.dicts), 0)
	sources := 0
	for at := 0; at < len(sparse.Rows); at += sparse.Width {
		row := sparse.Rows[at:]
		if row[0] == 0 || row[1] == null {
			continue
		}
		d := row[1] >> 32
		if best[d] == nil {
			if d < uint64(len(m.g.dicts)) && !m.g.dicts[d].Searchable() {
				return false, nil
			}
			if sources++; k*sources*len(m.runs)*findCost > sparse.Used {
				return false, nil
			}
		}
		if b := best[d]; len(b) < k || row[0] > b[k-1].count {
			best[d] = insertBest(b, codeCount{uint32(row[1]), row[0]}, k)
		}
	}
	if err := tab.Reset(hashtable.LogFor(2 * k * max(1, sources))); err != nil {
		return false, err
	}
	for d := range best {
		for _, c := range best[d] {
			if err := m.addKey(tab, d, c.code); err != nil {
				return false, err
			}
		}
	}
	if tab.Used < k {
		return false, nil
	}
	bound := (kth(tab, k) + uint64(sources) - 1) / uint64(max(1, sources))
	return m.addSparse(tab, sparse, best, bound, k)
}

// addSparse adds the groups of the table that have at least bound rows; false when they are too many. A dictionary whose
// best entries reach below the bound has no others.
func (m *dictMerge) addSparse(tab, sparse *hashtable.Table, best [][]codeCount, bound uint64, k int) (bool, error) {
	var found []uint64
	null, most := refOf(len(m.g.dicts), 0), sparse.Used/(len(m.runs)*findCost)
	for at := 0; at < len(sparse.Rows); at += sparse.Width {
		row := sparse.Rows[at:]
		if row[0] < bound || row[0] == 0 || row[1] == null {
			continue
		}
		if b := best[row[1]>>32]; len(b) < k || b[k-1].count < bound {
			continue
		}
		if found = append(found, row[1]); len(found) > most {
			return false, nil
		}
	}
	for _, ref := range found {
		if err := m.addKey(tab, int(ref>>32), uint32(ref)); err != nil {
			return false, err
		}
	}
	return true, nil
}
