package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// definitions is a Binder as package ddl sees it.
type definitions struct{ b *Binder }

var _ ddl.Binder = definitions{}

// createTable binds CREATE TABLE.
func (b *Binder) createTable(n *pg.CreateStmt) (Statement, error) {
	c, err := ddl.Create(definitions{b}, &b.stmt, n)
	if err != nil {
		return nil, err
	}
	return &CreateTable{CreateTable: *c}, nil
}

// TypeName implements ddl.Binder.
func (d definitions) TypeName(n *pg.TypeName) (types.Type, error) { return d.b.typeName(n) }

// Check implements ddl.Binder.
func (d definitions) Check(table string, columns []catalog.Column, n *pg.Node) (string, []int, error) {
	_, used, err := d.b.check(table, columns, n)
	if err != nil {
		return "", nil, err
	}
	text, err := parse.Expression(n)
	return text, used, err
}

// Default implements ddl.Binder.
func (d definitions) Default(c *catalog.Column, n *pg.Node) error {
	b := d.b
	s := &scope{clause: "DEFAULT expressions", node: oneRow()}
	start := s.node
	if hasColumnRef(n) {
		return b.fail(parse.Location(n), errs.FeatureNotSupported, "cannot use column reference in DEFAULT expression")
	}
	e, err := b.expr(s, n)
	if err != nil {
		return err
	}
	if s.node != start {
		return b.fail(parse.Location(n), errs.FeatureNotSupported, "cannot use subquery in DEFAULT expression")
	}
	if _, err := b.assign(e, c, parse.Location(n)); err != nil {
		return defaultMismatch(err, c, e)
	}
	return b.keepDefault(c, n)
}

// defaultMismatch gives the error of a value that does not fit its column the text that PostgreSQL has for a default: the
// table has no column yet, and there is no position.
func defaultMismatch(err error, c *catalog.Column, e expr.Expr) error {
	if !errs.Is(err, errs.DatatypeMismatch) {
		return err
	}
	return errs.New(errs.DatatypeMismatch, "column %q is of type %s but default expression is of type %s", c.Name,
		plainType(c.Type), plainType(e.Type())).WithHint("You will need to rewrite or cast the expression.")
}

func hasColumnRef(n *pg.Node) bool {
	switch x := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return true
	case *pg.Node_TypeCast:
		return hasColumnRef(x.TypeCast.Arg)
	case *pg.Node_AExpr:
		return hasColumnRef(x.AExpr.Lexpr) || hasColumnRef(x.AExpr.Rexpr)
	case *pg.Node_FuncCall:
		return slices.ContainsFunc(x.FuncCall.Args, hasColumnRef)
	}
	return false
}

// createTableAs binds CREATE TABLE AS.
func (b *Binder) createTableAs(n *pg.CreateTableAsStmt) (Statement, error) {
	if n.Objtype != pg.ObjectType_OBJECT_TABLE {
		return &Utility{Node: &pg.Node{Node: &pg.Node_CreateTableAsStmt{CreateTableAsStmt: n}}, Tag: "CREATE MATERIALIZED VIEW"}, nil
	}
	into := n.Into
	sel := n.Query.GetSelectStmt()
	switch {
	case sel == nil:
		return nil, errs.Unsupported("CREATE TABLE AS EXECUTE")
	case into.Rel.Relpersistence != "p":
		return nil, b.unsupported(into.Rel.Location, "CREATE TEMPORARY TABLE AS")
	}
	q, err := b.query(sel)
	if err != nil {
		return nil, err
	}
	c := &CreateTable{CreateTable: ddl.CreateTable{Schema: into.Rel.Schemaname, Name: into.Rel.Relname, IfNotExists: n.IfNotExists},
		As: q, WithNoData: into.SkipData}
	names := parse.Names(into.ColNames)
	if len(names) > len(q.Columns) {
		return nil, errs.New(errs.SyntaxError, "too many column names were specified")
	}
	seen := make(map[string]bool, len(q.Columns))
	for i, col := range q.Columns {
		name := col.Name
		if i < len(names) {
			name = names[i]
		}
		t := storable(col.Type)
		if col.Bare {
			t = plainType(t)
		}
		if t.Kind == types.Invalid {
			return nil, errs.Unsupported("a column of type %s", col.Type)
		}
		if seen[name] {
			return nil, errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
		}
		seen[name] = true
		c.Columns = append(c.Columns, catalog.Column{Name: name, Type: t})
	}
	b.unconstrained(q)
	c.Options, err = ddl.Options(into.Options)
	return c, err
}

// unconstrained turns the columns of a query that have no modifier into plain numerics, as a table keeps them.
func (b *Binder) unconstrained(q *Query) {
	p := &plan.Project{Input: q.Plan}
	cast := false
	for i := range q.Columns {
		c := &q.Columns[i]
		e, out := expr.Expr(ref(*c)), *c
		if t := plainType(c.Type); c.Bare && t != c.Type {
			cast = true
			e, out = &expr.Cast{Arg: e, T: t}, b.newColumn(c.Name, t)
			*c = out
		}
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, out)
	}
	if cast {
		q.Plan = p
	}
}

// storable returns the type of a stored column for the type of an expression.
func storable(t types.Type) types.Type {
	switch t.Kind {
	case types.Name, types.InternalChar, types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		return types.T(types.Text)
	case types.Oid:
		return types.T(types.Int8)
	case types.Array, types.Void, types.Unknown:
		return types.Type{}
	}
	return t
}
