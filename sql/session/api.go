// Package session runs SQL statements for one connection: settings, prepared statements, portals, transactions,
// cancellation. The wire protocol and HTTP are its users; it knows nothing of either.
//
// A Session is used by one goroutine at a time, except for Cancel.
package session

import (
	"context"
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
	// Notice passes on a warning or notice.
	Notice(severity, code, message string) error
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

// Conn is the interface of a session towards the protocols (implemented by *Session). Prepared statement and portal
// names follow the extended query protocol: "" is the unnamed one.
type Conn interface {
	// Simple runs all statements of a text as the simple query protocol does: one implicit transaction around
	// them, stopping at the first error.
	Simple(ctx context.Context, sql string, out Output) error
	// Parse prepares one statement. oids are the parameter types the client gave, 0 where it did not.
	Parse(ctx context.Context, name, sql string, oids []uint32) error
	// Bind makes a portal. resultFormats are kept by the caller.
	Bind(ctx context.Context, portal, statement string, params []Parameter) error
	// DescribeStatement returns the parameter types and the result columns (nil: no rows).
	DescribeStatement(ctx context.Context, name string) ([]types.Type, []Column, error)
	// DescribePortal returns the result columns (nil: no rows).
	DescribePortal(ctx context.Context, name string) ([]Column, error)
	// Execute runs a portal for at most maxRows rows (0: all); suspended tells that there may be more, in which case
	// Complete was not called. Columns is not called.
	Execute(ctx context.Context, portal string, maxRows int, out Output) (suspended bool, err error)
	CloseStatement(name string) error
	ClosePortal(name string) error
	// Sync ends the implicit transaction of an extended-protocol sequence; failed says that an error came before it.
	Sync(ctx context.Context, failed bool) error
	TxStatus() TxStatus
	// Settings returns the parameters to report at start-up, by name.
	Settings() map[string]string
	// Cancel stops the running statement, if any. Any goroutine may call it.
	Cancel()
	Close()
}
