package httpapi

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Session is what a request needs of what runs its statement (*session.Session is one): the steps of the extended query
// protocol, which take one statement with parameters.
type Session interface {
	// Simple runs all statements of a text.
	Simple(ctx context.Context, sql string, out session.Output) error
	Parse(ctx context.Context, name, sql string, oids []uint32) error
	Bind(ctx context.Context, portal, statement string, params []session.Parameter) error
	// DescribePortal returns the result columns (nil: no rows).
	DescribePortal(ctx context.Context, name string) ([]session.Column, error)
	Execute(ctx context.Context, portal string, maxRows int, out session.Output) (suspended bool, err error)
	// Sync commits, or rolls back when the statement has failed.
	Sync(ctx context.Context, failed bool) error
	// TypeSettings returns what the text forms of values depend on.
	TypeSettings() *types.Settings
	// Terms compiles what SQL says of the rows of a table; it is good until Close.
	Terms(ctx context.Context, t *catalog.Table) (*table.Terms, error)
	// Cancel stops the running statement, if any. Any goroutine may call it.
	Cancel()
	Close()
}
