package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// fromStatistics answers aggregates over a whole stored table from what its parts know exactly: the numbers of rows and
// NULLs, the least and the greatest values, and the sums. One call that needs more makes it a scan.
func (c *compiler) fromStatistics(n *plan.Aggregate) (*stream, *Node, bool, error) {
	sc, ok := n.Input.(*plan.Scan)
	if !ok || sc.Table == nil || len(sc.Filter) > 0 || len(n.Keys) > 0 || len(n.Aggs) == 0 || c.env.NoStatistics {
		return nil, nil, false, nil
	}
	rel, err := c.env.Relations.Table(c.ctx, sc.Table.ID)
	if err != nil {
		return nil, nil, false, err
	}
	s := &stream{}
	row := batch.New(make([]types.Type, 0))
	for i := range n.Aggs {
		t := n.Cols[len(n.Keys)+i].Type
		d, ok := fromTotals(sc, rel, &n.Aggs[i], t)
		if !ok {
			return nil, nil, false, nil
		}
		v := &batch.Vector{}
		v.ResetConstant(d, 1)
		row.Cols = append(row.Cols, v)
		s.ids, s.types = append(s.ids, n.Cols[i].ID), append(s.types, t)
	}
	row.Len = 1
	s.source = source.NewValues(s.types, []*batch.Batch{row})
	node := c.explain(n)
	node.Title, node.Details = "Statistics", nil
	node.detail("Table", sc.Table.Name)
	s.marks = []mark{{node, -1}}
	return s, node, true, nil
}

// fromTotals returns the value of a call over all rows of a table, as t, when the parts know it.
func fromTotals(sc *plan.Scan, rel scan.Relation, a *plan.AggCall, t types.Type) (types.Datum, bool) {
	if a.Distinct || a.Filter != nil {
		return types.Datum{}, false
	}
	if countsRows(sc, a) {
		return types.IntOf(t, rel.Rows()), true
	}
	if len(a.Args) != 1 {
		return types.Datum{}, false
	}
	col, ok := a.Args[0].(*expr.Column)
	if !ok {
		return types.Datum{}, false
	}
	total, ok := totalsOf(sc, rel, plan.ID(col.Index))
	if !ok {
		return types.Datum{}, false
	}
	rows := total.Rows - total.Nulls
	switch {
	case a.Fn.Kind == fn.Count:
		return types.IntOf(t, rows), true
	case a.Fn.Kind == fn.Min && col.T == t && (total.HasRange || rows == 0):
		return ranged(total.Min, t, rows), true
	case a.Fn.Kind == fn.Max && col.T == t && (total.HasRange || rows == 0):
		return ranged(total.Max, t, rows), true
	case a.Fn.Kind == fn.Sum && col.T.IsInteger() && total.HasSum:
		return sumOf(&total, t, rows)
	case a.Fn.Kind == fn.Avg && col.T.IsInteger() && total.HasSum:
		return avgOf(&total, t, rows)
	}
	return types.Datum{}, false
}

// countsRows tells whether a call counts all rows of the scan.
func countsRows(sc *plan.Scan, a *plan.AggCall) bool {
	if a.Fn.Kind == fn.CountStar {
		return true
	}
	if a.Fn.Kind != fn.Count || len(a.Args) != 1 {
		return false
	}
	switch e := a.Args[0].(type) {
	case *expr.Const:
		return !e.Value.Null
	case *expr.Column:
		if o := ordinalOf(sc, plan.ID(e.Index)); o >= 0 {
			return sc.Table.Columns[o].NotNull
		}
	}
	return false
}

// ordinalOf returns the ordinal in the table of a column of the scan, or -1.
func ordinalOf(sc *plan.Scan, id plan.ID) int {
	if i := plan.IndexOf(sc.Cols, id); i >= 0 {
		return sc.Ordinals[i]
	}
	return -1
}

// totalsOf returns what is known exactly of a column of a table; false when that is not everything.
func totalsOf(sc *plan.Scan, rel scan.Relation, id plan.ID) (scan.Totals, bool) {
	k, ok := rel.(scan.Totaler)
	at := ordinalOf(sc, id)
	if !ok || at < 0 {
		return scan.Totals{}, false
	}
	return k.Totals(at)
}

func ranged(d types.Datum, t types.Type, rows int64) types.Datum {
	if rows == 0 {
		return types.NullOf(t)
	}
	d.Type = t
	return d
}

// sumOf returns a sum; one that does not fit is left to the scan, which raises the error.
func sumOf(total *scan.Totals, t types.Type, rows int64) (types.Datum, bool) {
	switch {
	case rows == 0:
		return types.NullOf(t), true
	case t.Kind == types.Numeric:
		d, err := types.NumericDatum(t, decimal.FromInt128(decimal.Int128{Lo: total.SumLo, Hi: total.SumHi}, 0))
		return d, err == nil
	}
	return types.IntOf(t, int64(total.SumLo)), total.SumHi == int64(total.SumLo)>>63
}

func avgOf(total *scan.Totals, t types.Type, rows int64) (types.Datum, bool) {
	if rows == 0 {
		return types.NullOf(t), true
	}
	q, err := decimal.FromInt128(decimal.Int128{Lo: total.SumLo, Hi: total.SumHi}, 0).Quo(decimal.FromInt64(rows))
	if err != nil {
		return types.Datum{}, false
	}
	d, err := types.NumericDatum(t, q)
	return d, err == nil
}
