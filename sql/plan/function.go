package plan

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Function is a set-returning function in FROM (generate_series, unnest): a virtual table with arguments. The arguments
// may read parameters and columns of an outer query until both were substituted; then they are constants.
type Function struct {
	Schema, Func string // Func is the function's name in lower case
	Args         []expr.Expr
	Results      []types.Type
	// Ordinality says that the last column counts the rows from 1 (WITH ORDINALITY).
	Ordinality bool
	// Members are the functions of ROWS FROM, which run side by side: row n has the n-th row of each, NULL where one has
	// ended. Args and Results are theirs, one behind another; Func is "rows from".
	Members []Member
}

// Member is one function of several.
type Member struct {
	Schema, Func  string
	Args, Results int
}

// Together makes one function of several without ordinality.
func Together(all []*Function) *Function {
	f := &Function{Func: "rows from"}
	for _, m := range all {
		f.Members = append(f.Members, Member{Schema: m.Schema, Func: m.Func, Args: len(m.Args), Results: len(m.Results)})
		f.Args, f.Results = append(f.Args, m.Args...), append(f.Results, m.Results...)
	}
	return f
}

// Name returns the function's name.
func (f *Function) Name() string { return f.Func }

// Types returns the types of the columns.
func (f *Function) Types() []types.Type { return f.Results }
