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
	return w, g.way.start(w)
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

// prepare loads the arguments, the weights and the keys of a batch, and adds it to the distinct sets.
func (w *worker) prepare(b *batch.Batch) error {
	if err := w.loadAll(b); err != nil {
		return err
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
	return nil
}

// loadAll loads the arguments and the weights.
func (w *worker) loadAll(b *batch.Batch) error {
	if w.g.stores {
		if err := w.g.store.Charge(w.g.acc); err != nil {
			return err
		}
	}
	if err := w.load(b); err != nil {
		return err
	}
	return w.loadWeights(b)
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
