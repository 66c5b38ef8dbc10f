package pgtype

import "github.com/siltstone-db/siltstone/storage/types"

// varHeader is what PostgreSQL adds to the modifiers of varlena types: the size of their length word.
const varHeader = 4

// Modifier returns atttypmod of a type: -1 without modifiers.
func Modifier(t types.Type) int32 {
	switch {
	case (t.Kind == types.Varchar || t.Kind == types.Char) && t.Width > 0:
		return t.Width + varHeader
	case t.Kind == types.Numeric && t.Precision > 0:
		return int32(t.Precision)<<16 | int32(t.Scale)&0x7ff + varHeader
	}
	return -1
}

// WithModifier returns t with the modifiers of an atttypmod.
func WithModifier(t types.Type, mod int32) types.Type {
	if mod < varHeader {
		return t
	}
	mod -= varHeader
	switch t.Kind {
	case types.Varchar, types.Char:
		t.Width = mod
	case types.Numeric:
		t.Precision = int16(mod >> 16)
		t.Scale = int16(mod&0x7ff^1024) - 1024
	}
	return t
}
