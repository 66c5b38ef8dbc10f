package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// modify is a DELETE or an UPDATE while it is bound.
type modify struct {
	relation *Relation
	scope    *scope
	scan     *plan.Scan
	number   plan.Column // of the row
	rowID    func() plan.Column
	target   from // the table that is changed
	using    from // the others
	out      *plan.Project
}

// delete binds DELETE FROM.
func (b *Binder) delete(n *pg.DeleteStmt) (Statement, error) {
	m, err := b.modifyTables(n.Relation, n.WithClause, n.UsingClause, "delete from")
	if err != nil {
		return nil, err
	}
	if err := b.modifiedRows(m, n.WhereClause); err != nil {
		return nil, err
	}
	m.out = &plan.Project{Input: m.scope.node}
	m.keep(m.number)
	st := &Modify{Relation: m.relation, Table: m.relation.Table}
	return st, b.modifyReturning(st, m, m.scope.from, n.ReturningList)
}

// update binds UPDATE. The new values are computed over the rows, and RETURNING over the new values.
func (b *Binder) update(n *pg.UpdateStmt) (Statement, error) {
	m, err := b.modifyTables(n.Relation, n.WithClause, n.FromClause, "update")
	if err != nil {
		return nil, err
	}
	if err := b.modifiedRows(m, n.WhereClause); err != nil {
		return nil, err
	}
	values, err := b.assignments(m, n.TargetList)
	if err != nil {
		return nil, err
	}
	cols := b.tableColumns(m.relation)
	for _, c := range cols {
		b.origins[c.ID] = c
	}
	inner := &plan.Project{Input: m.scope.node}
	pass := func(c plan.Column) {
		inner.Exprs, inner.Cols = append(inner.Exprs, ref(c)), append(inner.Cols, c)
	}
	pass(m.number)
	pass(m.rowID())
	for i, c := range cols {
		inner.Exprs, inner.Cols = append(inner.Exprs, values[i]), append(inner.Cols, c)
	}
	own := plan.OutputSet(m.scan)
	for _, c := range m.scope.node.Columns() {
		if !own.Has(c.ID) {
			pass(c)
		}
	}
	if m.scope.node, err = b.generatedOver(m.relation, inner, cols); err != nil {
		return nil, err
	}
	m.out = &plan.Project{Input: m.scope.node}
	m.keep(m.number)
	for _, c := range cols {
		m.keep(c)
	}
	m.keep(m.rowID())
	changed := *m.target.tables[0]
	changed.columns = append([]name(nil), changed.columns...)
	for i := range changed.columns {
		changed.columns[i].value, changed.columns[i].col = ref(cols[i]), cols[i]
	}
	st := &Modify{Relation: m.relation, Table: m.relation.Table, Update: true}
	f := merge(from{tables: []*table{&changed}, visible: changed.columns}, m.using)
	return st, b.modifyReturning(st, m, f, n.ReturningList)
}

// generatedOver computes the columns of a table that are computed of the others, over their new values.
func (b *Binder) generatedOver(r *Relation, in *plan.Project, cols []plan.Column) (plan.Node, error) {
	over := &plan.Project{Input: in, Cols: in.Cols}
	for _, c := range in.Cols {
		over.Exprs = append(over.Exprs, ref(c))
	}
	any := false
	for i := range r.Columns {
		c := &r.Columns[i]
		if !c.Generated {
			continue
		}
		any = true
		e, err := Generated(b.resolver, b.env, r.Name, r.Table.Columns, c)
		if err != nil {
			return nil, err
		}
		e = expr.Transform(e, func(x expr.Expr) expr.Expr {
			if col, ok := x.(*expr.Column); ok {
				return ref(cols[col.Index])
			}
			return x
		})
		at := slices.IndexFunc(over.Cols, func(o plan.Column) bool { return o.ID == cols[i].ID })
		over.Exprs[at] = e
	}
	if !any {
		return in, nil
	}
	// A column that is computed anew has another number than the one that it takes the place of.
	over.Cols = slices.Clone(over.Cols)
	for i := range r.Columns {
		if r.Columns[i].Generated {
			at := slices.IndexFunc(over.Cols, func(o plan.Column) bool { return o.ID == cols[i].ID })
			cols[i].ID = b.newID()
			over.Cols[at] = cols[i]
			b.origins[cols[i].ID] = cols[i]
		}
	}
	return over, nil
}

// keep adds a column of the input to the output.
func (m *modify) keep(c plan.Column) {
	m.out.Exprs, m.out.Cols = append(m.out.Exprs, ref(c)), append(m.out.Cols, c)
}

// modifyTables finds the table that is changed and the tables of USING or FROM, which do not see it.
func (b *Binder) modifyTables(target *pg.RangeVar, with *pg.WithClause, using []*pg.Node, verb string) (*modify, error) {
	m := &modify{scope: &scope{}}
	s := m.scope
	if with != nil {
		if err := b.with(s, with); err != nil {
			return nil, err
		}
	}
	var err error
	if m.relation, err = b.relation(target); err != nil {
		return nil, err
	}
	r := m.relation
	if r.Table == nil {
		if r.Schema == "pg_catalog" || r.Schema == "information_schema" {
			return nil, errs.New(errs.InsufficientPrivilege, "permission denied for table %s", r.Name)
		}
		if r.Sequence != nil {
			return nil, errs.New(errs.WrongObjectType, "cannot change sequence %q", r.Name)
		}
		if r.View != nil {
			return nil, b.unsupported(target.Location, "%s of a view", strings.ToUpper(verb))
		}
		return nil, errs.New(errs.WrongObjectType, "cannot %s relation %q", verb, r.Name)
	}
	m.scan = b.scan(r)
	m.rowID = b.rowIDOf(m.scan, r)
	t := &table{schema: r.Schema, alias: r.Name, name: r.Name, relation: r, rowID: m.rowID}
	if target.Alias != nil {
		t.alias, m.scan.Alias = target.Alias.Aliasname, target.Alias.Aliasname
	}
	if m.target, err = b.named1(t, m.scan.Cols, target.Alias, target.Location); err != nil {
		return nil, err
	}
	m.number = b.newColumn("row number", types.T(types.Int8))
	m.scan.Cols, m.scan.Ordinals = append(m.scan.Cols, m.number), append(m.scan.Ordinals, scan.RowNumber)
	if len(using) == 0 {
		s.node, s.from = m.scan, m.target
		return m, nil
	}
	s.parent = &scope{hidden: &m.target}
	if err := b.fromClause(s, using); err != nil {
		return nil, err
	}
	s.parent = nil
	m.using = s.from
	if err := b.checkAliases(&m.target, &m.using, using[0]); err != nil {
		return nil, err
	}
	s.node, s.from = cross(m.scan, s.node), merge(m.target, m.using)
	return m, nil
}

// modifiedRows binds WHERE.
func (b *Binder) modifiedRows(m *modify, where *pg.Node) error {
	if where == nil {
		return nil
	}
	if where.GetCurrentOfExpr() != nil {
		return errs.Unsupported("WHERE CURRENT OF")
	}
	return b.where(m.scope, where)
}

// assignments binds SET: the new value of every column of the table, which is the old one where it is not set.
func (b *Binder) assignments(m *modify, list []*pg.Node) ([]expr.Expr, error) {
	r := m.relation
	values := make([]expr.Expr, len(r.Columns))
	set := make([]bool, len(r.Columns))
	var defaults []expr.Expr
	m.scope.clause = "UPDATE"
	defer func() { m.scope.clause = "" }()
	var row []expr.Expr     // of a subquery that sets several columns
	parts := map[int]bool{} // columns of which parts are set
	for _, node := range list {
		t := node.GetResTarget()
		i := r.Table.Column(t.Name)
		if err := catalog.SystemColumn(t.Name, "assign to"); err != nil {
			return nil, b.at(err, t.Location)
		}
		if i < 0 {
			return nil, b.fail(t.Location, errs.UndefinedColumn, "column %q of relation %q does not exist", t.Name, r.Name)
		}
		part := len(t.Indirection) > 0
		if part && r.Columns[i].Type.Kind != types.JSONB {
			return nil, b.unsupported(t.Location, "assigning to a part of a column")
		}
		if set[i] && !(part && parts[i]) {
			return nil, errs.New(errs.SyntaxError, "multiple assignments to same column %q", t.Name)
		}
		set[i] = true
		val := t.Val
		var err error
		if part {
			parts[i] = true
			if values[i], err = b.assignPart(m, t, i, values[i]); err != nil {
				return nil, err
			}
			continue
		}
		var e expr.Expr
		if multi := val.GetMultiAssignRef(); multi != nil {
			if val, row, err = b.multiAssign(m.scope, multi, row); err != nil {
				return nil, err
			}
			if val == nil {
				e, val = row[multi.Colno-1], multi.Source
			}
		}
		if isDefaulted(val) {
			if r.Columns[i].Generated {
				continue // it is computed anyway
			}
			if defaults == nil {
				if defaults, err = b.defaults(r); err != nil {
					return nil, err
				}
			}
			values[i] = defaults[i]
			continue
		}
		if e == nil {
			if e, err = b.expr(m.scope, val); err != nil {
				return nil, err
			}
		}
		if c := &r.Columns[i]; c.Generated || c.Identity == catalog.Always {
			return nil, ownValue(c, "update")
		}
		if values[i], err = b.assign(e, &r.Columns[i], parse.Location(val)); err != nil {
			return nil, err
		}
	}
	for i := range values {
		if values[i] == nil {
			values[i] = ref(m.scan.Cols[i])
		}
	}
	return values, nil
}

// assignPart sets a part of a column; before is what the parts before it have made of the column.
func (b *Binder) assignPart(m *modify, t *pg.ResTarget, i int, before expr.Expr) (expr.Expr, error) {
	if t.Val.GetMultiAssignRef() != nil || t.Val.GetSetToDefault() != nil {
		return nil, b.unsupported(t.Location, "assigning to a part of a column together with others")
	}
	if before == nil {
		before = ref(m.scan.Cols[i])
	}
	e, err := b.expr(m.scope, t.Val)
	if err != nil {
		return nil, err
	}
	return b.jsonAssign(m.scope, before, e, t.Indirection, t.Location)
}

// multiAssign finds the value of one column of SET (a, b) = ...: a node of a row, or a column of a subquery, which is
// bound with its first column.
func (b *Binder) multiAssign(s *scope, n *pg.MultiAssignRef, row []expr.Expr) (*pg.Node, []expr.Expr, error) {
	wrong := func(loc int32) error {
		return b.fail(loc, errs.SyntaxError, "number of columns does not match number of values")
	}
	if r := n.Source.GetRowExpr(); r != nil {
		if len(r.Args) != int(n.Ncolumns) {
			return nil, nil, wrong(r.Location)
		}
		return r.Args[n.Colno-1], nil, nil
	}
	sub := n.Source.GetSubLink()
	if sub == nil || sub.SubLinkType != pg.SubLinkType_EXPR_SUBLINK || sub.Subselect.GetSelectStmt() == nil {
		return nil, nil, b.fail(parse.Location(n.Source), errs.FeatureNotSupported,
			"source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
	}
	if n.Colno > 1 {
		return nil, row, nil
	}
	q, err := b.selectStmt(&scope{parent: s}, sub.Subselect.GetSelectStmt(), false)
	if err != nil {
		return nil, nil, err
	}
	if len(q.cols) != int(n.Ncolumns) {
		return nil, nil, wrong(sub.Location)
	}
	b.scalar(s, q.node, sub.Location)
	row = nil
	for _, c := range q.node.Columns() {
		row = append(row, ref(c))
	}
	return nil, row, nil
}

// modifyReturning binds RETURNING over the rows as the statement leaves them, and finishes the plan.
func (b *Binder) modifyReturning(st *Modify, m *modify, f from, list []*pg.Node) error {
	s := m.scope
	s.from, s.clause = f, "RETURNING"
	var targets []target
	if len(list) > 0 {
		var err error
		if targets, err = b.expandTargets(s, list); err != nil {
			return err
		}
		st.Columns = []plan.Column{}
	}
	for i := range targets {
		if err := b.bindTarget(s, &targets[i], false); err != nil {
			return err
		}
		if targets[i].series {
			return b.fail(targets[i].loc, errs.FeatureNotSupported, "set-returning functions are not allowed in RETURNING")
		}
		col := b.projected(targets[i].name, targets[i].expr)
		st.Columns = append(st.Columns, col)
		m.out.Exprs, m.out.Cols = append(m.out.Exprs, targets[i].expr), append(m.out.Cols, col)
	}
	m.out.Input = s.node // subqueries of RETURNING have joined
	st.Source = settle(s.ctes, m.out)
	return nil
}
