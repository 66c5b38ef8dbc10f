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

// Options are COPY's options for text. The zero value is COPY's default.
type Options struct {
	Table     string  // for error contexts
	Delimiter byte    // 0 is a tab
	Null      *string // what raw text is NULL; nil is \N
	Header    format.Header
	Notes     *format.Notes // take the rows whose fields do not fit the columns; nil: Read returns the reason
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
	if strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, o.Delimiter) >= 0 {
		return errs.New(errs.InvalidParameterValue, "COPY delimiter cannot be \"%c\"", o.Delimiter)
	}
	return format.CheckDelimiter(o.Delimiter, *o.Null)
}
