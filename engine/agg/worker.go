package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// worker has the state of one worker: scratch for one batch, and its own table and partitions.
type worker struct {
	g      *Group
	keys   []*hashtable.Column // of the key fields
	packed []uint64            // the batch's packed keys
	cols   []*hashtable.Column // of Group.columns
	skips  []batch.Bitmap      // of the inputs: rows they skip; nil: none
	own    []batch.Bitmap
	pass   batch.Bitmap

	weight  *hashtable.Column // of Config.Weight
	weights []int64           // how often each row of the batch counts; nil: once

	tab     *hashtable.Table
	clean   *hashtable.Scatter // rows that no input skips: key words, argument words
	flagged *hashtable.Scatter // other rows: key words, argument words, a bit per input that skips the row
	seen    int                // rows that went into the table before there were partitions
	absorb  bool               // rows of groups that the table knows stay out of the partitions
	tried   int                // rows looked up since the table stopped growing
	hits    int

	slots, dslots []uint32
	dwords        []uint64
	dweights      []int64
	places        []uint16
	all           []*hashtable.Column
	hit, miss     []uint16
	sets          []*setWorker
	dict          *dictWorker // of a single dictionary key
	scratch       []uint64    // one row: count, key, states
}

// newWorker makes the state of one worker; sets are the distinct sets it fills.
func (g *Group) newWorker(sets []setPlan) (*worker, error) {
	w := &worker{g: g, tab: hashtable.NewTable(g.acc, g.lay.Words, g.prog.words)}
	for i := range g.lay.Fields {
		f := &g.lay.Fields[i]
		w.keys = append(w.keys, hashtable.NewColumn(f.Typ, f.Strings))
	}
	for _, c := range g.columns {
		col := hashtable.NewColumn(g.cfg.In[c.ordinal], g.strings[c.ordinal])
		col.Refs = c.refs
		w.cols = append(w.cols, col)
	}
	if g.cfg.Weight != nil {
		w.weight = hashtable.NewColumn(types.T(types.Int8), nil)
	}
	w.skips = make([]batch.Bitmap, len(g.prog.inputs))
	w.own = make([]batch.Bitmap, len(g.prog.inputs))
	w.packed = make([]uint64, batch.MaxRows*max(1, g.lay.Words))
	w.slots = make([]uint32, batch.MaxRows)
	w.dslots = make([]uint32, batch.MaxRows)
	w.dwords = make([]uint64, 2*batch.MaxRows)
	w.hit = make([]uint16, 0, batch.MaxRows)
	w.miss = make([]uint16, 0, batch.MaxRows)
	w.pass = make(batch.Bitmap, batch.Words(batch.MaxRows))
	for i := range sets {
		w.sets = append(w.sets, g.newSetWorker(&sets[i]))
	}
	switch g.mode {
	case modeOne:
		return w, w.tab.Reset(0)
	case modeDirect:
		return w, w.tab.Reset(g.lay.Bits)
	case modeDict:
		w.dict = newDictWorker(g)
	}
	return w, nil
}

func (w *worker) release() {
	if w == nil {
		return
	}
	w.tab.Release()
	w.clean.Release()
	w.flagged.Release()
	w.dict.release()
	for _, s := range w.sets {
		s.release()
	}
}

// consume takes a batch. When it is refused memory, it has changed nothing that trying again would change twice.
func (w *worker) consume(b *batch.Batch) error {
	if w.g.growing {
		if err := w.g.store.Charge(w.g.acc); err != nil {
			return err
		}
	}
	if w.dict != nil && w.noteRun(b) {
		return nil
	}
	if err := w.load(b); err != nil {
		return err
	}
	if err := w.loadWeights(b); err != nil {
		return err
	}
	if w.dict != nil {
		return w.consumeDict(b)
	}
	if w.g.lay.Words > 0 {
		if err := w.loadKeys(b); err != nil {
			return err
		}
	}
	for _, s := range w.sets {
		if err := s.consume(w, b); err != nil {
			return err
		}
	}
	switch w.g.mode {
	case modeOne:
		return w.consumeKeyless(b.Len)
	case modeDirect:
		return w.consumeDirect(b.Len)
	}
	if w.clean != nil {
		return w.consumePartitioned(b.Len)
	}
	if w.g.limited {
		if f := w.g.fixed.Load(); f != nil {
			return w.consumeFixed(f, b.Len)
		}
	}
	return w.consumeTable(b.Len)
}

func (w *worker) consumeDirect(n int) error {
	rows, width := w.tab.Rows, w.tab.Width
	if w.g.plainSums && w.weights == nil && w.noSkips() {
		w.addSums(rows, width, n)
		return nil
	}
	slots := w.slots[:n]
	for i, k := range w.packed[:n] {
		slots[i] = uint32(k)
		rows[int(k)*width]++
	}
	w.addWeights(rows, width, n, nil, slots)
	return w.apply(rows, width, 2, n, nil, slots)
}

// addSums counts rows and adds up to two sums in one pass over the array: the usual small aggregation, which
// is bound by the loads and stores of the groups.
func (w *worker) addSums(rows []uint64, width, n int) {
	p := w.g.prog
	keys := w.packed[:n]
	var words [2][]uint64
	var at [2]int
	for i := range p.states {
		words[i] = w.cols[w.g.columnOf[p.inputs[p.states[i].in].cols[0]]].Words[:n]
		at[i] = 2 + p.states[i].at
	}
	switch len(p.states) {
	case 0:
		for _, k := range keys {
			rows[int(k)*width]++
		}
	case 1:
		a, x := at[0], words[0]
		for i, k := range keys {
			row := rows[int(k)*width:][:width]
			row[0]++
			row[a] += x[i]
		}
	default:
		a, b, x, y := at[0], at[1], words[0], words[1][:n]
		for i, k := range keys {
			row := rows[int(k)*width:][:width]
			row[0]++
			row[a] += x[i]
			row[b] += y[i]
		}
	}
}

// tableBytes is how large a worker's table may become before rows are partitioned instead: half of a 2 MiB
// second-level cache.
const tableBytes = 1 << 20

// largeGroups is the number of expected groups from which rows are partitioned as soon as the first few thousand of
// them show that keys seldom repeat: four times what fits a worker's table.
const largeGroups = 1 << 17

func (w *worker) consumeTable(n int) error {
	if err := w.tab.Reserve(n); err != nil {
		return err
	}
	k := w.g.lay.Words
	w.tab.Find(w.packed, k, n, w.slots)
	w.addWeights(w.tab.Rows, w.tab.Width, n, nil, w.slots)
	if err := w.apply(w.tab.Rows, w.tab.Width, 1+k, n, nil, w.slots); err != nil {
		return err
	}
	if w.g.limited {
		if w.tab.Used >= int(w.g.cfg.Limit) {
			return w.g.fix(w.tab)
		}
		return nil
	}
	w.seen += n
	many := 2*w.seen > 3*w.tab.Used
	if w.tab.Used > 1<<12 && (len(w.tab.Rows)*8 > tableBytes || !many && w.g.cfg.Expected > largeGroups) && !w.g.tableOnly {
		if sc, err := hashtable.NewScatter(w.g.acc, k+w.g.payload); err == nil { // else the table goes on until it is refused too
			w.clean, w.absorb = sc, many
		}
	}
	return nil
}

// loadKeys packs the keys.
func (w *worker) loadKeys(b *batch.Batch) error {
	g := w.g
	n := b.Len
	k := g.lay.Words
	packed := w.packed[:n*k]
	only := len(g.lay.Fields) == 1 && g.lay.Words == 1
	if !only || g.lay.Fields[0].Phys == types.PhysFloat32 || g.lay.Fields[0].Phys == types.PhysFloat64 {
		clear(packed)
	}
	for i := range g.lay.Fields {
		f, c := &g.lay.Fields[i], w.keys[i]
		if err := c.Load(b.Cols[f.Column], n); err != nil {
			return err
		}
		if !f.Pack(c, packed, k, n, only) {
			return errs.Internal("a key of column %d is outside of its statistics", f.Column)
		}
	}
	return nil
}
