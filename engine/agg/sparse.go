package agg

import "github.com/siltstone-db/siltstone/storage/batch"

// Where rows meet few of the entries of dictionaries, an array by code would be mostly empty: each row would touch a
// page of its own. A table by reference (dictionary<<32|code) is as small as its groups, and a row costs one look into
// it: neither the hash nor the string of an entry is read before all rows are counted. Only the groups that are left
// then are merged by string: of a top-k by count a few, else all.

// sparsePart is the part of all entries that may be in a table, an eighth: from there on arrays are smaller.
const sparsePart = 8

// consumeSparse adds a batch by the references of its values; at is the index of its dictionary, -1 for none.
func (w *worker) consumeSparse(v *batch.Vector, at, n int) error {
	refs := w.packed[:n]
	if at >= 0 {
		base, null := refOf(at, 0), refOf(len(w.dict.g.dicts), 0)
		for i, c := range v.Codes[:n] {
			refs[i] = base | uint64(c)
		}
		if v.Valid != nil {
			for i := range refs {
				if !v.Valid.Get(i) {
					refs[i] = null
				}
			}
		}
	} else if err := w.numberRefs(v, refs); err != nil {
		return err
	}
	tab := w.dict.sparse
	if err := tab.Reserve(n); err != nil {
		return err
	}
	// Hashes of references, not of strings: neither the stored hash of an entry nor its text is touched, each of which
	// would be a miss of all caches per row.
	tab.Find1(refs, 1, n, w.slots)
	w.addWeights(tab.Rows, tab.Width, n, nil, w.slots)
	if err := w.apply(tab.Rows, tab.Width, 2, n, nil, w.slots); err != nil {
		return err
	}
	if d := w.dict; !d.stay && tab.Used > batch.MaxRows && tab.Used > w.dict.g.entries()/sparsePart {
		d.stay = d.spread() != nil // refused memory: the batch is counted all the same
	}
	return nil
}

// numberRefs makes references of values that came without a known dictionary.
func (w *worker) numberRefs(v *batch.Vector, refs []uint64) error {
	c := w.keys[0]
	if err := c.Load(v, len(refs)); err != nil {
		return err
	}
	base := refOf(len(w.dict.g.dicts), 0)
	for i, x := range c.Words[:len(refs)] {
		if c.Nulls != nil && c.Nulls.Get(i) {
			x = 0
		}
		refs[i] = base | x
	}
	return nil
}

// entries returns the number of entries of all dictionaries.
func (g *dictionary) entries() int {
	n := 0
	for _, d := range g.dicts {
		n += d.Len
	}
	return n
}

// spread moves the groups of the table to arrays. When memory for these is refused, the table has all groups still.
func (d *dictWorker) spread() error {
	size := make([]int, len(d.arrays))
	for at := 0; at < len(d.sparse.Rows); at += d.sparse.Width {
		if row := d.sparse.Rows[at:]; row[0] != 0 {
			size[row[1]>>32] = max(size[row[1]>>32], int(uint32(row[1]))+1)
		}
	}
	for i, n := range size {
		if n == 0 {
			continue
		}
		if i < len(d.g.dicts) {
			n = d.g.dicts[i].Len
		}
		if _, err := d.array(i, n); err != nil {
			d.releaseArrays()
			return err
		}
	}
	for at := 0; at < len(d.sparse.Rows); at += d.sparse.Width {
		if row := d.sparse.Rows[at : at+d.sparse.Width]; row[0] != 0 {
			to := d.arrays[row[1]>>32][int(uint32(row[1]))*d.width:][:d.width]
			to[0] = row[0]
			copy(to[1:], row[2:])
		}
	}
	d.dropTable()
	return nil
}

// dropTable leaves arrays alone.
func (d *dictWorker) dropTable() {
	if d.sparse != nil {
		d.sparse.Release()
		d.sparse = nil
	}
}

// sumSparse adds the tables of all workers into that of the first one; false when a worker has arrays, and then all have.
func (g *dictionary) sumSparse() (bool, error) {
	all, more := true, 0
	for _, w := range g.workers {
		if w.dict.sparse == nil {
			all = all && w.dict == g.once.dict && w.dict.empty()
			continue
		}
		more += w.dict.sparse.Used
	}
	if !all {
		return false, g.spreadAll()
	}
	into := g.workers[0].dict.sparse
	if err := into.Reserve(more - into.Used); err != nil {
		return false, err
	}
	for _, w := range g.workers[1:] {
		if err := w.dict.each(func(ref, rows uint64, words []uint64) error {
			key := [1]uint64{ref}
			dst, _, err := into.Upsert(key[:])
			if err != nil {
				return err
			}
			dst[0] += rows
			return g.prog.merge(dst[2:], words)
		}); err != nil {
			return false, err
		}
		w.dict.dropTable()
	}
	return true, nil
}

// empty tells whether there is no array.
func (d *dictWorker) empty() bool {
	for i := range d.arrays {
		if d.size(i) > 0 {
			return false
		}
	}
	return true
}

// spreadAll makes arrays of all tables.
func (g *dictionary) spreadAll() error {
	for _, w := range g.workers {
		if w.dict.sparse == nil {
			continue
		}
		if err := w.dict.spread(); err != nil {
			return err
		}
	}
	return nil
}
