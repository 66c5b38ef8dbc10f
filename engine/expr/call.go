package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// callNode computes a function over its arguments.
type callNode struct {
	fn      *fn.Overload
	compute fn.Eval
	t       types.Type
	args    []node
	vecs    []*batch.Vector
	flat    []batch.Vector
	valid   batch.Bitmap // rows where no argument is NULL
	both    batch.Bitmap // valid and active
	out     batch.Vector
	ready   bool // out holds the one value of a stable call over constants
}

func (c *compiler) call(o *fn.Overload, args []Expr, t types.Type) (node, error) {
	nodes, err := c.nodes(args)
	if err != nil {
		return nil, err
	}
	n := &callNode{fn: o, compute: o.Eval, t: t, args: nodes, vecs: make([]*batch.Vector, len(args)), flat: make([]batch.Vector, len(args))}
	if o.Prepare != nil {
		consts := make([]*types.Datum, len(args))
		for i, a := range args {
			if k, ok := a.(*Const); ok {
				consts[i] = &k.Value
			}
		}
		compute, err := o.Prepare(c.env, typesOf(args), t, consts)
		switch {
		case err != nil && c.failed == nil:
			c.failed = err
		case err == nil && compute != nil:
			n.compute = compute
		}
	}
	c.keeps(&n.out)
	for i := range n.flat {
		c.keeps(&n.flat[i])
	}
	return n, nil
}

func (c *compiler) cast(e *Cast) (node, error) {
	from := e.Arg.Type()
	if fn.SameValues(from, e.T) {
		arg, err := c.node(e.Arg)
		return &retypeNode{arg: arg, t: e.T}, err
	}
	o, err := fn.ResolveCast(from, e.T, e.Assignment)
	if err != nil {
		return nil, err
	}
	return c.call(o, []Expr{e.Arg}, e.T)
}

func (n *callNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	if n.ready {
		n.out.Len = r.n
		return &n.out, nil
	}
	constant := n.fn.Volatility != fn.Volatile
	stable := constant
	nullable := false
	for i, a := range n.args {
		v, err := a.eval(r, active)
		if err != nil {
			return nil, err
		}
		if v.Form == batch.Dict || v.Form == batch.Packed {
			if err := r.env.Flatten(&n.flat[i], v); err != nil {
				return nil, err
			}
			v = &n.flat[i]
		}
		if v.Form != batch.Constant {
			constant = false
		}
		if _, ok := a.(*constNode); !ok {
			stable = false
		}
		nullable = nullable || v.Valid != nil
		n.vecs[i] = v
	}
	rows := r.n
	if constant {
		rows, active = 1, nil
	}
	var valid batch.Bitmap
	if nullable && !n.fn.NotStrict {
		var null bool
		if valid, null = n.combine(rows); null {
			n.out.ResetConstant(types.NullOf(n.t), r.n)
			return &n.out, nil
		}
	}
	reach := valid
	if active != nil {
		reach = active
		if valid != nil {
			n.both = sized(n.both, rows)
			for w := range n.both {
				n.both[w] = valid[w] & active[w]
			}
			reach = n.both
		}
	}
	n.out.Type = n.t
	if err := n.compute(r.env, n.vecs, rows, reach, &n.out); err != nil {
		return nil, err
	}
	if err := r.env.Settle(&n.out); err != nil {
		return nil, err
	}
	if valid != nil {
		if n.out.Valid != nil {
			n.out.Valid.And(valid)
		} else {
			n.out.Valid = valid
		}
	}
	n.out.Type = n.t
	if constant {
		n.out.Form, n.out.Len = batch.Constant, r.n
		n.ready = stable
	}
	return &n.out, nil
}

// combine returns the rows in which no argument is NULL (nil: all); null tells that a constant argument is.
func (n *callNode) combine(rows int) (valid batch.Bitmap, null bool) {
	for _, v := range n.vecs {
		if v.Valid == nil {
			continue
		}
		if v.Form == batch.Constant {
			if v.IsNull(0) {
				return nil, true
			}
			continue
		}
		if valid == nil {
			n.valid = sized(n.valid, rows)
			valid = n.valid
			copy(valid, v.Valid)
			continue
		}
		valid.And(v.Valid)
	}
	return valid, false
}

// retypeNode changes the type of values whose bytes stay the same.
type retypeNode struct {
	arg node
	t   types.Type
	out batch.Vector
}

func (n *retypeNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v, err := n.arg.eval(r, active)
	if err != nil {
		return nil, err
	}
	n.out.Lend(v)
	n.out.Type = n.t
	return &n.out, nil
}
