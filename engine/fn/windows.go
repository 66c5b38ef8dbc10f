package fn

import "github.com/siltstone-db/siltstone/storage/types"

// WindowKind is what a window function computes; package engine/window does.
type WindowKind uint8

// The window functions.
const (
	OverAggregate WindowKind = iota // an aggregate function over the frame
	RowNumber
	Rank
	DenseRank
	PercentRank
	CumeDist
	Ntile
	Lag
	Lead
	FirstValue
	LastValue
	NthValue
)

// Window is one window function with fixed argument types that is no aggregate.
type Window struct {
	Name   string
	Kind   WindowKind
	Args   []types.Type
	Result func(args []types.Type) types.Type
}

// windows are in the order of their names.
var windows = []*Window{
	{Name: "cume_dist", Kind: CumeDist, Result: returns(tFloat8)},
	{Name: "dense_rank", Kind: DenseRank, Result: returns(tInt8)},
	{Name: "first_value", Kind: FirstValue, Result: asFirst, Args: list(tAny)},
	{Name: "lag", Kind: Lag, Result: asFirst, Args: list(tAny)},
	{Name: "lag", Kind: Lag, Result: asFirst, Args: list(tAny, tInt4)},
	{Name: "lag", Kind: Lag, Result: asFirst, Args: list(tAny, tInt4, tAny)},
	{Name: "last_value", Kind: LastValue, Result: asFirst, Args: list(tAny)},
	{Name: "lead", Kind: Lead, Result: asFirst, Args: list(tAny)},
	{Name: "lead", Kind: Lead, Result: asFirst, Args: list(tAny, tInt4)},
	{Name: "lead", Kind: Lead, Result: asFirst, Args: list(tAny, tInt4, tAny)},
	{Name: "nth_value", Kind: NthValue, Result: asFirst, Args: list(tAny, tInt4)},
	{Name: "ntile", Kind: Ntile, Result: returns(tInt4), Args: list(tInt4)},
	{Name: "percent_rank", Kind: PercentRank, Result: returns(tFloat8)},
	{Name: "rank", Kind: Rank, Result: returns(tInt8)},
	{Name: "row_number", Kind: RowNumber, Result: returns(tInt8)},
}

// asFirst is the type of the first argument, without its modifier of characters.
func asFirst(ts []types.Type) types.Type {
	t := ts[0]
	if t.Kind == types.Varchar || t.Kind == types.Char {
		t.Width = 0
	}
	return t
}

// Windows returns all window functions by name.
func Windows() []*Window { return windows }

// IsWindow tells whether a name is that of a window function that is no aggregate.
func IsWindow(name string) bool {
	for _, w := range windows {
		if w.Name == name {
			return true
		}
	}
	return false
}

// ResolveWindow finds the window function that a call means, and the types to which its arguments are converted. Value
// and default of lag and lead are given with one type. Error: 42883.
func ResolveWindow(name string, args []types.Type) (w *Window, want []types.Type, err error) {
	for _, w := range windows {
		o := Overload{Name: name, Args: w.Args}
		if c, _ := choose([]*Overload{&o}, args, false); w.Name == name && c != nil {
			return w, wants(c, args), nil
		}
	}
	return nil, nil, undefinedFunction(name, args)
}
