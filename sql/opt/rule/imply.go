package rule

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// mostEqual is the size up to which all columns that are equal to each other are also compared with each other. Every pair
// is a way to join, so that larger classes would cost more planning than a better order is worth.
const mostEqual = 10

// Imply adds conditions that follow from others: a = b and b = c make a = c, which lets a and c be joined first; with a = 1,
// b is 1 as well, wherever b is stored. JoinOrder leaves those out again that say nothing new at their place.
var Imply = Rule{Name: "Imply", Apply: func(_ *Env, n plan.Node) (plan.Node, error) { return imply(n), nil }}

// imply works top-down, so that a maximal tree of filters and inner joins is seen whole.
func imply(n plan.Node) plan.Node {
	conds, inputs := flat(nil, nil, n)
	if len(inputs) == 1 {
		in := inputs[0]
		children := in.Children()
		for i := range children {
			children[i] = imply(children[i])
		}
		return replaceInputs(n, []plan.Node{plan.WithChildren(in, children)})
	}
	news := consequences(conds)
	for i := range inputs {
		inputs[i] = imply(inputs[i])
	}
	n = replaceInputs(n, inputs)
	if f, ok := n.(*plan.Filter); ok && len(news) > 0 {
		return filter(f.Input, append(clip(f.Conds), news...))
	}
	return filter(n, news)
}

// flat returns the conditions of a tree of filters and inner joins, and what is below them.
func flat(conds []expr.Expr, inputs []plan.Node, n plan.Node) ([]expr.Expr, []plan.Node) {
	switch x := n.(type) {
	case *plan.Filter:
		return flat(append(conds, x.Conds...), inputs, x.Input)
	case *plan.Join:
		if x.Kind == plan.Inner || x.Kind == plan.Cross {
			conds, inputs = flat(append(conds, x.On...), inputs, x.Left)
			return flat(conds, inputs, x.Right)
		}
	}
	return conds, append(inputs, n)
}

// replaceInputs puts other inputs below a tree of filters and inner joins.
func replaceInputs(n plan.Node, inputs []plan.Node) plan.Node {
	next := 0
	var walk func(n plan.Node) plan.Node
	walk = func(n plan.Node) plan.Node {
		_, isFilter := n.(*plan.Filter)
		j, isJoin := n.(*plan.Join)
		if !isFilter && (!isJoin || j.Kind != plan.Inner && j.Kind != plan.Cross) {
			next++
			return inputs[next-1]
		}
		children := n.Children()
		for i := range children {
			children[i] = walk(children[i])
		}
		return plan.WithChildren(n, children)
	}
	return walk(n)
}

// consequences returns the conditions that follow from some and are not among them.
func consequences(conds []expr.Expr) (news []expr.Expr) {
	add := func(l, r expr.Expr) {
		c, err := expr.CallOperator("=", l, r)
		if err != nil {
			return
		}
		turned, err := expr.CallOperator("=", r, l)
		same := func(o expr.Expr) bool { return expr.Equal(o, c) || err == nil && expr.Equal(o, turned) }
		if !slices.ContainsFunc(conds, same) && !slices.ContainsFunc(news, same) {
			news = append(news, c)
		}
	}
	for _, class := range equalClasses(conds) {
		if len(class.columns) > mostEqual {
			continue
		}
		for i, a := range class.columns {
			for _, b := range class.columns[:i] {
				if a.Index != b.Index {
					add(b, a)
				}
			}
			if class.constant != nil {
				add(a, class.constant)
			}
		}
	}
	return news
}

// equalClass is a set of columns of one type that conditions make equal.
type equalClass struct {
	columns  []*expr.Column
	constant *expr.Const // that they are equal to; nil: none
}

// equalClasses finds the classes of two and more columns.
func equalClasses(conds []expr.Expr) (classes []*equalClass) {
	of := map[int]*equalClass{}
	class := func(c *expr.Column) *equalClass {
		if of[c.Index] == nil {
			of[c.Index] = &equalClass{columns: []*expr.Column{c}}
			classes = append(classes, of[c.Index])
		}
		return of[c.Index]
	}
	for _, c := range conds {
		l, r, ok := columnsEqual(c)
		if !ok {
			continue
		}
		a, b := class(l), class(r)
		if a == b {
			continue
		}
		a.columns = append(a.columns, b.columns...)
		for _, col := range b.columns {
			of[col.Index] = a
		}
		b.columns = nil
	}
	for _, c := range conds {
		if l, k, ok := columnIs(c); ok && of[l.Index] != nil && of[l.Index].constant == nil {
			of[l.Index].constant = k
		}
	}
	return slices.DeleteFunc(classes, func(c *equalClass) bool { return len(c.columns) < 2 })
}

// columnsEqual takes a = b over columns of one type apart.
func columnsEqual(e expr.Expr) (l, r *expr.Column, ok bool) {
	call, ok := isCall(e, "=", 2)
	if !ok || !call.Fn.Infix {
		return nil, nil, false
	}
	l, lok := call.Args[0].(*expr.Column)
	r, rok := call.Args[1].(*expr.Column)
	return l, r, lok && rok && l.T == r.T && l.Index != r.Index
}

// columnIs takes a = constant apart, of the column's type.
func columnIs(e expr.Expr) (*expr.Column, *expr.Const, bool) {
	call, ok := isCall(e, "=", 2)
	if !ok || !call.Fn.Infix {
		return nil, nil, false
	}
	for i := range 2 {
		col, cok := call.Args[i].(*expr.Column)
		k, kok := call.Args[1-i].(*expr.Const)
		if cok && kok && !k.Value.Null && k.Value.Type == col.T {
			return col, k, true
		}
	}
	return nil, nil, false
}
