package compile

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// applyMemoBytes bounds what one worker of an Apply remembers of earlier runs; when it is full, the memory starts
// again from nothing. 4 MiB hold the answers for some ten thousand distinct outer values.
const applyMemoBytes = 4 << 20

var _ = builds((*compiler).apply)

// apply is the fallback for correlated subqueries that no pass could turn into a join: the right side runs once per
// distinct combination of the outer values that it reads.
func (c *compiler) apply(n *plan.Apply, need plan.Set) (*stream, *Node, error) {
	free := plan.FreeColumns(n.Right)
	exprs := make([]expr.Expr, len(free))
	for i, f := range free {
		exprs[i] = f
	}
	s, left, err := c.node(n.Left, with(need, exprs...))
	if err != nil {
		return nil, nil, err
	}
	held, deps, err := c.hold(n.Right)
	if err != nil {
		return nil, nil, err
	}
	s.deps = append(s.deps, deps...)
	a := &apply{held: held, kind: n.Kind, right: n.Right, env: c.innerEnv(), in: s.types, cols: n.Right.Columns()}
	for i, f := range free {
		p, ok := s.column(f)
		if !ok {
			// Columns of a query further out were replaced by values before this plan was compiled.
			if p = s.ordinal(plan.ID(f.Index)); p < 0 {
				return nil, nil, errs.Internal("outer column %s is not in the input", f.Name)
			}
		}
		a.params, a.at = append(a.params, free[i]), append(a.at, p)
	}
	// The right side is compiled once more for each run; this time only its shape is wanted.
	right, err := c.shape(n.Right)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, left, right)
	s.push(a, node)
	s.types, s.origins = a.Types(), nil
	ids := s.ids[:len(s.ids):len(s.ids)]
	switch n.Kind {
	case plan.Semi, plan.Anti:
	case plan.Mark:
		ids = append(ids, n.MarkColumn.ID)
	default:
		for _, col := range a.cols {
			ids = append(ids, col.ID)
		}
	}
	s.ids = ids
	return s, node, nil
}

// innerEnv returns what the runs of the right side are compiled with.
func (c *compiler) innerEnv() *Env {
	e := *c.env
	e.Analyze, e.Estimate, e.shared = false, nil, c.shared
	return &e
}

// shape returns the explained tree of a plan whose outer columns have no values yet.
func (c *compiler) shape(n plan.Node) (*Node, error) {
	if !c.env.Analyze && c.env.Estimate == nil {
		return nil, nil
	}
	values := map[plan.ID]types.Datum{}
	for _, f := range plan.FreeColumns(n) {
		values[plan.ID(f.Index)] = types.NullOf(f.T)
	}
	inner, err := plan.SubstituteColumns(n, values)
	if err != nil {
		return nil, err
	}
	env := c.innerEnv()
	env.Estimate = c.env.Estimate
	p, err := Compile(c.ctx, inner, env)
	if err != nil {
		return nil, err
	}
	return p.Root, nil
}

// apply is the operator.
type apply struct {
	kind   plan.JoinKind
	right  plan.Node
	cols   []plan.Column
	params []*expr.Column
	at     []int // positions of params in the input
	env    *Env
	in     []types.Type
	held   []op.Source // keep the shared rows that the right side reads
}

func (a *apply) Types() []types.Type {
	ts := append([]types.Type(nil), a.in...)
	switch a.kind {
	case plan.Semi, plan.Anti:
		return ts
	case plan.Mark:
		return append(ts, types.T(types.Bool))
	}
	for _, c := range a.cols {
		ts = append(ts, c.Type)
	}
	return ts
}

func (a *apply) Open(*op.Task) error { return nil }

// Close lets go of shared rows.
func (a *apply) Close() {
	for _, h := range a.held {
		h.Close()
	}
}

func (a *apply) Consumer(t *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	task := *t
	task.Workers = 1
	out := batch.New(a.Types())
	out.Reset()
	return &applier{a: a, task: &task, workers: int64(t.Workers), next: next, out: out, memo: map[string]*answer{}}, nil
}

// answer is what the right side gave for one combination of outer values.
type answer struct {
	rows  []*batch.Batch
	count int
	bytes int64
}

type applier struct {
	a       *apply
	task    *op.Task
	workers int64 // of the outer query
	next    op.Consumer
	out     *batch.Batch
	memo    map[string]*answer // one look per outer row: each miss runs a whole plan, so a map costs nothing here
	bytes   int64
	key     []byte
}

func (c *applier) Consume(b *batch.Batch) error {
	for i := range b.Len {
		if err := c.task.Ctx.Err(); err != nil {
			return err
		}
		ans, err := c.answer(b, i)
		if err != nil {
			return err
		}
		if err := c.emit(b, i, ans); err != nil {
			return err
		}
	}
	return c.flush()
}

func (c *applier) Finish() error {
	c.forget()
	return c.next.Finish()
}

func (c *applier) forget() {
	if c.bytes == 0 {
		return
	}
	c.task.Account.Free(c.bytes)
	c.memo, c.bytes = map[string]*answer{}, 0
}

// answer returns the rows of the right side for row i.
func (c *applier) answer(b *batch.Batch, i int) (*answer, error) {
	c.key = c.key[:0]
	values := make(map[plan.ID]types.Datum, len(c.a.params))
	for k, p := range c.a.params {
		d := b.Cols[c.a.at[k]].Datum(i)
		values[plan.ID(p.Index)] = d
		c.key = appendKey(c.key, d)
	}
	if ans, ok := c.memo[string(c.key)]; ok {
		return ans, nil
	}
	ans, err := c.run(values)
	if err != nil {
		return nil, err
	}
	c.remember(ans)
	return ans, nil
}

// remember keeps the answer for the current key. It is done without where there is no memory for it, and where all
// workers' answers would take what the rest of the query needs.
func (c *applier) remember(ans *answer) {
	acc, size := c.task.Account, ans.bytes+int64(len(c.key))+64
	keep := func() bool {
		all := c.bytes + size
		return all <= applyMemoBytes && !acc.Tight(all*c.workers) && acc.Reserve(size) == nil
	}
	if !keep() {
		if c.forget(); !keep() {
			return
		}
	}
	c.bytes += size
	c.memo[string(c.key)] = ans
}

// appendKey appends a value so that different values give different bytes.
func appendKey(key []byte, d types.Datum) []byte {
	if d.Null {
		return append(key, 0)
	}
	key = append(key, 1)
	key = binary.LittleEndian.AppendUint64(key, uint64(d.I))
	key = binary.LittleEndian.AppendUint64(key, uint64(d.Hi))
	key = binary.LittleEndian.AppendUint64(key, batch.Float64Bits(d.F))
	key = binary.LittleEndian.AppendUint32(key, uint32(len(d.S)))
	return append(key, d.S...)
}

// run computes the right side for some outer values. Existence tests stop at the first row, scalar subqueries at the
// second.
func (c *applier) run(values map[plan.ID]types.Datum) (*answer, error) {
	inner, err := plan.SubstituteColumns(c.a.right, values)
	if err != nil {
		return nil, err
	}
	p, err := Compile(c.task.Ctx, inner, c.a.env)
	if err != nil {
		return nil, err
	}
	ans := &answer{}
	err = p.Run(c.task, func(b *batch.Batch) error {
		ans.count += b.Len
		switch c.a.kind {
		case plan.Semi, plan.Anti, plan.Mark:
			return op.ErrDone
		case plan.Single:
			if ans.count > 1 {
				return errs.New(errs.CardinalityViolation, "more than one row returned by a subquery used as an expression")
			}
		}
		kept := b.Clone()
		ans.rows = append(ans.rows, kept)
		ans.bytes += kept.Bytes()
		return nil
	})
	return ans, err
}

// emit appends to the output what row i of b becomes.
func (c *applier) emit(b *batch.Batch, i int, ans *answer) error {
	switch c.a.kind {
	case plan.Semi, plan.Anti:
		if (ans.count > 0) == (c.a.kind == plan.Semi) {
			return c.add(b, i, nil, 0)
		}
		return nil
	case plan.Mark:
		for k, v := range b.Cols {
			c.out.Cols[k].AppendDatum(v.Datum(i))
		}
		c.out.Cols[len(b.Cols)].AppendDatum(types.BoolOf(ans.count > 0))
		return c.grew()
	}
	if ans.count == 0 {
		if c.a.kind == plan.Inner || c.a.kind == plan.Cross {
			return nil
		}
		return c.add(b, i, nil, 0)
	}
	for _, r := range ans.rows {
		for k := range r.Len {
			if err := c.add(b, i, r, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// add appends row i of b and row k of r, NULLs when r is nil.
func (c *applier) add(b *batch.Batch, i int, r *batch.Batch, k int) error {
	for j, v := range b.Cols {
		c.out.Cols[j].AppendDatum(v.Datum(i))
	}
	for j := len(b.Cols); j < len(c.out.Cols); j++ {
		if r == nil {
			c.out.Cols[j].AppendDatum(types.NullOf(c.out.Cols[j].Type))
		} else {
			c.out.Cols[j].AppendDatum(r.Cols[j-len(b.Cols)].Datum(k))
		}
	}
	return c.grew()
}

// grew counts a row and hands the batch on when it is full.
func (c *applier) grew() error {
	c.out.Len++
	if most := c.task.BatchRows; c.out.Len >= batch.MaxRows || most > 0 && c.out.Len >= most {
		return c.flush()
	}
	return nil
}

func (c *applier) flush() error {
	if c.out.Len == 0 {
		return nil
	}
	err := c.next.Consume(c.out)
	c.out.Reset()
	return err
}
