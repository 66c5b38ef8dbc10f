package pgwire

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Session is what a connection needs of what runs its statements (*session.Session is one). It belongs to the
// connection's goroutine, except for Cancel. Names of prepared statements and portals follow the extended query
// protocol: "" is the unnamed one.
type Session interface {
	// PID returns the session's number, above 0 and no other open session's.
	PID() int32
	// Settings returns the parameters to report at start-up, by name.
	Settings() map[string]string
	// TypeSettings returns what the text forms of values depend on.
	TypeSettings() *types.Settings
	TxStatus() session.TxStatus
	// Simple runs all statements of a text as the simple query protocol does: one implicit transaction around
	// them, stopping at the first error, which is returned and not sent to out.
	Simple(ctx context.Context, sql string, out session.Output) error
	// Parse prepares one statement. oids are the parameter types the client gave, 0 where it did not.
	Parse(ctx context.Context, name, sql string, oids []uint32) error
	// Bind makes a portal. The formats of its result are the connection's to keep.
	Bind(ctx context.Context, portal, statement string, params []session.Parameter) error
	// DescribeStatement returns the parameter types and the result columns (nil: no rows).
	DescribeStatement(ctx context.Context, name string) ([]types.Type, []session.Column, error)
	// DescribePortal returns the result columns (nil: no rows).
	DescribePortal(ctx context.Context, name string) ([]session.Column, error)
	// Execute runs a portal for at most maxRows rows (0: all); suspended tells that there may be more, in which case
	// Complete was not called. Columns is not called.
	Execute(ctx context.Context, portal string, maxRows int, out session.Output) (suspended bool, err error)
	CloseStatement(name string) error
	ClosePortal(name string) error
	// Sync ends the implicit transaction of an extended-protocol sequence; failed says that an error came before it.
	Sync(ctx context.Context, failed bool) error
	// Cancel stops the running statement, if any. Any goroutine may call it.
	Cancel()
	Close()
}
