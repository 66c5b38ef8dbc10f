package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// An aggregation whose conditions, keys and arguments are all computed from one string column sees equal rows wherever
// the strings are equal. Where dictionaries know how many rows each string has, it can therefore read every string once,
// together with that number, in place of the rows: in the order of the dictionary, which is many times faster than to
// look an entry up per row, and seldom more than once per string. The calls then count with the number:
//
//	count(*)   sum(n)                 min, max, bool_and, bool_or, count(DISTINCT)   themselves
//	count(e)   sum(n) where e is not NULL
//	sum(e)     sum(e * n)             avg(e)   sum(e * n) / sum(n) where e is not NULL
//
// fn.SumCounts adds the numbers up.

// fromEntries compiles such an aggregation; false for all others.
func (c *compiler) fromEntries(n *plan.Aggregate) (*stream, *Node, bool, error) {
	sc, ok := n.Input.(*plan.Scan)
	if !ok || sc.Table == nil || c.env.NoStatistics {
		return nil, nil, false, nil
	}
	at, ok := onlyString(sc, n)
	if !ok {
		return nil, nil, false, nil
	}
	rel, err := c.env.Relations.Table(sc.Table.ID)
	if err != nil || !countsValues(rel, sc.Ordinals[at]) {
		return nil, nil, false, err
	}
	w := weighting{rows: &expr.Column{Index: int(plan.MaxID(n)) + 1, Name: "rows", T: types.T(types.Int8)}}
	if ok, err := w.rewrite(n); !ok || err != nil {
		return nil, nil, false, err
	}
	s, child, err := c.scanRelation(sc, plan.ColumnsOf(columnOf(sc, at)), &tableScan{rel: rel, req: scan.Request{Counted: true},
		more: []plan.Column{{ID: plan.ID(w.rows.Index), Name: w.rows.Name, Type: w.rows.T}}})
	if err != nil {
		return nil, nil, false, err
	}
	child.detail("Entries", sc.Cols[at].Name)
	if h := c.hintFor(n); h != nil && (h.any || w.alias[h.call] >= 0) {
		hint := *h
		if !h.any {
			hint.call = w.alias[h.call]
		}
		c.tops = append(c.tops, topFor{&w.inner, &hint})
	}
	s, node, err := c.group(&w.inner, s, child)
	if err != nil {
		return nil, nil, false, err
	}
	return s, node, true, c.computed(s, n.Cols, w.outer)
}

// computed projects a stream to expressions over its columns, as cols.
func (c *compiler) computed(s *stream, cols []plan.Column, exprs []expr.Expr) error {
	bound := make([]expr.Expr, len(exprs))
	ids := make([]plan.ID, len(exprs))
	for i, e := range exprs {
		var err error
		if bound[i], err = s.bind(e); err != nil {
			return err
		}
		ids[i] = cols[i].ID
	}
	if !plain(bound) || !s.inPlace(bound) {
		c.replace(s, bound, nil)
	}
	s.ids = ids
	return nil
}

func columnOf(sc *plan.Scan, at int) *expr.Column {
	return &expr.Column{Index: int(sc.Cols[at].ID), Name: sc.Cols[at].Name, T: sc.Cols[at].Type}
}

// onlyString returns the position in the scan of the only column that anything reads, when that is a string, and
// everything is the same for equal strings. Rows of a plain key are counted by the aggregation itself.
func onlyString(sc *plan.Scan, n *plan.Aggregate) (int, bool) {
	exprs := append(n.Exprs(), sc.Filter...)
	used := plan.ColumnsOf(exprs...)
	if len(used) != 1 {
		return 0, false
	}
	if len(n.Keys) == 1 {
		if _, ok := n.Keys[0].(*expr.Column); ok {
			return 0, false
		}
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

// countsValues tells whether at least half of a relation's rows lie in parts that count the values of a column.
func countsValues(rel scan.Relation, column int) bool {
	p, ok := rel.(parted)
	if !ok {
		return false
	}
	counted := int64(0)
	for _, part := range p.Parts() {
		if k, ok := part.(scan.ValueCounter); ok && k.CountsValues(column) {
			counted += int64(part.Rows())
		}
	}
	return counted > 0 && counted*2 >= rel.Rows()
}

// weighting rewrites an aggregation so that each of its rows stands for as many as the column rows says.
type weighting struct {
	rows  *expr.Column
	inner plan.Aggregate
	outer []expr.Expr // the columns of the aggregation, over those of inner
	alias []int       // per call: the one of inner with the same value, -1: none
}

// rewrite fills inner and outer; false when a call has no weighted form.
func (w *weighting) rewrite(n *plan.Aggregate) (bool, error) {
	keys := len(n.Keys)
	w.inner = plan.Aggregate{Input: n.Input, Keys: n.Keys, Cols: append([]plan.Column(nil), n.Cols[:keys]...)}
	for _, col := range n.Cols[:keys] {
		w.outer = append(w.outer, asColumn(col))
	}
	for i := range n.Aggs {
		before := len(w.inner.Aggs)
		e, err := w.call(&n.Aggs[i], n.Cols[keys+i])
		if e == nil || err != nil {
			return false, err
		}
		w.outer = append(w.outer, e)
		alias := -1
		if _, ok := e.(*expr.Column); ok {
			alias = before
		}
		w.alias = append(w.alias, alias)
	}
	return true, nil
}

func asColumn(c plan.Column) *expr.Column {
	return &expr.Column{Index: int(c.ID), Name: c.Name, T: c.Type}
}

// call returns the value of a call over columns of inner, to which it adds what it needs; nil when there is no way.
func (w *weighting) call(a *plan.AggCall, col plan.Column) (expr.Expr, error) {
	if len(a.OrderBy) > 0 {
		return nil, nil
	}
	if a.Distinct && a.Fn.Kind != fn.CountStar {
		return w.add(*a, col.Type), nil
	}
	switch a.Fn.Kind {
	case fn.Min, fn.Max, fn.BoolAnd, fn.BoolOr:
		return w.add(*a, col.Type), nil
	case fn.CountStar:
		return w.count(a, w.rows, len(w.inner.Keys) > 0), nil
	case fn.Count:
		return w.count(a, w.rowsOf(a.Args[0]), false), nil
	case fn.Sum, fn.Avg:
		if k := a.Args[0].Type().Kind; k != types.Int2 && k != types.Int4 {
			return nil, nil // a product of wider numbers and counts may not fit
		}
		product, err := expr.CallOperator("*", wide(a.Args[0]), w.rows)
		if err != nil {
			return nil, err
		}
		sum := w.add(plan.AggCall{Fn: fn.SumCounts, Args: []expr.Expr{product}, Filter: a.Filter}, types.T(types.Int8))
		if a.Fn.Kind == fn.Sum {
			return sum, nil
		}
		count := w.add(plan.AggCall{Fn: fn.SumCounts, Args: []expr.Expr{w.rowsOf(a.Args[0])}, Filter: a.Filter}, types.T(types.Int8))
		return quotient(sum, count, col.Type)
	}
	return nil, nil
}

// count adds up numbers of rows, 0 when there are none.
func (w *weighting) count(a *plan.AggCall, rows expr.Expr, some bool) expr.Expr {
	t := types.T(types.Int8)
	n := w.add(plan.AggCall{Fn: fn.SumCounts, Args: []expr.Expr{rows}, Filter: a.Filter}, t)
	if some && a.Filter == nil {
		return n
	}
	return &expr.Coalesce{Args: []expr.Expr{n, &expr.Const{Value: types.IntOf(t, 0)}}, T: t}
}

// rowsOf is the number of rows where e is not NULL, and NULL elsewhere.
func (w *weighting) rowsOf(e expr.Expr) expr.Expr {
	if c, ok := e.(*expr.Const); ok && !c.Value.Null {
		return w.rows
	}
	return &expr.Case{Whens: []expr.When{{Cond: &expr.IsNull{Arg: e, Negate: true}, Result: w.rows}}, T: w.rows.T}
}

func wide(e expr.Expr) expr.Expr { return &expr.Cast{Arg: e, T: types.T(types.Int8)} }

// quotient divides as avg does.
func quotient(sum, count expr.Expr, t types.Type) (expr.Expr, error) {
	q, err := expr.CallOperator("/", &expr.Cast{Arg: sum, T: t}, &expr.Cast{Arg: count, T: t})
	if err != nil {
		return nil, err
	}
	return expr.Coerce(q, t)
}

// add adds a call to inner and returns its column.
func (w *weighting) add(a plan.AggCall, t types.Type) *expr.Column {
	id := plan.ID(w.rows.Index + 1 + len(w.inner.Aggs))
	col := plan.Column{ID: id, Name: a.Fn.Name, Type: t}
	w.inner.Aggs, w.inner.Cols = append(w.inner.Aggs, a), append(w.inner.Cols, col)
	return asColumn(col)
}
