package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The operator (start, end) OVERLAPS (start, end); an end may be given as a length.
func init() {
	for _, t := range list(tTS, tTSTZ, tTime) {
		for _, ends := range [][2]types.Type{{t, t}, {tIntvl, t}, {t, tIntvl}, {tIntvl, tIntvl}} {
			vol := Immutable
			if t == tTSTZ {
				vol = Stable
			}
			register(&Overload{Name: "overlaps", Args: list(t, ends[0], t, ends[1]), Result: returns(tBool), NotStrict: true, Volatility: vol,
				Eval: rowBool(func(c *Context, r *row) (v, ok bool, err error) {
					var p [2]period
					for i := range p {
						if p[i], err = r.period(c, t, 2*i); err != nil {
							return false, false, err
						}
					}
					v, ok = p[0].overlaps(p[1])
					return v, ok, nil
				})})
		}
	}
}

// period is the time between two moments, of which the later one, or both, may be unknown.
type period struct {
	start, end     int64
	startOK, endOK bool
}

// period reads arguments a and a+1.
func (r *row) period(c *Context, t types.Type, a int) (period, error) {
	p := period{startOK: !r.null(a), endOK: !r.null(a + 1)}
	if p.startOK {
		p.start = r.int8(a)
	}
	switch {
	case !p.endOK:
	case r.args[a+1].Type.Kind != types.Interval:
		p.end = r.int8(a + 1)
	case !p.startOK:
		p.endOK = false
	default:
		var err error
		if p.end, err = later(c, t, p.start, batch.Values[interval](r.args[a+1])[r.index(a+1)]); err != nil {
			return p, err
		}
	}
	if !p.startOK {
		p.start, p.startOK, p.endOK = p.end, p.endOK, false
	} else if p.endOK && p.start > p.end {
		p.start, p.end = p.end, p.start
	}
	return p, nil
}

// later adds a length to a moment.
func later(c *Context, t types.Type, start int64, length interval) (int64, error) {
	switch t.Kind {
	case types.Timestamp:
		return length.AddToTimestamp(start)
	case types.Time:
		sum := (start + length.Micros%microsPerDay) % microsPerDay
		if sum < 0 {
			sum += microsPerDay
		}
		return sum, nil
	}
	set, err := c.settings()
	if err != nil {
		return 0, err
	}
	return length.AddToTimestamptz(start, set.Location)
}

// overlaps tells whether periods have a moment in common; those that begin together have. ok false is NULL.
func (p period) overlaps(q period) (v, ok bool) {
	if !p.startOK || !q.startOK {
		return false, false
	}
	if p.start == q.start {
		return true, p.endOK && q.endOK
	}
	if p.start > q.start {
		p, q = q, p
	}
	switch { // p begins first
	case !p.endOK:
		return false, false
	case q.start < p.end:
		return true, true
	}
	return false, q.endOK
}
