package scan

import (
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// OrderKey returns the part of a value of physical form PhysBytes or PhysUUID that orders it: values compare as the
// bytes of their keys do, and values with equal keys are equal. Numerics drop their display scale, character(n) its
// trailing blanks (PostgreSQL manual, "Character Types"); the key of a jsonb is made from it.
func OrderKey[S []byte | string](t types.Type, s S) S {
	switch t.Kind {
	case types.Numeric:
		return s[:max(len(s)-2, 0)]
	case types.Char:
		for len(s) > 0 && s[len(s)-1] == ' ' {
			s = s[:len(s)-1]
		}
	case types.JSONB:
		return S(jsonb.AppendSortKey(nil, []byte(s)))
	}
	return s
}

// KeyIsValue tells that values of t are equal only when their bytes are, so that a dictionary without equal byte
// strings has no equal entries.
func KeyIsValue(t types.Type) bool {
	return t.Kind != types.Numeric && t.Kind != types.Char && t.Kind != types.JSONB
}

// Order compares two values of one type that are not NULL.
func Order(a, b types.Datum) int { return types.Compare(a, b) }
