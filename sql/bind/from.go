package bind

import (
	"errors"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// fromClause binds FROM: the items are joined from left to right, a lateral one for each row of those before it.
func (b *Binder) fromClause(s *scope, items []*pg.Node) error {
	for i, it := range items {
		node, f, err := b.fromItem(s, it)
		if err != nil {
			return err
		}
		if i == 0 {
			s.node, s.from = node, f
			continue
		}
		if err := b.checkAliases(&s.from, &f, it); err != nil {
			return err
		}
		s.node = cross(s.node, node)
		s.from = merge(s.from, f)
	}
	if len(items) == 0 {
		s.node = oneRow()
	}
	return nil
}

// oneRow is the input of a query without FROM.
func oneRow() plan.Node { return &plan.Values{Rows: [][]expr.Expr{{}}} }

// cross makes the product, which repeats the right side for each row when it reads the left one's columns.
func cross(left, right plan.Node) plan.Node {
	if correlated(right, left) {
		return &plan.Apply{Kind: plan.Inner, Left: left, Right: right}
	}
	return &plan.Join{Kind: plan.Cross, Left: left, Right: right}
}

func merge(a, c from) from {
	return from{tables: append(a.tables[:len(a.tables):len(a.tables)], c.tables...),
		visible: append(a.visible[:len(a.visible):len(a.visible)], c.visible...)}
}

func (b *Binder) checkAliases(a, c *from, at *pg.Node) error {
	for _, x := range a.tables {
		for _, y := range c.tables {
			if x.alias == y.alias && x.alias != "" && (x.schema == y.schema || x.name != x.alias || y.name != y.alias) {
				return errs.New(errs.DuplicateAlias, "table name %q specified more than once", x.alias)
			}
		}
	}
	return nil
}

func (b *Binder) fromItem(s *scope, n *pg.Node) (plan.Node, from, error) {
	switch x := n.Node.(type) {
	case *pg.Node_RangeVar:
		return b.rangeVar(s, x.RangeVar)
	case *pg.Node_RangeSubselect:
		return b.rangeSubselect(s, x.RangeSubselect)
	case *pg.Node_JoinExpr:
		return b.joinExpr(s, x.JoinExpr)
	case *pg.Node_RangeFunction:
		return b.rangeFunction(s, x.RangeFunction)
	case *pg.Node_RangeTableSample:
		return nil, from{}, b.unsupported(x.RangeTableSample.Location, "TABLESAMPLE")
	}
	return nil, from{}, b.unsupported(parse.Location(n), "%s in FROM", parse.NodeName(n))
}

// rangeVar binds a table name: a common table expression, or a relation of the catalog.
func (b *Binder) rangeVar(s *scope, n *pg.RangeVar) (plan.Node, from, error) {
	if n.Schemaname == "" {
		if c := findCTE(s, n.Relname); c != nil {
			alias := n.Relname
			if n.Alias != nil {
				alias = n.Alias.Aliasname
			}
			q, err := b.readCTE(c, alias, n.Location)
			if err != nil {
				return nil, from{}, err
			}
			s.recursive = s.recursive || c.working != nil
			return b.aliased(q, n.Relname, n.Alias, n.Location)
		}
	}
	r, err := b.relation(n)
	if err != nil {
		return nil, from{}, later(s, n, err)
	}
	t := &table{schema: r.Schema, alias: r.Name, name: r.Name, relation: r}
	if n.Alias != nil {
		t.alias = n.Alias.Aliasname
	}
	node, cols, err := b.rows(t)
	if err != nil {
		return nil, from{}, err
	}
	b.definition.reads(n, r, cols)
	f, err := b.named1(t, cols, n.Alias, n.Location)
	return node, f, err
}

// later tells of a WITH query that has the name of a table which was not found.
func later(s *scope, n *pg.RangeVar, err error) error {
	var e *errs.Error
	if n.Schemaname != "" || !errors.As(err, &e) || e.Code != errs.UndefinedTable {
		return err
	}
	for l := s; l != nil; l = l.parent {
		for _, x := range l.future {
			if x.Ctename == n.Relname {
				return e.WithDetail("There is a WITH item named \"%s\", but it cannot be referenced from this part of the query.", n.Relname).
					WithHint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
			}
		}
	}
	return err
}

// rows makes the rows of a relation: by a scan, or by the query of a view.
func (b *Binder) rows(t *table) (plan.Node, []plan.Column, error) {
	if t.relation.View != nil {
		q, err := b.view(t.relation)
		if err != nil {
			return nil, nil, err
		}
		return q.node, q.cols, nil
	}
	scan := b.scan(t.relation)
	scan.Alias, t.rowID = t.alias, b.rowIDOf(scan, t.relation)
	return scan, scan.Cols, nil
}

// relation looks a table or a view up.
func (b *Binder) relation(n *pg.RangeVar) (*Relation, error) {
	full := n.Relname
	if n.Schemaname != "" {
		full = n.Schemaname + "." + n.Relname
	}
	if n.Catalogname != "" {
		full = n.Catalogname + "." + full
	}
	r, err := b.resolver.Relation(n.Schemaname, n.Relname)
	if err != nil && !errs.Is(err, errs.InvalidSchemaName) {
		return nil, b.at(err, n.Location)
	}
	if r == nil {
		return nil, Suggest(b.fail(n.Location, errs.UndefinedTable, "relation %q does not exist", full), b.resolver, n.Schemaname, n.Relname)
	}
	return r, nil
}

// scan reads all columns of a relation; a pass drops those that nobody reads.
func (b *Binder) scan(r *Relation) *plan.Scan {
	scan := &plan.Scan{Table: r.Table, Virtual: r.Virtual, Alias: r.Name}
	for i, c := range r.Columns {
		col := b.newColumn(c.Name, c.Type)
		col.TableOID, col.Ordinal = r.OID, r.ordinal(i)
		if r.Table != nil || r.OID != 0 {
			b.origins[col.ID] = col
		}
		b.declared.Add(col.ID)
		scan.Cols = append(scan.Cols, col)
		scan.Ordinals = append(scan.Ordinals, r.ordinal(i))
	}
	return scan
}

// named1 makes the FROM entry of one table, applying the column names of its alias.
func (b *Binder) named1(t *table, cols []plan.Column, alias *pg.Alias, loc int32) (from, error) {
	for _, c := range cols {
		t.columns = append(t.columns, name{name: c.Name, value: ref(c), col: c})
	}
	if err := b.renameColumns(t, alias, loc); err != nil {
		return from{}, err
	}
	return from{tables: []*table{t}, visible: t.columns}, nil
}

func (b *Binder) renameColumns(t *table, alias *pg.Alias, loc int32) error {
	if alias == nil {
		return nil
	}
	names := parse.Names(alias.Colnames)
	if len(names) > len(t.columns) {
		return b.fail(loc, errs.InvalidColumnReference, "table %q has %d columns available but %d columns specified",
			alias.Aliasname, len(t.columns), len(names))
	}
	for i, s := range names {
		t.columns[i].name = s
	}
	return nil
}

// aliased makes the FROM entry of a derived table.
func (b *Binder) aliased(q *query, name string, alias *pg.Alias, loc int32) (plan.Node, from, error) {
	t := &table{alias: name}
	if alias != nil {
		t.alias = alias.Aliasname
	}
	f, err := b.named1(t, q.cols, alias, loc)
	return q.node, f, err
}

func (b *Binder) rangeSubselect(s *scope, n *pg.RangeSubselect) (plan.Node, from, error) {
	sel := n.Subquery.GetSelectStmt()
	if sel == nil {
		return nil, from{}, b.unsupported(-1, "this subquery in FROM")
	}
	in := b.lateralScope(s, n.Lateral)
	in.composites = !countsColumns(sel) && len(n.Alias.GetColnames()) == 0
	q, err := b.selectStmt(in, sel, false)
	if err != nil {
		return nil, from{}, err
	}
	alias := ""
	if n.Alias != nil {
		alias = n.Alias.Aliasname
	}
	return b.aliased(q, alias, n.Alias, -1)
}

// lateralScope is what an item of FROM sees: the outer query, and when it is lateral also the items before it.
func (b *Binder) lateralScope(s *scope, lateral bool) *scope {
	inner := &scope{parent: &scope{parent: s.parent, ctes: s.ctes, hidden: &s.from}}
	if lateral {
		inner.parent.from = s.from
	}
	return inner
}
