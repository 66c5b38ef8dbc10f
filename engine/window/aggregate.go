package window

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// aggregate computes an aggregate function over frames.
type aggregate struct {
	cs      *calls
	c       *Call
	o       *ordering
	f       *framer
	call    aggstate.Call
	err     error // of resolving the function
	in      *input
	store   *aggstate.Store
	sliders [3]slider // of the pieces of the frame
	sum     []uint64  // the state of all pieces, and how many rows count
	out     aggstate.Output
	last    pieces // of the row before
}

func newAggregate(cs *calls, c *Call, o *ordering, f *framer) *aggregate {
	x := &aggregate{cs: cs, c: c, o: o, f: f, out: aggstate.NewOutput(cs.t.Account)}
	x.call = aggstate.Call{Fn: c.Fn, Result: c.Result}
	if len(c.Args) > 0 {
		x.call.Arg = cs.w.cfg.In[c.Args[0]]
	}
	a, kind, err := aggstate.Resolve(c.Fn, x.call.Arg, false)
	if x.err = err; err != nil {
		return x
	}
	x.call.Aggregate = a
	if kind != nil {
		s := &aggstate.State{Kind: kind, Least: a.Least}
		n := 1
		if kind.All {
			n = len(c.Args)
		}
		for _, at := range c.Args[:n] {
			s.Args = append(s.Args, aggstate.Arg{Type: cs.w.cfg.In[at]})
		}
		if kind.Stores {
			x.store = &aggstate.Store{}
			s.Store = x.store
			x.store.Prepare(s)
		}
		x.call.State = s
		cs.lists = cs.lists || kind.All && kind.Stores
	}
	x.in = newInput(cs, c, a, x.call.State)
	for i := range x.sliders {
		x.sliders[i] = newSlider(x.in)
	}
	x.sum = make([]uint64, x.sliders[0].wide+1)
	return x
}

func (x *aggregate) begin(*bundle) error {
	if x.err != nil {
		return x.err
	}
	for i := range x.sliders {
		x.sliders[i].begin()
	}
	if x.store != nil {
		x.store.Reset()
	}
	return x.in.begin()
}

// list tells whether the state is a list, which cannot be merged twice.
func (x *aggregate) list() bool {
	return x.call.State != nil && x.call.State.All && x.call.State.Stores
}

func (x *aggregate) chunk(from, n int, v *batch.Vector) error {
	v.Reset(x.c.Result, n)
	x.out.Vector, x.out.Len = v, n
	whole := x.c.Frame.Exclude == ExcludeNone
	for i := range n {
		p := cut(x.c.Frame.Exclude, x.f.start[i], x.f.end[i], from+i, x.o.gs[i], x.o.ge[i])
		if i > 0 && p == x.last {
			repeat(v, i, n)
			continue
		}
		x.last, x.out.At = p, i
		var err error
		switch {
		case x.list():
			err = x.ofList(&p)
		case whole:
			err = x.ofFrame(p[0].start, p[0].end)
		default:
			err = x.ofPieces(&p)
		}
		if err != nil {
			return err
		}
	}
	if x.store != nil {
		return x.store.Charge(x.cs.t.Account)
	}
	return nil
}

// ofFrame writes the value of a frame of one piece.
func (x *aggregate) ofFrame(s, e int) error {
	sl := &x.sliders[0]
	if err := sl.move(s, e); err != nil {
		return err
	}
	if sl.whole() {
		return x.finish(sl.back, sl.counts)
	}
	sl.clear(x.sum[:sl.wide])
	x.sum[sl.wide] = 0
	if err := sl.into(x.sum); err != nil {
		return err
	}
	return x.finish(x.sum[:sl.wide], x.sum[sl.wide])
}

// ofPieces writes the value of what an exclusion has left of a frame.
func (x *aggregate) ofPieces(p *pieces) error {
	wide := x.sliders[0].wide
	x.sliders[0].clear(x.sum[:wide])
	x.sum[wide] = 0
	for i := range p {
		if p[i].start == p[i].end {
			continue
		}
		if err := x.sliders[i].move(p[i].start, p[i].end); err != nil {
			return err
		}
		if err := x.sliders[i].into(x.sum); err != nil {
			return err
		}
	}
	return x.finish(x.sum[:wide], x.sum[wide])
}

// ofList writes the list of a frame. Where it only grew, so does the state; else it is made anew, which costs no more
// than writing the list.
func (x *aggregate) ofList(p *pieces) error {
	sl := &x.sliders[0]
	grown := sl.some && p[0].start == sl.s && p[0].end >= sl.e && p[1].start == p[1].end && p[2].start == p[2].end
	if !grown {
		x.store.Reset()
		clear(sl.back)
		sl.s, sl.e, sl.counts = p[0].start, p[0].start, 0
		sl.some = true
	}
	for i := range p {
		s, e := p[i].start, p[i].end
		if i == 0 {
			s = sl.e
			sl.e = e
		}
		if s >= e {
			continue
		}
		n, err := x.in.add(sl.back, s, e)
		if err != nil {
			return err
		}
		sl.counts += uint64(n)
		if i > 0 {
			sl.some = false // the state has more than its first piece
		}
	}
	if err := x.store.Charge(x.cs.t.Account); err != nil {
		return err
	}
	return x.finish(sl.back, sl.counts)
}

// finish writes the value of a state.
func (x *aggregate) finish(r []uint64, rows uint64) error {
	switch {
	case x.call.State == nil:
		batch.Values[uint64](x.out.Vector)[x.out.At] = rows
		return nil
	case rows == 0:
		x.out.Nothing(&x.call)
		return nil
	}
	return x.call.Finish(&x.call, r, rows, &x.out)
}

func (x *aggregate) close() {
	for i := range x.sliders {
		if x.sliders[i].in != nil {
			x.sliders[i].close()
		}
	}
	x.out.Release()
	x.store.Release(x.cs.t.Account)
}
