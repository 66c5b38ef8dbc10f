package stats

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// What is assumed where statistics tell nothing. The values are those that PostgreSQL and others settled on.
const (
	defaultEqual = 0.005
	defaultRange = 1.0 / 3
	defaultLike  = 0.05
	defaultOther = 0.25
)

// Selectivity estimates which part of the rows satisfies all conditions: what a sample of a table's rows tells of those on
// its columns, the others as if they were independent.
func (e *Estimator) Selectivity(conds []expr.Expr) float64 {
	part, rest := e.sampled(conds)
	return math.Max(part*e.independent(rest), 1e-9)
}

// independent estimates conditions one by one, from what is known of their columns.
func (e *Estimator) independent(conds []expr.Expr) float64 {
	s := 1.0
	for _, c := range conds {
		s *= e.condition(c)
	}
	return math.Max(s, 1e-9)
}

func (e *Estimator) condition(c expr.Expr) float64 {
	switch x := c.(type) {
	case *expr.Const:
		if x.Value.Null || x.Value.I == 0 {
			return 0
		}
		return 1
	case *expr.Logic:
		if !x.Or {
			return e.independent(x.Args)
		}
		none := 1.0
		for _, a := range x.Args {
			none *= 1 - e.condition(a)
		}
		return 1 - none
	case *expr.Not:
		return 1 - e.condition(x.Arg)
	case *expr.IsNull:
		return e.isNull(x)
	case *expr.In:
		s := 0.0
		for _, k := range x.List {
			s += e.equalTo(x.Arg, k)
		}
		s = math.Min(1, s)
		if x.Negate {
			return 1 - s
		}
		return s
	case *expr.Call:
		return e.call(x)
	case *expr.Column:
		return 0.5
	}
	return defaultOther
}

func (e *Estimator) isNull(x *expr.IsNull) float64 {
	s := 0.01
	if c, ok := x.Arg.(*expr.Column); ok {
		if col := e.columns[plan.ID(c.Index)]; col.known && col.stats.Rows > 0 && col.stats.Nulls >= 0 {
			s = float64(col.stats.Nulls) / float64(col.stats.Rows)
		}
	}
	if x.Negate {
		return 1 - s
	}
	return s
}

// equal estimates x = some value that nothing is known of.
func (e *Estimator) equal(x expr.Expr) float64 {
	if c, ok := x.(*expr.Column); ok {
		if d := e.columns[plan.ID(c.Index)].distinct; d >= 1 {
			return 1 / d
		}
	}
	return defaultEqual
}

// equalTo estimates x = a constant: a common value has its own share, all others share what those leave.
func (e *Estimator) equalTo(x expr.Expr, k types.Datum) float64 {
	c, ok := x.(*expr.Column)
	if !ok {
		return e.equal(x)
	}
	common := e.commonOf(plan.ID(c.Index))
	col := e.columns[plan.ID(c.Index)]
	if len(common) == 0 || k.Type.Physical() != common[0].Value.Type.Physical() {
		return e.equal(x)
	}
	left := 1.0
	for _, v := range common {
		share := float64(v.Rows) / float64(col.sample.rows)
		if scan.Order(v.Value, k) == 0 {
			return share
		}
		left -= share
	}
	if col.stats.Nulls > 0 {
		left -= float64(col.stats.Nulls) / float64(col.sample.rows)
	}
	return math.Max(left, 0) / math.Max(col.distinct-float64(len(common)), 1)
}

func (e *Estimator) call(x *expr.Call) float64 {
	switch {
	case isOp(x, "="):
		col, k := columnAndConst(x.Args)
		if col == nil {
			return defaultEqual
		}
		if pos, ok := e.position(col, k); ok && (pos < 0 || pos > 1) {
			return 0
		}
		return e.equalTo(col, k.Value)
	case isOp(x, "<>"):
		if col, k := columnAndConst(x.Args); col != nil {
			return 1 - e.equalTo(col, k.Value)
		}
		return 1 - defaultEqual
	case isOp(x, "<", "<=", ">", ">="):
		return e.rangeOf(x)
	case isOp(x, "~~", "~~*", "~", "~*"):
		return defaultLike
	case isOp(x, "!~~", "!~~*", "!~", "!~*"):
		return 1 - defaultLike
	}
	return defaultOther
}

func (e *Estimator) rangeOf(x *expr.Call) float64 {
	col, k := columnAndConst(x.Args)
	if col == nil {
		return defaultRange
	}
	pos, ok := e.position(col, k)
	if !ok {
		return defaultRange
	}
	pos = math.Max(0, math.Min(1, pos))
	less := x.Fn.Name[0] == '<'
	if _, swapped := x.Args[0].(*expr.Const); swapped {
		less = !less
	}
	if less {
		return math.Max(pos, 1e-6)
	}
	return math.Max(1-pos, 1e-6)
}

// columnAndConst finds the column and the constant of a comparison, looking through casts of the column.
func columnAndConst(args []expr.Expr) (*expr.Column, *expr.Const) {
	for i := range args {
		k, ok := args[1-i].(*expr.Const)
		if !ok || k.Value.Null {
			continue
		}
		x := args[i]
		for {
			c, cast := x.(*expr.Cast)
			if !cast {
				break
			}
			x = c.Arg
		}
		if c, ok := x.(*expr.Column); ok {
			return c, k
		}
	}
	return nil, nil
}

// position tells where a constant lies between a column's minimum (0) and maximum (1).
func (e *Estimator) position(c *expr.Column, k *expr.Const) (float64, bool) {
	col := e.columns[plan.ID(c.Index)]
	if !col.known || !col.stats.HasRange {
		return 0, false
	}
	lo, ok1 := number(col.stats.Min)
	hi, ok2 := number(col.stats.Max)
	v, ok3 := number(k.Value)
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	if hi <= lo {
		switch {
		case v < lo:
			return -1, true
		case v > hi:
			return 2, true
		}
		return 0.5, true
	}
	return (v - lo) / (hi - lo), true
}

// number maps a value to a line on which distances mean something. Dates and timestamps share one, in microseconds.
func number(d types.Datum) (float64, bool) {
	switch d.Type.Kind {
	case types.Int2, types.Int4, types.Int8, types.Time, types.Oid:
		return float64(d.I), true
	case types.Date:
		return float64(d.I) * 86400e6, true
	case types.Timestamp, types.Timestamptz:
		return float64(d.I), true
	case types.Float4, types.Float8:
		return d.F, !math.IsNaN(d.F) && !math.IsInf(d.F, 0)
	case types.Numeric:
		dec, err := d.Decimal()
		if err != nil || !dec.IsFinite() {
			return 0, false
		}
		f, err := types.ParseFloat64([]byte(dec.String()))
		return f, err == nil
	}
	return 0, false
}
