package types

// Datum is one value of a type. Which field holds it follows from Type.Physical():
//
//	PhysBool            I: 0 or 1
//	PhysInt16/32/64     I
//	PhysFloat32/64      F
//	PhysInt128          I: low 64 bits, Hi: high 64 bits
//	PhysInterval        I: microseconds, Hi: months<<32 | uint32(days)
//	PhysUUID, PhysBytes S
//
// A Datum is a plain value; S is immutable.
type Datum struct {
	Type Type
	Null bool
	I    int64
	Hi   int64
	F    float64
	S    string
}

// NullOf returns the NULL of a type.
func NullOf(t Type) Datum { return Datum{Type: t, Null: true} }

// BoolOf returns a boolean.
func BoolOf(b bool) Datum {
	d := Datum{Type: T(Bool)}
	if b {
		d.I = 1
	}
	return d
}

// IntOf returns an integer, date, time, timestamp, oid or numeric(p<=18) from its physical value.
func IntOf(t Type, v int64) Datum { return Datum{Type: t, I: v} }

// FloatOf returns a float4 or float8.
func FloatOf(t Type, v float64) Datum { return Datum{Type: t, F: v} }

// StringOf returns a value whose physical form is bytes (or a uuid's 16 bytes).
func StringOf(t Type, s string) Datum { return Datum{Type: t, S: s} }

// TextOf returns a text value.
func TextOf(s string) Datum { return Datum{Type: T(Text), S: s} }

// Int128Of returns a numeric(p<=38) from the two halves of its scaled value.
func Int128Of(t Type, lo uint64, hi int64) Datum { return Datum{Type: t, I: int64(lo), Hi: hi} }

// IntervalOf returns an interval.
func IntervalOf(months, days int32, micros int64) Datum {
	return Datum{Type: T(Interval), I: micros, Hi: int64(months)<<32 | int64(uint32(days))}
}

// IntervalParts returns the three fields of an interval.
func (d Datum) IntervalParts() (months, days int32, micros int64) {
	return int32(d.Hi >> 32), int32(uint32(d.Hi)), d.I
}
