package stats

import (
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// sample is some rows of a table. Conditions on its columns are tried on them all at once, so that those that depend on
// each other are estimated as what they are: a city and its country, a shipping date and a delivery date.
type sample struct {
	table  *catalog.Table
	source scan.Sampled
	place  int   // among the samples of the estimator
	rows   int64 // of the table
	ts     []types.Type
	cols   map[int]*batch.Vector // by ordinal, as they are asked for
	met    map[expr.Expr]batch.Bitmap
	n      int  // rows of the sample; 0: not asked for yet
	failed bool // it could not be read: estimates go on without
}

// sampledFrom is how many rows a table has before it is sampled: statistics of fewer are near enough for any plan.
const sampledFrom = 1000

// sampleOf returns the sample of a table, nil when it has none.
func (e *Estimator) sampleOf(t *catalog.Table, of Table) *sample {
	src, ok := of.(scan.Sampled)
	if !ok || e.env == nil || of.Rows() < sampledFrom {
		return nil
	}
	for _, s := range e.samples {
		if s.table == t {
			return s
		}
	}
	s := &sample{place: len(e.samples), table: t, source: src, rows: of.Rows(), ts: t.Types(), cols: map[int]*batch.Vector{}, met: map[expr.Expr]batch.Bitmap{}}
	e.samples = append(e.samples, s)
	return s
}

// load brings columns to the sample.
func (s *sample) load(ordinals []int) bool {
	var missing []int
	for _, o := range ordinals {
		if s.cols[o] == nil {
			missing = append(missing, o)
		}
	}
	if len(missing) == 0 || s.failed {
		return !s.failed
	}
	b, err := s.source.Sample(missing)
	if s.failed = err != nil || b.Len == 0; s.failed {
		return false
	}
	for i, o := range missing {
		s.cols[o] = b.Cols[i]
	}
	s.n = b.Len
	return true
}

// sampled divides conditions by the table that each is about, tries those of each table together on its sample, and
// returns the part of rows that satisfies all of them; rest are those that no sample can tell about.
func (e *Estimator) sampled(conds []expr.Expr) (part float64, rest []expr.Expr) {
	part = 1
	tried := make([][]expr.Expr, len(e.samples))
	met := make([]batch.Bitmap, len(e.samples))
	for _, c := range conds {
		s := e.about(c)
		var bits batch.Bitmap
		if s != nil {
			bits = e.try(s, c)
		}
		if bits == nil {
			rest = append(rest, c)
			continue
		}
		if tried[s.place] == nil {
			met[s.place] = slices.Clone(bits)
		}
		met[s.place].And(bits)
		tried[s.place] = append(tried[s.place], c)
	}
	for i, list := range tried {
		if len(list) > 0 {
			part *= e.believe(e.samples[i], met[i].Count(), list)
		}
	}
	return part, rest
}

// enough is the number of rows of a sample that must satisfy a condition for their share to be told by it: it is within a
// half of the truth two times of three then. Fewer only bound what statistics say.
const enough = 5

// believe makes an estimate of how many rows of a sample satisfy conditions.
func (e *Estimator) believe(s *sample, met int, conds []expr.Expr) float64 {
	share := float64(met) / float64(s.n)
	if met >= enough || int64(s.n) >= s.rows {
		return share
	}
	return math.Max(share/3, math.Min(e.independent(conds), float64(met+2)/float64(s.n)))
}

// about returns the sample that has all columns of a condition, nil when none has or it cannot be tried.
func (e *Estimator) about(c expr.Expr) *sample {
	var of *sample
	for _, id := range expr.Columns(nil, c) {
		s := e.columns[plan.ID(id)].sample
		if s == nil || of != nil && s != of {
			return nil
		}
		of = s
	}
	return of
}

// try returns which rows of a sample satisfy a condition; nil when that cannot be computed here.
func (e *Estimator) try(s *sample, c expr.Expr) batch.Bitmap {
	if bits, ok := s.met[c]; ok {
		return bits
	}
	bits := e.compute(s, c)
	s.met[c] = bits
	return bits
}

func (e *Estimator) compute(s *sample, c expr.Expr) batch.Bitmap {
	most := fn.Stable
	if e.env.Session == nil { // plans that are kept know no clock and no settings
		most = fn.Immutable
	}
	if expr.Volatility(c) > most || c.Type().Kind != types.Bool {
		return nil
	}
	var ordinals []int
	for _, id := range expr.Columns(nil, c) {
		ordinals = append(ordinals, e.columns[plan.ID(id)].ordinal)
	}
	if !s.load(ordinals) {
		return nil
	}
	b := &batch.Batch{Len: s.n}
	var ts []types.Type
	at := map[int]int{} // place in b by column
	local := expr.Transform(c, func(x expr.Expr) expr.Expr {
		col, ok := x.(*expr.Column)
		if !ok {
			return x
		}
		k, ok := at[col.Index]
		if !ok {
			o := e.columns[plan.ID(col.Index)].ordinal
			k = len(ts)
			at[col.Index] = k
			ts, b.Cols = append(ts, s.ts[o]), append(b.Cols, s.cols[o])
		}
		return &expr.Column{Index: k, Name: col.Name, T: col.T}
	})
	ev, err := expr.NewEvaluator(local, ts, e.env)
	if err != nil {
		return nil // it has a subquery, or a parameter without a value
	}
	bits := make(batch.Bitmap, batch.Words(scan.SampleMax))
	if err := ev.EvalBool(b, bits[:batch.Words(s.n)]); err != nil {
		return nil // which the statement will say, if it comes to these rows
	}
	return bits
}

// commonOf returns the most common values of a column of a table.
func (e *Estimator) commonOf(id plan.ID) []scan.Common {
	c := e.columns[id]
	if c.sample == nil || c.sample.failed {
		return nil
	}
	if c.common == nil {
		if c.common = c.sample.source.Common(c.ordinal); c.common == nil {
			c.common = []scan.Common{}
		}
		e.columns[id] = c
	}
	return c.common
}
