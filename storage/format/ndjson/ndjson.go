// Package ndjson reads and writes rows as JSON objects, one per line: {"a": 1, "b": "x"}.
//
// Keys name columns, in any order. A key that comes twice counts the last time; a column whose key is missing gets its
// default; a key that is no column refuses the row, by name, unless Options.IgnoreUnknown. A value's text goes through
// its column's input function, as PostgreSQL's json_populate_record does: "12" and 12 are one integer, and an object or
// array is a text's JSON. Columns of json and jsonb take any value as it stands. null is NULL.
//
// Reader turns bytes into batches, Writer batches into rows. Both belong to one goroutine. A row that cannot be read is
// told with its index, column and reason; with Options.Notes the next line goes on. A Reader refuses bad JSON (22P02), nesting beyond 64, text that is not UTF-8 or
// holds a zero character, half surrogates, and rows or fields beyond its limits.
package ndjson

import (
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
	// Refuse returns what is wrong with a key that is no column, if it is not that there is none of its name.
	Refuse func(name string) error
	// Notes take the rows that cannot be read, with the column or the unknown key that is to blame. nil: Read returns the
	// first of them.
	Notes    *format.Notes
	Limits   format.Limits
	Settings types.Settings
}

// syntax returns PostgreSQL's 22P02 for text that is not JSON.
func syntax(format string, args ...any) error {
	return errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail(format, args...)
}
