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

// FormatType returns what format_type(oid, mod) prints; unknown numbers give "???", 0 gives "-".
func FormatType(oid uint32, mod int32) string {
	if oid == 0 {
		return "-"
	}
	t, ok := TypeByOID(oid)
	if !ok {
		return "???"
	}
	if t.Kind == types.Array {
		return WithModifier(types.T(t.Elem), mod).String() + "[]"
	}
	if t.Kind == types.Char && mod < 0 {
		return "bpchar"
	}
	return WithModifier(t, mod).String()
}
