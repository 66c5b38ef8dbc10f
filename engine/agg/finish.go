package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// finisher makes vectors of groups.
type finisher struct {
	g   *Group
	out aggstate.Output
}

// rowsOf returns the number of rows, or of distinct values, that went into a call's state.
func (g *Group) rowsOf(c *call, row []uint64) uint64 {
	base := 1 + g.lay.Words
	if c.set >= 0 {
		return row[base+g.prog.states[g.sets[c.set].states[0]].at]
	}
	if c.in < 0 {
		return row[0]
	}
	return row[0] - row[base+g.prog.inputs[c.in].skip]
}

// finish fills out with the groups that stand at the offsets pick of rows.
func (f *finisher) finish(rows []uint64, pick []int, out *batch.Batch) error {
	for i := range f.g.cfg.Keys {
		f.g.way.fillKey(i, rows, pick, out.Cols[i])
	}
	for i := range f.g.prog.calls {
		if err := f.call(&f.g.prog.calls[i], rows, pick, out.Cols[len(f.g.cfg.Keys)+i]); err != nil {
			return err
		}
	}
	out.Len = len(pick)
	out.Sel = batch.Selection{}
	return nil
}

// call fills v with the values of a call.
func (f *finisher) call(c *call, rows []uint64, pick []int, v *batch.Vector) error {
	n := len(pick)
	v.Reset(c.Result, n)
	if c.State == nil {
		out := batch.Values[uint64](v)
		for i, at := range pick {
			out[i] = f.g.rowsOf(c, rows[at:])
		}
		return nil
	}
	s := &f.g.prog.states[c.state]
	at0 := 1 + f.g.lay.Words + s.at
	f.out.Vector, f.out.Len = v, n
	for i, at := range pick {
		row := rows[at : at+f.g.out.width]
		f.out.At = i
		count := f.g.rowsOf(c, row)
		if count == 0 {
			f.out.Nothing(&c.Call)
			continue
		}
		if err := c.Finish(&c.Call, row[at0:at0+s.Words], count, &f.out); err != nil {
			return err
		}
	}
	return nil
}

// release gives back what lists were charged for.
func (f *finisher) release() { f.out.Release() }
