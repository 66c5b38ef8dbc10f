// Package ddl reads the statements that define things: from PostgreSQL's raw syntax tree to what is wished, checked, with
// PostgreSQL's errors. Its types are the statements themselves (CreateTable, DropTable). What it needs of expressions,
// types and other tables it asks of a Binder; it has no state of its own.
package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Binder is what definitions need of the binder of expressions.
type Binder interface {
	// TypeName resolves a type with its modifiers.
	TypeName(n *pg.TypeName) (types.Type, error)
	// Default checks the expression of a DEFAULT against its column, and sets that: its text, in which sequences are named
	// by their OIDs, and which these are.
	Default(c *catalog.Column, n *pg.Node) error
	// Generated does the same for a column that is computed of others.
	Generated(table string, columns []catalog.Column, c *catalog.Column, n *pg.Node) error
	// Transform checks what makes the new value of a column that gets another type, over the columns of its table, and
	// returns its text.
	Transform(table string, columns []catalog.Column, c *catalog.Column, to types.Type, n *pg.Node) (string, error)
	// Check checks the condition of a CHECK over columns of a table and returns its text, and which columns it reads.
	Check(table string, columns []catalog.Column, n *pg.Node) (text string, used []int, err error)
}

// CreateTable is CREATE TABLE [IF NOT EXISTS]. Schema is "" when it was not given.
type CreateTable struct {
	Schema, Name string
	Columns      []catalog.Column
	Constraints  []Constraint
	Own          []OwnSequence
	// PartitionBy is the column of PARTITION BY RANGE, "": none. Options are the WITH settings.
	PartitionBy string
	Options     []catalog.Option
	IfNotExists bool
}

// OwnSequence is the sequence of a column: of type serial, or an identity.
type OwnSequence struct {
	Column   string
	Identity byte // 0: serial
	Options  SequenceOptions
}

// DropTable is DROP of tables, views or sequences: [IF EXISTS] [CASCADE].
type DropTable struct {
	Tables   []QualifiedName
	Kind     catalog.Kind
	IfExists bool
	Cascade  bool
}

// QualifiedName is a name with an optional schema.
type QualifiedName struct{ Schema, Name string }

// String returns the name as messages print it.
func (n QualifiedName) String() string {
	if n.Schema != "" {
		return n.Schema + "." + n.Name
	}
	return n.Name
}

// Bound marks a statement that was bound.
func (*CreateTable) Bound() {}

// Bound marks a statement that was bound.
func (*DropTable) Bound() {}
