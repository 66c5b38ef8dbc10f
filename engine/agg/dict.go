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
