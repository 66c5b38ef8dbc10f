// Package format has what the readers and writers of foreign row formats share: a Column, the Builder that parses
// fields into the vectors of a batch, the Input that windows a byte stream, the Lines and headers of text formats, the
// Charset that bytes are in, and the errors of COPY. The formats stand in packages of their own: csv, copytext,
// copybinary, ndjson; wire has PostgreSQL's forms of single values.
//
// A reader belongs to one goroutine. It reads ahead of the rows that it has returned, allocates per stream and not per
// row or value, and bounds what it holds: Limits caps rows and fields, and a batch ends early when it has gathered
// BatchBytes. Text that is not UTF-8 or holds a zero byte is refused with 22021.
package format

import (
	"fmt"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Column is one column that rows are read into, in the order in which the format has it.
type Column struct {
	Name string
	Type types.Type
	// NotNull says that a NULL will not do: rows with one are noted with their text, and refused by others (Notes).
	NotNull bool
	// Default is the value for rows that do not name the column (NDJSON; formats with positions always have a
	// value). nil is NULL.
	Default *types.Datum
	// Computed says that each row has a default of its own, which others compute: rows that do not name the column are
	// noted (Notes.Lacks) and have NULL so far.
	Computed bool
}

// Types returns the types of columns, as batch.New takes them.
func Types(cols []Column) []types.Type {
	out := make([]types.Type, len(cols))
	for i, c := range cols {
		out[i] = c.Type
	}
	return out
}

// Limits caps what a reader holds for one row, so that a stream without line ends cannot fill the memory.
type Limits struct {
	RowBytes   int // most bytes of one row; 0 is DefaultRowBytes
	FieldBytes int // most bytes of one field; 0 is DefaultFieldBytes
	// Account is charged for rows that are longer than LongRowBytes before they are read. nil: nobody is.
	Account *mem.Account
}

// The limits by default. A value may have as many bytes as in PostgreSQL, by whatever door it comes: what COPY TO wrote
// must be readable again. A row is one message of COPY at most, whose length is an int32.
const (
	DefaultRowBytes   = 1<<31 - 1
	DefaultFieldBytes = 1<<30 - 1
)

// LongRowBytes is what a reader holds of a row without asking; a thousand streams of it are 1 GiB.
const LongRowBytes = 1 << 20

// EnsureDefaults fills in what is zero.
func (l *Limits) EnsureDefaults() {
	if l.RowBytes <= 0 {
		l.RowBytes = DefaultRowBytes
	}
	if l.FieldBytes <= 0 {
		l.FieldBytes = min(DefaultFieldBytes, l.RowBytes)
	}
}

// BatchBytes ends a batch: 65,536 rows of 105 columns with long texts would be half a gigabyte otherwise.
const BatchBytes = 32 << 20

// maxShown is how much of a line or field a COPY context shows.
const maxShown = 100

// Shown cuts text for a context line, at a character's end.
func Shown(s []byte) string {
	if len(s) <= maxShown {
		return string(s)
	}
	n := maxShown
	for n > maxShown-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return string(s[:n]) + "..."
}

// LineError adds the context COPY table, line n.
func LineError(err error, table string, line int64) error {
	return withContext(err, lineContext(table, line))
}

func lineContext(table string, line int64) string {
	return fmt.Sprintf("COPY %s, line %d", table, line)
}

// RowError adds the context COPY table, line n: "text of the line".
func RowError(err error, table string, line int64, text []byte) error {
	return withContext(err, rowContext(table, line, text))
}

func rowContext(table string, line int64, text []byte) string {
	return fmt.Sprintf("COPY %s, line %d: \"%s\"", table, line, Shown(text))
}

// FieldError adds the context COPY table, line n, column c: "text of the field"; a nil field is a null input.
func FieldError(err error, table string, line int64, column string, field []byte) error {
	if field == nil {
		return withContext(err, fmt.Sprintf("COPY %s, line %d, column %s: null input", table, line, column))
	}
	return withContext(err, fmt.Sprintf("COPY %s, line %d, column %s: \"%s\"", table, line, column, Shown(field)))
}

// withContext returns a copy of err with a context.
func withContext(err error, context string) error {
	e := *errs.From(err)
	if e.Context == "" {
		e.Context = context
	}
	return &e
}

// BadCopy returns PostgreSQL's 22P04.
func BadCopy(format string, args ...any) *errs.Error {
	return errs.New(errs.BadCopyFileFormat, format, args...)
}

// TooLong returns 54000 for a row or field beyond a limit.
func TooLong(what string, limit int) error {
	return errs.New(errs.ProgramLimitExceeded, "%s is longer than %d bytes", what, limit)
}
