package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Evaluator computes one expression over batches. It belongs to one worker; its vectors are reused, so that it
// allocates nothing once buffers have grown.
type Evaluator struct {
	root node
	r    run
	sel  batch.Bitmap
	kept []*batch.Vector // results that the statement may have been charged for

	pieces
}

// node computes one node of the tree over a batch. Rows outside active (nil: every row counts) may come out as anything
// and must not raise errors. The result belongs to the node until its next eval. eval is not called when no row counts.
type node interface {
	eval(r *run, active batch.Bitmap) (*batch.Vector, error)
}

// run is what an evaluation is about.
type run struct {
	b   *batch.Batch
	n   int
	env *fn.Context
}

// NewEvaluator compiles an expression over batches of the given types; Column.Index is the ordinal in the batch. env
// is shared by the evaluators of a statement: with env.Shared set they also share what they compute per dictionary
// entry.
func NewEvaluator(e Expr, in []types.Type, env *fn.Context) (*Evaluator, error) {
	if env == nil {
		env = &fn.Context{}
	}
	own := *env // Cut is the evaluator's own
	env = &own
	ev := &Evaluator{r: run{env: env}, pieces: pieces{t: e.Type()}}
	c := compiler{in: in, env: env, kept: &ev.kept}
	var err error
	if ev.root, err = c.node(e); err != nil {
		return nil, err
	}
	return ev, nil
}

// Close gives back the memory of results. The evaluator may be used again; who does not close it has the statement do so.
func (ev *Evaluator) Close() {
	for _, v := range ev.kept {
		ev.r.env.Release(v)
	}
}

// Eval computes the expression for the selected rows of b. The result has b.Len rows, of which those outside the
// selection are undefined; it may have any form, belongs to the evaluator and is valid until its next call (a plain column
// is b's own vector).
func (ev *Evaluator) Eval(b *batch.Batch) (*batch.Vector, error) {
	active, some := ev.begin(b)
	if !some && b.Len > 0 {
		v := &batch.Vector{}
		v.ResetConstant(types.NullOf(types.T(types.Bool)), b.Len)
		return v, nil
	}
	return ev.eval(active)
}

// EvalBool sets bit i of out, which has b.Len bits, where the expression is true for row i and the row is selected, and
// clears the others. Of conditions joined by AND, one is evaluated only for rows where those before it are true.
func (ev *Evaluator) EvalBool(b *batch.Batch, out batch.Bitmap) error {
	active, some := ev.begin(b)
	if !some {
		clear(out)
		return nil
	}
	if n, ok := ev.root.(*logicNode); ok && !n.or {
		n.onlyTrue = true
		defer func() { n.onlyTrue = false }()
	}
	v, err := ev.eval(active)
	if err != nil {
		return err
	}
	trueBits(v, b.Len, out)
	out.And(active)
	return nil
}

// begin sets the run up and returns the active rows; some is false when there are none.
func (ev *Evaluator) begin(b *batch.Batch) (active batch.Bitmap, some bool) {
	ev.r.b, ev.r.n = b, b.Len
	switch {
	case b.Len == 0:
		return nil, false
	case b.Sel.All():
		return nil, true
	case b.Sel.Bits != nil:
		return b.Sel.Bits, b.Sel.Count() > 0
	}
	ev.sel = sized(ev.sel, b.Len)
	clear(ev.sel)
	for _, i := range b.Sel.Index {
		ev.sel.Set(int(i))
	}
	return ev.sel, b.Sel.Count() > 0
}

// sized returns a bitmap of n bits with undefined contents, reusing b's memory.
func sized(b batch.Bitmap, n int) batch.Bitmap {
	words := batch.Words(n)
	if cap(b) < words {
		return make(batch.Bitmap, words, max(words, batch.Words(batch.MaxRows)))
	}
	return b[:words]
}

// trueBits writes the rows in which a boolean vector is true.
func trueBits(v *batch.Vector, n int, out batch.Bitmap) {
	out = out[:batch.Words(n)]
	if v.Form == batch.Constant {
		if !v.IsNull(0) && v.Bools().Get(0) {
			out.Fill(n)
		} else {
			clear(out)
		}
		return
	}
	bits := v.Bools()[:len(out)]
	if v.Valid == nil {
		copy(out, bits)
		return
	}
	for w := range out {
		out[w] = bits[w] & v.Valid[w]
	}
}

// falseBits writes the rows in which a boolean vector is false.
func falseBits(v *batch.Vector, n int, out batch.Bitmap) {
	out = out[:batch.Words(n)]
	if v.Form == batch.Constant {
		if !v.IsNull(0) && !v.Bools().Get(0) {
			out.Fill(n)
		} else {
			clear(out)
		}
		return
	}
	bits := v.Bools()[:len(out)]
	if v.Valid == nil {
		copy(out, bits)
		out.Not(n)
		return
	}
	for w := range out {
		out[w] = v.Valid[w] &^ bits[w]
	}
}

func anySet(b batch.Bitmap) bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// compiler turns a tree into nodes.
type compiler struct {
	in  []types.Type
	env *fn.Context
	// inMemo says that the subtree is computed per dictionary entry already.
	inMemo bool
	// kept collects the vectors of results; nil where nobody closes the node.
	kept *[]*batch.Vector
	// failed is the first error of compiling a constant argument, which is raised only when a row reaches the call.
	failed error
}

func (c *compiler) node(e Expr) (node, error) {
	if !c.inMemo {
		if col, ok := memoColumn(e); ok {
			return c.entries(e, col)
		}
	}
	switch e := e.(type) {
	case *Column:
		if e.Index < 0 || e.Index >= len(c.in) {
			return nil, errs.Internal("expression refers to column %d of %d", e.Index, len(c.in))
		}
		return &columnNode{index: e.Index}, nil
	case *Const:
		n := &constNode{}
		n.out.ResetConstant(e.Value, 1)
		return n, nil
	case *Param:
		return nil, errs.New(errs.UndefinedParameter, "there is no parameter $%d", e.Number)
	case *Call:
		return c.call(e.Fn, e.Args, e.T)
	case *Cast:
		return c.cast(e)
	case *Logic:
		args, err := c.nodes(e.Args)
		return &logicNode{or: e.Or, args: args}, err
	case *Not:
		arg, err := c.node(e.Arg)
		return &notNode{arg: arg}, err
	case *IsNull:
		arg, err := c.node(e.Arg)
		return &isNullNode{arg: arg, negate: e.Negate}, err
	case *IsBool:
		arg, err := c.node(e.Arg)
		return &isBoolNode{arg: arg, value: e.Value, negate: e.Negate}, err
	case *In:
		return c.inList(e)
	case *Case:
		return c.caseNode(e)
	case *Coalesce:
		args, err := c.nodes(e.Args)
		n := &coalesceNode{args: args, choice: choice{t: e.T}}
		c.keeps(&n.out)
		return n, err
	}
	return nil, errs.Internal("unknown expression node %T", e)
}

// keeps notes a vector that Close is to release.
func (c *compiler) keeps(v *batch.Vector) {
	if c.kept != nil {
		*c.kept = append(*c.kept, v)
	}
}

func (c *compiler) nodes(es []Expr) ([]node, error) {
	ns := make([]node, len(es))
	for i, e := range es {
		n, err := c.node(e)
		if err != nil {
			return nil, err
		}
		ns[i] = n
	}
	return ns, nil
}

// columnNode hands out a vector of the batch.
type columnNode struct{ index int }

func (n *columnNode) eval(r *run, _ batch.Bitmap) (*batch.Vector, error) {
	return r.b.Cols[n.index], nil
}

// constNode hands out a constant.
type constNode struct{ out batch.Vector }

func (n *constNode) eval(r *run, _ batch.Bitmap) (*batch.Vector, error) {
	n.out.Len = r.n
	return &n.out, nil
}
