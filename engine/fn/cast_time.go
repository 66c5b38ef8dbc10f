package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// castTimes converts between dates, times and intervals; nil when there is no such cast.
func castTimes(from, to types.Type) Eval {
	type pair struct{ from, to types.Kind }
	switch (pair{from.Kind, to.Kind}) {
	case pair{types.Date, types.Timestamp}:
		return scalar1(to, dateToTS)
	case pair{types.Timestamp, types.Date}:
		return scalar1(to, total1(datetime.DateOfTimestamp))
	case pair{types.Timestamp, types.Time}:
		return rowFixed(to, func(_ *Context, r *row) (int64, bool, error) {
			us := r.int8(0)
			_, t := datetime.SplitTimestamp(us)
			return t, finiteTS(us), nil
		})
	case pair{types.Timestamp, types.Timestamptz}:
		return zoned1(to, (*zone).moment)
	case pair{types.Timestamptz, types.Timestamp}:
		return zoned1(to, (*zone).clock)
	case pair{types.Timestamptz, types.Date}:
		return zoned1(to, func(z *zone, us int64) (int32, error) { return datetime.DateOfTimestamp(z.local(us)), nil })
	case pair{types.Timestamptz, types.Time}:
		return rowFixed(to, func(c *Context, r *row) (int64, bool, error) {
			z, err := c.zone()
			us := r.int8(0)
			_, t := datetime.SplitTimestamp(z.local(us))
			return t, finiteTS(us), err
		})
	case pair{types.Date, types.Timestamptz}:
		return zoned1(to, func(z *zone, d int32) (int64, error) {
			us, err := dateToTS(d)
			if err != nil {
				return 0, err
			}
			if us, err = z.moment(us); err != nil {
				return 0, dateOutOfRange()
			}
			return us, nil
		})
	case pair{types.Time, types.Interval}:
		return scalar1(to, total1(func(t int64) interval { return interval{Micros: t} }))
	case pair{types.Interval, types.Time}:
		return scalar1(to, total1(func(v interval) int64 { return wrapDay(v.Micros) }))
	}
	return nil
}

// zoned1 makes an Eval from a function of one value and the session's time zone.
func zoned1[A, R any](to types.Type, f func(z *zone, a A) (R, error)) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		z, err := c.zone()
		if err != nil {
			return err
		}
		a := view[A](args[0])
		out.Reset(to, n)
		r := batch.Values[R](out)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			if r[i], err = f(&z, a.at(i)); err != nil {
				return err
			}
		}
		return nil
	}
}
