package aggstate

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// corr, covar_* and regr_* of pairs (Y, X) of floats of which neither is NULL: the method of Youngs and Cramer (1971) for
// both, and for their product, as in PostgreSQL's float8_regr_accum.
func init() {
	for k, f := range map[fn.AggKind]func(p *pairs) (v float64, null bool){
		fn.RegrCount: func(p *pairs) (float64, bool) { return p.n, false },
		fn.RegrSxx:   func(p *pairs) (float64, bool) { return p.sxx, p.n < 1 },
		fn.RegrSyy:   func(p *pairs) (float64, bool) { return p.syy, p.n < 1 },
		fn.RegrSxy:   func(p *pairs) (float64, bool) { return p.sxy, p.n < 1 },
		fn.RegrAvgx:  func(p *pairs) (float64, bool) { return p.sx / p.n, p.n < 1 },
		fn.RegrAvgy:  func(p *pairs) (float64, bool) { return p.sy / p.n, p.n < 1 },
		fn.CovarPop:  func(p *pairs) (float64, bool) { return p.sxy / p.n, p.n < 1 },
		fn.CovarSamp: func(p *pairs) (float64, bool) { return p.sxy / (p.n - 1), p.n < 2 },
		fn.Corr: func(p *pairs) (float64, bool) {
			return p.sxy / math.Sqrt(p.sxx*p.syy), p.n < 1 || p.sxx == 0 || p.syy == 0
		},
		fn.RegrR2: func(p *pairs) (float64, bool) {
			if p.syy == 0 && p.sxx != 0 {
				return 1, p.n < 1
			}
			return p.sxy * p.sxy / (p.sxx * p.syy), p.n < 1 || p.sxx == 0
		},
		fn.RegrSlope: func(p *pairs) (float64, bool) { return p.sxy / p.sxx, p.n < 1 || p.sxx == 0 },
		fn.RegrIntercept: func(p *pairs) (float64, bool) {
			return (p.sy - p.sx*p.sxy/p.sxx) / p.n, p.n < 1 || p.sxx == 0
		},
	} {
		register(k, Aggregate{Kind: func(types.Type) *Kind { return regression }, Finish: func(c *Call, r []uint64, _ uint64, out *Output) error {
			p := pairsOf(r)
			switch v, null := f(&p); {
			case null:
				out.Null()
			case c.Result.IsInteger():
				out.words(uint64(int64(v)), 0)
			default:
				out.words(math.Float64bits(v), 0)
			}
			return nil
		}})
	}
}

// pairs is a state: the number of pairs, sums, and sums of products of differences from the means.
type pairs struct{ n, sx, sxx, sy, syy, sxy float64 }

var regression = newKind(Kind{
	Number: 56, Words: 6, All: true, Arrival: true,
	Update: updatePairs,
	Merge:  mergePairs,
})

func pairsOf(r []uint64) pairs {
	f := func(i int) float64 { return math.Float64frombits(r[i]) }
	return pairs{f(0), f(1), f(2), f(3), f(4), f(5)}
}

func (p *pairs) to(r []uint64) {
	for i, v := range [...]float64{p.n, p.sx, p.sxx, p.sy, p.syy, p.sxy} {
		r[i] = math.Float64bits(v)
	}
}

func updatePairs(_ *State, m Memory, r Rows) error {
	y, x := r.Columns[0], r.Columns[1]
	for j, place := range r.Places {
		i := int(place)
		if x.Nulls != nil && x.Nulls.Get(i) {
			continue
		}
		words := m.Words[int(r.Slots[j])*m.Width+m.At:][:6]
		p := pairsOf(words)
		if err := p.add(math.Float64frombits(y.Words[i]), math.Float64frombits(x.Words[i])); err != nil {
			return err
		}
		p.to(words)
	}
	return nil
}

func (p *pairs) add(y, x float64) error {
	before := *p
	p.n++
	p.sx += x
	p.sy += y
	finite := !math.IsInf(x, 0) && !math.IsNaN(x) && !math.IsInf(y, 0) && !math.IsNaN(y)
	if before.n == 0 {
		if math.IsInf(x, 0) || math.IsNaN(x) {
			p.sxx, p.sxy = math.NaN(), math.NaN()
		}
		if math.IsInf(y, 0) || math.IsNaN(y) {
			p.syy, p.sxy = math.NaN(), math.NaN()
		}
		return nil
	}
	dx, dy := x*p.n-p.sx, y*p.n-p.sy
	scale := 1 / (p.n * before.n)
	p.sxx += dx * dx * scale
	p.syy += dy * dy * scale
	p.sxy += dx * dy * scale
	inf := func(v float64) bool { return math.IsInf(v, 0) }
	if inf(p.sx) || inf(p.sxx) || inf(p.sy) || inf(p.syy) || inf(p.sxy) {
		if finite && !inf(before.sx) && !inf(before.sy) {
			return floatRange()
		}
		for _, v := range []*float64{&p.sxx, &p.syy, &p.sxy} {
			if inf(*v) {
				*v = math.NaN()
			}
		}
	}
	return nil
}

// mergePairs is PostgreSQL's float8_regr_combine.
func mergePairs(_ *State, r, o []uint64) error {
	a, b := pairsOf(r), pairsOf(o)
	switch {
	case b.n == 0:
		return nil
	case a.n == 0:
		copy(r, o)
		return nil
	}
	n := a.n + b.n
	dx, dy := a.sx/a.n-b.sx/b.n, a.sy/a.n-b.sy/b.n
	part := a.n * b.n / n
	c := pairs{n, a.sx + b.sx, a.sxx + b.sxx + part*dx*dx, a.sy + b.sy, a.syy + b.syy + part*dy*dy, a.sxy + b.sxy + part*dx*dy}
	if overflowed(c.sx, a.sx, b.sx) || overflowed(c.sy, a.sy, b.sy) || overflowed(c.sxx, a.sxx, b.sxx) || overflowed(c.syy, a.syy, b.syy) {
		return floatRange()
	}
	c.to(r)
	return nil
}
