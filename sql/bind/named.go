package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// parameters are the names by which arguments can be given, for the functions that have them, and how many of the last
// may be left out: they are 0 then.
var parameters = map[string]struct {
	names    []string
	optional int
}{
	"make_date":        {strings.Fields("year month day"), 0},
	"make_time":        {strings.Fields("hour min sec"), 0},
	"make_timestamp":   {strings.Fields("year month mday hour min sec"), 0},
	"make_timestamptz": {strings.Fields("year month mday hour min sec timezone"), 0},
	"make_interval":    {strings.Fields("years months weeks days hours mins secs"), 7},
}

// callArguments binds the arguments of a function, those with names (f(a => 1)) at the places of their parameters.
func (b *Binder) callArguments(s *scope, name string, n *pg.FuncCall) ([]expr.Expr, []int32, error) {
	var named []*pg.NamedArgExpr
	var nodes []*pg.Node
	for _, a := range n.Args {
		if x := a.GetNamedArgExpr(); x != nil {
			if slices.ContainsFunc(named, func(y *pg.NamedArgExpr) bool { return y.Name == x.Name }) {
				return nil, nil, b.fail(x.Location, errs.SyntaxError, "argument name %q used more than once", x.Name)
			}
			named = append(named, x)
			a = x.Arg
		} else if len(named) > 0 {
			return nil, nil, b.fail(parse.Location(a), errs.SyntaxError, "positional argument cannot follow named argument")
		}
		nodes = append(nodes, a)
	}
	args, places, err := b.exprs(s, nodes)
	p, ok := parameters[name]
	if err != nil || !ok && len(named) == 0 || len(named) == 0 && (p.optional == 0 || len(args) >= len(p.names)) {
		return args, places, err
	}
	first := len(args) - len(named)
	out, at := make([]expr.Expr, max(len(p.names), len(args))), make([]int32, max(len(p.names), len(args)))
	copy(out, args[:first])
	copy(at, places[:first])
	for i, x := range named {
		k := slices.Index(p.names, x.Name)
		if k < first {
			return nil, nil, b.noNamed(n, named, args)
		}
		out[k], at[k] = args[first+i], places[first+i]
	}
	for len(out) > 0 && out[len(out)-1] == nil && p.optional == 0 {
		out, at = out[:len(out)-1], at[:len(at)-1]
	}
	if !slices.ContainsFunc(fn.Functions(name), func(o *fn.Overload) bool { return len(o.Args) == len(out) }) {
		return nil, nil, b.noNamed(n, named, args)
	}
	for i := range out {
		if out[i] != nil {
			continue
		}
		if i < len(p.names)-p.optional {
			return nil, nil, b.noNamed(n, named, args)
		}
		out[i], at[i] = &expr.Const{Value: types.IntOf(types.T(types.Int4), 0)}, n.Location
	}
	return out, at, nil
}

// noNamed is error 42883 for a call with names that no function has.
func (b *Binder) noNamed(n *pg.FuncCall, named []*pg.NamedArgExpr, args []expr.Expr) error {
	var list []string
	for i, a := range args {
		t := "unknown"
		if a.Type().Kind != types.Unknown {
			t = plainType(a.Type()).String()
		}
		if k := i - (len(args) - len(named)); k >= 0 {
			t = named[k].Name + " => " + t
		}
		list = append(list, t)
	}
	return b.fail(n.Location, errs.UndefinedFunction, "function %s(%s) does not exist", strings.Join(parse.Names(n.Funcname), "."), strings.Join(list, ", ")).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
}
