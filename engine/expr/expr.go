// Package expr has the one tree of typed scalar expressions, which logical plans share with the engine, and the
// evaluator that computes a tree over batches.
//
// A tree is immutable after it was built, and shared freely. An Evaluator belongs to one worker.
package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Expr is a node of the tree.
type Expr interface {
	// Type returns the type of the values.
	Type() types.Type
	// String prints the expression as EXPLAIN shows it.
	String() string
}

// Column is a column of the input. In a logical plan Index is the column's number, unique in the query; package
// compile turns it into the ordinal in the operator's input batch.
type Column struct {
	Index int
	Name  string
	T     types.Type
}

// Const is a value known at planning.
type Const struct{ Value types.Datum }

// Param is $n of a prepared statement; it is replaced by a Const before a plan is compiled.
type Param struct {
	Number int // from 1
	T      types.Type
}

// Call is a function or operator applied to arguments, which already have the types that the overload wants.
type Call struct {
	Fn   *fn.Overload
	Args []Expr
	T    types.Type
}

// Cast converts its argument (PostgreSQL's explicit, assignment and implicit casts give the same values, except that
// assignment to varchar(n) raises 22001 where an explicit cast cuts).
type Cast struct {
	Arg        Expr
	T          types.Type
	Assignment bool
}

// Logic is AND or OR over two or more arguments, in three-valued logic.
type Logic struct {
	Or   bool
	Args []Expr
}

// Not is NOT arg.
type Not struct{ Arg Expr }

// IsNull is arg IS [NOT] NULL.
type IsNull struct {
	Arg    Expr
	Negate bool
}

// IsBool is arg IS [NOT] TRUE, FALSE or UNKNOWN (Value NULL).
type IsBool struct {
	Arg    Expr
	Value  types.Datum
	Negate bool
}

// In is arg [NOT] IN (list of constants of arg's type). Longer or non-constant lists are Logic over Calls.
type In struct {
	Arg     Expr
	List    []types.Datum // sorted by types.Compare, distinct, without NULL
	HasNull bool          // the list also had a NULL
	Negate  bool
}

// Case is a searched CASE; a simple CASE is bound to it. All results have type T.
type Case struct {
	Whens []When
	Else  Expr // nil: NULL
	T     types.Type
}

// When is one branch of a Case.
type When struct{ Cond, Result Expr }

// Coalesce returns the first argument that is not NULL. Later arguments are not evaluated for rows decided earlier.
type Coalesce struct {
	Args []Expr
	T    types.Type
}

// Type returns the type of the values.
func (e *Column) Type() types.Type   { return e.T }
func (e *Const) Type() types.Type    { return e.Value.Type }
func (e *Param) Type() types.Type    { return e.T }
func (e *Call) Type() types.Type     { return e.T }
func (e *Cast) Type() types.Type     { return e.T }
func (e *Logic) Type() types.Type    { return types.T(types.Bool) }
func (e *Not) Type() types.Type      { return types.T(types.Bool) }
func (e *IsNull) Type() types.Type   { return types.T(types.Bool) }
func (e *IsBool) Type() types.Type   { return types.T(types.Bool) }
func (e *In) Type() types.Type       { return types.T(types.Bool) }
func (e *Case) Type() types.Type     { return e.T }
func (e *Coalesce) Type() types.Type { return e.T }
