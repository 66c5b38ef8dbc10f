package plan

import "github.com/siltstone-db/siltstone/engine/expr"

// PruneExact prunes a plan whose columns stay, all and in order: the root, and the inputs of set operations.
func PruneExact(n Node) Node {
	return PruneTo(n, OutputSet(n))
}

// PruneTo prunes a plan to exactly the needed columns, in their order.
func PruneTo(n Node, need Set) Node {
	p := &Project{}
	for _, c := range n.Columns() {
		if need.Has(c.ID) {
			p.Cols, p.Exprs = append(p.Cols, c), append(p.Exprs, reference(c))
		}
	}
	p.Input = n.Prune(need)
	if sameColumns(p.Input, p) {
		return p.Input
	}
	return p
}

func sameColumns(a, b Node) bool {
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

// pruneInputs prunes all inputs of a node to what is needed of it and what its expressions read.
func pruneInputs(n Node, need Set, es ...expr.Expr) Node {
	need = need.with(es...)
	children := n.Children()
	pruned := make([]Node, len(children))
	for i, c := range children {
		pruned[i] = c.Prune(need)
	}
	return WithChildren(n, pruned)
}

// with returns the set and the columns that some expressions read.
func (s Set) with(es ...expr.Expr) Set {
	out := ColumnsOf(es...)
	for id := range s {
		out.Add(id)
	}
	return out
}

// reference makes a reference to a column.
func reference(c Column) *expr.Column {
	return &expr.Column{Index: int(c.ID), Name: c.Name, T: c.Type}
}
