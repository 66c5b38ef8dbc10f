package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// extract(field from x) is extract('field', x). With a constant field it becomes an overload of its own whose result
// has just the digits the field needs, an int64 in memory; date_part gives float8.

// fieldDigits returns precision and scale of a field of a type; ok is false for fields without fixed digits.
func fieldDigits(u datetime.Unit, of types.Type) (precision, scale int, ok bool) {
	switch u {
	case datetime.UnitEpoch:
		if of.Kind == types.Date {
			return 18, 0, true
		}
		return 0, 0, false
	case datetime.UnitJulian:
		return 18, 0, of.Kind == types.Date
	case datetime.UnitSecond:
		return 8, 6, true
	case datetime.UnitMilliseconds:
		return 8, 3, true
	case datetime.UnitMicroseconds:
		return 8, 0, true
	case datetime.UnitMinute, datetime.UnitDOW, datetime.UnitISODOW, datetime.UnitQuarter, datetime.UnitMonth, datetime.UnitWeek:
		return 2, 0, true
	}
	return 10, 0, true
}

func init() {
	for _, t := range list(tDate, tTime, tTS, tTSTZ, tIntvl) {
		vol := Immutable
		if t == tTSTZ {
			vol = Stable
		}
		if t != tDate {
			register(&Overload{Name: "date_part", Args: list(tText, t), Result: returns(tFloat8), Volatility: vol,
				Eval: extractEval(nil, tFloat8), Prepare: prepareExtract})
		} else {
			register(&Overload{Name: "date_part", Args: list(tText, t), Result: returns(tFloat8),
				Eval: extractEval(nil, tFloat8), Prepare: prepareExtract})
		}
		register(&Overload{Name: "extract", Args: list(tText, t), Result: returns(tNumeric), Volatility: vol,
			Eval: extractEval(nil, tNumeric), Prepare: prepareExtract, Refine: refineExtract(t, vol)})
	}
}

// refineExtract returns the overloads with fixed digits, one for each field.
func refineExtract(of types.Type, vol Volatility) func([]types.Type, []*types.Datum) *Overload {
	byDigits := map[[2]int]*Overload{}
	for u := datetime.UnitMicroseconds; u <= datetime.UnitTimezoneMinute; u++ {
		p, s, ok := fieldDigits(u, of)
		if !ok {
			if u != datetime.UnitEpoch {
				continue
			}
			p, s = 18, 6 // of timestamps until the year 33658
			if of.Kind == types.Interval {
				continue
			}
		}
		t := types.NumericOf(p, s)
		byDigits[[2]int{p, s}] = &Overload{Name: "extract", Args: list(tText, of), Result: returns(t), Volatility: vol,
			Eval: extractEval(nil, t), Prepare: prepareExtract}
	}
	return func(_ []types.Type, consts []*types.Datum) *Overload {
		if consts[0] == nil || consts[0].Null {
			return nil
		}
		u, ok := datetime.ParseUnit(consts[0].S)
		if !ok {
			return nil
		}
		p, s, ok := fieldDigits(u, of)
		if !ok {
			if u != datetime.UnitEpoch || of.Kind == types.Interval {
				return nil
			}
			p, s = 18, 6
		}
		return byDigits[[2]int{p, s}]
	}
}

func prepareExtract(_ *Context, args []types.Type, result types.Type, consts []*types.Datum) (Eval, error) {
	if consts[0] == nil || consts[0].Null {
		return nil, nil
	}
	u, ok := datetime.ParseUnit(consts[0].S)
	if !ok {
		return nil, datetime.UnrecognizedUnit(consts[0].S, plain(args[1]).String())
	}
	if e := extractFast(u, args[1], result); e != nil {
		return e, nil
	}
	return extractEval(&u, result), nil
}

// extractFast has loops for fields of the time of day of a timestamp, which are a division each.
func extractFast(u datetime.Unit, of, result types.Type) Eval {
	if of.Kind != types.Timestamp || result.Physical() != types.PhysInt64 {
		return nil
	}
	var loop func(r, v []int64) (odd int64)
	switch u {
	case datetime.UnitMinute:
		loop = minutesOf
	case datetime.UnitHour:
		loop = hoursOf
	default:
		return nil
	}
	slow := extractEval(&u, result)
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		if args[1].Form == batch.Constant {
			return slow(c, args, n, valid, out)
		}
		out.Reset(result, n)
		if loop(batch.Values[int64](out)[:n], batch.Values[int64](args[1])[:n]) < 0 { // before 1970, or infinite
			return slow(c, args, n, valid, out)
		}
		return nil
	}
}

// minutesOf and hoursOf divide by constants, which is a multiplication. The result is negative when a timestamp is one
// for which that is not enough.
func minutesOf(r, v []int64) (odd int64) {
	for i, us := range v {
		odd |= us | (us + 1)
		r[i] = int64(uint64(us) / microsPerMinute % 60)
	}
	return odd
}

func hoursOf(r, v []int64) (odd int64) {
	for i, us := range v {
		odd |= us | (us + 1)
		r[i] = int64(uint64(us) / microsPerHour % 24)
	}
	return odd
}

// extractEval extracts a field; unit nil: that of each row.
func extractEval(unit *datetime.Unit, result types.Type) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		z, err := c.zone()
		if err != nil {
			return err
		}
		out.Reset(result, n)
		names := viewText(args[0])
		for i := range n {
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			name := names.at(i)
			var u datetime.Unit
			if unit != nil {
				u = *unit
			} else {
				var ok bool
				if u, ok = datetime.ParseUnit(string(name)); !ok {
					return datetime.UnrecognizedUnit(string(name), plain(args[1].Type).String())
				}
			}
			f, err := extractOne(u, args[1], i, &z, name)
			if err != nil {
				return err
			}
			if err := f.store(out, i, n); err != nil {
				return err
			}
		}
		return nil
	}
}

// field is an extracted value v * 10^-scale, or NULL, or infinite, or any decimal.
type field struct {
	v     int64
	scale int
	null  bool
	inf   int
	dec   decimal.Decimal
	isDec bool
}

func (f field) store(out *batch.Vector, i, n int) error {
	switch {
	case f.null:
		skipDecimal(out)
		out.Nulls(n).Clear(i)
		return nil
	case out.Type.Kind == types.Float8:
		batch.Values[float64](out)[i] = f.float()
		return nil
	case f.inf == 0 && !f.isDec && out.Type.Physical() == types.PhysInt64:
		v := f.v
		if f.scale < int(out.Type.Scale) {
			v *= decimal.Pow10Int64(int(out.Type.Scale) - f.scale)
		}
		batch.Values[int64](out)[i] = v
		return nil
	}
	d := decimal.FromInt128(decimal.Int128From64(f.v), f.scale)
	switch {
	case f.isDec:
		d = f.dec
	case f.inf > 0:
		d = decimal.Inf
	case f.inf < 0:
		d = decimal.NegInf
	}
	if f.inf != 0 && out.Type.Physical() != types.PhysBytes {
		return errs.Unsupported("a field of an infinite date or timestamp")
	}
	return storeDecimal(out, i, d)
}

func (f field) float() float64 {
	switch {
	case f.isDec:
		return f.dec.Float64()
	case f.inf != 0:
		return inf(f.inf)
	}
	return float64(f.v) / float64(decimal.Pow10Int64(f.scale))
}

func extractOne(u datetime.Unit, v *batch.Vector, i int, z *zone, name []byte) (f field, err error) {
	t := v.Type
	ok := false
	switch t.Kind {
	case types.Date:
		d := view[int32](v).at(i)
		if d == dateInf || d == dateNegInf {
			return infiniteField(u, d == dateInf, string(name), t)
		}
		f.v, ok = u.ExtractDate(d)
	case types.Time:
		f.v, f.scale, ok = u.ExtractTime(view[int64](v).at(i))
	case types.Interval:
		f.v, f.scale, ok = u.ExtractInterval(view[interval](v).at(i))
	default:
		us := view[int64](v).at(i)
		if !finiteTS(us) {
			return infiniteField(u, us == tsInf, string(name), t)
		}
		return extractTS(u, us, t, z, name)
	}
	if !ok {
		return f, datetime.UnsupportedUnit(string(name), plain(t).String())
	}
	return f, nil
}

func extractTS(u datetime.Unit, us int64, t types.Type, z *zone, name []byte) (f field, err error) {
	if t.Kind == types.Timestamptz {
		local := z.local(us)
		off := (local - us) / microsPerSecond
		switch u {
		case datetime.UnitEpoch:
		case datetime.UnitTimezone:
			return field{v: off}, nil
		case datetime.UnitTimezoneHour:
			return field{v: off / 3600}, nil
		case datetime.UnitTimezoneMinute:
			return field{v: off / 60 % 60}, nil
		default:
			us = local
		}
	}
	if u == datetime.UnitJulian {
		return field{dec: datetime.ExtractJulian(us), isDec: true}, nil
	}
	var ok bool
	if f.v, f.scale, ok = u.Extract(us); !ok {
		return f, datetime.UnsupportedUnit(string(name), plain(t).String())
	}
	return f, nil
}

// infiniteField returns what a field of an infinity is: infinite for fields that only grow, NULL for those that come
// around.
func infiniteField(u datetime.Unit, positive bool, name string, t types.Type) (field, error) {
	switch u {
	case datetime.UnitMicroseconds, datetime.UnitMilliseconds, datetime.UnitSecond, datetime.UnitMinute, datetime.UnitHour, datetime.UnitTimezone:
		if t.Kind == types.Date {
			return field{}, datetime.UnsupportedUnit(name, plain(t).String())
		}
	case datetime.UnitYear, datetime.UnitDecade, datetime.UnitCentury, datetime.UnitMillennium, datetime.UnitISOYear, datetime.UnitEpoch,
		datetime.UnitJulian:
		if positive {
			return field{inf: 1}, nil
		}
		return field{inf: -1}, nil
	}
	return field{null: true}, nil
}
