// Package csv reads and writes rows as comma-separated values by the rules of PostgreSQL's COPY ... (FORMAT csv), which
// include RFC 4180's: quoted fields may hold delimiters, quotes and line ends; lines end with LF, CRLF or CR, all alike
// in one stream; an unquoted NULL string is NULL, a quoted one is text. A line \. ends the data, unless
// Options say otherwise. A byte order mark at
// the start is skipped.
//
// Reader turns bytes into batches, Writer batches into rows. Both belong to one goroutine. A Reader refuses rows with
// more or fewer fields than columns (22P04), unterminated quotes, text that is not UTF-8 and rows or fields beyond its
// limits, and says in the error's context where.
package csv

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Options are COPY's options for csv. The zero value is COPY's default.
type Options struct {
	Table     string // for error contexts
	Delimiter byte   // 0 is a comma
	Quote     byte   // 0 is a double quote
	Escape    byte   // 0 is the quote
	Null      string // what unquoted text is NULL; "" by default
	Header    format.Header
	// NoEndMark takes a line \. for a row: RFC 4180 knows no such mark, and where the data's end is known by other means
	// the rows behind it would be lost without a word.
	NoEndMark bool
	// ForceNull and ForceNotNull have a flag per column: read the NULL string as NULL even when quoted; never as NULL.
	ForceNull, ForceNotNull []bool
	// ForceQuote has a flag per column: quote every value when writing.
	ForceQuote []bool
	// Notes take the rows whose fields do not fit the columns. nil: Read returns the reason. A stream whose rows cannot be
	// told apart (a quote without end) ends with an error all the same.
	Notes    *format.Notes
	Limits   format.Limits
	Settings types.Settings
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if o.Quote == 0 {
		o.Quote = '"'
	}
	if o.Escape == 0 {
		o.Escape = o.Quote
	}
	o.Limits.EnsureDefaults()
}

// Validate returns PostgreSQL's error for options that cannot work together.
func (o *Options) Validate() error {
	switch {
	case o.Quote >= 0x80 || o.Escape >= 0x80:
		return errs.New(errs.FeatureNotSupported, "COPY quote and escape must be single one-byte characters")
	case o.Delimiter == o.Quote:
		return errs.New(errs.InvalidParameterValue, "COPY delimiter and quote must be different")
	case strings.IndexByte(o.Null, o.Quote) >= 0:
		return errs.New(errs.InvalidParameterValue, "CSV quote character must not appear in the NULL specification")
	}
	return format.CheckDelimiter(o.Delimiter, o.Null)
}
