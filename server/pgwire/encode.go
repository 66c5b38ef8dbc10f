package pgwire

import (
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/types"
)

// encoder is the encoder of one column, kept from batch to batch and from statement to statement: making one
// allocates.
type encoder struct {
	typ    types.Type
	format int16
	encode pgtype.Encoder
}

// set makes e encode type t in a format.
func (e *encoder) set(t types.Type, format int16, settings *types.Settings) {
	if e.encode != nil && e.typ == t && e.format == format {
		return
	}
	e.typ, e.format = t, format
	if format == pgtype.FormatBinary {
		e.encode = pgtype.BinaryEncoder(t)
	} else {
		e.encode = pgtype.TextEncoder(t, settings)
	}
}
