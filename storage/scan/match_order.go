package scan

import (
	"cmp"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// OrderKey returns the part of a value of physical form PhysBytes or PhysUUID that orders it: values compare as the
// bytes of their keys do, and values with equal keys are equal. Numerics drop their display scale, character(n) its
// trailing blanks (PostgreSQL manual, "Character Types").
func OrderKey[S []byte | string](t types.Type, s S) S {
	switch t.Kind {
	case types.Numeric:
		return s[:max(len(s)-2, 0)]
	case types.Char:
		for len(s) > 0 && s[len(s)-1] == ' ' {
			s = s[:len(s)-1]
		}
	}
	return s
}

// KeyIsValue tells that values of t are equal only when their bytes are, so that a dictionary without equal byte
// strings has no equal entries.
func KeyIsValue(t types.Type) bool { return t.Kind != types.Numeric && t.Kind != types.Char }

// Order compares two values of one type that are not NULL.
func Order(a, b types.Datum) int {
	switch a.Type.Physical() {
	case types.PhysFloat32, types.PhysFloat64:
		return cmp.Compare(batch.Float64Bits(a.F), batch.Float64Bits(b.F))
	case types.PhysInt128:
		return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(uint64(a.I), uint64(b.I)))
	case types.PhysInterval:
		ad, au := intervalKey(a)
		bd, bu := intervalKey(b)
		return cmp.Or(cmp.Compare(ad, bd), cmp.Compare(au, bu))
	case types.PhysUUID, types.PhysBytes:
		return cmp.Compare(OrderKey(a.Type, a.S), OrderKey(b.Type, b.S))
	}
	return cmp.Compare(a.I, b.I)
}

// intervalKey is an interval as whole days and the microseconds of the rest; a month counts as 30 days.
func intervalKey(d types.Datum) (days, micros int64) {
	const day = 24 * 60 * 60 * 1000000
	m, n, us := d.IntervalParts()
	days, micros = int64(m)*30+int64(n)+us/day, us%day
	if micros < 0 {
		return days - 1, micros + day
	}
	return days, micros
}
