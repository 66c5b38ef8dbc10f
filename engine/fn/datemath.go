package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// dateToTS converts a date to midnight of it.
func dateToTS(d int32) (int64, error) {
	us, ok := datetime.TimestampFromDays(d)
	if !ok {
		return 0, dateOutOfRange()
	}
	return us, nil
}

func dateOutOfRange() error {
	return errs.New(errs.DatetimeFieldOverflow, "date out of range for timestamp")
}

// dateToTSWide is dateToTS for comparisons, which never fail: dates past the timestamps' end are larger than all.
func dateToTSWide(d int32) int64 {
	if us, ok := datetime.TimestampFromDays(d); ok {
		return us
	}
	return tsInf - 1
}

// compareDates compares date with timestamp; left and right tell which sides are timestamps.
func compareDates(c comparison, leftTS, rightTS bool) Eval {
	moment := func(v *batch.Vector, i int, ts bool) int64 {
		if ts {
			return view[int64](v).at(i)
		}
		return dateToTSWide(view[int32](v).at(i))
	}
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			if live(valid, i) && c.holds(compareInt(moment(args[0], i, leftTS), moment(args[1], i, rightTS))) {
				bits.Set(i)
			}
		}
		return nil
	}
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareZoned compares across timestamp with time zone: the other side is local time of the session's zone.
func compareZoned(c comparison, a, b types.Type) Eval {
	moment := func(v *batch.Vector, i int, t types.Type, z *zone) int64 {
		switch t.Kind {
		case types.Date:
			return z.utc(dateToTSWide(view[int32](v).at(i)))
		case types.Timestamp:
			return z.utc(view[int64](v).at(i))
		}
		return view[int64](v).at(i)
	}
	return func(ctx *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		z, err := ctx.zone()
		if err != nil {
			return err
		}
		out.Reset(tBool, n)
		bits := out.Bools()
		for i := range n {
			if live(valid, i) && c.holds(compareInt(moment(args[0], i, a, &z), moment(args[1], i, b, &z))) {
				bits.Set(i)
			}
		}
		return nil
	}
}

// interval is the physical form of intervals.
type interval = datetime.Interval

// minus negates the second operand of an interval subtraction.
func minus(f func(int64, interval) (int64, error)) func(int64, interval) (int64, error) {
	return func(t int64, iv interval) (int64, error) {
		n, err := iv.Neg()
		if err != nil {
			return 0, err
		}
		return f(t, n)
	}
}

func swap[A, B, R any](f func(A, B) (R, error)) func(B, A) (R, error) {
	return func(b B, a A) (R, error) { return f(a, b) }
}

func init() {
	op := func(name string, a, b, r types.Type, eval Eval) {
		registerOp(&Overload{Name: name, Args: list(a, b), Result: returns(r), Eval: eval})
	}
	op("+", tDate, tInt4, tDate, scalar2(tDate, addDays))
	op("+", tInt4, tDate, tDate, scalar2(tDate, swap(addDays)))
	op("-", tDate, tInt4, tDate, scalar2(tDate, subDays))
	op("-", tDate, tDate, tInt4, scalar2(tInt4, subDates))
	plus := func(t int64, iv interval) (int64, error) { return iv.AddToTimestamp(t) }
	dated := func(f func(int64, interval) (int64, error)) func(int32, interval) (int64, error) {
		return func(d int32, iv interval) (int64, error) {
			ts, err := dateToTS(d)
			if err != nil {
				return 0, err
			}
			return f(ts, iv)
		}
	}
	op("+", tDate, tIntvl, tTS, scalar2(tTS, dated(plus)))
	op("+", tIntvl, tDate, tTS, scalar2(tTS, swap(dated(plus))))
	op("-", tDate, tIntvl, tTS, scalar2(tTS, dated(minus(plus))))
	op("+", tDate, tTime, tTS, scalar2(tTS, dateTime))
	op("+", tTime, tDate, tTS, scalar2(tTS, swap(dateTime)))
	op("+", tTS, tIntvl, tTS, scalar2(tTS, plus))
	op("+", tIntvl, tTS, tTS, scalar2(tTS, swap(plus)))
	op("-", tTS, tIntvl, tTS, scalar2(tTS, minus(plus)))
	stable := func(name string, a, b, r types.Type, eval Eval) {
		registerOp(&Overload{Name: name, Args: list(a, b), Result: returns(r), Volatility: Stable, Eval: eval})
	}
	stable("+", tTSTZ, tIntvl, tTSTZ, zonedInterval(0, 1, false))
	stable("+", tIntvl, tTSTZ, tTSTZ, zonedInterval(1, 0, false))
	stable("-", tTSTZ, tIntvl, tTSTZ, zonedInterval(0, 1, true))
	op("-", tTS, tTS, tIntvl, scalar2(tIntvl, datetime.TimestampDiff))
	op("-", tTSTZ, tTSTZ, tIntvl, scalar2(tIntvl, datetime.TimestampDiff))
	op("-", tTime, tTime, tIntvl, scalar2(tIntvl, total2(func(a, b int64) interval { return interval{Micros: a - b} })))
	clock := func(t int64, iv interval) (int64, error) { return wrapDay(t + iv.Micros%microsPerDay), nil }
	op("+", tTime, tIntvl, tTime, scalar2(tTime, clock))
	op("+", tIntvl, tTime, tTime, scalar2(tTime, swap(clock)))
	op("-", tTime, tIntvl, tTime, scalar2(tTime, func(t int64, iv interval) (int64, error) { return wrapDay(t - iv.Micros%microsPerDay), nil }))
	op("+", tIntvl, tIntvl, tIntvl, scalar2(tIntvl, interval.Add))
	op("-", tIntvl, tIntvl, tIntvl, scalar2(tIntvl, interval.Sub))
	op("*", tIntvl, tFloat8, tIntvl, scalar2(tIntvl, interval.Mul))
	op("*", tFloat8, tIntvl, tIntvl, scalar2(tIntvl, swap(interval.Mul)))
	op("/", tIntvl, tFloat8, tIntvl, scalar2(tIntvl, interval.Quo))
	registerOp(&Overload{Name: "-", Args: list(tIntvl), Result: returns(tIntvl), Eval: scalar1(tIntvl, interval.Neg)})
}

// wrapDay brings a time of day back into a day.
func wrapDay(t int64) int64 { return t - floorDiv(t, int64(microsPerDay))*microsPerDay }

func addDays(d, n int32) (int32, error) {
	if d == dateInf || d == dateNegInf {
		return d, nil
	}
	return checkDate(int64(d) + int64(n))
}

func subDays(d, n int32) (int32, error) {
	if d == dateInf || d == dateNegInf {
		return d, nil
	}
	return checkDate(int64(d) - int64(n))
}

func subDates(a, b int32) (int32, error) {
	if a == dateInf || a == dateNegInf || b == dateInf || b == dateNegInf {
		return 0, errs.New(errs.DatetimeFieldOverflow, "cannot subtract infinite dates")
	}
	return a - b, nil
}

func dateTime(d int32, t int64) (int64, error) {
	ts, err := dateToTS(d)
	if err != nil || !finiteTS(ts) {
		return ts, err
	}
	if ts += t; !datetime.TimestampInRange(ts) {
		return 0, datetime.TimestampOutOfRange()
	}
	return ts, nil
}

func checkDate(d int64) (int32, error) {
	if d < datetime.MinDate || d > datetime.MaxDate {
		return 0, datetime.DateOutOfRange()
	}
	return int32(d), nil
}

// zonedInterval adds months and days in local time of the session's zone, the rest in absolute time.
func zonedInterval(ts, iv int, negate bool) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		z, err := c.zone()
		if err != nil {
			return err
		}
		a, b := view[int64](args[ts]), view[interval](args[iv])
		out.Reset(tTSTZ, n)
		r := batch.Values[int64](out)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			v := b.at(i)
			if negate {
				if v, err = v.Neg(); err != nil {
					return err
				}
			}
			if r[i], err = v.AddToTimestamptz(a.at(i), z.loc); err != nil {
				return err
			}
		}
		return nil
	}
}
