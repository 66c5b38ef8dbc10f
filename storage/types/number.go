package types

import (
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Decimal returns the value of a number datum: numeric of any form or integer. Floats convert as PostgreSQL casts
// them, with 15 (float4: 6) significant digits. It must not be NULL.
func (d Datum) Decimal() (decimal.Decimal, error) {
	switch d.Type.Kind {
	case Numeric:
		switch d.Type.Physical() {
		case PhysInt64:
			return decimal.FromInt128(decimal.Int128From64(d.I), int(d.Type.Scale)), nil
		case PhysInt128:
			return decimal.FromInt128(d.Int128(), int(d.Type.Scale)), nil
		}
		return decimal.Decode([]byte(d.S))
	case Float4:
		return decimal.FromFloat32(float32(d.F)), nil
	case Float8:
		return decimal.FromFloat64(d.F), nil
	}
	return decimal.FromInt64(d.I), nil
}

// NumericDatum returns d as a value of type t, a numeric, rounding and checking as assignment does.
func NumericDatum(t Type, d decimal.Decimal) (Datum, error) {
	switch t.Physical() {
	case PhysInt64, PhysInt128:
		v, err := d.Scaled(int(t.Precision), int(t.Scale))
		if err != nil {
			return Datum{}, err
		}
		if t.Physical() == PhysInt64 {
			return IntOf(t, int64(v.Lo)), nil
		}
		return Int128Of(t, v.Lo, v.Hi), nil
	}
	d, err := d.Constrain(int(t.Precision), int(t.Scale))
	if err != nil {
		return Datum{}, err
	}
	return StringOf(t, string(decimal.AppendEncoded(nil, d))), nil
}

// Int128 returns the value of a numeric(p<=38) datum whose physical form is PhysInt128.
func (d Datum) Int128() decimal.Int128 { return decimal.Int128{Lo: uint64(d.I), Hi: d.Hi} }

// IntervalValue returns the value of an interval datum.
func (d Datum) IntervalValue() datetime.Interval {
	m, days, us := d.IntervalParts()
	return datetime.Interval{Months: m, Days: days, Micros: us}
}

// IntervalDatum returns an interval as a Datum.
func IntervalDatum(v datetime.Interval) Datum { return IntervalOf(v.Months, v.Days, v.Micros) }
