package window

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// value computes first_value, last_value and nth_value: the value of a row of the frame.
type value struct {
	cs *calls
	c  *Call
	o  *ordering
	f  *framer
}

func (x *value) begin(*bundle) error { return nil }

func (x *value) close() {}

func (x *value) chunk(from, n int, v *batch.Vector) error {
	b := x.cs.b
	f := b.lay.column(x.c.Args[0])
	v.Reset(x.c.Result, n)
	for i := range n {
		k := int64(1)
		if x.c.Function == fn.NthValue {
			var null bool
			if k, null = x.cs.number(&x.c.Number, from+i); null {
				putNull(v, i, n)
				continue
			}
			if k <= 0 {
				return errs.New(errs.InvalidArgumentForNthValue, "argument of nth_value must be greater than zero")
			}
		}
		p := x.pieces(i, from+i)
		if at, ok := p.nth(k, x.c.Function == fn.LastValue); ok {
			b.put(v, i, n, f, b.row(at))
		} else {
			putNull(v, i, n)
		}
	}
	return nil
}

func (x *value) pieces(i, at int) pieces {
	return cut(x.c.Frame.Exclude, x.f.start[i], x.f.end[i], at, x.o.gs[i], x.o.ge[i])
}

// pieces are what an exclusion leaves of a frame: rows from start up to end, without end; empty ones have equal bounds.
type pieces [3]struct{ start, end int }

// cut cuts a frame around a row whose peers are those from gs to ge.
func cut(x Exclusion, start, end, at, gs, ge int) (p pieces) {
	from, to := at, at+1
	switch x {
	case ExcludeNone:
		p[0].start, p[0].end = start, end
		p[1].start, p[1].end = end, end
		p[2] = p[1]
		return p
	case ExcludeGroup, ExcludeTies:
		from, to = gs, ge
	}
	p[0].start, p[0].end = start, max(start, min(end, from))
	p[2].start, p[2].end = min(max(start, to), end), end
	p[1].start, p[1].end = end, end
	if x == ExcludeTies && at >= start && at < end {
		p[1].start, p[1].end = at, at+1
	}
	return p
}

// nth returns the k-th row of the pieces, counted from 1; from the end if last.
func (p *pieces) nth(k int64, last bool) (at int, ok bool) {
	for i := range p {
		if last {
			i = len(p) - 1 - i
		}
		n := int64(p[i].end - p[i].start)
		if k > n {
			k -= n
			continue
		}
		if last {
			return p[i].end - int(k), true
		}
		return p[i].start + int(k) - 1, true
	}
	return 0, false
}
