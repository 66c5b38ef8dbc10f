// Package copytext reads and writes rows in the text format of PostgreSQL's COPY: one line per row, fields parted by a
// delimiter, backslash escapes, \N for NULL, \. for the end (PostgreSQL manual, COPY, "Text Format").
//
// Reader turns bytes into batches, Writer batches into rows. Both belong to one goroutine. Lines end with LF, CRLF or
// CR, all alike in one stream. A Reader refuses rows with more or fewer fields than columns (22P04), text that is not
// UTF-8, also after escapes, and rows or fields beyond its limits, and says in the error's context where.
package copytext

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Header says what the first line is.
type Header uint8

// The headers: none, names that are skipped when reading and written when writing, names that must match the columns.
const (
	NoHeader Header = iota
	WithHeader
	MatchHeader
)

// Options are COPY's options for text. The zero value is COPY's default.
type Options struct {
	Table     string  // for error contexts
	Delimiter byte    // 0 is a tab
	Null      *string // what raw text is NULL; nil is \N
	Header    Header
	Limits    format.Limits
	Settings  types.Settings
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	if o.Delimiter == 0 {
		o.Delimiter = '\t'
	}
	if o.Null == nil {
		null := `\N`
		o.Null = &null
	}
	o.Limits.EnsureDefaults()
}

// Validate returns PostgreSQL's error for options that cannot work together; defaults are filled in.
func (o *Options) Validate() error {
	bad := func(format string, args ...any) error {
		return errs.New(errs.InvalidParameterValue, format, args...)
	}
	switch {
	case o.Delimiter == '\r' || o.Delimiter == '\n':
		return bad("COPY delimiter cannot be newline or carriage return")
	case o.Delimiter >= 0x80:
		return errs.New(errs.FeatureNotSupported, "COPY delimiter must be a single one-byte character")
	case strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, o.Delimiter) >= 0:
		return bad("COPY delimiter cannot be \"%c\"", o.Delimiter)
	case strings.ContainsAny(*o.Null, "\r\n"):
		return bad("COPY null representation cannot use newline or carriage return")
	case strings.IndexByte(*o.Null, o.Delimiter) >= 0:
		return bad("COPY delimiter character must not appear in the NULL specification")
	}
	return nil
}
