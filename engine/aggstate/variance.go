package aggstate

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Variances and standard deviations, of a sample or of a population. Exact numbers are added up with their squares, as
// PostgreSQL's numeric_stddev_internal does; floats follow Youngs and Cramer (1971), whose sum of squares does not lose
// digits to a large mean.
func init() {
	for k, v := range map[fn.AggKind]spread{
		fn.StddevSamp: {sample: true, root: true}, fn.StddevPop: {root: true}, fn.VarSamp: {sample: true}, fn.VarPop: {},
	} {
		register(k, Aggregate{Kind: varianceKind, Finish: v.finish})
	}
}

// spread tells one of the four from the others.
type spread struct{ sample, root bool }

func varianceKind(t types.Type) *Kind {
	switch t.Physical() {
	case types.PhysFloat32, types.PhysFloat64:
		return moments
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		return squares
	case types.PhysInt128, types.PhysBytes:
		return decimals
	}
	return nil
}

func (p spread) finish(c *Call, r []uint64, rows uint64, out *Output) error {
	if p.sample && rows < 2 {
		out.Null()
		return nil
	}
	if c.State.Kind == moments {
		x := math.Float64frombits(r[2])
		if p.sample {
			x /= float64(rows - 1)
		} else {
			x /= float64(rows)
		}
		if p.root {
			x = math.Sqrt(x)
		}
		out.words(math.Float64bits(x), 0)
		return nil
	}
	sum := c.State.total(c.State, r)
	var sq decimal.Decimal
	if c.State.Kind == squares {
		sq = decimal192(r[2:], 2*c.State.scale())
	} else {
		sq = c.State.Store.decimal(r[1])
	}
	d, err := p.ofDecimals(sum, sq, rows)
	if err != nil {
		return err
	}
	return out.decimal(d)
}

// ofDecimals is (n * sum of squares - sum^2) / (n * (n or n-1)).
func (p spread) ofDecimals(sum, squares decimal.Decimal, rows uint64) (decimal.Decimal, error) {
	n := decimal.FromInt64(int64(rows))
	m := n
	if p.sample {
		m = decimal.FromInt64(int64(rows) - 1)
	}
	nsq, err := n.Mul(squares)
	if err != nil {
		return nsq, err
	}
	ssq, err := sum.Mul(sum)
	if err != nil {
		return ssq, err
	}
	num, err := nsq.Sub(ssq)
	if err != nil || num.Sign() <= 0 {
		return decimal.FromInt64(0), err
	}
	den, err := n.Mul(m)
	if err != nil {
		return den, err
	}
	q, err := num.Quo(den)
	if err != nil || !p.root {
		return q, err
	}
	return q.StandardDeviation()
}

// squares is of integers: their sum in 128 bits, that of their squares in 192.
var squares = newKind(Kind{
	Number: 26, Words: 5, Update: perRow(addSquare), Weighted: perRow(addSquare), Retract: retracting(addSquare),
	Merge: func(_ *State, r, o []uint64) error {
		add128(r, o[0], o[1])
		add192(r[2:], o[2], o[3], o[4])
		return nil
	},
	total: total128,
})

func addSquare(s *State, r, v []uint64, n int64) error {
	x := int64(v[0])
	sq := decimal.MulInt64(x, x)
	add192(mul192(r[2:], sq.Lo, uint64(sq.Hi), n))
	return addProduct128(s, r, v, n)
}

// decimals is of numerics: two decimals of the store, sum and sum of squares.
var decimals = newKind(Kind{
	Number: 30, Words: 2, Stores: true, Update: perRow(addDecimals), Weighted: perRow(addDecimals),
	Merge: func(s *State, r, o []uint64) error {
		if err := s.Store.plus(&r[0], s.Store.decimal(o[0])); err != nil {
			return err
		}
		return s.Store.plus(&r[1], s.Store.decimal(o[1]))
	},
	Append: appendDecimals, Read: readDecimals,
	total: func(s *State, r []uint64) decimal.Decimal { return s.Store.decimal(r[0]) },
})

func addDecimals(s *State, r, v []uint64, n int64) error {
	d, err := s.decimalOf(v)
	if err != nil {
		return err
	}
	sq, err := d.Mul(d)
	if err != nil {
		return err
	}
	if d, err = times(d, n); err != nil {
		return err
	}
	if sq, err = times(sq, n); err != nil {
		return err
	}
	if err := s.Store.plus(&r[0], d); err != nil {
		return err
	}
	return s.Store.plus(&r[1], sq)
}

// moments is of floats: their number, their sum, the sum of squared differences from their mean.
var moments = newKind(Kind{
	Number: 28, Words: 3, Rounds: true, Update: perRow(addMoment), Merge: mergeMoments,
})

func addMoment(_ *State, r, v []uint64, _ int64) error {
	x := math.Float64frombits(v[0])
	n := math.Float64frombits(r[0]) + 1
	old := math.Float64frombits(r[1])
	sx, sxx := old+x, math.Float64frombits(r[2])
	if n > 1 {
		d := x*n - sx
		sxx += d * d / (n * (n - 1))
		if math.IsInf(sx, 0) || math.IsInf(sxx, 0) {
			if !math.IsInf(old, 0) && !math.IsInf(x, 0) {
				return floatRange()
			}
			sxx = math.NaN()
		}
	} else if math.IsNaN(x) || math.IsInf(x, 0) {
		sxx = math.NaN()
	}
	r[0], r[1], r[2] = math.Float64bits(n), math.Float64bits(sx), math.Float64bits(sxx)
	return nil
}

// mergeMoments is the combination of Youngs and Cramer, as in PostgreSQL's float8_combine.
func mergeMoments(_ *State, r, o []uint64) error {
	n1, n2 := math.Float64frombits(r[0]), math.Float64frombits(o[0])
	switch {
	case n2 == 0:
		return nil
	case n1 == 0:
		copy(r, o)
		return nil
	}
	sx1, sx2 := math.Float64frombits(r[1]), math.Float64frombits(o[1])
	d := sx1/n1 - sx2/n2
	sxx1, sxx2 := math.Float64frombits(r[2]), math.Float64frombits(o[2])
	sxx := sxx1 + sxx2 + n1*n2*d*d/(n1+n2)
	if overflowed(sx1+sx2, sx1, sx2) || overflowed(sxx, sxx1, sxx2) {
		return floatRange()
	}
	r[0], r[1], r[2] = math.Float64bits(n1+n2), math.Float64bits(sx1+sx2), math.Float64bits(sxx)
	return nil
}
