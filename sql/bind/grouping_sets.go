package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// PostgreSQL's bounds: of the sets of a query, of the elements of CUBE, of the arguments of GROUPING.
const (
	groupingSetsMax  = 4096
	cubeMax          = 12
	groupingArgsMost = 31
)

// groupBy binds GROUP BY: the keys of all grouping sets, and the sets where there is more than one.
func (b *Binder) groupBy(s *scope, g *grouping, n *pg.SelectStmt, targets []target) error {
	s.clause = "GROUP BY"
	defer func() { s.clause = "" }()
	sets := [][]int{{}}
	for _, it := range n.GroupClause {
		more, err := b.groupingSets(s, g, it, targets)
		if err != nil {
			return err
		}
		if len(sets)*len(more) > groupingSetsMax {
			return errs.New(errs.StatementTooComplex, "too many grouping sets present (maximum %d)", groupingSetsMax)
		}
		sets = product(sets, more)
	}
	if n.GroupDistinct {
		sets = distinctSets(sets)
	}
	if len(sets) == 1 {
		return nil
	}
	g.sets = sets
	g.number = b.newColumn("set", types.T(types.Int4))
	return nil
}

// product joins every set of one list with every set of another.
func product(left, right [][]int) [][]int {
	out := make([][]int, 0, len(left)*len(right))
	for _, l := range left {
		for _, r := range right {
			set := slices.Clone(l)
			for _, k := range r {
				if !slices.Contains(set, k) {
					set = append(set, k)
				}
			}
			out = append(out, set)
		}
	}
	return out
}

// distinctSets keeps the first of equal sets.
func distinctSets(sets [][]int) (out [][]int) {
	seen := map[string]bool{}
	for _, set := range sets {
		slices.Sort(set)
		key := ""
		for _, k := range set {
			key += string(rune(k))
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, set)
		}
	}
	return out
}

// groupingSets returns the sets that one item of GROUP BY, or of a GROUPING SETS, stands for.
func (b *Binder) groupingSets(s *scope, g *grouping, n *pg.Node, targets []target) ([][]int, error) {
	gs := n.GetGroupingSet()
	if gs == nil {
		set, err := b.groupKeys(s, g, n, targets)
		return [][]int{set}, err
	}
	if gs.Kind == pg.GroupingSetKind_GROUPING_SET_CUBE && len(gs.Content) > cubeMax {
		return nil, b.fail(gs.Location, errs.TooManyColumns, "CUBE is limited to %d elements", cubeMax)
	}
	var parts [][][]int
	for _, it := range gs.Content {
		part, err := b.groupingSets(s, g, it, targets)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	var out [][]int
	switch gs.Kind {
	case pg.GroupingSetKind_GROUPING_SET_EMPTY:
		return [][]int{{}}, nil
	case pg.GroupingSetKind_GROUPING_SET_ROLLUP:
		set := []int{}
		out = append(out, set)
		for _, p := range parts {
			set = product([][]int{set}, p)[0]
			out = append(out, set)
		}
		slices.Reverse(out)
	case pg.GroupingSetKind_GROUPING_SET_CUBE:
		for bits := 1<<len(parts) - 1; bits >= 0; bits-- {
			set := [][]int{{}}
			for i, p := range parts {
				if bits>>i&1 != 0 {
					set = product(set, p)
				}
			}
			out = append(out, set[0])
		}
	default:
		out = slices.Concat(parts...)
	}
	return out, nil
}

// groupingFunc binds GROUPING(...): a number with a bit for each argument, 1 where the grouping set has it not. In a
// subquery it may be that of an outer query, whose columns its arguments read.
func (b *Binder) groupingFunc(s *scope, n *pg.GroupingFunc) (expr.Expr, error) {
	if len(n.Args) > groupingArgsMost {
		return nil, b.fail(n.Location, errs.TooManyArguments, "GROUPING must have fewer than 32 arguments")
	}
	args, owner, err := b.groupingArgs(s, n)
	if err != nil {
		return nil, err
	}
	g := owner.group
	keys := make([]int, len(args))
	for i, e := range args {
		if keys[i] = slices.IndexFunc(g.keys, func(k expr.Expr) bool { return expr.Equal(k, e) }); keys[i] < 0 {
			return nil, b.fail(parse.Location(n.Args[i]), errs.GroupingError,
				"arguments to GROUPING must be grouping expressions of the associated query level")
		}
	}
	g.called = true
	if g.sets == nil {
		return &expr.Const{Value: types.IntOf(types.T(types.Int4), 0)}, nil
	}
	return b.remember(ref(g.label(b, keys)), n.Location), nil
}

// groupingArgs binds the arguments of GROUPING, and finds the query whose columns they are.
func (b *Binder) groupingArgs(s *scope, n *pg.GroupingFunc) (args []expr.Expr, owner *scope, err error) {
	for l := s; l != nil; l = l.parent {
		g := l.group
		if g == nil {
			g = &grouping{} // only to see what the arguments read
		} else if g.argument {
			return nil, nil, b.fail(n.Location, errs.GroupingError, "aggregate function calls cannot be nested")
		}
		kept := l.group
		l.group, g.argument, g.sawOwn, g.sawOuter = g, true, false, false
		b.arguments++
		args, _, err = b.exprs(l, n.Args)
		b.arguments--
		l.group, g.argument = kept, false
		switch {
		case err != nil:
			return nil, nil, err
		case g.sawOuter && !g.sawOwn:
			continue
		case l.clause != "":
			return nil, nil, b.fail(n.Location, errs.GroupingError, "grouping operations are not allowed in %s", l.clause)
		case kept == nil:
			return nil, nil, b.unsupported(n.Location, "GROUPING here")
		}
		return args, l, nil
	}
	return nil, nil, b.fail(n.Location, errs.GroupingError, "arguments to GROUPING must be grouping expressions of the associated query level")
}

// label returns the column of GROUPING of some keys.
func (g *grouping) label(b *Binder, keys []int) plan.Column {
	l := plan.Label{Of: make([]int32, len(g.sets))}
	args := make([]expr.Expr, len(keys))
	for i, k := range keys {
		args[i] = g.keys[k]
	}
	l.Args = plan.List(args)
	for number, set := range g.sets {
		for _, k := range keys {
			l.Of[number] <<= 1
			if !slices.Contains(set, k) {
				l.Of[number]++
			}
		}
	}
	for _, have := range g.labels {
		if slices.Equal(have.Of, l.Of) {
			return have.Col
		}
	}
	l.Col = b.newColumn("grouping", types.T(types.Int4))
	g.labels = append(g.labels, l)
	return l.Col
}

// overSets groups the input by all grouping sets at once.
func (b *Binder) overSets(g *grouping, input plan.Node) plan.Node {
	x := &plan.Expand{Input: input, Keys: g.keys, Sets: g.sets}
	a := &plan.Aggregate{Input: x, Aggs: g.aggs}
	for i, k := range g.keys {
		col := b.newColumn(g.cols[i].Name, k.Type())
		x.Cols, a.Keys, a.Cols = append(x.Cols, col), append(a.Keys, ref(col)), append(a.Cols, g.cols[i])
	}
	set := b.newColumn("set", types.T(types.Int4))
	x.Cols, a.Keys, a.Cols = append(x.Cols, set), append(a.Keys, ref(set)), append(a.Cols, g.number)
	a.Cols = append(a.Cols, g.out...)
	t := &plan.Totals{Input: a, Number: g.number, Labels: g.labels, Zero: plan.Set{}}
	for i, set := range g.sets {
		if len(set) == 0 {
			t.Empty = append(t.Empty, i)
		}
	}
	for i, call := range g.aggs {
		if call.Fn.Zero {
			t.Zero.Add(g.out[i].ID)
		}
	}
	return t
}

// inAllSets tells whether key i is in every grouping set.
func (g *grouping) inAllSets(i int) bool {
	return !slices.ContainsFunc(g.sets, func(set []int) bool { return !slices.Contains(set, i) })
}
