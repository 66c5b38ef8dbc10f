package opt_test

import (
	"fmt"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
)

// inScope returns an error for an expression that reads a column which neither its node's inputs nor the left side of an
// Apply around it make.
func inScope(n plan.Node, outer []plan.Set) error {
	have := plan.Set{}
	for _, s := range outer {
		for id := range s {
			have.Add(id)
		}
	}
	children := n.Children()
	for _, c := range children {
		for id := range plan.OutputSet(c) {
			have.Add(id)
		}
	}
	if s, ok := n.(*plan.Scan); ok {
		for id := range plan.OutputSet(s) {
			have.Add(id)
		}
	}
	var err error
	plan.Exprs(n, func(e expr.Expr) {
		for id := range plan.ColumnsOf(e) {
			if !have.Has(id) && err == nil {
				err = fmt.Errorf("%s reads column %d in %s", n.Title(), id, e)
			}
		}
	})
	if err != nil {
		return err
	}
	if a, ok := n.(*plan.Apply); ok {
		if err := inScope(a.Left, outer); err != nil {
			return err
		}
		return inScope(a.Right, append(outer[:len(outer):len(outer)], plan.OutputSet(a.Left)))
	}
	for _, c := range children {
		if err := inScope(c, outer); err != nil {
			return err
		}
	}
	return nil
}
