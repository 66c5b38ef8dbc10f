package bind

import (
	"github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Statement is a bound statement: one of *Query, *Insert, *Modify, *Copy, *CreateTable, *DropTable, *Explain, *Utility and
// *Empty.
type Statement interface{ statement() }

// Query is SELECT, VALUES or TABLE. Columns are the result columns in order: Columns[i] is column Plan.Columns()[i],
// with the name that the client sees.
type Query struct {
	Plan    plan.Node
	Columns []plan.Column
}

// Insert is INSERT INTO. Source makes exactly the table's columns, in order and of their types: defaults, NULLs for
// columns that are not listed, and assignment casts are part of it. The executor checks NOT NULL.
type Insert struct {
	Relation *Relation
	Table    *catalog.Table
	Source   plan.Node
	// Columns are the result columns of RETURNING, which Returning computes from the table's columns (numbers
	// Inserted[i].ID); nil without RETURNING.
	Returning []expr.Expr
	Columns   []plan.Column
	Inserted  []plan.Column
}

// Modify is DELETE or UPDATE. Source makes, in this order, the number of the row (scan.RowNumber), for an UPDATE the new
// values of all columns of the table, and what RETURNING computes of the row. It may make several of one row, of which
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
	Options  CopyOptions
	Where    expr.Expr // COPY FROM ... WHERE; over Columns
	Columns  []plan.Column
}

// CopyFormat is the form of copied data.
type CopyFormat string

// The formats.
const (
	CopyText    CopyFormat = "text"
	CopyCSV     CopyFormat = "csv"
	CopyBinary  CopyFormat = "binary"
	CopyParquet CopyFormat = "parquet"
)

// CopyOptions are the settings of a COPY, with PostgreSQL's defaults filled in.
type CopyOptions struct {
	Format      CopyFormat
	Delimiter   byte
	Null        string
	Header      bool
	HeaderMatch bool
	Quote       byte
	Escape      byte
	// ForceQuote are table ordinals (or positions of a query's columns); ForceQuoteAll is FORCE_QUOTE *.
	ForceQuote    []int
	ForceQuoteAll bool
	ForceNotNull  []int
	ForceNull     []int
	Encoding      *format.Charset // nil: UTF-8
	Freeze        bool
	// Extra holds options that PostgreSQL does not have, by lower-case name.
	Extra map[string]string
}

// CreateTable is CREATE TABLE [IF NOT EXISTS]. Schema is "" when it was not given. As is set for CREATE TABLE AS, whose
// columns are Columns.
type CreateTable struct {
	Schema, Name string
	Columns      []catalog.Column
	PrimaryKey   []int
	// PrimaryKeyName is the constraint's name as PostgreSQL chooses or the user gave it; "" without a primary key.
	PrimaryKeyName string
	// Unenforced names the constraints that are accepted but not checked, for a warning.
	Unenforced []string
	// Options are the WITH settings by lower-case name; PARTITION BY is kept as option "partition_by" in SQL form.
	Options     map[string]string
	IfNotExists bool
	Temporary   bool
	As          *Query
	WithNoData  bool
}

// DropTable is DROP TABLE [IF EXISTS] [CASCADE].
type DropTable struct {
	Tables   []QualifiedName
	IfExists bool
	Cascade  bool
}

// QualifiedName is a name with an optional schema. Position is its 1-based character position, 0 when unknown.
type QualifiedName struct {
	Schema, Name string
	Position     int
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

func (*Query) statement()       {}
func (*Insert) statement()      {}
func (*Modify) statement()      {}
func (*Copy) statement()        {}
func (*CreateTable) statement() {}
func (*DropTable) statement()   {}
func (*Explain) statement()     {}
func (*Utility) statement()     {}
func (*Empty) statement()       {}

// Parameters returns the types of $1, $2, ... once a statement was bound: as given to New, or as inferred.
func (b *Binder) Parameters() []types.Type { return b.params.types }
