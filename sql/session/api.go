// Package session runs SQL statements for one connection: settings, prepared statements, portals, transactions,
// cancellation. Its types are Engine, which sessions share, and Session. The wire protocol and HTTP are its users, each
// of which declares what it needs of a Session; it knows nothing of either.
//
// A Session is used by one goroutine at a time, except for Cancel.
package session

import (
	"io"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Column describes one column of a result.
type Column struct {
	Name     string
	Type     types.Type
	TableOID uint32 // 0 when it is an expression
	Attnum   int16  // from 1; 0 when it is an expression
	Bare     bool   // a numeric without a modifier, whatever precision and scale Type has
}

// Output takes what a statement answers, in order: Columns then any number of Rows then Complete, or only Complete, or
// Empty. An error from any method ends the statement.
type Output interface {
	// Columns starts a result with rows.
	Columns(cols []Column) error
	// Rows takes a batch, lent for the call, of any vector form, without a selection.
	Rows(b *batch.Batch) error
	// Complete ends a statement with its command tag, e.g. "SELECT 3".
	Complete(tag string) error
	// Empty stands for an empty statement.
	Empty() error
	// Notice passes on a warning or notice, with the lines of its detail if it has any.
	Notice(severity, code, message string, detail ...string) error
	// Setting tells the client that a reported parameter changed.
	Setting(name, value string) error
	// CopyIn starts COPY FROM STDIN and returns what the client sends until it is done; a client that fails the
	// copy makes Read return an error. format is 0 (text, csv) or 1 (binary), also for each of columns.
	CopyIn(format int8, columns int) (io.Reader, error)
	// CopyOut starts COPY TO STDOUT. Every Write is one row (text, csv) or one message (binary).
	CopyOut(format int8, columns int) (io.WriteCloser, error)
}

// Parameter is a value given to Bind.
type Parameter struct {
	Format int16  // 0 text, 1 binary
	Value  []byte // nil: NULL; lent for the call
}

// TxStatus is the transaction state as ReadyForQuery reports it.
type TxStatus byte

// The states.
const (
	Idle          TxStatus = 'I'
	InTransaction TxStatus = 'T'
	Failed        TxStatus = 'E'
)
