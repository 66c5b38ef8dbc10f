// Package plan has the logical operators: what a statement computes, before it is decided how. A plan is an immutable
// tree; passes build new nodes. Every column of a query has a number that is unique in the query, so that an
// expression means the same wherever it is moved (expr.Column.Index is that number).
package plan

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// ID is the number of a column, unique in one query, from 1.
type ID int

// Column is one output column of a node.
type Column struct {
	ID   ID
	Name string
	Type types.Type
	// Table and Ordinal tell the origin of a plain table column (0 OID: an expression), for RowDescription.
	TableOID uint32
	Ordinal  int // from 0
	// Bare says that SQL knows no modifier for it: the precision and scale of a numeric Type are only what its values
	// need. It is set for the columns of a statement's answer.
	Bare bool
}

// Node is a logical operator.
type Node interface {
	// Columns returns the output columns. The slice belongs to the node.
	Columns() []Column
	// Children returns the inputs.
	Children() []Node
}

// Scan reads a stored table (Table set) or a virtual one (Virtual set). Cols[i] is column Ordinals[i] of it. Filter is
// a conjunction that the rows satisfy, over Cols.
type Scan struct {
	Table    *catalog.Table
	Virtual  Virtual
	Alias    string
	Cols     []Column
	Ordinals []int
	Filter   []expr.Expr
}

// Virtual is a table computed when it is read: a system catalog, or a Function. The session that runs the plan knows
// how.
type Virtual interface {
	Name() string
	Types() []types.Type
}

// Filter keeps the rows for which every condition is true.
type Filter struct {
	Input Node
	Conds []expr.Expr
}

// Project computes Exprs[i] as Cols[i].
type Project struct {
	Input Node
	Exprs []expr.Expr
	Cols  []Column
}

// AggCall is one aggregate of an Aggregate.
type AggCall struct {
	Fn       *fn.Aggregate
	Args     []expr.Expr // columns or constants after binding; any expression before Project was inserted
	Distinct bool
	Filter   expr.Expr // FILTER (WHERE ...), or nil
	OrderBy  []SortKey // of string_agg, array_agg
}

// Aggregate groups by Keys (none: one row always) and computes Aggs. Output: the keys, then the aggregates. An
// Aggregate without Aggs is DISTINCT.
type Aggregate struct {
	Input Node
	Keys  []expr.Expr
	Aggs  []AggCall
	Cols  []Column
}

// SortKey is one key of an order.
type SortKey struct {
	Expr       expr.Expr
	Desc       bool
	NullsFirst bool
}

// Sort orders the rows. Limit >= 0 says that only the first Limit+Offset rows matter: a top-k (set by a pass).
type Sort struct {
	Input Node
	Keys  []SortKey
	Limit int64 // -1: all rows
}

// Limit cuts the rows: skip Offset, then at most Count (-1: all). Expressions that are not constants yet (parameters)
// stand in CountExpr and OffsetExpr until the plan is given its parameters.
type Limit struct {
	Input                 Node
	Count, Offset         int64
	CountExpr, OffsetExpr expr.Expr
}

// DistinctOn keeps the first row of every run of rows with equal On (NULLs are equal). Its input is sorted by them.
type DistinctOn struct {
	Input Node
	On    []expr.Expr
}

// JoinKind is the kind of a join.
type JoinKind uint8

// The kinds. Single is Left that fails with 21000 when a row finds two partners (a scalar subquery). Mark adds a
// boolean column that tells whether a partner was found (IN, with SQL's NULL rules when NullAware).
const (
	Inner JoinKind = iota
	Left
	Right
	Full
	Cross
	Semi
	Anti
	Single
	Mark
)

// Join combines two inputs. Equal holds pairs left = right; On holds further conditions over both sides.
type Join struct {
	Kind        JoinKind
	Left, Right Node
	Equal       []EqualPair
	On          []expr.Expr
	NullAware   bool   // NOT IN
	MarkColumn  Column // of Mark
}

// EqualPair is one condition left = right; both sides have the same type.
type EqualPair struct{ Left, Right expr.Expr }

// Values is a list of rows of expressions without columns.
type Values struct {
	Rows [][]expr.Expr
	Cols []Column
}

// SetOpKind is UNION, INTERSECT or EXCEPT.
type SetOpKind uint8

// The set operations.
const (
	Union SetOpKind = iota
	Intersect
	Except
)

// SetOp combines two inputs with the same types. All keeps duplicates.
type SetOp struct {
	Kind        SetOpKind
	All         bool
	Left, Right Node
	Cols        []Column
}

// Apply runs Right once per row of Left, with Left's columns as parameters: a correlated subquery that was not
// unnested. Kind is Inner (LATERAL), Left, Semi, Anti, Single or Mark.
type Apply struct {
	Kind        JoinKind
	Left, Right Node
	MarkColumn  Column
}
