package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Retype is a column that gets another type: Using is the text of what makes its new value of a row, "" the cast of the
// old one.
type Retype struct {
	Column int // ordinal
	Type   types.Type
	Using  string
}

// Rewrite returns a plan that reads all rows of a table with the columns as they become, those that are added with their
// defaults, or computed of the others, and behind them the identities of
// the rows (scan.Identity).
func Rewrite(r Resolver, env Env, rel *Relation, changes []Retype, added ...catalog.Column) (plan.Node, error) {
	b := New(r, nil, env)
	scan := b.scan(rel)
	p := &plan.Project{Input: scan}
	for _, c := range scan.Cols {
		p.Exprs, p.Cols = append(p.Exprs, ref(c)), append(p.Cols, b.newColumn(c.Name, c.Type))
	}
	for _, x := range changes {
		column := rel.Columns[x.Column]
		var using *pg.Node
		if x.Using != "" {
			var err error
			if using, err = parseExpression(x.Using); err != nil {
				return nil, err
			}
		}
		e, err := b.transform(rel.Name, scan.Cols, &column, x.Type, using)
		if err != nil {
			return nil, err
		}
		p.Exprs[x.Column], p.Cols[x.Column] = e, b.newColumn(column.Name, x.Type)
	}
	for i := range added { // those that are computed of others come over all of these
		c, e := &added[i], nullDefault(&added[i])
		if c.Default != "" && !c.Generated {
			var err error
			if e, err = b.defaultExpr(c); err != nil {
				return nil, err
			}
		}
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, b.newColumn(c.Name, c.Type))
	}
	id := b.rowIDOf(scan, rel)()
	p.Exprs, p.Cols = append(p.Exprs, ref(id)), append(p.Cols, id)
	if !slices.ContainsFunc(added, func(c catalog.Column) bool { return c.Generated }) {
		return p, nil
	}
	return b.addedOver(rel, p, added)
}

// addedOver computes new columns that are computed of others, over rows that have all of them.
func (b *Binder) addedOver(rel *Relation, p *plan.Project, added []catalog.Column) (plan.Node, error) {
	over := &plan.Project{Input: p}
	for _, c := range p.Cols {
		over.Exprs, over.Cols = append(over.Exprs, ref(c)), append(over.Cols, c)
	}
	columns := slices.Concat(rel.Columns, added)
	for i := range added {
		if !added[i].Generated {
			continue
		}
		e, err := Generated(b.resolver, b.env, rel.Name, columns, &added[i])
		if err != nil {
			return nil, err
		}
		at := len(rel.Columns) + i
		over.Cols[at] = b.newColumn(added[i].Name, added[i].Type)
		over.Exprs[at] = expr.Transform(e, func(x expr.Expr) expr.Expr {
			if col, ok := x.(*expr.Column); ok {
				return ref(p.Cols[col.Index])
			}
			return x
		})
	}
	return over, nil
}

// Transform implements ddl.Binder.
func (d definitions) Transform(table string, columns []catalog.Column, c *catalog.Column, to types.Type, n *pg.Node) (string, error) {
	b := d.b
	cols := make([]plan.Column, len(columns))
	for i, c := range columns {
		cols[i] = b.newColumn(c.Name, c.Type)
	}
	if _, err := b.transform(table, cols, c, to, n); err != nil {
		return "", err
	}
	return parse.Expression(n)
}

// transform binds what makes the new value of a column, over the columns of its table; using may be nil.
func (b *Binder) transform(name string, cols []plan.Column, c *catalog.Column, to types.Type, using *pg.Node) (expr.Expr, error) {
	f, err := b.named1(&table{alias: name, name: name}, cols, nil, -1)
	if err != nil {
		return nil, err
	}
	s := &scope{from: f, node: oneRow(), clause: "transform expressions"}
	if using == nil {
		return b.castColumn(cols, c, to)
	}
	start, loc := s.node, parse.Location(using)
	e, err := b.expr(s, using)
	switch {
	case err != nil:
		return nil, err
	case s.node != start:
		return nil, b.fail(loc, errs.FeatureNotSupported, "cannot use subquery in transform expression")
	case !fn.CanCast(e.Type(), to, fn.Assignment):
		return nil, errs.New(errs.DatatypeMismatch, "result of USING clause for column %q cannot be cast automatically to type %s", c.Name, plainType(to)).
			WithHint("You might need to add an explicit cast.")
	}
	return b.assign(e, &catalog.Column{Name: c.Name, Type: to}, loc)
}

// castColumn makes the new value of a column by a cast of the old one.
func (b *Binder) castColumn(cols []plan.Column, c *catalog.Column, to types.Type) (expr.Expr, error) {
	for _, col := range cols {
		if col.Name != c.Name {
			continue
		}
		if !fn.CanCast(col.Type, to, fn.Assignment) {
			return nil, errs.New(errs.DatatypeMismatch, "column %q cannot be cast automatically to type %s", c.Name, plainType(to)).
				WithHint("You might need to specify \"USING %s::%s\".", pgcatalog.QuoteIdent(c.Name), to)
		}
		return b.assign(ref(col), &catalog.Column{Name: c.Name, Type: to}, -1)
	}
	return nil, errs.Internal("column %q is none of its table", c.Name)
}
