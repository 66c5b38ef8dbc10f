// Package fn registers the scalar functions, operators and aggregates of the engine once: name, argument and result
// types, and the loop over vectors that computes it. The binder resolves calls here by PostgreSQL's rules (manual,
// chapter 10 "Type Conversion"); the evaluator in package expr calls Eval.
//
// The registry is filled by init functions of this package's files, one family of functions per file, and read-only
// afterwards.
package fn

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Volatility says when a call may be computed once for many rows (PostgreSQL manual, 38.7).
type Volatility uint8

// Immutable calls fold at planning; Stable ones are computed once per statement; Volatile ones per row.
const (
	Immutable Volatility = iota
	Stable
	Volatile
)

// Lengths says how an overload measures strings.
type Lengths uint8

// Measures of length. Characters are bytes where all of them are ASCII.
const (
	NoLength Lengths = iota
	Bytes
	Chars
)

// Context is what a call may know besides its arguments.
type Context struct {
	Ctx context.Context
	// Session carries the settings and identity that Stable functions read; nil while folding constants.
	Session Session
	// Shared holds what the workers of one statement compute together; nil: every evaluator keeps its own.
	Shared *Shared
	// Cut is set while a batch may be computed in pieces: results then refuse to grow beyond what is kept for the next
	// batch (53200), and whoever asked comes again with fewer rows.
	Cut bool
}

// Session is what functions may ask of the session.
type Session interface {
	User() string
	Database() string
	Setting(name string) (string, bool)
	// Now is the start of the transaction in microseconds since 1970 UTC; StatementTime that of the statement.
	Now() int64
	StatementTime() int64
	// Location offset and zone rules come from the TimeZone setting, by name.
	TimeZone() string
	// Lookup answers a named question about the catalog (e.g. "format_type", "pg_get_expr", "to_regclass") that only
	// the SQL layer knows. Unknown questions return false.
	Lookup(question string, args ...types.Datum) (types.Datum, bool, error)
}

// Overload is one function or operator with fixed argument types.
type Overload struct {
	Name string
	// Args are matched by kind (numeric of any precision is one type). The last repeats when Variadic.
	Args     []types.Type
	Variadic bool
	// Result computes the type of the result from those of the arguments as called.
	Result     func(args []types.Type) types.Type
	Volatility Volatility
	// NotStrict functions see NULL arguments. The evaluator makes all others NULL wherever an argument is, and Eval
	// then may compute anything in those rows, but must not fail because of them.
	NotStrict bool
	// Total says that no arguments make the function raise an error, so that it may be computed for rows that other
	// conditions exclude.
	Total bool
	// InOrder says that the rows are to be computed in their order, by one worker: those of nextval get numbers in it.
	InOrder bool
	// Lengths says that the result is the length of the only argument, a string.
	Lengths Lengths
	// Infix says that the call is written as an operator.
	Infix bool
	// Eval computes n rows into out, which it first resets (out.Reset, ResetConstant, ...); out.Type is the type of the call when Eval is called. Arguments are flat or constant; at
	// least one is flat unless all are constant, in which case n is 1. valid is the combined validity of the
	// arguments of a strict function (nil: all valid): rows outside it must not raise errors. It must not keep or
	// change the arguments.
	Eval Eval
	// Refine, when set, returns the overload to call instead when some arguments are constants (consts[i] is nil where
	// argument i is not): extract('minute', ts) becomes an overload whose result is numeric(2,0). It returns nil to
	// keep the overload. Package expr asks when it builds a Call.
	Refine func(args []types.Type, consts []*types.Datum) *Overload
	// Prepare, when set, makes an Eval for one evaluator: it may keep state and scratch memory, and has compiled the
	// constant arguments (patterns, time zones). args are the types as called, result the type of the call. A
	// nil Eval keeps the overload's own. So does an error: it is for the overload's Eval to raise it in the rows
	// that deserve it, since a constant that is wrong may never be looked at (date_trunc('x', 'infinity')).
	Prepare func(c *Context, args []types.Type, result types.Type, consts []*types.Datum) (Eval, error)
}

// Eval is the loop of an overload; see Overload.Eval.
type Eval func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error

// Aggregate is one aggregate function with fixed argument types; package aggstate has its states.
type Aggregate struct {
	Name   string
	Kind   AggKind
	Args   []types.Type // empty for count(*)
	Result func(args []types.Type) types.Type
	// Arrival says that the value may depend on the order in which rows come: a sort below is seen.
	Arrival bool
	// Zero says that the value for no rows is 0, and not NULL.
	Zero bool
}

// AggKind says how an aggregate works.
type AggKind uint8

// The aggregates.
const (
	CountStar AggKind = iota
	Count
	Sum
	Avg
	Min
	Max
	BoolAnd
	BoolOr
	StddevSamp
	StddevPop
	VarSamp
	VarPop
	StringAgg
	ArrayAgg
	AnyValue
	JSONAgg
	JSONAggLines
	JSONBAgg
	JSONObjectAgg
	JSONBObjectAgg
	BitAnd
	BitOr
	BitXor
	Corr
	CovarPop
	CovarSamp
	RegrAvgx
	RegrAvgy
	RegrCount
	RegrIntercept
	RegrR2
	RegrSlope
	RegrSxx
	RegrSxy
	RegrSyy
)
