package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"math"
	"math/big"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// sum writes a sum in the type of the result.
func (f *finisher) sum(c *call, s *state, r []uint64, v *batch.Vector, i int) error {
	switch s.kind {
	case stateSum64:
		if v.Type.Physical() == types.PhysInt64 {
			setWords(v, i, types.PhysInt64, [2]uint64{r[0]})
			return nil
		}
	case stateSumFloat:
		if x := math.Float64frombits(r[0]); v.Type.Physical() == types.PhysFloat32 && math.IsInf(float64(float32(x)), 0) && !math.IsInf(x, 0) {
			return floatRange()
		}
		setWords(v, i, v.Type.Physical(), [2]uint64{r[0]})
		return nil
	case stateSumSpan:
		return setSpan(v, i, r)
	case stateSum128:
		if v.Type.Physical() == types.PhysInt64 { // fn.SumCounts
			if int64(r[1]) != int64(r[0])>>63 {
				return errs.New(errs.NumericValueOutOfRange, "bigint out of range")
			}
			setWords(v, i, types.PhysInt64, [2]uint64{r[0]})
			return nil
		}
		if v.Type.Physical() == types.PhysInt128 && v.Type.Scale == c.arg.Scale {
			x := decimal.Int128{Lo: r[0], Hi: int64(r[1])}
			if x.FitsPrecision(decimal.Precision128) {
				setWords(v, i, types.PhysInt128, [2]uint64{r[0], r[1]})
				return nil
			}
		}
	}
	return setDecimal(v, i, f.decimalSum(c, s, r))
}

// decimalSum returns a sum as a decimal.
func (f *finisher) decimalSum(c *call, s *state, r []uint64) decimal.Decimal {
	scale := 0
	if c.arg.Kind == types.Numeric {
		scale = int(c.arg.Scale)
	}
	switch s.kind {
	case stateSum64:
		return decimal.FromInt64(int64(r[0]))
	case stateSum128, stateSquares:
		return decimal.FromInt128(decimal.Int128{Lo: r[0], Hi: int64(r[1])}, scale)
	case stateSum192:
		return decimal192(r, scale)
	}
	return f.g.side.decimals.get(r[0])
}

// decimal192 makes a decimal of a 192-bit number: as hi * 2^128 + low, where low is not negative.
func decimal192(r []uint64, scale int) decimal.Decimal {
	if int64(r[2]) == int64(r[1])>>63 {
		return decimal.FromInt128(decimal.Int128{Lo: r[0], Hi: int64(r[1])}, scale)
	}
	b := big.NewInt(int64(r[2]))
	for _, w := range []uint64{r[1], r[0]} {
		b.Lsh(b, 64).Add(b, new(big.Int).SetUint64(w))
	}
	d, err := decimal.Parse([]byte(b.String()))
	if err != nil || scale == 0 {
		return d
	}
	q, err := decimal.Parse(append([]byte("1e-"), big.NewInt(int64(scale)).String()...))
	if err != nil {
		return d
	}
	m, _ := d.Mul(q)
	return m
}

// setDecimal writes a decimal in the type of v.
func setDecimal(v *batch.Vector, i int, d decimal.Decimal) error {
	x, err := types.NumericDatum(v.Type, d)
	if err != nil {
		return err
	}
	if v.Type.Physical() == types.PhysBytes {
		v.AppendString(x.S)
		return nil
	}
	setWords(v, i, v.Type.Physical(), [2]uint64{uint64(x.I), uint64(x.Hi)})
	return nil
}

func setSpan(v *batch.Vector, i int, r []uint64) error {
	months, days := int64(r[0]), int64(r[1])
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return intervalRange()
	}
	setWords(v, i, types.PhysInterval, [2]uint64{uint64(uint32(months)) | uint64(uint32(days))<<32, r[2]})
	return nil
}

// avg writes sum / count: numeric with the digits that PostgreSQL gives it, or float8.
func (f *finisher) avg(c *call, s *state, r []uint64, count uint64, v *batch.Vector, i int) error {
	switch s.kind {
	case stateSumFloat:
		x := math.Float64frombits(r[0]) / float64(count)
		setWords(v, i, v.Type.Physical(), [2]uint64{math.Float64bits(x)})
		return nil
	case stateSumSpan:
		return avgSpan(v, i, r, int64(count))
	}
	d, err := f.decimalSum(c, s, r).Quo(decimal.FromInt64(int64(count)))
	if err != nil {
		return err
	}
	return setDecimal(v, i, d)
}

// avgSpan divides a sum of intervals, carrying what is left of months into days and of days into time, as
// PostgreSQL's interval_div does.
func avgSpan(v *batch.Vector, i int, r []uint64, n int64) error {
	months, days, micros := int64(r[0]), int64(r[1]), int64(r[2])
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return intervalRange() // as PostgreSQL, whose sum is an interval
	}
	monthDays := float64(months%n) / float64(n) * hashtable.DaysPerMonth
	monthDays = math.RoundToEven(monthDays*1e6) / 1e6
	rest := float64(days%n)/float64(n) + monthDays - math.Trunc(monthDays)
	rest = math.RoundToEven(rest*86400*1e6) / (86400 * 1e6)
	day := days/n + int64(monthDays)
	if math.Abs(rest) >= 1 {
		day += int64(rest)
		rest -= math.Trunc(rest)
	}
	us := math.RoundToEven(float64(micros)/float64(n) + rest*hashtable.MicrosPerDay)
	return setSpan(v, i, []uint64{uint64(months / n), uint64(day), uint64(int64(us))})
}
