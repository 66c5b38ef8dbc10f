package window

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// evaluator computes one call: chunk by chunk over the rows of a bundle, in order.
type evaluator interface {
	begin(b *bundle) error
	// chunk fills v for n rows from one on.
	chunk(from, n int, v *batch.Vector) error
	close()
}

// calls computes all calls over the bundles of one worker.
type calls struct {
	w       *Window
	t       *op.Task
	b       *bundle
	step    int // most rows of a chunk
	most    int // of step
	orders  []*ordering
	frames  []*framer
	list    []evaluator
	strings *hashtable.Interner // of arguments; nil: none was needed
	used    bool                // strings has some
	lists   bool                // a call makes lists, whose values may be long
	charged int64
	scratch scratch
}

// scratch is what the aggregates of one worker use one after the other.
type scratch struct {
	words []uint64
	slots []uint32 // zeros
	rows  [][]uint64
}

// frameRows is how many places of frames and orders there are for all calls together: with hundreds of frames chunks
// become shorter.
const frameRows = 64 * batch.MaxRows

func newCalls(w *Window, t *op.Task, step int) *calls {
	cs := &calls{w: w, t: t}
	for i := range w.cfg.Calls {
		c := &w.cfg.Calls[i]
		o := cs.ordering(c.Part, c.Order)
		var f *framer
		if c.framed() {
			f = cs.framer(o, &c.Frame)
		}
		cs.list = append(cs.list, cs.evaluator(c, o, f))
	}
	cs.most = max(1, min(step, frameRows/max(1, 2*len(cs.frames)+4*len(cs.orders)+len(cs.list))))
	cs.step = cs.most
	if cs.lists {
		cs.step = min(cs.step, listRows)
	}
	return cs
}

// ordering returns the ordering of some keys, a new one if need be.
func (cs *calls) ordering(part, order int) *ordering {
	for _, o := range cs.orders {
		if o.part == part && o.order == order {
			return o
		}
	}
	o := &ordering{part: part, order: order}
	cs.orders = append(cs.orders, o)
	return o
}

// framer returns that of a frame over an ordering, a new one if need be.
func (cs *calls) framer(o *ordering, f *Frame) *framer {
	for _, x := range cs.frames {
		if x.o == o && x.frame.Mode == f.Mode && x.frame.Start == f.Start && x.frame.End == f.End {
			return x
		}
	}
	x := &framer{cs: cs, o: o, frame: f}
	cs.frames = append(cs.frames, x)
	return x
}

// evaluator makes that of a call.
func (cs *calls) evaluator(c *Call, o *ordering, f *framer) evaluator {
	switch c.Function {
	case fn.OverAggregate:
		return newAggregate(cs, c, o, f)
	case fn.Ntile:
		return &ntile{cs: cs, c: c, o: o}
	case fn.Lag, fn.Lead:
		return &offset{cs: cs, c: c, o: o}
	case fn.FirstValue, fn.LastValue, fn.NthValue:
		return &value{cs: cs, c: c, o: o, f: f}
	}
	return &ranking{c: c, o: o}
}

// begin turns to another bundle.
func (cs *calls) begin(b *bundle) error {
	cs.b = b
	if cs.used {
		cs.strings.Close()
		cs.strings, cs.used = nil, false
	}
	if cs.charged == 0 {
		if err := cs.allocate(); err != nil {
			return err
		}
	}
	for _, o := range cs.orders {
		o.begin(b)
	}
	for _, f := range cs.frames {
		if err := f.begin(b); err != nil {
			return err
		}
	}
	for _, e := range cs.list {
		if err := e.begin(b); err != nil {
			return err
		}
	}
	return nil
}

// allocate makes the places for the rows of a chunk.
func (cs *calls) allocate() error {
	rows := min(cs.most, max(cs.b.n, 64))
	if cs.w.Rows() > int64(rows) {
		rows = cs.most
	}
	n := int64(4*len(cs.orders)+2*len(cs.frames)) * int64(rows) * 8
	if err := cs.t.Account.Reserve(n); err != nil {
		return err
	}
	cs.charged = n
	cs.most = rows
	cs.step = min(cs.step, rows)
	for _, o := range cs.orders {
		o.ps, o.pe, o.gs, o.ge = make([]int, rows), make([]int, rows), make([]int, rows), make([]int, rows)
	}
	for _, f := range cs.frames {
		f.start, f.end = make([]int, rows), make([]int, rows)
	}
	return nil
}

// A list of string_agg or array_agg may be as long as its frame, so the first chunks are short, and get longer as long as
// all lists of a chunk take less than listBytes.
const (
	listRows  = 16
	listBytes = 1 << 20
)

// compute fills the vectors of all calls for n rows from one on.
func (cs *calls) compute(from, n int, vs []*batch.Vector) error {
	for _, o := range cs.orders {
		o.chunk(from, n)
	}
	for _, f := range cs.frames {
		if err := f.chunk(from, n); err != nil {
			return err
		}
	}
	bytes := 0
	for i, e := range cs.list {
		if err := e.chunk(from, n, vs[i]); err != nil {
			return err
		}
		bytes += len(vs[i].Data)
		if i%16 == 15 {
			if err := cs.b.stopped(); err != nil {
				return err
			}
		}
	}
	if cs.lists {
		switch {
		case bytes > listBytes:
			cs.step = max(1, min(cs.step/2, int(int64(cs.step)*listBytes/int64(bytes))))
		case bytes < listBytes/4:
			cs.step = min(2*cs.step, cs.most)
		}
	}
	return nil
}

// interner returns the numbers of strings of the bundle at hand.
func (cs *calls) interner() (*hashtable.Interner, error) {
	var err error
	if cs.strings == nil {
		cs.strings, err = hashtable.NewInterner(cs.t.Account, nil, 0)
	}
	cs.used = true
	return cs.strings, err
}

func (cs *calls) close() {
	for _, e := range cs.list {
		e.close()
	}
	cs.strings.Close()
	cs.strings = nil
	cs.t.Account.Free(cs.charged)
	cs.charged = 0
}
