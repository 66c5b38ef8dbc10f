// Package stats estimates how many rows a plan makes and how many distinct values its columns have, from what the
// segments know of their columns (scan.ColumnStats). Estimates decide between plans that are all right; nothing else may
// depend on them. An Estimator belongs to one goroutine.
package stats

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Source finds the statistics of stored tables.
type Source interface {
	// Table returns what is known of a table in the statement's snapshot; false when nothing is.
	Table(t *catalog.Table) (Table, bool)
}

// Table is the part of scan.Relation that estimates need. Columns are table ordinals.
type Table interface {
	Rows() int64
	Stats(column int) scan.ColumnStats
}

// unknownRows is assumed for tables without statistics; system catalogs have about that many rows.
const unknownRows = 1000

// Estimator estimates the nodes of one query. Results are remembered by node.
type Estimator struct {
	source  Source
	rows    map[plan.Node]float64
	columns map[plan.ID]column
}

// column is what is known of one column of the query.
type column struct {
	stats    scan.ColumnStats
	known    bool
	distinct float64 // 0: unknown
}

// New returns an estimator; source may be nil.
func New(source Source) *Estimator {
	return &Estimator{source: source, rows: map[plan.Node]float64{}, columns: map[plan.ID]column{}}
}

// Rows estimates how many rows a node makes, at least 1.
func (e *Estimator) Rows(n plan.Node) float64 {
	if r, ok := e.rows[n]; ok {
		return r
	}
	r := math.Max(1, e.estimate(n))
	e.rows[n] = r
	return r
}

func (e *Estimator) estimate(n plan.Node) float64 {
	switch n := n.(type) {
	case *plan.Scan:
		return e.scan(n)
	case *plan.CTEScan:
		rows := e.Rows(n.Shared.Plan)
		for i, c := range n.Cols {
			e.columns[c.ID] = e.columns[n.From[i]]
		}
		return rows
	case *plan.Filter:
		return e.Rows(n.Input) * e.Selectivity(n.Conds)
	case *plan.Project:
		rows := e.Rows(n.Input)
		for i, x := range n.Exprs {
			if c, ok := x.(*expr.Column); ok {
				e.columns[n.Cols[i].ID] = e.columns[plan.ID(c.Index)]
			} else {
				e.columns[n.Cols[i].ID] = column{distinct: e.Distinct(x, rows)}
			}
		}
		return rows
	case *plan.Aggregate:
		return e.aggregate(n)
	case *plan.Sort:
		rows := e.Rows(n.Input)
		if n.Limit >= 0 {
			rows = math.Min(rows, float64(n.Limit))
		}
		return rows
	case *plan.Limit:
		rows := e.Rows(n.Input)
		if n.Count >= 0 && n.CountExpr == nil {
			rows = math.Min(rows, float64(n.Count))
		}
		return rows
	case *plan.DistinctOn:
		rows := e.Rows(n.Input)
		groups := 1.0
		for _, k := range n.On {
			groups *= max(e.Distinct(k, rows), 1)
		}
		return math.Min(rows, groups)
	case *plan.Values:
		return float64(len(n.Rows))
	case *plan.SetOp:
		l, r := e.Rows(n.Left), e.Rows(n.Right)
		switch n.Kind {
		case plan.Union:
			return l + r
		case plan.Intersect:
			return math.Min(l, r) / 2
		}
		return l
	case *plan.Join:
		return e.join(n)
	case *plan.Apply:
		l := e.Rows(n.Left)
		r := e.Rows(n.Right)
		switch n.Kind {
		case plan.Inner, plan.Left:
			return l * r
		case plan.Semi, plan.Anti:
			return l / 2
		}
		return l
	}
	return unknownRows
}

func (e *Estimator) scan(n *plan.Scan) float64 {
	rows := float64(unknownRows)
	if n.Table != nil && e.source != nil {
		if t, ok := e.source.Table(n.Table); ok {
			rows = float64(t.Rows())
			for i, c := range n.Cols {
				s := t.Stats(n.Ordinals[i])
				col := column{stats: s, known: true}
				if s.Distinct >= 0 {
					col.distinct = float64(s.Distinct)
				}
				e.columns[c.ID] = col
			}
		}
	}
	return rows * e.Selectivity(n.Filter)
}

func (e *Estimator) aggregate(n *plan.Aggregate) float64 {
	in := e.Rows(n.Input)
	if len(n.Keys) == 0 {
		return 1
	}
	groups := 1.0
	for i, k := range n.Keys {
		d := e.Distinct(k, in)
		groups *= d
		col := column{distinct: d}
		if c, ok := k.(*expr.Column); ok {
			col.stats, col.known = e.columns[plan.ID(c.Index)].stats, e.columns[plan.ID(c.Index)].known
		}
		e.columns[n.Cols[i].ID] = col
	}
	return math.Min(groups, in)
}

// Distinct estimates how many distinct values an expression has over that many rows.
func (e *Estimator) Distinct(x expr.Expr, rows float64) float64 {
	switch x := x.(type) {
	case *expr.Const:
		return 1
	case *expr.Column:
		if d := e.columns[plan.ID(x.Index)].distinct; d > 0 {
			return math.Max(1, math.Min(d, rows))
		}
		return math.Max(1, math.Min(rows, math.Pow(rows, 0.75)))
	case *expr.Call:
		if x.Fn.Name == "extract" || x.Fn.Name == "date_part" {
			return math.Min(rows, 60)
		}
	}
	used := expr.Columns(nil, x)
	d := 1.0
	for _, id := range used {
		d *= e.Distinct(&expr.Column{Index: id}, rows)
	}
	return math.Max(1, math.Min(d, rows))
}

// join multiplies the sides and divides by the larger number of distinct keys: every key of the side with fewer finds
// partners.
func (e *Estimator) join(n *plan.Join) float64 {
	l, r := e.Rows(n.Left), e.Rows(n.Right)
	inner := l * r * e.JoinSelectivity(n.Equal, n.On, l, r)
	switch n.Kind {
	case plan.Left:
		return math.Max(inner, l)
	case plan.Right:
		return math.Max(inner, r)
	case plan.Full:
		return math.Max(inner, l+r)
	case plan.Semi:
		return math.Min(l, math.Max(inner, 1)) * 0.8
	case plan.Anti:
		return math.Max(1, l-math.Min(l*0.8, inner))
	case plan.Single, plan.Mark:
		return l
	}
	return inner
}

// JoinSelectivity estimates which part of the product of l and r rows satisfies the conditions.
func (e *Estimator) JoinSelectivity(equal []plan.EqualPair, on []expr.Expr, l, r float64) float64 {
	s := 1.0
	for i, p := range equal {
		d := math.Max(e.Distinct(p.Left, l), e.Distinct(p.Right, r))
		if i > 0 {
			d = math.Sqrt(d) // further keys are rarely independent of the first
		}
		s /= d
	}
	return s * e.Selectivity(on)
}

// isOp tells whether a call is an operator of two arguments.
func isOp(c *expr.Call, names ...string) bool {
	if !c.Fn.Infix || len(c.Args) != 2 {
		return false
	}
	for _, n := range names {
		if c.Fn.Name == n {
			return true
		}
	}
	return false
}
