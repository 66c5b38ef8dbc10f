// Package plan has the logical operators: what a statement computes, before it is decided how. A plan is an immutable
// tree; passes build new nodes. Every column of a query has a number that is unique in the query, so that an
// expression means the same wherever it is moved (expr.Column.Index is that number).
//
// A node is one file: its fields, its columns and inputs, how it is rewritten, pruned, estimated and printed. What is the
// same for all of them stands in tree.go, print.go and substitute.go, and asks the node. A new node is a file here and one in
// package compile; rules that do not know it leave it where it is, and what stands below it and above it, too.
package plan

import (
	"github.com/siltstone-db/siltstone/engine/expr"
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
	// Title is the first line of the node in EXPLAIN, Details are those below it.
	Title() string
	Details() []Detail
	// Prune returns the node with at least the needed columns, over pruned inputs; what nobody reads is dropped.
	Prune(need Set) Node
	// Estimate returns about how many rows the node makes, and tells e what it knows of its columns.
	Estimate(e Estimates) float64

	// over returns a copy over other inputs, as many as Children returns.
	over(inputs []Node) Node
	// mapExprs returns a copy with the expressions that stand in the node itself replaced.
	mapExprs(m *exprMapper) Node
}

// tracer is a node that knows what some of its columns are made of, for EXPLAIN.
type tracer interface {
	// trace returns what makes a column: an expression over the columns of an input, or a text; nil and "" for neither.
	trace(id ID) (input Node, e expr.Expr, text string)
}

// Estimates is what a node asks to estimate its rows. Package stats is one.
type Estimates interface {
	// Rows returns the estimate of a node, at least 1.
	Rows(n Node) float64
	// Stored returns the number of rows of a scan's relation, and learns the statistics of the columns that are read.
	Stored(n *Scan) float64
	// Selectivity estimates which part of the rows satisfies all conditions, JoinSelectivity which part of the product
	// of l and r rows.
	Selectivity(conds []expr.Expr) float64
	JoinSelectivity(equal []EqualPair, on []expr.Expr, l, r float64) float64
	// Distinct estimates how many values an expression has over that many rows.
	Distinct(e expr.Expr, rows float64) float64
	// Same says that column id has the values of column of; SetDistinct how many a column has.
	Same(id, of ID)
	SetDistinct(id ID, n float64)
}
