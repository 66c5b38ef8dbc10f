package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// insert binds INSERT INTO.
func (b *Binder) insert(n *pg.InsertStmt) (Statement, error) {
	s := &scope{}
	if n.WithClause != nil {
		if err := b.with(s, n.WithClause); err != nil {
			return nil, err
		}
	}
	r, err := b.relation(n.Relation)
	if err != nil {
		return nil, err
	}
	if r.Table == nil {
		return nil, b.notWritable(r, n.Relation.Location)
	}
	in := &insert{relation: r, override: n.Override}
	if err := b.insertColumns(in, n.Cols); err != nil {
		return nil, err
	}
	if err := b.insertSource(s, in, n); err != nil {
		return nil, err
	}
	in.source = settle(s.ctes, in.source)
	out := &Insert{Relation: r, Table: r.Table, Source: in.source}
	if n.OnConflictClause != nil {
		if out.Conflict, err = b.conflict(r, n); err != nil {
			return nil, err
		}
	}
	return out, b.returning(out, n)
}

func (b *Binder) notWritable(r *Relation, loc int32) error {
	if r.Schema == "pg_catalog" || r.Schema == "information_schema" {
		return errs.New(errs.InsufficientPrivilege, "permission denied for table %s", r.Name)
	}
	if r.Sequence != nil {
		return errs.New(errs.WrongObjectType, "cannot change sequence %q", r.Name)
	}
	if r.View != nil {
		return b.unsupported(loc, "INSERT into a view")
	}
	return errs.New(errs.WrongObjectType, "cannot insert into relation %q", r.Name)
}

// insert is an INSERT while it is bound: columns[i] is the ordinal that value i goes to.
type insert struct {
	relation *Relation
	columns  []int
	places   []int32
	explicit bool // a column list was given
	override pg.OverridingKind
	source   plan.Node
}

func (b *Binder) insertColumns(in *insert, cols []*pg.Node) error {
	r := in.relation
	if len(cols) == 0 {
		for i := range r.Columns {
			in.columns = append(in.columns, i)
		}
		return nil
	}
	in.explicit = true
	seen := map[int]bool{}
	for _, c := range cols {
		t := c.GetResTarget()
		if len(t.Indirection) > 0 {
			return b.unsupported(t.Location, "assigning to a part of a column")
		}
		i := r.Table.Column(t.Name)
		if i < 0 {
			return b.fail(t.Location, errs.UndefinedColumn, "column %q of relation %q does not exist", t.Name, r.Name)
		}
		if seen[i] {
			return b.fail(t.Location, errs.DuplicateColumn, "column %q specified more than once", t.Name)
		}
		seen[i] = true
		in.columns, in.places = append(in.columns, i), append(in.places, t.Location)
	}
	return nil
}

func (b *Binder) insertSource(s *scope, in *insert, n *pg.InsertStmt) error {
	sel := n.SelectStmt.GetSelectStmt()
	if sel == nil { // DEFAULT VALUES
		in.columns = nil
		return b.insertRows(s, in, [][]*pg.Node{{}})
	}
	if len(sel.ValuesLists) > 0 && len(sel.SortClause) == 0 && sel.LimitCount == nil && sel.LimitOffset == nil && sel.WithClause == nil {
		rows := make([][]*pg.Node, len(sel.ValuesLists))
		for i, l := range sel.ValuesLists {
			rows[i] = l.GetList().GetItems()
			if len(rows[i]) != len(rows[0]) {
				return b.fail(parse.Location(rows[i][0]), errs.SyntaxError, "VALUES lists must all be the same length")
			}
		}
		return b.insertRows(s, in, rows)
	}
	return b.insertSelect(s, in, sel)
}

// checkWidth compares the number of values with the number of columns.
func (b *Binder) checkWidth(in *insert, width int, place func(int) int32) error {
	if width > len(in.columns) {
		return b.fail(place(len(in.columns)), errs.SyntaxError, "INSERT has more expressions than target columns")
	}
	if in.explicit && width < len(in.columns) {
		return b.fail(in.places[width], errs.SyntaxError, "INSERT has more target columns than expressions")
	}
	return nil
}

// insertRows binds VALUES: each value gets the type of its column, DEFAULT its default.
func (b *Binder) insertRows(s *scope, in *insert, rows [][]*pg.Node) error {
	if err := b.checkWidth(in, len(rows[0]), func(i int) int32 { return parse.Location(rows[0][i]) }); err != nil {
		return err
	}
	defaults, err := b.defaults(in.relation)
	if err != nil {
		return err
	}
	out := make([]row, len(rows))
	for i, items := range rows {
		if out[i], err = b.insertRow(s, in, items, defaults); err != nil {
			return err
		}
	}
	in.source = b.rowsNode(out, b.tableColumns(in.relation))
	return nil
}

func (b *Binder) insertRow(s *scope, in *insert, items []*pg.Node, defaults []expr.Expr) (row, error) {
	sc := &scope{parent: s, node: oneRow(), clause: "VALUES"}
	start := sc.node
	r := row{exprs: append([]expr.Expr(nil), defaults...)}
	for i, it := range items {
		if isDefaulted(it) {
			continue
		}
		e, err := b.expr(sc, it)
		if err != nil {
			return r, err
		}
		if own, err := in.own(i); err != nil {
			return r, err
		} else if own {
			continue
		}
		if r.exprs[in.columns[i]], err = b.assign(e, &in.relation.Columns[in.columns[i]], parse.Location(it)); err != nil {
			return r, err
		}
	}
	if sc.node != start {
		r.node = sc.node
	}
	return r, nil
}

// own tells whether the column of a value takes one of its own all the same (OVERRIDING USER VALUE), or refuses the value.
func (in *insert) own(value int) (bool, error) {
	switch c := &in.relation.Columns[in.columns[value]]; {
	case c.Generated:
		return false, ownValue(c, "insert")
	case c.Identity != 0 && in.override == pg.OverridingKind_OVERRIDING_USER_VALUE:
		return true, nil
	case c.Identity == catalog.Always && in.override != pg.OverridingKind_OVERRIDING_SYSTEM_VALUE:
		return false, ownValue(c, "insert")
	}
	return false, nil
}

// insertSelect binds INSERT ... SELECT.
func (b *Binder) insertSelect(s *scope, in *insert, sel *pg.SelectStmt) error {
	q, err := b.selectStmt(&scope{parent: s}, sel, true)
	if err != nil {
		return err
	}
	if err := b.checkWidth(in, len(q.cols), q.place); err != nil {
		return err
	}
	defaults, err := b.defaults(in.relation)
	if err != nil {
		return err
	}
	p := &plan.Project{Input: q.node, Cols: b.tableColumns(in.relation), Exprs: defaults}
	inner, direct := q.node.(*plan.Project)
	direct = direct && len(inner.Cols) == len(q.cols)
	if direct {
		p.Input = inner.Input // literals of the select list are converted where they stand
	}
	for i, c := range q.cols {
		if own, err := in.own(i); err != nil {
			return err
		} else if own {
			continue
		}
		var e expr.Expr = ref(c)
		if direct {
			e = inner.Exprs[i]
		} else if c.Type.Kind == types.Unknown {
			e = &expr.Column{Index: int(c.ID), Name: c.Name, T: types.T(types.Text)}
		}
		if p.Exprs[in.columns[i]], err = b.assign(e, &in.relation.Columns[in.columns[i]], q.place(i)); err != nil {
			return err
		}
	}
	in.source = p
	return nil
}

// assign converts a value to the type of the column it is stored in.
func (b *Binder) assign(e expr.Expr, col *catalog.Column, loc int32) (expr.Expr, error) {
	if !fn.CanCast(e.Type(), col.Type, fn.Assignment) {
		return nil, b.fail(loc, errs.DatatypeMismatch, "column %q is of type %s but expression is of type %s", col.Name,
			plainType(col.Type), plainType(e.Type())).WithHint("You will need to rewrite or cast the expression.")
	}
	if e.Type() == col.Type {
		return e, nil
	}
	if c, ok := e.(*expr.Const); ok && c.Value.Null {
		return &expr.Const{Value: types.NullOf(col.Type)}, nil
	}
	if p, ok := e.(*expr.Param); ok && e.Type().Kind == types.Unknown {
		t := plainType(col.Type)
		if err := b.settle(p.Number, t, loc); err != nil {
			return nil, err
		}
		if e = (&expr.Param{Number: p.Number, T: t}); t == col.Type {
			return e, nil
		}
		return &expr.Cast{Arg: e, T: col.Type, Assignment: true}, nil
	}
	limited := (col.Type.Kind == types.Varchar || col.Type.Kind == types.Char) && col.Type.Width > 0
	if e.Type().Kind == types.Unknown && !limited {
		return b.coerce(e, col.Type, loc)
	}
	if e.Type().Kind == types.Unknown { // too long a string is an error of the assignment, not cut
		var err error
		if e, err = b.coerce(e, types.T(types.Text), loc); err != nil {
			return nil, err
		}
	}
	cast := &expr.Cast{Arg: e, T: col.Type, Assignment: true}
	if !expr.IsConst(e) {
		return cast, nil
	}
	return b.fold(cast)
}

// tableColumns makes output columns for all columns of a table.
func (b *Binder) tableColumns(r *Relation) []plan.Column {
	cols := make([]plan.Column, len(r.Columns))
	for i, c := range r.Columns {
		cols[i] = b.newColumn(c.Name, c.Type)
		cols[i].TableOID, cols[i].Ordinal = r.OID, i
	}
	return cols
}

// defaults binds the DEFAULT expressions of a table, NULL where there is none.
func (b *Binder) defaults(r *Relation) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(r.Columns))
	for i := range r.Columns {
		c := &r.Columns[i]
		out[i] = nullDefault(c)
		if c.Default == "" || c.Generated { // the appender computes those
			continue
		}
		e, err := b.defaultExpr(c)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

// Default binds the DEFAULT expression of a column, for rows that no statement computes, converted to its type.
func Default(r Resolver, env Env, c *catalog.Column) (expr.Expr, error) {
	return New(r, nil, env).defaultExpr(c)
}

// defaultExpr binds the text of one DEFAULT. Its errors have no position: the text is not the statement's.
func (b *Binder) defaultExpr(c *catalog.Column) (expr.Expr, error) {
	text := "SELECT " + c.Default
	st, err := parse.Parse(text)
	if err != nil || len(st) != 1 || len(st[0].Node.GetSelectStmt().GetTargetList()) != 1 {
		return nil, errs.Internal("default of column %q: %q", c.Name, c.Default)
	}
	inner := New(b.resolver, nil, b.env)
	inner.stmt = st[0]
	e, err := inner.expr(&scope{node: oneRow(), clause: "DEFAULT expressions"},
		st[0].Node.GetSelectStmt().TargetList[0].GetResTarget().Val)
	if err != nil {
		return nil, err
	}
	return inner.assign(e, c, -1)
}

// returning binds RETURNING over the inserted rows.
func (b *Binder) returning(out *Insert, n *pg.InsertStmt) error {
	if len(n.ReturningList) == 0 {
		return nil
	}
	out.Inserted = b.tableColumns(out.Relation)
	for _, c := range out.Inserted {
		b.origins[c.ID] = c
	}
	id := b.rowID(out.Relation)
	t := &table{schema: out.Relation.Schema, alias: out.Relation.Name, name: out.Relation.Name, relation: out.Relation,
		rowID: func() plan.Column { return id }}
	if n.Relation.Alias != nil {
		t.alias = n.Relation.Alias.Aliasname
	}
	f, err := b.named1(t, out.Inserted, nil, -1)
	if err != nil {
		return err
	}
	out.Inserted = append(out.Inserted, id)
	s := &scope{from: f, node: oneRow(), clause: "RETURNING"}
	start := s.node
	targets, err := b.expandTargets(s, n.ReturningList)
	if err != nil {
		return err
	}
	for i := range targets {
		if err := b.bindTarget(s, &targets[i], false); err != nil {
			return err
		}
		if s.node != start {
			return b.unsupported(targets[i].loc, "a subquery in RETURNING")
		}
		out.Returning = append(out.Returning, targets[i].expr)
		out.Columns = append(out.Columns, b.projected(targets[i].name, targets[i].expr))
	}
	return nil
}
