package agg

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// dictionary is the way of one string key whose dictionaries are known: rows are grouped by code, and the groups merged by
// string at the end.
type dictionary struct {
	*Group
	dicts  []*batch.Dictionary
	sparse bool     // workers begin with a table of the entries they meet
	once   struct { // with Weight.Once
		sync.Mutex
		dict *dictWorker // that of a worker without a consumer
	}
}

func (g *dictionary) start(w *worker) error {
	w.dict = newDictWorker(g)
	return nil
}

func (g *dictionary) release() {}

func (g *dictionary) consume(w *worker, b *batch.Batch) error {
	if w.noteRun(b) {
		return nil
	}
	if err := w.loadAll(b); err != nil {
		return err
	}
	return w.consumeDict(b)
}

func (g *dictionary) combine(t *op.Task) error { return g.combineDicts(t) }

func (g *dictionary) flush(f *flusher, w *worker) error {
	return w.dict.each(func(ref, rows uint64, words []uint64) error { return f.group([]uint64{ref}, rows, words) })
}

func (g *dictionary) appendKey(dst []byte, key []uint64) []byte {
	b := g.dictBytes(key[0])
	if b == nil && g.dictNull(key[0]) {
		return append(dst, 0)
	}
	return aggstate.AppendBytes(append(dst, 1), b)
}

func (g *dictionary) hashKey(key []uint64) uint64 {
	h := uint64(hashSeed)
	if g.dictNull(key[0]) {
		return hashtable.Mix(h, 0)
	}
	return hashtable.Mix(h, kernel.HashBytes(g.dictBytes(key[0])))
}

func (g *dictionary) fillKey(_ int, rows []uint64, pick []int, v *batch.Vector) {
	v.Reset(g.lay.Fields[0].Typ, len(pick))
	for j, at := range pick {
		b := g.dictBytes(rows[at+1])
		v.AppendBytes(b)
		if b == nil && g.dictNull(rows[at+1]) {
			v.Nulls(len(pick)).Clear(j)
		}
	}
}

// dictNull tells whether a reference is NULL.
func (g *dictionary) dictNull(ref uint64) bool {
	return uint32(ref) == 0 && int(ref>>32) == len(g.dicts)
}

// openOnce makes the worker whose arrays take entries that come once.
func (g *dictionary) openOnce() error {
	w, err := g.newWorker(nil)
	if err != nil {
		return err
	}
	w.dict.dropTable()
	g.workers, g.once.dict = append(g.workers, w), w.dict
	return nil
}

// dictWorker groups by the codes of dictionaries: an array of groups (a count and the states, no key) for each
// dictionary, indexed by code, and one for values that came without one, indexed by the interner's number; number 0 is
// NULL. As long as it met few entries, they are in a table instead. No string is read until the groups are merged.
type dictWorker struct {
	g      *dictionary
	width  int
	sparse *hashtable.Table // by reference, see sparse.go; nil: arrays
	stay   bool             // arrays were refused memory
	arrays [][]uint64       // by index in Group.dicts; the last one is that of the interner
	last   *batch.Dictionary
	at     int // index of last

	runs [][]run    // by index in Group.dicts: entries that have as many rows as their dictionary says, see run.go
	lent [][]uint32 // the same, once they are known to be all entries: in place of an array
}

func newDictWorker(g *dictionary) *dictWorker {
	d := &dictWorker{g: g, width: 1 + g.prog.words, arrays: make([][]uint64, len(g.dicts)+1), runs: make([][]run, len(g.dicts)), lent: make([][]uint32, len(g.dicts)+1)}
	if g.sparse {
		d.sparse = hashtable.NewTable(g.acc, 1, g.prog.words)
	}
	return d
}

func (d *dictWorker) release() {
	if d == nil {
		return
	}
	d.releaseArrays()
	if d.sparse != nil {
		d.sparse.Release()
	}
}

func (d *dictWorker) releaseArrays() {
	for i, a := range d.arrays {
		mem.ReleaseSlice(d.g.acc, a)
		d.arrays[i] = nil
	}
}

// each calls fn for every group: where its string is, its number of rows, and its states.
func (d *dictWorker) each(fn func(ref, rows uint64, words []uint64) error) error {
	if d.sparse != nil {
		for at := 0; at < len(d.sparse.Rows); at += d.sparse.Width {
			if row := d.sparse.Rows[at : at+d.sparse.Width]; row[0] != 0 {
				if err := fn(row[1], row[0], row[2:]); err != nil {
					return err
				}
			}
		}
	}
	if err := d.eachRun(fn); err != nil {
		return err
	}
	for i, a := range d.arrays {
		for code, at := 0, 0; at < len(a); code, at = code+1, at+d.width {
			if a[at] == 0 {
				continue
			}
			if err := fn(refOf(i, uint32(code)), a[at], a[at+1:at+d.width]); err != nil {
				return err
			}
		}
	}
	return nil
}

// refOf refers to an entry of a dictionary, or to a number of the interner for the index behind the last one.
func refOf(dict int, code uint32) uint64 { return uint64(dict)<<32 | uint64(code) }

// array returns array i with room for n groups.
func (d *dictWorker) array(i, n int) ([]uint64, error) {
	a := d.arrays[i]
	if len(a) >= n*d.width {
		return a, nil
	}
	size := n * d.width
	if len(a) > 0 || i == len(d.arrays)-1 {
		size = max(size+size/2, 1024*d.width)
	}
	bigger, err := mem.Slice[uint64](d.g.acc, size)
	if err != nil {
		return nil, err
	}
	copy(bigger, a)
	mem.ReleaseSlice(d.g.acc, a)
	d.arrays[i] = bigger
	return bigger, nil
}

// index returns the position of a dictionary, or -1.
func (d *dictWorker) index(v *batch.Dictionary) int {
	if v == d.last {
		return d.at
	}
	for i, o := range d.g.dicts {
		if o == v || o.ID == v.ID && o.Len >= v.Len {
			d.last, d.at = v, i
			return i
		}
	}
	return -1
}

// consumeDict adds a batch, whose arguments are loaded.
func (w *worker) consumeDict(b *batch.Batch) error {
	v := b.Cols[w.g.lay.Fields[0].Column]
	n := b.Len
	at := -1
	if v.Form == batch.Dict {
		at = w.dict.index(v.Dict)
	}
	if w.dict.sparse != nil {
		return w.consumeSparse(v, at, n)
	}
	if at < 0 {
		return w.consumeNumbers(v, n)
	}
	width := w.dict.width
	var rows []uint64
	var err error
	if w.weights != nil && w.dict.g.once.dict != nil {
		rows, err = w.onceArray(at)
	} else {
		rows, err = w.dict.array(at, w.dict.g.dicts[at].Len)
	}
	if err != nil {
		return err
	}
	if v.Valid == nil {
		codes := v.Codes[:n] // codes are the slots of the array as they are: nothing is computed per row
		w.countCodes(rows, width, codes)
		if width == 1 && w.noSkips() {
			return nil
		}
		return w.apply(rows, width, 1, n, nil, codes)
	}
	nulls, err := w.dict.array(len(w.dict.g.dicts), 1)
	if err != nil {
		return err
	}
	w.hit, w.miss = w.hit[:0], w.miss[:0]
	for i, c := range v.Codes[:n] {
		if v.Valid.Get(i) {
			w.slots[len(w.hit)] = c
			w.hit = append(w.hit, uint16(i))
		} else {
			w.miss = append(w.miss, uint16(i))
		}
	}
	w.countRows(rows, width, w.slots[:len(w.hit)], w.hit)
	if err := w.apply(rows, width, 1, n, w.hit, w.slots); err != nil || len(w.miss) == 0 {
		return err
	}
	clear(w.slots[:len(w.miss)])
	w.countRows(nulls, width, w.slots[:len(w.miss)], w.miss)
	return w.apply(nulls, width, 1, n, w.miss, w.slots)
}

// onceArray returns the array for the weighted entries of a dictionary. Those that come once are counted in one array for
// all workers: no two of them touch the same group, and a second array would take as long to be cleared and added up as
// the entries take to be counted.
func (w *worker) onceArray(at int) ([]uint64, error) {
	n := w.dict.g.dicts[at].Len
	w.dict.g.once.Lock()
	defer w.dict.g.once.Unlock()
	return w.dict.g.once.dict.array(at, n)
}

func (w *worker) noSkips() bool {
	for _, s := range w.skips {
		if s != nil {
			return false
		}
	}
	return true
}

// consumeNumbers adds values that came without a known dictionary.
func (w *worker) consumeNumbers(v *batch.Vector, n int) error {
	c := w.keys[0]
	if err := c.Load(v, n); err != nil {
		return err
	}
	most := uint64(0)
	for i, x := range c.Words[:n] {
		if c.Nulls != nil && c.Nulls.Get(i) {
			x = 0
		}
		w.slots[i] = uint32(x)
		most = max(most, x)
	}
	rows, err := w.dict.array(len(w.dict.g.dicts), int(most)+1)
	if err != nil {
		return err
	}
	w.countRows(rows, w.dict.width, w.slots[:n], nil)
	return w.apply(rows, w.dict.width, 1, n, nil, w.slots)
}

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

// dictBytes returns the string of a reference; nil is NULL.
func (g *dictionary) dictBytes(ref uint64) []byte {
	d, code := int(ref>>32), uint32(ref)
	if d < len(g.dicts) {
		return g.dicts[d].At(int(code))
	}
	if code == 0 {
		return nil
	}
	return g.lay.Fields[0].Strings.Bytes(code)
}
