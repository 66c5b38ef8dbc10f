// Package stats estimates how many rows a plan makes and how many distinct values its columns have, from what the
// segments know of their columns (scan.ColumnStats). Each node of a plan has its own formula (plan.Node), which asks the
// Estimator about its inputs, conditions and columns. Estimates decide between plans that are all right; nothing else may
// depend on them. An Estimator belongs to one goroutine.
package stats

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Source finds the statistics of stored tables.
type Source interface {
	// Table returns what is known of a table in the statement's snapshot; false when nothing is.
	Table(t *catalog.Table) (Table, bool)
}

// Table is the part of scan.Relation that estimates need. Columns are table ordinals. One that is a scan.Sampled, too, is
// asked for a sample.
type Table interface {
	Rows() int64
	Stats(column int) scan.ColumnStats
}

// unknownRows is assumed for tables without statistics; system catalogs have about that many rows.
const unknownRows = 1000

// Estimator estimates the nodes of one query. Results are remembered by node.
type Estimator struct {
	source  Source
	env     *fn.Context // of the statement, for conditions that are tried on a sample
	rows    map[plan.Node]float64
	columns map[plan.ID]column
	samples []*sample
}

// column is what is known of one column of the query.
type column struct {
	stats    scan.ColumnStats
	known    bool
	distinct float64 // 0: unknown
	sample   *sample // of the table whose column it is, if there is one
	ordinal  int     // there
	common   []scan.Common
}

var _ plan.Estimates = (*Estimator)(nil)

// New returns an estimator; source may be nil. env is the context in which the statement's conditions are computed; nil:
// none is tried on a sample.
func New(source Source, env *fn.Context) *Estimator {
	return &Estimator{source: source, env: env, rows: map[plan.Node]float64{}, columns: map[plan.ID]column{}}
}

// Rows estimates how many rows a node makes, at least 1.
func (e *Estimator) Rows(n plan.Node) float64 {
	if r, ok := e.rows[n]; ok {
		return r
	}
	r := math.Max(1, n.Estimate(e))
	e.rows[n] = r
	return r
}

// Stored implements plan.Estimates.
func (e *Estimator) Stored(n *plan.Scan) float64 {
	if n.Table == nil || e.source == nil {
		return unknownRows
	}
	t, ok := e.source.Table(n.Table)
	if !ok {
		return unknownRows
	}
	from := e.sampleOf(n.Table, t)
	for i, c := range n.Cols {
		s := t.Stats(n.Ordinals[i])
		col := column{stats: s, known: true, ordinal: n.Ordinals[i]}
		if col.ordinal >= 0 { // no sample has numbers
			col.sample = from
		}
		if s.Distinct >= 0 {
			col.distinct = float64(s.Distinct)
		}
		e.columns[c.ID] = col
	}
	return float64(t.Rows())
}

// Same implements plan.Estimates.
func (e *Estimator) Same(id, of plan.ID) { e.columns[id] = e.columns[of] }

// SetDistinct implements plan.Estimates.
func (e *Estimator) SetDistinct(id plan.ID, n float64) {
	col := e.columns[id]
	col.distinct = n
	e.columns[id] = col
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
