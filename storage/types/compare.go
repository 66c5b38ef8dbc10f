package types

import (
	"cmp"
	"math"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// Compare orders two values of one type, or of two numeric types, as PostgreSQL does: strings by bytes, char(n) without
// trailing blanks, NaN above all numbers, NULL above everything (NULLS LAST).
func Compare(a, b Datum) int {
	if a.Null || b.Null {
		return compareBool(a.Null, b.Null)
	}
	if a.Type.IsNumber() && b.Type.IsNumber() && a.Type != b.Type {
		return compareNumbers(a, b)
	}
	switch a.Type.Physical() {
	case PhysFloat32, PhysFloat64:
		return CompareFloat(a.F, b.F)
	case PhysInt128:
		return a.Int128().Cmp(b.Int128())
	case PhysInterval:
		return a.IntervalValue().Cmp(b.IntervalValue())
	case PhysUUID:
		return strings.Compare(a.S, b.S)
	case PhysBytes:
		if a.Type.Kind == Numeric {
			return strings.Compare(numericKey(a.S), numericKey(b.S))
		}
		if a.Type.Kind == JSONB {
			return jsonb.Compare(jsonb.Open([]byte(a.S)), jsonb.Open([]byte(b.S)))
		}
		if a.Type.Kind == Char || b.Type.Kind == Char {
			return strings.Compare(strings.TrimRight(a.S, " "), strings.TrimRight(b.S, " "))
		}
		return strings.Compare(a.S, b.S)
	}
	return cmp.Compare(a.I, b.I)
}

func numericKey(s string) string { return s[:max(len(s)-2, 0)] }

// NumericKey returns the part of an encoded numeric that equal values share: all but the digits that it shows.
func NumericKey(b []byte) []byte { return b[:max(len(b)-2, 0)] }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// CompareFloat orders floats as PostgreSQL does: NaN equals NaN and is the largest; -0 equals 0.
func CompareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return compareBool(a != a, b != b)
}

// compareNumbers compares numbers of different types: as floats if one is a float, else exactly.
func compareNumbers(a, b Datum) int {
	if a.Type.IsInteger() && b.Type.IsInteger() {
		return cmp.Compare(a.I, b.I)
	}
	if a.isFloat() || b.isFloat() {
		return CompareFloat(a.Float64(), b.Float64())
	}
	x, err1 := a.Decimal()
	y, err2 := b.Decimal()
	if err1 != nil || err2 != nil {
		return compareBool(err1 != nil, err2 != nil)
	}
	return cmp.Compare(x.Cmp(y), 0)
}

func (d Datum) isFloat() bool { return d.Type.Kind == Float4 || d.Type.Kind == Float8 }

// Float64 returns a number datum as the nearest float.
func (d Datum) Float64() float64 {
	switch {
	case d.isFloat():
		return d.F
	case d.Type.IsInteger():
		return float64(d.I)
	}
	x, err := d.Decimal()
	if err != nil {
		return math.NaN()
	}
	return x.Float64()
}
