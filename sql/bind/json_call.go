package bind

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// jsonAggregates are the aggregates that make JSON. Their arguments are converted before they are collected: values to json
// or jsonb, keys to text.
var jsonAggregates = map[string]bool{"json_agg": true, "jsonb_agg": true, "json_object_agg": true, "jsonb_object_agg": true}

// jsonAggregate converts the arguments of such a call, and returns the aggregate when the call does not mean that of the
// registry by its name: json_agg writes arrays and rows on lines of their own.
func (b *Binder) jsonAggregate(name string, args []expr.Expr, places []int32, rows bool, loc int32) (*fn.Aggregate, error) {
	want := 1
	if strings.HasSuffix(name, "object_agg") {
		want = 2
	}
	if len(args) != want {
		return nil, nil // resolving tells
	}
	convert := "to_json"
	if strings.HasPrefix(name, "jsonb") {
		convert = "to_jsonb"
	}
	last := want - 1
	lines := name == "json_agg" && (rows || args[last].Type().Kind == types.Array)
	var err error
	if args[last], err = b.call(convert, args[last:], places[last:], loc); err != nil {
		return nil, err
	}
	if want == 2 {
		if args[0], err = b.call("json_key", args[:1], places[:1], loc); err != nil {
			return nil, err
		}
	}
	if lines {
		return fn.JSONLines(), nil
	}
	return nil, nil
}

// rowArguments are the functions of one argument that may be a row.
var rowArguments = map[string]bool{"row_to_json": true, "to_json": true, "to_jsonb": true, "json_agg": true, "jsonb_agg": true}

// rowArgument binds a row as the argument of such a function, as JSON; nil when the argument is none. A row is ROW(...), or
// the name of what FROM has, which must be no side of a JOIN: its row may then be NULL as a whole.
func (b *Binder) rowArgument(s *scope, name string, args []*pg.Node, loc int32) (expr.Expr, error) {
	if !rowArguments[name] || len(args) == 0 {
		return nil, nil
	}
	var pairs []expr.Expr
	add := func(label string, e expr.Expr) { pairs = append(pairs, &expr.Const{Value: types.TextOf(label)}, e) }
	if r := args[0].GetRowExpr(); r != nil {
		for i, a := range r.Args {
			e, err := b.expr(s, a)
			if err != nil {
				return nil, err
			}
			add(fmt.Sprintf("f%d", i+1), e)
		}
	} else {
		t := b.wholeRow(s, args[0])
		if t == nil {
			return nil, nil
		}
		if t.joined {
			return nil, b.unsupported(parse.Location(args[0]), "the whole-row reference %q", t.alias)
		}
		for _, c := range t.columns {
			e, err := b.qualified(s, "", t.alias, c.name, parse.Location(args[0]))
			if err != nil {
				return nil, err
			}
			add(c.name, e)
		}
	}
	f := "json_row"
	if strings.HasPrefix(name, "jsonb") || name == "to_jsonb" {
		f = "jsonb_build_object"
	}
	return b.call(f, pairs, nil, loc)
}

// wholeRow returns what FROM has by the name that an argument is, nil when that is a column, or no name.
func (b *Binder) wholeRow(s *scope, n *pg.Node) *table {
	c := n.GetColumnRef()
	if c == nil || len(c.Fields) != 1 || c.Fields[0].GetString_() == nil {
		return nil
	}
	label := c.Fields[0].GetString_().Sval
	for l := s; l != nil; l = l.parent {
		if _, n := l.from.find(label); n > 0 {
			return nil
		}
		for _, t := range l.from.tables {
			if t.alias == label && !t.scalar {
				return t
			}
		}
	}
	return nil
}

// jsonRow binds a scalar function over a row; nil when it is none.
func (b *Binder) jsonRow(s *scope, name string, n *pg.FuncCall) (expr.Expr, error) {
	if len(n.Args) != 1 && (name != "row_to_json" || len(n.Args) != 2) {
		return nil, nil
	}
	e, err := b.rowArgument(s, name, n.Args, n.Location)
	if e == nil || err != nil || len(n.Args) == 1 {
		return e, err
	}
	return nil, b.unsupported(n.Location, "row_to_json with line feeds")
}

// jsonSubscript binds j['a'][1] of a jsonb: a path, whose elements are integers or text.
func (b *Binder) jsonSubscript(s *scope, e expr.Expr, parts []*pg.Node, loc int32) (expr.Expr, error) {
	args, _, err := b.jsonPath(s, parts, loc)
	if err != nil {
		return nil, err
	}
	return b.call("jsonb_extract_path", append([]expr.Expr{e}, args...), nil, loc)
}

// jsonPath binds subscripts as text; number tells that the first one is an integer.
func (b *Binder) jsonPath(s *scope, parts []*pg.Node, loc int32) (args []expr.Expr, number bool, err error) {
	for i, part := range parts {
		ix := part.GetAIndices()
		if ix == nil {
			return nil, false, b.fail(loc, errs.UndefinedColumn, "column notation .%s applied to type jsonb, which is not a composite type",
				part.GetString_().GetSval())
		}
		if ix.IsSlice {
			place := parse.Location(ix.Uidx)
			if ix.Uidx == nil {
				place = parse.Location(ix.Lidx)
			}
			return nil, false, b.fail(place, errs.DatatypeMismatch, "jsonb subscript does not support slices")
		}
		e, err := b.expr(s, ix.Uidx)
		if err != nil {
			return nil, false, err
		}
		place := parse.Location(ix.Uidx)
		t := e.Type()
		switch {
		case t.Kind == types.Unknown, t.IsString():
			e, err = b.coerce(e, types.T(types.Text), place)
		case fn.CanCast(t, types.T(types.Int4), fn.Implicit):
			number = number || i == 0
			if e, err = b.coerce(e, types.T(types.Int4), place); err == nil {
				e, err = b.coerce(e, types.T(types.Text), place)
			}
		default:
			return nil, false, b.fail(place, errs.DatatypeMismatch, "subscript type %s is not supported", plainType(t)).
				WithHint("jsonb subscript must be coercible to either integer or text.")
		}
		if err != nil {
			return nil, false, err
		}
		args = append(args, e)
	}
	return args, number, nil
}

// jsonAssign makes what UPDATE SET j[...] = v gives the column: old with v at the subscripts.
func (b *Binder) jsonAssign(s *scope, old, v expr.Expr, parts []*pg.Node, loc int32) (expr.Expr, error) {
	path, number, err := b.jsonPath(s, parts, loc)
	if err != nil {
		return nil, err
	}
	if v, err = b.coerce(v, types.T(types.JSONB), loc); err != nil {
		return nil, err
	}
	return b.call("jsonb_subscript_assign", append([]expr.Expr{old, v, &expr.Const{Value: types.BoolOf(number)}}, path...), nil, loc)
}
