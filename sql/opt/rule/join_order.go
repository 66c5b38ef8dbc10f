package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/opt/joinorder"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// JoinOrder reorders trees of inner, left outer, semi and anti joins by estimated sizes (package joinorder). The smaller
// side of each inner join becomes the right one: Join.Right is the build side.
var JoinOrder = Rule{Name: "JoinOrder", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return env.orderJoins(n), nil
}}

// orderJoins works top-down, so that a maximal tree is seen whole.
func (env *Env) orderJoins(n plan.Node) plan.Node {
	t := &joinTree{env: env, from: n}
	t.collect(n)
	if len(t.inputs) == 1 {
		children := n.Children()
		for i := range children {
			children[i] = env.orderJoins(children[i])
		}
		return plan.WithChildren(n, children)
	}
	for i := range t.inputs {
		t.inputs[i] = env.orderJoins(t.inputs[i])
	}
	return t.order()
}

// joinTree is a tree of joins taken apart.
type joinTree struct {
	env    *Env
	from   plan.Node
	inputs []plan.Node
	sets   []plan.Set  // the columns of each input
	conds  []expr.Expr // by joinorder.Cond.ID

	inner  []bool            // by ID: it is one of an inner join
	class  []int             // by ID
	leaves []*joinorder.Node // by input
	own    [][]expr.Expr     // by input: the conditions that become part of it
}

// kindOf returns what a join is to package joinorder; false for those that stay where they are.
func kindOf(j *plan.Join) (joinorder.Kind, bool) {
	switch j.Kind {
	case plan.Inner, plan.Cross:
		return joinorder.Inner, true
	case plan.Left, plan.Right:
		return joinorder.Left, true
	case plan.Semi:
		return joinorder.Semi, true
	case plan.Anti:
		return joinorder.Anti, !j.NullAware // NOT IN asks whether its right side has any row, and a NULL
	}
	return 0, false
}

// sides returns those of a join, the one that is kept first.
func sides(j *plan.Join) (l, r plan.Node) {
	if j.Kind == plan.Right {
		return j.Right, j.Left
	}
	return j.Left, j.Right
}

// joinOf returns a join that may be reordered, and all of its conditions.
func joinOf(n plan.Node) (j *plan.Join, kind joinorder.Kind, conds []expr.Expr, ok bool) {
	if j, ok = n.(*plan.Join); !ok {
		return nil, 0, nil, false
	}
	if kind, ok = kindOf(j); !ok {
		return nil, 0, nil, false
	}
	conds = clip(j.On)
	for _, p := range j.Equal {
		call, err := expr.CallOperator("=", p.Left, p.Right)
		if err != nil {
			return nil, 0, nil, false
		}
		conds = append(conds, call)
	}
	for _, c := range conds {
		if expr.Volatile(c) { // it is computed for each pair of the join that it was written for
			return nil, 0, nil, false
		}
	}
	return j, kind, conds, true
}

// collect finds the inputs of the tree that has its root at n.
func (t *joinTree) collect(n plan.Node) {
	j, _, _, ok := joinOf(n)
	if !ok {
		t.inputs, t.sets = append(t.inputs, n), append(t.sets, plan.OutputSet(n))
		return
	}
	l, r := sides(j)
	t.collect(l)
	t.collect(r)
}

// inputsOf returns the inputs that make any of some columns.
func (t *joinTree) inputsOf(used plan.Set) (over joinorder.Set) {
	for k, s := range t.sets {
		if s.Intersects(used) {
			over = over.Union(joinorder.Of(k))
		}
	}
	return over
}

// order returns the best tree over the inputs.
func (t *joinTree) order() plan.Node {
	if len(t.inputs) > joinorder.Most {
		return t.asWritten()
	}
	t.own = make([][]expr.Expr, len(t.inputs))
	t.leaves = make([]*joinorder.Node, 0, len(t.inputs))
	root, _ := t.describe(t.from)
	for i, leaf := range t.leaves {
		leaf.Rows = t.env.Stats.Rows(filter(t.inputs[i], t.own[i]))
	}
	t.classify()
	t.estimate(root)
	p, ok := joinorder.Order(root)
	if !ok || p.Same(root) {
		return t.asWritten()
	}
	return t.build(p)
}

// describe tells package joinorder of the tree that has its root at n, but for estimates. kept are the inputs whose rows are
// as they come from there: no outer join below has added NULLs to them.
func (t *joinTree) describe(n plan.Node) (d *joinorder.Node, kept joinorder.Set) {
	j, kind, conds, ok := joinOf(n)
	if !ok {
		d = &joinorder.Node{Input: len(t.leaves)}
		t.leaves = append(t.leaves, d)
		return d, joinorder.Of(d.Input)
	}
	l, r := sides(j)
	d = &joinorder.Node{Kind: kind}
	var also joinorder.Set
	d.Left, kept = t.describe(l)
	d.Right, also = t.describe(r)
	if kind == joinorder.Inner {
		kept = kept.Union(also)
	}
	for _, c := range conds {
		over := t.inputsOf(plan.ColumnsOf(c))
		if kind == joinorder.Inner && over.Count() <= 1 && kept.Contains(over) {
			// Between two inputs nobody would find it: it becomes part of its input, or of any if it reads none. PushFilter
			// leaves only those that read columns of an outer query, unless it is switched off.
			at := over.First()
			if at < 0 {
				at = kept.First()
			}
			t.own[at] = append(t.own[at], c)
			continue
		}
		d.Conds = append(d.Conds, joinorder.Cond{ID: len(t.conds), Over: over, Rejects: t.rejects(c, over)})
		t.conds, t.inner = append(t.conds, c), append(t.inner, kind == joinorder.Inner)
	}
	return d, kept
}

// rejects returns the inputs whose NULLs make a condition not true.
func (t *joinTree) rejects(c expr.Expr, over joinorder.Set) (r joinorder.Set) {
	for i := over.First(); i >= 0; i = over.Next(i + 1) {
		if neverTrue(c, t.sets[i]) {
			r = r.Union(joinorder.Of(i))
		}
	}
	return r
}

// classify finds the classes of columns of different inputs of which all pairs are compared, as Imply makes them.
func (t *joinTree) classify() {
	t.class = make([]int, len(t.conds))
	var inner []expr.Expr
	for id, c := range t.conds {
		if t.inner[id] {
			inner = append(inner, c)
		}
	}
	for k, class := range equalClasses(inner) {
		cols := plan.Set{}
		var over joinorder.Set
		for _, c := range class.columns {
			cols.Add(plan.ID(c.Index))
			over = over.Union(t.inputsOf(plan.Set{plan.ID(c.Index): {}}))
		}
		var ids []int
		for id, c := range t.conds {
			if l, r, ok := columnsEqual(c); ok && t.inner[id] && cols.Has(plan.ID(l.Index)) && cols.Has(plan.ID(r.Index)) {
				ids = append(ids, id)
			}
		}
		n := len(class.columns)
		if n < 3 || over.Count() != n || len(ids) != n*(n-1)/2 {
			continue
		}
		for _, id := range ids {
			t.class[id] = k + 1
		}
	}
}

// estimate fills in how selective conditions are, and to which class they belong.
func (t *joinTree) estimate(d *joinorder.Node) {
	if d.Left == nil {
		return
	}
	t.estimate(d.Left)
	t.estimate(d.Right)
	for i := range d.Conds {
		d.Conds[i].Selectivity, d.Conds[i].Class = t.selectivity(d.Conds[i]), t.class[d.Conds[i].ID]
	}
}

func (t *joinTree) selectivity(c joinorder.Cond) float64 {
	cond := t.conds[c.ID]
	if c.Over.Count() == 2 {
		a := c.Over.First()
		b := c.Over.Next(a + 1)
		if p, ok := pairOf(cond, t.sets[a], t.sets[b]); ok {
			return t.env.Stats.JoinSelectivity([]plan.EqualPair{p}, nil, t.leaves[a].Rows, t.leaves[b].Rows)
		}
	}
	return t.env.Stats.Selectivity([]expr.Expr{cond})
}

// asWritten returns the tree as it is, over the inputs that are known by now.
func (t *joinTree) asWritten() plan.Node {
	next := 0
	var walk func(n plan.Node) plan.Node
	walk = func(n plan.Node) plan.Node {
		j, _, _, ok := joinOf(n)
		if !ok {
			next++
			return t.inputs[next-1]
		}
		l, r := sides(j)
		l = walk(l)
		r = walk(r)
		if j.Kind == plan.Right {
			l, r = r, l
		}
		return plan.WithChildren(n, []plan.Node{l, r})
	}
	return walk(t.from)
}

// build makes the joins of a plan.
func (t *joinTree) build(p *joinorder.Plan) plan.Node {
	if p.Left == nil {
		return filter(t.inputs[p.Input], t.own[p.Input])
	}
	j := &plan.Join{Kind: [...]plan.JoinKind{
		joinorder.Inner: plan.Inner, joinorder.Left: plan.Left, joinorder.Semi: plan.Semi, joinorder.Anti: plan.Anti,
	}[p.Kind]}
	if p.Kind == joinorder.Inner && len(p.Conds) == 0 {
		j.Kind = plan.Cross
	}
	j.Left, j.Right = t.build(p.Left), t.build(p.Right)
	for _, c := range p.Conds {
		j.On = append(j.On, t.conds[c])
	}
	return j
}
