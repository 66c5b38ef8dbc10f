package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// target is one item of a select list.
type target struct {
	name   string
	node   *pg.Node  // nil for what * stood for
	expr   expr.Expr // over the input until an Aggregate came over it
	loc    int32
	series bool // a set-returning function
}

// targetsMax is PostgreSQL's limit of a select list together with what GROUP BY and ORDER BY add to it
// (MaxTupleAttributeNumber). It bounds what a row costs.
const targetsMax = 1664

// tooMany refuses a longer list.
func (b *Binder) tooMany(n int, loc int32) error {
	if n <= targetsMax {
		return nil
	}
	return b.fail(loc, errs.TooManyColumns, "target lists can have at most %d entries", targetsMax)
}

// expandTargets lists the items of a select list, with * and t.* replaced by their columns.
func (b *Binder) expandTargets(s *scope, list []*pg.Node) ([]target, error) {
	var out []target
	for _, n := range list {
		r := n.GetResTarget()
		if r == nil {
			return nil, errs.Internal("select list item %s", parse.NodeName(n))
		}
		if c := r.Val.GetColumnRef(); c != nil && len(c.Fields) > 0 && c.Fields[len(c.Fields)-1].GetAStar() != nil {
			cols, err := b.star(s, c)
			if err != nil {
				return nil, err
			}
			out = append(out, cols...)
			continue
		}
		t := target{name: r.Name, node: r.Val, loc: parse.Location(r.Val)}
		if t.name == "" {
			t.name = figureName(r.Val)
		}
		if s.composites && isExpandArray(r.Val) {
			out = append(out, fieldTargets(t)...)
			continue
		}
		out = append(out, t)
	}
	return out, b.tooMany(len(out), -1)
}

// star expands * and t.*.
func (b *Binder) star(s *scope, c *pg.ColumnRef) ([]target, error) {
	var cols []name
	if parts := parse.Names(c.Fields); len(parts) == 0 {
		if len(s.from.tables) == 0 {
			return nil, b.fail(c.Location, errs.SyntaxError, "SELECT * with no tables specified is not valid")
		}
		cols = s.from.visible
	} else {
		schema := ""
		if len(parts) > 1 {
			schema = parts[len(parts)-2]
		}
		t, err := b.findTable(&s.from, schema, parts[len(parts)-1], c.Location)
		if err != nil {
			return nil, err
		}
		for l := s.parent; l != nil && t == nil; l = l.parent {
			if t, err = b.findTable(&l.from, schema, parts[len(parts)-1], c.Location); err != nil {
				return nil, err
			}
		}
		if t == nil {
			return nil, b.missingTable(s, schema, parts[len(parts)-1], c.Location)
		}
		cols = t.columns
	}
	out := make([]target, 0, len(cols))
	for _, n := range cols {
		if isField(n.name) {
			return nil, b.unsupported(c.Location, "a composite value in *")
		}
		e, err := b.use(s, s, n.value, c.Location)
		if err != nil {
			return nil, err
		}
		out = append(out, target{name: n.name, expr: e, loc: c.Location})
	}
	return out, nil
}

// bindTarget binds one item of the select list.
func (b *Binder) bindTarget(s *scope, t *target, keepUnknown bool) error {
	if t.node == nil {
		return nil
	}
	var err error
	if call, field := fieldOfCall(t.node); call != nil {
		if t.expr, t.series, err = b.seriesInSelect(s, call, field); t.series || err != nil {
			return err
		}
	}
	if t.expr, err = b.expr(s, t.node); err != nil {
		return err
	}
	if !keepUnknown {
		t.expr, err = b.textIfUnknown(t.expr, t.loc)
	}
	return err
}

// figureName names an output column as PostgreSQL does (FigureColname).
func figureName(n *pg.Node) string {
	if s, _ := figure(n); s != "" {
		return s
	}
	return "?column?"
}

// figure returns a name and how good it is: 2 for the name of a column or function, 1 for that of a type or CASE.
func figure(n *pg.Node) (string, int) {
	if n == nil {
		return "", 0
	}
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		if parts := parse.Names(x.ColumnRef.Fields); len(parts) > 0 {
			return parts[len(parts)-1], 2
		}
	case *pg.Node_AIndirection:
		if parts := parse.Names(x.AIndirection.Indirection); len(parts) > 0 {
			return parts[len(parts)-1], 2
		}
		return figure(x.AIndirection.Arg)
	case *pg.Node_FuncCall:
		parts := parse.Names(x.FuncCall.Funcname)
		return parts[len(parts)-1], 2
	case *pg.Node_AExpr:
		if x.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", 2
		}
	case *pg.Node_TypeCast:
		if s, strength := figure(x.TypeCast.Arg); strength > 1 {
			return s, strength
		}
		if parts := parse.Names(x.TypeCast.TypeName.GetNames()); len(parts) > 0 {
			return parts[len(parts)-1], 1
		}
	case *pg.Node_CollateClause:
		return figure(x.CollateClause.Arg)
	case *pg.Node_GroupingFunc:
		return "grouping", 2
	case *pg.Node_SubLink:
		return figureSubLink(x.SubLink)
	case *pg.Node_CaseExpr:
		if s, strength := figure(x.CaseExpr.Defresult); strength > 1 {
			return s, strength
		}
		return "case", 1
	case *pg.Node_AArrayExpr:
		return "array", 2
	case *pg.Node_RowExpr:
		return "row", 2
	case *pg.Node_CoalesceExpr:
		return "coalesce", 2
	case *pg.Node_MinMaxExpr:
		if x.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			return "least", 2
		}
		return "greatest", 2
	case *pg.Node_SqlvalueFunction:
		return sqlValueNames[x.SqlvalueFunction.Op], 2
	}
	return "", 0
}

func figureSubLink(n *pg.SubLink) (string, int) {
	switch n.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		return "exists", 2
	case pg.SubLinkType_ARRAY_SUBLINK:
		return "array", 2
	case pg.SubLinkType_EXPR_SUBLINK:
		sel := n.Subselect.GetSelectStmt()
		for sel != nil && sel.Op != pg.SetOperation_SETOP_NONE {
			sel = sel.Larg
		}
		if sel != nil && len(sel.TargetList) > 0 {
			if r := sel.TargetList[0].GetResTarget(); r != nil {
				if r.Name != "" {
					return r.Name, 2
				}
				s, strength := figure(r.Val)
				if s == "" {
					return "?column?", 2
				}
				return s, max(strength, 2)
			}
		}
		if sel != nil && len(sel.ValuesLists) > 0 {
			return "column1", 2
		}
	}
	return "", 0
}
