package window

import (
	"math"
	"time"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// ranger finds the bounds of RANGE frames with offsets: the first row whose key is not before the row's own key less or
// plus the offset, and so on, as the in_range functions of PostgreSQL decide it. Where a sum leaves its type it is beyond
// all values.
type ranger struct {
	f          *framer
	key        *keyField
	b          *bundle
	head, tail limit
	at         struct{ head, tail int } // where they are; they never go back in a partition
	partition  int
}

// limit is one bound with an offset.
type limit struct {
	sub    bool // the offset is taken away
	tail   bool
	offset types.Datum
	num    decimal.Decimal
	exact  bool // numeric keys and offset are integers of one scale
	scaled decimal.Int128
}

func (r *ranger) begin(f *framer, b *bundle) error {
	r.f, r.b, r.partition = f, b, -1
	r.key = &b.lay.keys[f.o.order-1]
	for _, x := range []struct {
		l     *limit
		bound *Bound
		which string
	}{{&r.head, &f.frame.Start, "starting"}, {&r.tail, &f.frame.End, "ending"}} {
		if !x.bound.offset() {
			continue
		}
		d, err := f.datum(x.bound, x.which)
		if err != nil {
			return err
		}
		*x.l = limit{offset: d, sub: (x.bound.Kind == Preceding) != r.key.desc, tail: x.l == &r.tail}
		if r.key.t.Kind == types.Numeric {
			if err := x.l.number(r.key.t, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// number reads an offset of a numeric key.
func (l *limit) number(t types.Type, d types.Datum) (err error) {
	if l.num, err = d.Decimal(); err != nil || t.Physical() == types.PhysBytes || !l.num.IsFinite() {
		return err
	}
	back := decimal.Decimal{}
	if l.scaled, err = l.num.Scaled(decimal.Precision128, int(t.Scale)); err == nil {
		back = decimal.FromInt128(l.scaled, int(t.Scale))
	}
	l.exact = err == nil && back.Cmp(l.num) == 0
	return nil
}

// start returns where the frame of the peers from row gs on begins.
func (r *ranger) start(gs, pe int) (int, error) {
	r.enter()
	err := r.advance(&r.head, &r.at.head, gs, pe)
	return r.at.head, err
}

// end returns where it ends.
func (r *ranger) end(gs, pe int) (int, error) {
	r.enter()
	err := r.advance(&r.tail, &r.at.tail, gs, pe)
	return r.at.tail, err
}

func (r *ranger) enter() {
	if r.partition != r.f.partition {
		r.partition = r.f.partition
		r.at.head, r.at.tail = r.partition, r.partition
	}
}

// advance moves a bound forward as long as rows lie before it.
func (r *ranger) advance(l *limit, at *int, gs, pe int) error {
	own := r.b.row(gs)
	curNull := r.key.null(own)
	var edge edge
	if !curNull {
		var err error
		if edge, err = r.edge(l, own); err != nil {
			return err
		}
	}
	for n := 0; *at < pe; *at++ {
		if n++; n%look == 0 {
			if err := r.b.stopped(); err != nil {
				return err
			}
		}
		row := r.b.row(*at)
		null := r.key.null(row)
		if null || curNull {
			// Only the place of NULLs tells. The start stops before the row's own NULLs, the end behind them.
			before := null && !curNull
			if !r.key.nullsFirst {
				before = !null && curNull
			}
			if !before && !(l.tail && null == curNull) {
				return nil
			}
			continue
		}
		c, err := r.compare(&edge, row)
		if err != nil {
			return err
		}
		if r.key.desc {
			c = -c
		}
		if c > 0 || c == 0 && !l.tail {
			return nil
		}
	}
	return nil
}

// edge is the key that a bound stands at: a number of 128 bits in the order of ranks, or a decimal.
type edge struct {
	hi, lo uint64
	num    decimal.Decimal
	exact  bool
}

// edge returns a row's key less or plus the offset.
func (r *ranger) edge(l *limit, row []uint64) (edge, error) {
	switch r.key.t.Kind {
	case types.Numeric:
		return r.numericEdge(l, row)
	case types.Float4, types.Float8:
		return r.floatEdge(l, row)
	case types.Int2, types.Int4, types.Int8:
		if l.offset.I < 0 {
			return edge{}, errFrameSize()
		}
		return ofInt128(sum128(decimal.Int128From64(int64(row[r.key.at])), decimal.Int128From64(l.offset.I), l.sub)), nil
	}
	return r.timeEdge(l, row)
}

func errFrameSize() error {
	return errs.New(errs.InvalidFrameSize, "invalid preceding or following size in window function")
}

// sum128 adds, or subtracts, and stays at the end of the range.
func sum128(a, b decimal.Int128, sub bool) decimal.Int128 {
	if sub {
		b = b.Neg()
	}
	s, ok := a.Add(b)
	switch {
	case ok:
		return s
	case sub:
		return decimal.Int128{Hi: math.MinInt64}
	}
	return decimal.Int128{Lo: math.MaxUint64, Hi: math.MaxInt64}
}

func ofInt128(x decimal.Int128) edge { return edge{hi: uint64(x.Hi) ^ 1<<63, lo: x.Lo, exact: true} }

func (r *ranger) numericEdge(l *limit, row []uint64) (edge, error) {
	if l.num.IsNaN() || l.num.Sign() < 0 {
		return edge{}, errFrameSize()
	}
	if l.exact {
		return ofInt128(sum128(r.int128(row), l.scaled, l.sub)), nil
	}
	d, err := r.decimal(row)
	if err != nil {
		return edge{}, err
	}
	if l.num.IsInf() && d.IsInf() && (d.Sign() > 0) == l.sub { // PostgreSQL: every number is in range
		d = l.num
		if !l.tail {
			d = d.Neg()
		}
		if r.key.desc {
			d = d.Neg()
		}
		return edge{num: d}, nil
	}
	n := l.num
	if l.sub {
		n = n.Neg()
	}
	d, err = d.Add(n)
	return edge{num: d}, err
}

// int128 returns a numeric key as an integer.
func (r *ranger) int128(row []uint64) decimal.Int128 {
	if r.key.wide == 2 {
		return decimal.Int128{Lo: row[r.key.at], Hi: int64(row[r.key.at+1])}
	}
	return decimal.Int128From64(int64(row[r.key.at]))
}

func (r *ranger) decimal(row []uint64) (decimal.Decimal, error) {
	if r.key.text() {
		return decimal.Decode(r.b.w.texts.at(row[r.key.at]))
	}
	return decimal.FromInt128(r.int128(row), int(r.key.t.Scale)), nil
}

func (r *ranger) floatEdge(l *limit, row []uint64) (edge, error) {
	off, base := l.offset.F, math.Float64frombits(row[r.key.at])
	if math.IsNaN(off) || off < 0 {
		return edge{}, errFrameSize()
	}
	sum := base + off
	if l.sub {
		sum = base - off
	}
	if math.IsInf(off, 0) && math.IsInf(base, 0) && (base > 0) == l.sub { // PostgreSQL: every number is in range
		if sum = math.Inf(1); l.tail == r.key.desc {
			sum = math.Inf(-1)
		}
	}
	return edge{hi: hashtable.OrderFloat(math.Float64bits(sum)), exact: true}, nil
}

// timeEdge adds intervals to dates, times and intervals.
func (r *ranger) timeEdge(l *limit, row []uint64) (e edge, err error) {
	off := l.offset.IntervalValue()
	if r.key.t.Kind == types.Time {
		if off.Micros < 0 {
			return e, errFrameSize()
		}
		return ofInt128(sum128(decimal.Int128From64(int64(row[r.key.at])), decimal.Int128From64(off.Micros), l.sub)), nil
	}
	if off.Cmp(datetime.Interval{}) < 0 {
		return e, errFrameSize()
	}
	if l.sub {
		if off, err = off.Neg(); err != nil {
			return e, err
		}
	}
	us := int64(0)
	switch r.key.t.Kind {
	case types.Interval:
		months, days, micros := hashtable.IntervalWords(row[r.key.at], row[r.key.at+1])
		v, err := datetime.Interval{Months: months, Days: days, Micros: micros}.Add(off)
		if err != nil {
			return e, err
		}
		k := v.Key()
		return edge{hi: uint64(k.Hi) ^ 1<<63, lo: k.Lo, exact: true}, nil
	case types.Date:
		if us, err = midnight(int32(row[r.key.at])); err == nil {
			us, err = off.AddToTimestamp(us)
		}
	case types.Timestamptz:
		us, err = off.AddToTimestamptz(int64(row[r.key.at]), r.zone())
	default:
		us, err = off.AddToTimestamp(int64(row[r.key.at]))
	}
	return ofInt128(decimal.Int128From64(us)), err
}

func midnight(day int32) (int64, error) {
	us, ok := datetime.TimestampFromDays(day)
	if !ok {
		return 0, errs.New(errs.DatetimeFieldOverflow, "date out of range for timestamp")
	}
	return us, nil
}

func (r *ranger) zone() *time.Location {
	if z := r.b.w.cfg.Zone; z != nil {
		return z
	}
	return time.UTC
}

// compare compares a row's key with an edge.
func (r *ranger) compare(e *edge, row []uint64) (int, error) {
	if !e.exact {
		d, err := r.decimal(row)
		return d.Cmp(e.num), err
	}
	var hi, lo uint64
	switch k := r.key; k.t.Kind {
	case types.Float4, types.Float8:
		hi = hashtable.OrderFloat(row[k.at])
	case types.Interval:
		hi, lo = k.rank128(row[k.at], row[k.at+1])
	case types.Date:
		us, err := midnight(int32(row[k.at]))
		if err != nil {
			return 0, err
		}
		x := ofInt128(decimal.Int128From64(us))
		hi, lo = x.hi, x.lo
	default:
		x := ofInt128(r.int128(row))
		hi, lo = x.hi, x.lo
	}
	if c := order64(hi, e.hi); c != 0 {
		return c, nil
	}
	return order64(lo, e.lo), nil
}

// datum returns a value of a row.
func (b *bundle) datum(f *field, row []uint64) types.Datum {
	var v batch.Vector
	emitRows(&v, f, [][]uint64{row}, &b.w.texts)
	return v.Datum(0)
}
