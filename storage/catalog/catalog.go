// Package catalog describes schemas and tables. A Snapshot is an immutable picture of all of them; it changes only by
// logged edits, in the same log and manifest as the data (package manifest), so that every reader sees schema and rows
// of one moment.
//
// Snapshot.Apply gives a new Snapshot and the edits with their numbers filled in, which are what is logged and what
// recovery applies again. A Snapshot, its Tables and Columns are safe for concurrent use because nobody changes them;
// that edits follow one another is the caller's care (the database's commit lock). Decode refuses damaged bytes with
// XX001 and those of a newer format with 0A000.
package catalog

import (
	"strconv"

	"github.com/siltstone-db/siltstone/storage/types"
)

// TableID names a table for ever; a dropped and re-created table has another one.
type TableID uint64

// Column describes one column of a table.
type Column struct {
	ID      uint32 // never reused inside a table
	Name    string
	Type    types.Type
	NotNull bool
	// Default is the SQL text of the DEFAULT expression, "" for none. The SQL layer evaluates it.
	Default string
}

// Table describes one table. It is immutable; a change makes a new one with a higher Version.
type Table struct {
	ID      TableID
	OID     uint32 // pg_class.oid, unique in the database, from 16384
	Schema  string
	Name    string
	Columns []Column
	Version uint64
	// Options are the WITH (...) settings, by lower-case name: sort_key, seal_rows, seal_bytes, seal_age. Comments
	// are kept here too: see CommentOption.
	Options map[string]string
	// PrimaryKey holds column ordinals as declared; not enforced yet.
	PrimaryKey []int
}

// CommentOption returns the name of the option that holds COMMENT ON a table (column 0) or on the column with an ID.
func CommentOption(column uint32) string {
	if column == 0 {
		return "comment"
	}
	return "comment." + strconv.FormatUint(uint64(column), 10)
}

// Types returns the column types.
func (t *Table) Types() []types.Type {
	ts := make([]types.Type, len(t.Columns))
	for i, c := range t.Columns {
		ts[i] = c.Type
	}
	return ts
}

// Column returns the ordinal of a column, or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}
