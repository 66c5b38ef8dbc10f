package fn

import (
	"math"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

func inf(sign int) float64 { return math.Inf(sign) }

func init() {
	trunc := func(args []types.Type, r types.Type, vol Volatility, eval Eval) {
		register(&Overload{Name: "date_trunc", Args: args, Result: returns(r), Volatility: vol, Eval: eval, Prepare: prepareTrunc})
	}
	trunc(list(tText, tTS), tTS, Immutable, truncEval(nil))
	trunc(list(tText, tTSTZ), tTSTZ, Stable, truncEval(nil))
	trunc(list(tText, tTSTZ, tText), tTSTZ, Stable, truncEval(nil))
	register(&Overload{Name: "date_trunc", Args: list(tText, tIntvl), Result: returns(tIntvl),
		Eval: rowFixed(tIntvl, func(_ *Context, r *row) (interval, bool, error) {
			v, err := truncInterval(string(r.bytes(0)), batch.Values[interval](r.args[1])[r.index(1)])
			return v, true, err
		})})
	bin := func(t types.Type) {
		register(&Overload{Name: "date_bin", Args: list(tIntvl, t, t), Result: returns(t),
			Eval: rowFixed(t, func(_ *Context, r *row) (int64, bool, error) {
				v, err := dateBin(batch.Values[interval](r.args[0])[r.index(0)], r.int8(1), r.int8(2))
				return v, true, err
			})})
	}
	bin(tTS)
	bin(tTSTZ)
	register(&Overload{Name: "age", Args: list(tTS, tTS), Result: returns(tIntvl), Eval: scalar2(tIntvl, datetime.Age)},
		&Overload{Name: "age", Args: list(tTSTZ, tTSTZ), Result: returns(tIntvl), Volatility: Stable, Eval: zonedAge},
		&Overload{Name: "age", Args: list(tTS), Result: returns(tIntvl), Volatility: Stable, Eval: ageToday(false)},
		&Overload{Name: "age", Args: list(tTSTZ), Result: returns(tIntvl), Volatility: Stable, Eval: ageToday(true)},
		&Overload{Name: "justify_hours", Args: list(tIntvl), Result: returns(tIntvl), Eval: scalar1(tIntvl, interval.JustifyHours)},
		&Overload{Name: "justify_days", Args: list(tIntvl), Result: returns(tIntvl), Eval: scalar1(tIntvl, interval.JustifyDays)},
		&Overload{Name: "justify_interval", Args: list(tIntvl), Result: returns(tIntvl), Eval: scalar1(tIntvl, interval.JustifyInterval)},
		&Overload{Name: "make_date", Args: list(tInt4, tInt4, tInt4), Result: returns(tDate),
			Eval: rowFixed(tDate, func(_ *Context, r *row) (int32, bool, error) {
				d, err := makeDate(r.int4(0), r.int4(1), r.int4(2))
				return d, true, err
			})},
		&Overload{Name: "make_time", Args: list(tInt4, tInt4, tFloat8), Result: returns(tTime),
			Eval: rowFixed(tTime, func(_ *Context, r *row) (int64, bool, error) {
				t, err := makeTime(r.int4(0), r.int4(1), r.f8(2))
				return t, true, err
			})},
		&Overload{Name: "make_timestamp", Args: list(tInt4, tInt4, tInt4, tInt4, tInt4, tFloat8), Result: returns(tTS),
			Eval: rowFixed(tTS, makeTimestamp)},
		&Overload{Name: "make_timestamptz", Args: list(tInt4, tInt4, tInt4, tInt4, tInt4, tFloat8), Result: returns(tTSTZ), Volatility: Stable,
			Eval: rowFixed(tTSTZ, makeTimestamptz)},
		&Overload{Name: "make_timestamptz", Args: list(tInt4, tInt4, tInt4, tInt4, tInt4, tFloat8, tText), Result: returns(tTSTZ), Volatility: Stable,
			Eval: rowFixed(tTSTZ, makeTimestamptz)},
		&Overload{Name: "make_interval", Args: list(tInt4, tInt4, tInt4, tInt4, tInt4, tInt4, tFloat8), Result: returns(tIntvl),
			Eval: rowFixed(tIntvl, makeInterval)},
		&Overload{Name: "to_timestamp", Args: list(tFloat8), Result: returns(tTSTZ), Eval: scalar1(tTSTZ, epochToTS)})
	finite := func(t types.Type, f func(r *row) bool) {
		register(&Overload{Name: "isfinite", Args: list(t), Result: returns(tBool), Total: true,
			Eval: rowBool(func(_ *Context, r *row) (bool, bool, error) { return f(r), true, nil })})
	}
	finite(tTS, func(r *row) bool { return finiteTS(r.int8(0)) })
	finite(tTSTZ, func(r *row) bool { return finiteTS(r.int8(0)) })
	finite(tDate, func(r *row) bool { d := r.int4(0); return d != dateInf && d != dateNegInf })
	finite(tIntvl, func(*row) bool { return true })
	register(&Overload{Name: "timezone", Args: list(tText, tTS), Result: returns(tTSTZ), Eval: atZone(tTSTZ, (*zone).moment)},
		&Overload{Name: "timezone", Args: list(tText, tTSTZ), Result: returns(tTS), Eval: atZone(tTS, (*zone).clock)},
		&Overload{Name: "timezone", Args: list(tIntvl, tTS), Result: returns(tTSTZ), Eval: atOffset(tTSTZ, -1)},
		&Overload{Name: "timezone", Args: list(tIntvl, tTSTZ), Result: returns(tTS), Eval: atOffset(tTS, 1)})
	clocks()
}

// prepareTrunc compiles date_trunc with a constant unit.
func prepareTrunc(_ *Context, args []types.Type, _ types.Type, consts []*types.Datum) (Eval, error) {
	if consts[0] == nil || consts[0].Null {
		return nil, nil
	}
	u, err := truncUnit([]byte(consts[0].S), args[1])
	if err != nil {
		return nil, err
	}
	if args[1].Kind == types.Timestamp {
		switch u {
		case datetime.UnitSecond:
			return truncFixed(u, microsPerSecond), nil
		case datetime.UnitMinute:
			return truncFixed(u, microsPerMinute), nil
		case datetime.UnitHour:
			return truncFixed(u, microsPerHour), nil
		case datetime.UnitDay:
			return truncFixed(u, microsPerDay), nil
		}
	}
	return truncEval(&u), nil
}

// truncFixed is date_trunc to a unit of fixed length.
func truncFixed(u datetime.Unit, unit int64) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		out.Reset(tTS, n)
		r, v := batch.Values[int64](out)[:n], batch.Values[int64](args[1])[:n]
		odd := int64(0)
		if unit == microsPerMinute {
			odd = truncMinute(r, v)
		} else {
			odd = truncTo(r, v, uint64(unit))
		}
		if odd < 0 { // before 1970, or infinite
			for i, us := range v {
				r[i], _ = u.Trunc(us)
			}
		}
		return nil
	}
}

// truncTo subtracts remainders; the result is negative when a timestamp is before 1970 or infinite.
func truncTo(r, v []int64, unit uint64) (odd int64) {
	for i, us := range v {
		odd |= us | (us + 1)
		r[i] = us - int64(uint64(us)%unit)
	}
	return odd
}

// truncMinute is truncTo for the commonest unit: the division by a constant is a multiplication.
func truncMinute(r, v []int64) (odd int64) {
	for i, us := range v {
		odd |= us | (us + 1)
		r[i] = us - int64(uint64(us)%microsPerMinute)
	}
	return odd
}

func truncUnit(name []byte, of types.Type) (datetime.Unit, error) {
	u, ok := datetime.ParseUnit(string(name))
	switch {
	case !ok:
		return u, datetime.UnrecognizedUnit(string(name), plain(of).String())
	case u == datetime.UnitTimezone || u == datetime.UnitTimezoneHour || u == datetime.UnitTimezoneMinute:
		return u, datetime.UnsupportedUnit(string(name), plain(of).String())
	case u < datetime.UnitMicroseconds || u > datetime.UnitMillennium:
		return u, datetime.UnrecognizedUnit(string(name), plain(of).String())
	}
	return u, nil
}

// truncEval truncates timestamps with or without zone; a third argument names the zone.
func truncEval(unit *datetime.Unit) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		z, err := c.zone()
		if err != nil {
			return err
		}
		t := args[1].Type
		ts := view[int64](args[1])
		out.Reset(t, n)
		r := batch.Values[int64](out)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			var u datetime.Unit
			if r[i] = ts.at(i); !finiteTS(r[i]) {
				continue
			}
			if unit != nil {
				u = *unit
			} else if u, err = truncUnit(viewText(args[0]).at(i), t); err != nil {
				return err
			}
			if len(args) == 3 {
				if z, err = zoneNamed(string(viewText(args[2]).at(i))); err != nil {
					return err
				}
			}
			if t.Kind == types.Timestamp {
				r[i], _ = u.Trunc(ts.at(i))
				continue
			}
			local := z.local(ts.at(i))
			v, _ := u.Trunc(local)
			if r[i] = z.utc(v); u < datetime.UnitDay {
				r[i] = ts.at(i) - (local - v) // within the same hour the offset stays
			}
		}
		return nil
	}
}

func truncInterval(name string, v interval) (interval, error) {
	u, err := truncUnit([]byte(name), tIntvl)
	if err != nil {
		return v, err
	}
	months := func(n int32) interval { return interval{Months: v.Months / n * n} }
	switch u {
	case datetime.UnitMillennium:
		return months(12000), nil
	case datetime.UnitCentury:
		return months(1200), nil
	case datetime.UnitDecade:
		return months(120), nil
	case datetime.UnitYear:
		return months(12), nil
	case datetime.UnitQuarter:
		return months(3), nil
	case datetime.UnitMonth:
		return months(1), nil
	case datetime.UnitWeek:
		return v, errs.New(errs.FeatureNotSupported, "unit \"%s\" not supported for type interval", name).
			WithDetail("Months usually have fractional weeks.")
	}
	units := map[datetime.Unit]int64{datetime.UnitDay: microsPerDay, datetime.UnitHour: microsPerHour, datetime.UnitMinute: microsPerMinute,
		datetime.UnitSecond: microsPerSecond, datetime.UnitMilliseconds: 1000, datetime.UnitMicroseconds: 1}
	if u == datetime.UnitDay {
		v.Micros = 0
	}
	v.Micros -= v.Micros % units[u]
	return v, nil
}

// dateBin rounds down to a multiple of a stride from an origin.
func dateBin(stride interval, ts, origin int64) (int64, error) {
	if !finiteTS(ts) {
		return ts, nil
	}
	if !finiteTS(origin) {
		return 0, errs.New(errs.DatetimeFieldOverflow, "origin out of range")
	}
	if stride.Months != 0 {
		return 0, errs.New(errs.FeatureNotSupported, "timestamps cannot be binned into intervals containing months or years")
	}
	step := int64(stride.Days)*microsPerDay + stride.Micros
	if step <= 0 {
		return 0, errs.New(errs.DatetimeFieldOverflow, "stride must be greater than zero")
	}
	d := ts - origin
	if (ts^origin)&(ts^d) < 0 {
		return 0, datetime.IntervalOutOfRange()
	}
	return origin + floorDiv(d, step)*step, nil
}

func zonedAge(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
	z, err := c.zone()
	if err != nil {
		return err
	}
	const far = datetime.MaxTimestamp - 2*microsPerDay
	offset := z.local(far) - far
	return scalar2(tIntvl, func(a, b int64) (interval, error) { return datetime.AgeIn(z.local(a), z.local(b), offset) })(c, args, n, valid, out)
}

// ageToday subtracts from midnight of the current date.
func ageToday(zoned bool) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		z, err := c.zone()
		if err != nil {
			return err
		}
		now, err := c.now()
		if err != nil {
			return err
		}
		today, _ := datetime.UnitDay.Trunc(z.local(now))
		return scalar1(tIntvl, func(a int64) (interval, error) {
			if zoned {
				a = z.local(a)
			}
			return datetime.Age(today, a)
		})(c, args, n, valid, out)
	}
}

func (c *Context) now() (int64, error) {
	if c == nil || c.Session == nil {
		return 0, errs.Internal("the time of the transaction is not known here")
	}
	return c.Session.Now(), nil
}

func makeDate(y, m, d int) (int32, error) {
	bad := errs.New(errs.DatetimeFieldOverflow, "date field value out of range: %d-%02d-%02d", y, m, d)
	if y == 0 || m < 1 || m > 12 || d < 1 {
		return 0, bad
	}
	if y < 0 {
		y++
	}
	if d > datetime.DaysInMonth(y, m) {
		return 0, bad
	}
	if y > 5874897 || y < -4713 {
		return 0, errs.New(errs.DatetimeFieldOverflow, "date out of range: %d-%02d-%02d", y, m, d)
	}
	return checkDate(int64(datetime.DaysFromCivil(y, m, d)))
}

func makeTime(h, m int, s float64) (int64, error) {
	us := math.RoundToEven(s * microsPerSecond)
	if h < 0 || m < 0 || m > 59 || !(s >= 0) || us > 60*microsPerSecond || h > 24 || h == 24 && (m > 0 || us > 0) {
		return 0, errs.New(errs.DatetimeFieldOverflow, "time field value out of range: %d:%02d:%02g", h, m, s)
	}
	return int64(h)*microsPerHour + int64(m)*microsPerMinute + int64(us), nil
}

func makeTimestamp(_ *Context, r *row) (int64, bool, error) {
	d, err := makeDate(r.int4(0), r.int4(1), r.int4(2))
	if err != nil {
		return 0, false, err
	}
	t, err := makeTime(r.int4(3), r.int4(4), r.f8(5))
	if err != nil {
		return 0, false, err
	}
	ts, err := dateTime(d, t)
	return ts, true, err
}

// makeTimestamptz takes the same and the name of a zone, without which it is that of the session.
func makeTimestamptz(c *Context, r *row) (int64, bool, error) {
	local, _, err := makeTimestamp(c, r)
	if err != nil {
		return 0, false, err
	}
	z, err := c.zone()
	if len(r.args) == 7 {
		z, err = zoneNamed(string(r.bytes(6)))
	}
	if err != nil {
		return 0, false, err
	}
	us, err := z.moment(local)
	return us, true, err
}

// makeInterval takes years, months, weeks, days, hours, minutes, seconds.
func makeInterval(_ *Context, r *row) (interval, bool, error) {
	secs := r.f8(6)
	months := int64(r.int4(0))*12 + int64(r.int4(1))
	days := int64(r.int4(2))*7 + int64(r.int4(3))
	us := float64(r.int4(4))*microsPerHour + float64(r.int4(5))*microsPerMinute + math.RoundToEven(secs*microsPerSecond)
	if months != int64(int32(months)) || days != int64(int32(days)) || !(math.Abs(us) < math.MaxInt64) {
		return interval{}, false, datetime.IntervalOutOfRange()
	}
	exact := int64(r.int4(4))*microsPerHour + int64(r.int4(5))*microsPerMinute + int64(math.RoundToEven(secs*microsPerSecond))
	return interval{Months: int32(months), Days: int32(days), Micros: exact}, true, nil
}

func epochToTS(f float64) (int64, error) {
	switch {
	case math.IsInf(f, 1):
		return tsInf, nil
	case math.IsInf(f, -1):
		return tsNegInf, nil
	case f != f:
		return 0, errs.New(errs.DatetimeFieldOverflow, "timestamp cannot be NaN")
	}
	// PostgreSQL counts from 2000 and rounds there, far from zero, where a float has fewer digits after the point.
	const epoch = 946684800
	us := math.RoundToEven((f - epoch) * microsPerSecond)
	if !(us+epoch*microsPerSecond >= datetime.MinTimestamp && us+epoch*microsPerSecond < datetime.MaxTimestamp) {
		return 0, errs.New(errs.DatetimeFieldOverflow, "timestamp out of range: \"%g\"", f)
	}
	return int64(us) + epoch*microsPerSecond, nil
}

// posixSign writes a bare offset in the POSIX form, where + is west of Greenwich: that is how AT TIME ZONE reads it,
// while SET TIME ZONE takes it as hours to the east.
func posixSign(name string) string {
	if name != "" && (name[0] == '+' || name[0] == '-') {
		return "UTC" + name
	}
	return name
}

// atZone is AT TIME ZONE.
func atZone(result types.Type, convert func(*zone, int64) (int64, error)) Eval {
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		names, ts := viewText(args[0]), view[int64](args[1])
		out.Reset(result, n)
		r := batch.Values[int64](out)
		var z zone
		var last []byte
		var err error
		for i := range n {
			if !live(valid, i) {
				continue
			}
			if r[i] = ts.at(i); !finiteTS(r[i]) {
				continue
			}
			if name := names.at(i); z.loc == nil || string(last) != string(name) {
				if z, err = zoneNamed(posixSign(string(name))); err != nil {
					return err
				}
				last = name
			}
			if r[i], err = convert(&z, ts.at(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func atOffset(result types.Type, sign int64) Eval {
	return scalar2(result, func(v interval, ts int64) (int64, error) {
		if v.Months != 0 || v.Days != 0 {
			return 0, errs.New(errs.InvalidParameterValue, "interval time zone \"%s\" must not include months or days", types.Append(nil, types.IntervalDatum(v)))
		}
		if !finiteTS(ts) {
			return ts, nil
		}
		if ts += sign * v.Micros; !datetime.TimestampInRange(ts) {
			return 0, datetime.TimestampOutOfRange()
		}
		return ts, nil
	})
}

// clocks registers the functions without arguments that read the clock.
func clocks() {
	clock := func(name string, t types.Type, vol Volatility, f func(c *Context, z *zone) (int64, error)) {
		register(&Overload{Name: name, Result: returns(t), Volatility: vol,
			Eval: func(c *Context, _ []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
				z, err := c.zone()
				if err != nil {
					return err
				}
				v, err := f(c, &z)
				if err != nil {
					return err
				}
				out.Reset(t, n)
				for i := range n {
					if t.Kind == types.Date {
						batch.Values[int32](out)[i] = int32(v)
						continue
					}
					batch.Values[int64](out)[i] = v
				}
				return nil
			}})
	}
	transaction := func(c *Context, _ *zone) (int64, error) { return c.now() }
	local := func(c *Context, z *zone) (int64, error) {
		us, err := c.now()
		return z.local(us), err
	}
	for name, t := range map[string]types.Type{"timestamptz": tTSTZ, "timestamp": tTS, "time": tTime} { // to a precision
		register(&Overload{Name: name, Args: list(t, tInt4), Result: returns(t), Total: true,
			Eval: rowFixed(t, func(_ *Context, r *row) (int64, bool, error) {
				us := r.int8(0)
				if t != tTime && !finiteTS(us) {
					return us, true, nil
				}
				return datetime.RoundMicros(us, r.int4(1)), true, nil
			})})
	}
	for _, name := range []string{"now", "current_timestamp", "transaction_timestamp"} {
		clock(name, tTSTZ, Stable, transaction)
	}
	clock("statement_timestamp", tTSTZ, Stable, func(c *Context, _ *zone) (int64, error) {
		if c == nil || c.Session == nil {
			return c.now()
		}
		return c.Session.StatementTime(), nil
	})
	clock("clock_timestamp", tTSTZ, Volatile, func(*Context, *zone) (int64, error) { return time.Now().UnixMicro(), nil })
	clock("localtimestamp", tTS, Stable, local)
	clock("current_date", tDate, Stable, func(c *Context, z *zone) (int64, error) {
		us, err := local(c, z)
		return int64(datetime.DateOfTimestamp(us)), err
	})
	clock("localtime", tTime, Stable, func(c *Context, z *zone) (int64, error) {
		us, err := local(c, z)
		_, t := datetime.SplitTimestamp(us)
		return t, err
	})
}
