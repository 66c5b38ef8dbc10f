package pgtype

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Settings are the session's settings that text forms depend on.
type Settings = types.Settings

// Encoder appends the bytes of one row of a vector, without a length; the row is not NULL.
type Encoder = wire.Encoder

// The formats of values in Bind and RowDescription.
const (
	FormatText   int16 = 0
	FormatBinary int16 = 1
)

// TextEncoder returns the encoder of a type's text form. set may be nil.
func TextEncoder(t types.Type, set *Settings) Encoder { return wire.TextEncoder(t, set) }

// BinaryEncoder returns the encoder of a type's binary form.
func BinaryEncoder(t types.Type) Encoder { return wire.BinaryEncoder(t) }

// DecodeText reads a value in text form. nil is NULL. set may be nil.
func DecodeText(t types.Type, b []byte, set *Settings) (types.Datum, error) {
	if b == nil {
		return types.NullOf(t), nil
	}
	return wire.DecodeText(t, b, set)
}

// DecodeBinary reads a value in binary form; 22P03 for wrong widths. nil is NULL.
func DecodeBinary(t types.Type, b []byte) (types.Datum, error) {
	if b == nil {
		return types.NullOf(t), nil
	}
	return wire.DecodeBinary(t, b)
}

// Decode reads a value in the format that Bind gave. nil is NULL.
func Decode(t types.Type, format int16, b []byte, set *Settings) (types.Datum, error) {
	switch format {
	case FormatText:
		return DecodeText(t, b, set)
	case FormatBinary:
		return DecodeBinary(t, b)
	}
	return types.Datum{}, errs.New(errs.InvalidParameterValue, "unsupported format code: %d", format)
}
