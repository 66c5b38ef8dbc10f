package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// PruneColumns drops columns, expressions and aggregates that nobody reads, down to what the scans read, and removes
// projections that only pass columns on.
var PruneColumns = Rule{Name: "PruneColumns", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return pruneExact(n), nil
}}

// pruneExact prunes below a node whose columns stay, all and in order: the root, and the inputs of set operations.
func pruneExact(n plan.Node) plan.Node {
	need := plan.OutputSet(n)
	out := prune(n, need)
	if sameColumns(out, n) {
		return out
	}
	p := &plan.Project{Input: out, Cols: n.Columns()}
	for _, c := range p.Cols {
		p.Exprs = append(p.Exprs, ref(c))
	}
	return p
}

func sameColumns(a, b plan.Node) bool {
	ca, cb := a.Columns(), b.Columns()
	if len(ca) != len(cb) {
		return false
	}
	for i := range ca {
		if ca[i].ID != cb[i].ID || ca[i].Name != cb[i].Name {
			return false
		}
	}
	return true
}

// also returns need and the columns that some expressions read.
func also(need plan.Set, es ...expr.Expr) plan.Set {
	out := plan.ColumnsOf(es...)
	for id := range need {
		out.Add(id)
	}
	return out
}

// prune returns n with at least the needed columns.
func prune(n plan.Node, need plan.Set) plan.Node {
	switch x := n.(type) {
	case *plan.Scan:
		return pruneScan(x, need)
	case *plan.CTEScan:
		return pruneCTE(x, need)
	case *plan.Filter:
		return with1(x, prune(x.Input, also(need, x.Conds...)))
	case *plan.Project:
		return pruneProject(x, need)
	case *plan.Aggregate:
		return pruneAggregate(x, need)
	case *plan.Sort:
		for _, k := range x.Keys {
			need = also(need, k.Expr)
		}
		return with1(x, prune(x.Input, need))
	case *plan.Limit:
		return with1(x, prune(x.Input, need))
	case *plan.DistinctOn:
		return with1(x, prune(x.Input, also(need, x.On...)))
	case *plan.Join:
		for _, p := range x.Equal {
			need = also(need, p.Left, p.Right)
		}
		need = also(need, x.On...)
		return plan.WithChildren(x, []plan.Node{prune(x.Left, need), prune(x.Right, need)})
	case *plan.Apply:
		need = also(need)
		for _, c := range plan.FreeColumns(x.Right) {
			need.Add(plan.ID(c.Index))
		}
		return plan.WithChildren(x, []plan.Node{prune(x.Left, need), prune(x.Right, need)})
	case *plan.Values:
		return pruneValues(x, need)
	case *plan.SetOp:
		return plan.WithChildren(x, []plan.Node{pruneExact(x.Left), pruneExact(x.Right)})
	}
	return n
}

func pruneScan(x *plan.Scan, need plan.Set) plan.Node {
	need = also(need, x.Filter...)
	c := *x
	c.Cols, c.Ordinals = nil, nil
	for i, col := range x.Cols {
		if need.Has(col.ID) {
			c.Cols, c.Ordinals = append(c.Cols, col), append(c.Ordinals, x.Ordinals[i])
		}
	}
	if len(c.Cols) == len(x.Cols) {
		return x
	}
	return &c
}

func pruneProject(x *plan.Project, need plan.Set) plan.Node {
	c := &plan.Project{}
	passes := true
	for i, col := range x.Cols {
		if !need.Has(col.ID) && !expr.Volatile(x.Exprs[i]) {
			continue
		}
		r, ok := x.Exprs[i].(*expr.Column)
		passes = passes && ok && plan.ID(r.Index) == col.ID
		c.Exprs, c.Cols = append(c.Exprs, x.Exprs[i]), append(c.Cols, col)
	}
	c.Input = prune(x.Input, plan.ColumnsOf(c.Exprs...))
	if passes && len(c.Cols) > 0 {
		return c.Input
	}
	if len(c.Cols) == len(x.Cols) && c.Input == x.Input {
		return x
	}
	return c
}

func pruneAggregate(x *plan.Aggregate, need plan.Set) plan.Node {
	c := &plan.Aggregate{Keys: x.Keys, Cols: clip(x.Cols[:len(x.Keys)])}
	var used []expr.Expr
	for i, a := range x.Aggs {
		col := x.Cols[len(x.Keys)+i]
		last := i == len(x.Aggs)-1 && len(x.Keys) == 0 && len(c.Aggs) == 0 // without keys one aggregate makes the row
		if !need.Has(col.ID) && !last {
			continue
		}
		c.Aggs, c.Cols = append(c.Aggs, a), append(c.Cols, col)
		used = append(used, a.Args...)
		if a.Filter != nil {
			used = append(used, a.Filter)
		}
		for _, k := range a.OrderBy {
			used = append(used, k.Expr)
		}
	}
	c.Input = prune(x.Input, plan.ColumnsOf(append(used, x.Keys...)...))
	if len(c.Aggs) == len(x.Aggs) && c.Input == x.Input {
		return x
	}
	return c
}

func pruneValues(x *plan.Values, need plan.Set) plan.Node {
	var keep []int
	for i, col := range x.Cols {
		if need.Has(col.ID) {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(x.Cols) {
		return x
	}
	c := &plan.Values{}
	for _, i := range keep {
		c.Cols = append(c.Cols, x.Cols[i])
	}
	for _, r := range x.Rows {
		row := make([]expr.Expr, len(keep))
		for k, i := range keep {
			row[k] = r[i]
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}
