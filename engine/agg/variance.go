package agg

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// variance writes a variance or standard deviation.
func (f *finisher) variance(c *call, s *state, r []uint64, count uint64, v *batch.Vector, i, n int) error {
	sample := c.kind == fn.StddevSamp || c.kind == fn.VarSamp
	root := c.kind == fn.StddevSamp || c.kind == fn.StddevPop
	if sample && count < 2 {
		setNull(v, i, n)
		return nil
	}
	if s.kind == stateMoments {
		x := math.Float64frombits(r[2])
		if sample {
			x /= float64(count - 1)
		} else {
			x /= float64(count)
		}
		if root {
			x = math.Sqrt(x)
		}
		setWords(v, i, v.Type.Physical(), [2]uint64{math.Float64bits(x)})
		return nil
	}
	d, err := f.decimalVariance(c, s, r, count, sample, root)
	if err != nil {
		return err
	}
	return setDecimal(v, i, d)
}

// decimalVariance is (n * sum of squares - sum^2) / (n * (n or n-1)), as PostgreSQL's numeric_stddev_internal.
func (f *finisher) decimalVariance(c *call, s *state, r []uint64, count uint64, sample, root bool) (decimal.Decimal, error) {
	sum := f.decimalSum(c, s, r)
	var squares decimal.Decimal
	if s.kind == stateSquares {
		scale := 0
		if c.arg.Kind == types.Numeric {
			scale = 2 * int(c.arg.Scale)
		}
		squares = decimal192(r[2:], scale)
	} else {
		squares = f.g.side.decimals.get(r[1])
	}
	n := decimal.FromInt64(int64(count))
	m := n
	if sample {
		m = decimal.FromInt64(int64(count) - 1)
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
	if err != nil || !root {
		return q, err
	}
	return q.StandardDeviation()
}
