package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// choice puts a vector together from rows of several others.
type choice struct {
	t    types.Type
	from []uint8 // source of each row, from 1; 0: NULL. Longer lists of branches are nested by the compiler.
	srcs []*batch.Vector
	out  batch.Vector

	constants []uint32 // codes of constant sources
}

// maxBranches is the most sources that choice tells apart.
const maxBranches = 255

func (c *choice) begin(rows int) {
	if cap(c.from) < rows {
		c.from = make([]uint8, max(rows, batch.MaxRows))
	}
	c.from = c.from[:rows]
	clear(c.from)
	c.srcs = append(c.srcs[:0], nil)
}

// take assigns the set rows to a vector.
func (c *choice) take(v *batch.Vector, rows batch.Bitmap) {
	k := uint8(len(c.srcs))
	c.srcs = append(c.srcs, v)
	for w, m := range rows {
		for m != 0 {
			c.from[w<<6+trailingZeros(m)] = k
			m &= m - 1
		}
	}
}

// finish builds the result.
func (c *choice) finish(env *fn.Context) (*batch.Vector, error) {
	if c.codes() {
		return &c.out, nil
	}
	n := len(c.from)
	env.Reset(&c.out, c.t, n)
	switch c.t.Physical() {
	case types.PhysBytes:
		if err := env.Room(&c.out, c.stringBytes()); err != nil {
			return nil, err
		}
		for i, k := range c.from {
			v := c.srcs[k]
			if v == nil || v.IsNull(i) {
				c.out.AppendBytes(nil)
				c.out.Nulls(n).Clear(i)
				continue
			}
			c.out.AppendBytes(v.BytesAt(i))
		}
		return &c.out, nil
	case types.PhysBool:
		c.pickBools(n)
	case types.PhysInt16:
		pick[int16](c)
	case types.PhysInt32, types.PhysFloat32:
		pick[int32](c)
	case types.PhysInt64, types.PhysFloat64:
		pick[int64](c)
	default:
		pick[batch.Int128](c)
	}
	for i, k := range c.from {
		if v := c.srcs[k]; v == nil || v.IsNull(i) {
			c.out.Nulls(n).Clear(i)
		}
	}
	return &c.out, nil
}

// stringBytes returns the length of all strings of the result.
func (c *choice) stringBytes() (n int) {
	for i, k := range c.from {
		if v := c.srcs[k]; v != nil && !v.IsNull(i) {
			n += len(v.BytesAt(i))
		}
	}
	return n
}

func (c *choice) pickBools(n int) {
	bits := c.out.Bools()
	for i, k := range c.from[:n] {
		v := c.srcs[k]
		switch {
		case v == nil:
		case v.Form == batch.Constant:
			bits.SetTo(i, v.Bools().Get(0))
		default:
			bits.SetTo(i, v.Bools().Get(i))
		}
	}
}

func pick[T any](c *choice) {
	out := batch.Values[T](&c.out)
	for k, v := range c.srcs {
		if v == nil {
			continue
		}
		vals, mask := batch.Values[T](v), -1
		if v.Form == batch.Constant {
			mask = 0
		}
		for i, f := range c.from {
			if int(f) == k {
				out[i] = vals[i&mask]
			}
		}
	}
}

// caseNode is CASE: each branch is computed for its own rows only.
type caseNode struct {
	conds, results []node
	otherwise      node // nil: NULL
	open, match    batch.Bitmap
	flat           []batch.Vector
	choice
}

func (c *compiler) caseNode(e *Case) (node, error) {
	if len(e.Whens) > maxBranches-1 {
		rest := &Case{Whens: e.Whens[maxBranches-1:], Else: e.Else, T: e.T}
		e = &Case{Whens: e.Whens[:maxBranches-1], Else: rest, T: e.T}
	}
	n := &caseNode{choice: choice{t: e.T}, flat: make([]batch.Vector, len(e.Whens)+1)}
	c.keeps(&n.out)
	for _, w := range e.Whens {
		cond, err := c.node(w.Cond)
		if err != nil {
			return nil, err
		}
		result, err := c.node(w.Result)
		if err != nil {
			return nil, err
		}
		n.conds, n.results = append(n.conds, cond), append(n.results, result)
	}
	if e.Else != nil {
		var err error
		if n.otherwise, err = c.node(e.Else); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// flatten makes packed vectors readable by row; strings may stay codes.
func flatten(v *batch.Vector, into *batch.Vector) *batch.Vector {
	if v.Form == batch.Packed {
		into.Flatten(v)
		return into
	}
	return v
}

func (n *caseNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	n.begin(r.n)
	n.open, n.match = sized(n.open, r.n), sized(n.match, r.n)
	n.open.Fill(r.n)
	n.open.And(active)
	for i, cond := range n.conds {
		v, err := cond.eval(r, n.open)
		if err != nil {
			return nil, err
		}
		trueBits(v, r.n, n.match)
		n.match.And(n.open)
		if !anySet(n.match) {
			continue
		}
		v, err = n.results[i].eval(r, n.match)
		if err != nil {
			return nil, err
		}
		n.take(flatten(v, &n.flat[i]), n.match)
		n.open.AndNot(n.match)
		if !anySet(n.open) {
			break
		}
	}
	if n.otherwise != nil && anySet(n.open) {
		v, err := n.otherwise.eval(r, n.open)
		if err != nil {
			return nil, err
		}
		n.take(flatten(v, &n.flat[len(n.conds)]), n.open)
	}
	return n.finish(r.env)
}

// coalesceNode is COALESCE.
type coalesceNode struct {
	args        []node
	open, match batch.Bitmap
	flat        []batch.Vector
	choice
}

func (n *coalesceNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	if n.flat == nil {
		n.flat = make([]batch.Vector, len(n.args))
	}
	n.begin(r.n)
	n.open, n.match = sized(n.open, r.n), sized(n.match, r.n)
	n.open.Fill(r.n)
	n.open.And(active)
	for i, a := range n.args {
		reach := n.open
		if i == 0 {
			reach = active
		}
		v, err := a.eval(r, reach)
		if err != nil {
			return nil, err
		}
		if i == 0 && !v.HasNulls() {
			return v, nil
		}
		copy(n.match, n.open)
		switch {
		case v.Valid == nil:
		case v.Form != batch.Constant:
			n.match.And(v.Valid)
		case v.IsNull(0):
			continue
		}
		n.take(flatten(v, &n.flat[i]), n.match)
		n.open.AndNot(n.match)
		if !anySet(n.open) {
			break
		}
	}
	return n.finish(r.env)
}
