package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// MarkToSemi makes semi and anti joins of mark joins whose mark is only a condition: WHERE EXISTS, WHERE x NOT IN.
var MarkToSemi = Rule{Name: "MarkToSemi", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if f, ok := n.(*plan.Filter); ok {
			return markToSemi(f), nil
		}
		return n, nil
	})
}}

func markToSemi(f *plan.Filter) plan.Node {
	in := f.Input
	var rest []expr.Expr
	for i, c := range f.Conds {
		anti := false
		mark := c
		if not, ok := c.(*expr.Not); ok {
			mark, anti = not.Arg, true
		}
		col, ok := mark.(*expr.Column)
		if ok && !plan.ColumnsOf(others(f.Conds, i)...).Has(plan.ID(col.Index)) {
			if n, done := replaceMark(in, plan.ID(col.Index), anti); done {
				in = n
				continue
			}
		}
		rest = append(rest, c)
	}
	if in == f.Input {
		return f
	}
	// The mark is gone from the output; nobody but the condition read it.
	return filter(in, rest)
}

func others(es []expr.Expr, i int) []expr.Expr { return append(clip(es[:i]), es[i+1:]...) }

// replaceMark finds the join that makes a mark down the left spine.
func replaceMark(n plan.Node, mark plan.ID, anti bool) (plan.Node, bool) {
	kind := plan.Semi
	if anti {
		kind = plan.Anti
	}
	switch x := n.(type) {
	case *plan.Join:
		c := *x
		if x.Kind == plan.Mark && x.MarkColumn.ID == mark {
			c.Kind, c.MarkColumn = kind, plan.Column{}
			c.NullAware = x.NullAware && anti
			return &c, true
		}
		if x.Kind == plan.Right || x.Kind == plan.Full || plan.ColumnsOf(x.On...).Has(mark) {
			return n, false
		}
		l, ok := replaceMark(x.Left, mark, anti)
		c.Left = l
		return &c, ok
	case *plan.Apply:
		c := *x
		if x.Kind == plan.Mark && x.MarkColumn.ID == mark {
			c.Kind, c.MarkColumn = kind, plan.Column{}
			return &c, true
		}
		if reads(x.Right, plan.Set{mark: {}}) {
			return n, false
		}
		l, ok := replaceMark(x.Left, mark, anti)
		c.Left = l
		return &c, ok
	}
	return n, false
}
