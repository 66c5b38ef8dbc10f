package window_test

import (
	"bytes"
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/window"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// compareKeys is PostgreSQL's order of two rows by keys.
func compareKeys(keys []order.Key, a, b enginetest.Row) int {
	for _, k := range keys {
		x, y := a[k.Column], b[k.Column]
		if x.Null || y.Null {
			if x.Null == y.Null {
				continue
			}
			if x.Null == k.NullsFirst {
				return -1
			}
			return 1
		}
		c := 0
		if x.Type.Kind == types.Numeric && x.Type.Physical() == types.PhysBytes {
			c = bytes.Compare(decimal.Key([]byte(x.S)), decimal.Key([]byte(y.S)))
		} else {
			c = types.Compare(x, y)
		}
		if k.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// naive computes window functions row by row: for each row it looks at all rows of its partition.
type naive struct {
	cfg  window.Config
	rows []enginetest.Row // in order
}

func newNaive(cfg window.Config, rows []enginetest.Row) *naive {
	n := &naive{cfg, slices.Clone(rows)}
	slices.SortStableFunc(n.rows, func(a, b enginetest.Row) int { return compareKeys(cfg.Keys, a, b) })
	return n
}

// answer returns the rows kept with the values of all calls.
func (n *naive) answer() []enginetest.Row {
	var out []enginetest.Row
	for i := range n.rows {
		var row enginetest.Row
		for _, k := range n.cfg.Keep {
			row = append(row, n.rows[i][k])
		}
		for c := range n.cfg.Calls {
			row = append(row, n.value(i, &n.cfg.Calls[c]))
		}
		out = append(out, row)
	}
	return out
}

// same returns the rows around i that are equal to it in some leading keys.
func (n *naive) same(i, keys int) (from, to int) {
	for from = i; from > 0 && compareKeys(n.cfg.Keys[:keys], n.rows[from-1], n.rows[i]) == 0; from-- {
	}
	for to = i + 1; to < len(n.rows) && compareKeys(n.cfg.Keys[:keys], n.rows[to], n.rows[i]) == 0; to++ {
	}
	return from, to
}

func (n *naive) value(i int, c *window.Call) types.Datum {
	ps, pe := n.same(i, c.Part)
	gs, ge := n.same(i, c.Order)
	number := c.Number.Value
	if c.Number.Column >= 0 {
		if d := n.rows[i][c.Number.Column]; d.Null {
			return types.NullOf(c.Result)
		} else {
			number = d.I
		}
	}
	switch c.Function {
	case fn.RowNumber:
		return types.IntOf(c.Result, int64(i-ps+1))
	case fn.Rank:
		return types.IntOf(c.Result, int64(gs-ps+1))
	case fn.DenseRank:
		groups := 1
		for j := ps + 1; j <= i; j++ {
			if compareKeys(n.cfg.Keys[:c.Order], n.rows[j-1], n.rows[j]) != 0 {
				groups++
			}
		}
		return types.IntOf(c.Result, int64(groups))
	case fn.PercentRank:
		if pe-ps == 1 {
			return types.FloatOf(c.Result, 0)
		}
		return types.FloatOf(c.Result, float64(gs-ps)/float64(pe-ps-1))
	case fn.CumeDist:
		return types.FloatOf(c.Result, float64(ge-ps)/float64(pe-ps))
	case fn.Ntile:
		return types.IntOf(c.Result, ntile(i-ps, pe-ps, int(number)))
	case fn.Lag, fn.Lead:
		to := i + int(number)
		if c.Function == fn.Lag {
			to = i - int(number)
		}
		switch {
		case to >= ps && to < pe:
			return n.rows[to][c.Args[0]]
		case len(c.Args) > 1:
			return n.rows[i][c.Args[1]]
		}
		return types.NullOf(c.Result)
	}
	frame := n.frame(i, c, ps, pe, gs, ge)
	switch c.Function {
	case fn.FirstValue, fn.LastValue, fn.NthValue:
		at := int(number) - 1
		if c.Function == fn.FirstValue {
			at = 0
		} else if c.Function == fn.LastValue {
			at = len(frame) - 1
		}
		if at < 0 || at >= len(frame) {
			return types.NullOf(c.Result)
		}
		return n.rows[frame[at]][c.Args[0]]
	}
	var rows []enginetest.Row
	for _, j := range frame {
		rows = append(rows, n.rows[j])
	}
	call := enginetest.Aggregate{Kind: c.Fn.Kind, Filter: c.Filter, Result: c.Result}
	if len(c.Args) > 0 {
		call.Column = c.Args[0]
	}
	return enginetest.GroupBy(rows, nil, []enginetest.Aggregate{call})[0][0]
}

// ntile deals rows out one bucket after the other.
func ntile(row, rows, buckets int) int64 {
	at := 0
	for b := 1; ; b++ {
		size := rows / buckets
		if b <= rows%buckets {
			size++
		}
		if at += size; row < at {
			return int64(b)
		}
	}
}

// frame returns the rows of a frame, in order.
func (n *naive) frame(i int, c *window.Call, ps, pe, gs, ge int) (rows []int) {
	var groups []int // number of the peers of each row
	if c.Frame.Mode == window.Groups {
		groups = make([]int, pe-ps)
		for k := 1; k < len(groups); k++ {
			if groups[k] = groups[k-1]; compareKeys(n.cfg.Keys[:c.Order], n.rows[ps+k-1], n.rows[ps+k]) != 0 {
				groups[k]++
			}
		}
	}
	for j := ps; j < pe; j++ {
		in := func(b *window.Bound, end bool) bool {
			switch b.Kind {
			case window.UnboundedPreceding:
				return !end
			case window.UnboundedFollowing:
				return end
			}
			off := int(b.Value.I)
			if b.Kind == window.Preceding {
				off = -off
			}
			if b.Kind == window.CurrentRow {
				off = 0
			}
			place, at := j-i, off
			switch {
			case c.Frame.Mode == window.Groups:
				place = groups[j-ps] - groups[i-ps]
			case c.Frame.Mode == window.Range && b.Kind == window.CurrentRow:
				place = 0
				if j < gs {
					place = -1
				} else if j >= ge {
					place = 1
				}
			case c.Frame.Mode == window.Range:
				return n.inRange(c, b, n.rows[j], n.rows[i], end)
			}
			if end {
				return place <= at
			}
			return place >= at
		}
		if !in(&c.Frame.Start, false) || !in(&c.Frame.End, true) {
			continue
		}
		peer := j >= gs && j < ge
		switch c.Frame.Exclude {
		case window.ExcludeCurrentRow:
			if j == i {
				continue
			}
		case window.ExcludeGroup:
			if peer {
				continue
			}
		case window.ExcludeTies:
			if peer && j != i {
				continue
			}
		}
		rows = append(rows, j)
	}
	return rows
}

// inRange tells whether a row is behind the start of a RANGE frame, or before its end.
func (n *naive) inRange(c *window.Call, b *window.Bound, row, cur enginetest.Row, end bool) bool {
	key := n.cfg.Keys[c.Order-1]
	v, base := row[key.Column], cur[key.Column]
	if v.Null || base.Null {
		var first bool
		switch {
		case v.Null && base.Null:
			return true
		case v.Null: // it lies at one end of the partition
			first = key.NullsFirst
		default:
			first = !key.NullsFirst
		}
		return first == end
	}
	sub := (b.Kind == window.Preceding) != key.Desc
	less := end != key.Desc
	sign := 1
	if sub {
		sign = -1
	}
	cmp := 0
	switch {
	case v.Type.Kind == types.Float8 || v.Type.Kind == types.Float4:
		switch sum := base.F + float64(sign)*b.Value.F; {
		case math.IsNaN(v.F) && math.IsNaN(base.F):
			return true
		case math.IsNaN(v.F):
			return !less
		case math.IsNaN(base.F):
			return less
		case v.F < sum:
			cmp = -1
		case v.F > sum:
			cmp = 1
		}
	case v.Type.Kind == types.Numeric:
		x, _ := v.Decimal()
		y, _ := base.Decimal()
		z, _ := b.Value.Decimal()
		if sub {
			z = z.Neg()
		}
		sum, _ := y.Add(z)
		cmp = x.Cmp(sum)
	case v.Type.IsInteger():
		sum := base.I + int64(sign)*b.Value.I
		if x := b.Value.I; x > math.MaxInt32 { // the test's values are smaller
			return sub == !less
		}
		cmp = order64(v.I, sum)
	default:
		off := b.Value.IntervalValue()
		if sub {
			off, _ = off.Neg()
		}
		switch v.Type.Kind {
		case types.Interval:
			sum, _ := base.IntervalValue().Add(off)
			cmp = v.IntervalValue().Cmp(sum)
		case types.Date:
			x, _ := datetime.TimestampFromDays(int32(v.I))
			y, _ := datetime.TimestampFromDays(int32(base.I))
			sum, _ := off.AddToTimestamp(y)
			cmp = order64(x, sum)
		default:
			sum, _ := off.AddToTimestamp(base.I)
			cmp = order64(v.I, sum)
		}
	}
	if less {
		return cmp <= 0
	}
	return cmp >= 0
}

func order64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
