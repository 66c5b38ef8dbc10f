package bind

import (
	"github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind/copy"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Statement is a bound statement: one of *Query, *Insert, *Modify, *Copy, *CreateTable, *CreateView, *ddl.DropTable, *Explain, *Utility
// and *Empty.
type Statement interface{ Bound() }

// Query is SELECT, VALUES or TABLE. Columns are the result columns in order: Columns[i] is column Plan.Columns()[i],
// with the name that the client sees.
type Query struct {
	Lock    string // FOR UPDATE and the like; "": nothing
	Plan    plan.Node
	Columns []plan.Column
}

// Insert is INSERT INTO. Source makes exactly the table's columns, in order and of their types: defaults, NULLs for
// columns that are not listed, and assignment casts are part of it. The executor checks NOT NULL.
type Insert struct {
	Relation *Relation
	Table    *catalog.Table
	Source   plan.Node
	Conflict *Conflict // nil: a row whose key is there is an error
	// Columns are the result columns of RETURNING, which Returning computes from the table's columns (numbers
	// Inserted[i].ID) and, the last of them, the identities of the rows; nil without RETURNING.
	Returning []expr.Expr
	Columns   []plan.Column
	Inserted  []plan.Column
}

// Modify is DELETE or UPDATE. Source makes, in this order, the number of the row (scan.RowNumber), for an UPDATE the new
// values of all columns of the table and the identity of the row (scan.Identity), and what RETURNING computes of the row. It may make several of one row, of which
// the first counts. The executor checks NOT NULL.
type Modify struct {
	Relation *Relation
	Table    *catalog.Table
	Update   bool
	Source   plan.Node
	Columns  []plan.Column // of RETURNING; nil without it
}

// Copy is COPY. Either Table with Ordinals (the listed columns, in the listed order), or, for COPY (query) TO, Query.
type Copy struct {
	Table    *Relation
	Ordinals []int
	Query    *Query
	From     bool // FROM: into the table
	// Filename is the file on the server, "" for STDIN and STDOUT. Program says that it is a command.
	Filename string
	Program  bool
	Options  copy.Options
	Where    expr.Expr // COPY FROM ... WHERE; over Columns
	Columns  []plan.Column
}

// CreateTable is CREATE TABLE. As is set for CREATE TABLE AS, whose columns are Columns.
type CreateTable struct {
	ddl.CreateTable
	As         *Query
	WithNoData bool
}

// CreateView is CREATE [OR REPLACE] VIEW. Schema is "" when it was not given.
type CreateView struct {
	Schema, Name string
	Replace      bool
	View         catalog.View // Columns, Query, Reads, Depends
}

// Explain is EXPLAIN of another statement.
type Explain struct {
	Statement Statement
	Analyze   bool
	Verbose   bool
	Costs     bool
	Timing    bool
	Buffers   bool
	Summary   bool
	Format    string // text, json
}

// Utility is any other statement, for the executor of statements to recognise or refuse by name.
type Utility struct {
	Node *pg_query.Node
	// Tag is the command tag that PostgreSQL would answer with, e.g. SET, BEGIN; or the best name that is known.
	Tag string
}

// Empty is the empty statement.
type Empty struct{}

// Bound marks a statement that was bound.
func (*Query) Bound() {}

// Bound marks a statement that was bound.
func (*Insert) Bound() {}

// Bound marks a statement that was bound.
func (*Modify) Bound() {}

// Bound marks a statement that was bound.
func (*Copy) Bound() {}

// Bound marks a statement that was bound.
func (*CreateView) Bound() {}

// Bound marks a statement that was bound.
func (*Explain) Bound() {}

// Bound marks a statement that was bound.
func (*Utility) Bound() {}

// Bound marks a statement that was bound.
func (*Empty) Bound() {}

// Parameters returns the types of $1, $2, ... once a statement was bound: as given to New, or as inferred.
func (b *Binder) Parameters() []types.Type { return b.params.types }
