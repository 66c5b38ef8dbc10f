package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// PushFilter moves every condition as far down as it may go: through projections, grouping keys, set operations and
// joins into the scans. A condition over the right side of a left join that is not true for NULLs makes it an inner
// join. Volatile conditions stay where they are.
var PushFilter = Rule{Name: "PushFilter", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return pushInto(n, nil), nil
}}

// pushInto returns n with conds applied to its rows.
func pushInto(n plan.Node, conds []expr.Expr) plan.Node {
	switch x := n.(type) {
	case *plan.Filter:
		var down, stay []expr.Expr
		for _, c := range x.Conds {
			if expr.Volatile(c) {
				stay = append(stay, c)
			} else {
				down = append(down, c)
			}
		}
		if len(stay) > 0 {
			return filter(pushInto(x.Input, down), append(stay, conds...))
		}
		return pushInto(x.Input, append(down, conds...))
	case *plan.Scan:
		if len(conds) == 0 {
			return n
		}
		c := *x
		c.Filter = append(clip(x.Filter), conds...)
		return &c
	case *plan.Project:
		return pushProject(x, conds)
	case *plan.Aggregate:
		return pushAggregate(x, conds)
	case *plan.Sort:
		if x.Limit < 0 {
			return with1(x, pushInto(x.Input, conds))
		}
	case *plan.Window:
		return pushWindow(x, conds)
	case *plan.Join:
		return pushJoin(x, conds)
	case *plan.Apply:
		left, rest := partition(conds, plan.OutputSet(x.Left))
		return filter(plan.WithChildren(x, []plan.Node{pushInto(x.Left, left), pushInto(x.Right, nil)}), rest)
	case *plan.SetOp:
		return pushSetOp(x, conds)
	}
	children := n.Children()
	for i := range children {
		children[i] = pushInto(children[i], nil)
	}
	return filter(plan.WithChildren(n, children), conds)
}

func with1(n plan.Node, input plan.Node) plan.Node {
	return plan.WithChildren(n, []plan.Node{input})
}

// partition splits conditions into those that read columns of the set only and the others.
func partition(conds []expr.Expr, of plan.Set) (in, out []expr.Expr) {
	for _, c := range conds {
		if of.Contains(plan.ColumnsOf(c)) {
			in = append(in, c)
		} else {
			out = append(out, c)
		}
	}
	return in, out
}

func pushProject(x *plan.Project, conds []expr.Expr) plan.Node {
	by := map[plan.ID]expr.Expr{}
	for i, c := range x.Cols {
		by[c.ID] = x.Exprs[i]
	}
	var down, stay []expr.Expr
	for _, c := range conds {
		if s := substitute(c, by); expr.Volatile(s) {
			stay = append(stay, c)
		} else {
			down = append(down, s)
		}
	}
	return filter(with1(x, pushInto(x.Input, down)), stay)
}

func pushAggregate(x *plan.Aggregate, conds []expr.Expr) plan.Node {
	by := map[plan.ID]expr.Expr{}
	keys := plan.Set{}
	for i, k := range x.Keys {
		if !expr.Volatile(k) {
			by[x.Cols[i].ID] = k
			keys.Add(x.Cols[i].ID)
		}
	}
	var down, stay []expr.Expr
	for _, c := range conds {
		if used := plan.ColumnsOf(c); len(x.Keys) > 0 && len(used) > 0 && keys.Contains(used) {
			down = append(down, substitute(c, by))
		} else {
			stay = append(stay, c)
		}
	}
	return filter(with1(x, pushInto(x.Input, down)), stay)
}

// pushWindow moves the conditions down that are the same for all rows of every partition.
func pushWindow(x *plan.Window, conds []expr.Expr) plan.Node {
	keys := plan.Set{}
	for _, k := range x.Keys[:x.Shared()] {
		if c, ok := k.Expr.(*expr.Column); ok && equalIsSame(c.T) {
			keys.Add(plan.ID(c.Index))
		}
	}
	var down, stay []expr.Expr
	for _, c := range conds {
		if used := plan.ColumnsOf(c); len(used) > 0 && keys.Contains(used) && !expr.Volatile(c) {
			down = append(down, c)
		} else {
			stay = append(stay, c)
		}
	}
	return filter(with1(x, pushInto(x.Input, down)), stay)
}

func pushSetOp(x *plan.SetOp, conds []expr.Expr) plan.Node {
	side := func(n plan.Node) plan.Node {
		by := map[plan.ID]expr.Expr{}
		for i, c := range n.Columns() {
			by[x.Cols[i].ID] = ref(c)
		}
		return pushInto(n, substituteAll(conds, by))
	}
	return plan.WithChildren(x, []plan.Node{side(x.Left), side(x.Right)})
}

func pushJoin(x *plan.Join, conds []expr.Expr) plan.Node {
	left, right := plan.OutputSet(x.Left), plan.OutputSet(x.Right)
	c := *x
	switch x.Kind {
	case plan.Left:
		if rejectsNulls(conds, right) {
			c.Kind = plan.Inner
			return pushJoin(&c, conds)
		}
	case plan.Right:
		if rejectsNulls(conds, left) {
			c.Kind = plan.Inner
			return pushJoin(&c, conds)
		}
	case plan.Full:
		switch l, r := rejectsNulls(conds, left), rejectsNulls(conds, right); {
		case l && r:
			c.Kind = plan.Inner
			return pushJoin(&c, conds)
		case l:
			c.Kind = plan.Left
			return pushJoin(&c, conds)
		case r:
			c.Kind = plan.Right
			return pushJoin(&c, conds)
		}
	}
	var toLeft, toRight, above []expr.Expr
	switch x.Kind {
	case plan.Inner, plan.Cross:
		toLeft, above = partition(append(clip(x.On), conds...), left)
		toRight, c.On = partition(above, right)
		above = nil
		if c.Kind == plan.Cross && len(c.On) > 0 {
			c.Kind = plan.Inner
		}
	case plan.Left, plan.Single, plan.Semi, plan.Anti, plan.Mark:
		toLeft, above = partition(conds, left)
		if !x.NullAware {
			toRight, c.On = partition(x.On, right)
		}
		if x.Kind == plan.Semi {
			var own []expr.Expr
			own, c.On = partition(c.On, left)
			toLeft = append(toLeft, own...)
		}
	case plan.Right:
		toRight, above = partition(conds, right)
		toLeft, c.On = partition(x.On, left)
	case plan.Full:
		above = conds
	}
	c.Left, c.Right = pushInto(x.Left, toLeft), pushInto(x.Right, toRight)
	return filter(&c, above)
}
