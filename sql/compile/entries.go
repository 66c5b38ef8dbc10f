package compile

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// An aggregation whose conditions, keys and arguments are all computed from one string column sees equal rows wherever
// the strings are equal. Where dictionaries know how many rows each string has, it can therefore read every string once,
// together with that number as its weight (agg.Config.Weight), in place of the rows: in the order of the dictionary, which
// is many times faster than to look an entry up per row, and seldom more than once per string.

// fromEntries compiles such an aggregation; false for all others.
func (c *compiler) fromEntries(n *plan.Aggregate) (*stream, *Node, bool, error) {
	sc, ok := n.Input.(*plan.Scan)
	if !ok || sc.Table == nil || c.env.NoStatistics || !weighs(n) {
		return nil, nil, false, nil
	}
	at, ok := onlyString(sc, n)
	if !ok {
		return nil, nil, false, nil
	}
	rel, err := c.env.Relations.Table(c.ctx, sc.Table.ID)
	if err != nil || !countsValues(rel, sc.Ordinals[at], n) {
		return nil, nil, false, err
	}
	rows := &expr.Column{Index: int(plan.MaxID(n)) + 1, Name: "rows", T: types.T(types.Int8)}
	s, child, err := c.scanRelation(sc, plan.ColumnsOf(columnOf(sc, at)), &tableScan{rel: rel, req: scan.Request{Counted: true},
		more: []plan.Column{{ID: plan.ID(rows.Index), Name: rows.Name, Type: rows.T}}})
	if err != nil {
		return nil, nil, false, err
	}
	child.detail("Entries", sc.Cols[at].Name)
	s, node, err := c.group(n, s, child, rows)
	return s, node, true, err
}

// weighs tells whether all calls of an aggregation take rows that count several times.
func weighs(n *plan.Aggregate) bool {
	for i := range n.Aggs {
		a := &n.Aggs[i]
		var arg types.Type
		if len(a.Args) > 0 {
			arg = a.Args[0].Type()
		}
		if !aggstate.Weighs(a.Fn, arg, a.Distinct) {
			return false
		}
	}
	return true
}

func columnOf(sc *plan.Scan, at int) *expr.Column {
	return &expr.Column{Index: int(sc.Cols[at].ID), Name: sc.Cols[at].Name, T: sc.Cols[at].Type}
}

// onlyString returns the position in the scan of the only column that anything reads, when that is a string, and
// everything is the same for equal strings.
func onlyString(sc *plan.Scan, n *plan.Aggregate) (int, bool) {
	exprs := append(n.Exprs(), sc.Filter...)
	used := plan.ColumnsOf(exprs...)
	if len(used) != 1 {
		return 0, false
	}
	for _, e := range exprs {
		if !deterministic(e) {
			return 0, false
		}
	}
	for i, col := range sc.Cols {
		if used.Has(col.ID) {
			return i, col.Type.Physical() == types.PhysBytes && scan.KeyIsValue(col.Type)
		}
	}
	return 0, false
}

func deterministic(e expr.Expr) bool {
	ok := true
	expr.Walk(e, func(e expr.Expr) bool {
		switch e := e.(type) {
		case *expr.Param:
			ok = false
		case *expr.Call:
			ok = ok && e.Fn.Volatility != fn.Volatile
		}
		return ok
	})
	return ok
}

// countsValues tells whether it pays to ask a relation for the values of a column in place of the rows. Rows of parts that
// do not count them come by themselves, and what is computed of a string is then better remembered by entry: only where
// half of the rows are counted it pays not to. A plain key has nothing to compute.
func countsValues(rel scan.Relation, column int, n *plan.Aggregate) bool {
	counted := rel.Stats(column).Counted
	if len(n.Keys) == 1 && plainKey(n.Keys[0]) {
		return counted > 0
	}
	return counted > 0 && counted*2 >= rel.Rows()
}

func plainKey(e expr.Expr) bool {
	_, ok := e.(*expr.Column)
	return ok
}
