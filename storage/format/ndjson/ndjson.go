// Package ndjson reads and writes rows as JSON objects, one per line: {"a": 1, "b": "x"}.
//
// Keys name columns, in any order. A key that comes twice counts the last time; a column whose key is missing gets its
// default; a key that is no column refuses the row, by name, unless Options.IgnoreUnknown. A value's text goes through
// its column's input function, as PostgreSQL's json_populate_record does: "12" and 12 are one integer, and an object or
// array is a text's JSON. null is NULL.
//
// Reader turns bytes into batches, Writer batches into rows. Both belong to one goroutine. A row that cannot be read is
// a RowError with its index, column and reason; by default it ends the reading, with Options.OnReject the caller
// decides and the next line goes on. A Reader refuses bad JSON (22P02), nesting beyond 64, text that is not UTF-8 or
// holds a zero character, half surrogates, and rows or fields beyond its limits.
package ndjson

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// MaxDepth is how deep objects and arrays may nest within a row, itself included.
const MaxDepth = 64

// Options say how rows are read.
type Options struct {
	Table         string // for errors
	IgnoreUnknown bool   // keys that are no column are skipped
	// OnReject is told of a row that cannot be read. The row is left out and reading goes on, unless OnReject
	// returns an error, which Read then returns. nil: Read returns the *RowError.
	OnReject func(*RowError) error
	Limits   format.Limits
	Settings types.Settings
}

// RowError is why a row was refused.
type RowError struct {
	Index  int64  // of the row among all rows of the stream, from 0; blank lines do not count
	Line   int64  // from 1
	Column string // or the unknown key; "" when the row as a whole is to blame
	Err    *errs.Error
}

// Error returns the reason with its place.
func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("row %d: %s", e.Index, e.Err.Message)
	}
	return fmt.Sprintf("row %d, column %s: %s", e.Index, e.Column, e.Err.Message)
}

// Unwrap returns the reason, whose context names the place.
func (e *RowError) Unwrap() error { return e.Err }

// syntax returns PostgreSQL's 22P02 for text that is not JSON.
func syntax(format string, args ...any) error {
	return errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail(format, args...)
}
