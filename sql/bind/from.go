package bind

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
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
			return b.aliased(q, n.Relname, n.Alias, n.Location)
		}
	}
	r, err := b.relation(n)
	if err != nil {
		return nil, from{}, err
	}
	scan := b.scan(r)
	t := &table{schema: r.Schema, alias: r.Name, name: r.Name, relation: r}
	if n.Alias != nil {
		t.alias, scan.Alias = n.Alias.Aliasname, n.Alias.Aliasname
	}
	f, err := b.named1(t, scan.Cols, n.Alias, n.Location)
	return scan, f, err
}

// relation looks a table up.
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
		col.TableOID, col.Ordinal = r.OID, i
		if r.Table != nil || r.OID != 0 {
			b.origins[col.ID] = col
		}
		b.declared.Add(col.ID)
		scan.Cols = append(scan.Cols, col)
		scan.Ordinals = append(scan.Ordinals, i)
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

// rangeFunction binds a function in FROM; it is always lateral.
func (b *Binder) rangeFunction(s *scope, n *pg.RangeFunction) (plan.Node, from, error) {
	if len(n.Functions) != 1 {
		return b.rowsFrom(s, n)
	}
	items := n.Functions[0].GetList().GetItems()
	if len(n.Coldeflist) > 0 || len(items) > 1 && items[1].GetList() != nil && len(items[1].GetList().Items) > 0 {
		return nil, from{}, b.unsupported(parse.Location(items[0]), "a column definition list")
	}
	in := b.lateralScope(s, true)
	in.clause = "functions in FROM"
	in.parent.clause = ""
	call := items[0].GetFuncCall()
	if call == nil {
		return b.scalarInFrom(in, items[0], n)
	}
	parts := parse.Names(call.Funcname)
	fname := parts[len(parts)-1]
	if fname == "unnest" && len(call.Args) > 1 {
		return b.rowsFrom(s, n)
	}
	in.node = oneRow()
	f, cols, err := b.tableFunction(in, call, parts)
	if err != nil {
		return nil, from{}, err
	}
	if f == nil {
		return b.scalarInFrom(in, items[0], n)
	}
	alias := fname
	if n.Alias != nil {
		alias = n.Alias.Aliasname
		if len(cols) == 1 {
			cols[0].Name = alias
		}
	}
	if n.Ordinality {
		f.Ordinality = true
		f.Results = append(f.Results, types.T(types.Int8))
		cols = append(cols, b.newColumn("ordinality", types.T(types.Int8)))
	}
	scan := &plan.Scan{Virtual: f, Alias: alias, Cols: cols}
	for i := range cols {
		scan.Ordinals = append(scan.Ordinals, i)
		scan.Cols[i].Ordinal = i
	}
	out, err := b.named1(&table{alias: alias}, cols, n.Alias, -1)
	return underArguments(in, scan), out, err
}

// underArguments runs a function of FROM once for what the subqueries among its arguments answer, which have been joined to
// the one row of its scope.
func underArguments(in *scope, scan *plan.Scan) plan.Node {
	if v, ok := in.node.(*plan.Values); ok && len(v.Cols) == 0 {
		return scan
	}
	p := &plan.Project{Input: cross(in.node, scan), Cols: scan.Cols}
	for _, c := range scan.Cols {
		p.Exprs = append(p.Exprs, ref(c))
	}
	return p
}

// scalarInFrom binds a scalar function in FROM: one row of its value.
func (b *Binder) scalarInFrom(in *scope, n *pg.Node, r *pg.RangeFunction) (plan.Node, from, error) {
	if r.Ordinality {
		return nil, from{}, b.unsupported(parse.Location(n), "WITH ORDINALITY of a scalar function")
	}
	in.node = oneRow()
	e, err := b.expr(in, n)
	if err != nil {
		return nil, from{}, err
	}
	if e, err = b.textIfUnknown(e, parse.Location(n)); err != nil {
		return nil, from{}, err
	}
	alias := figureName(n)
	if r.Alias != nil {
		alias = r.Alias.Aliasname
	}
	col := b.newColumn(alias, e.Type())
	f, err := b.named1(&table{alias: alias}, []plan.Column{col}, r.Alias, parse.Location(n))
	return &plan.Project{Input: in.node, Exprs: []expr.Expr{e}, Cols: []plan.Column{col}}, f, err
}

// joinExpr binds a JOIN b ON ..., USING and NATURAL.
func (b *Binder) joinExpr(s *scope, n *pg.JoinExpr) (plan.Node, from, error) {
	left, lf, err := b.fromItem(s, n.Larg)
	if err != nil {
		return nil, from{}, err
	}
	// The right side sees the left one when it is lateral.
	rs := &scope{parent: s.parent, ctes: s.ctes, from: merge(s.from, lf), node: s.node, clause: s.clause}
	right, rf, err := b.fromItem(rs, n.Rarg)
	if err != nil {
		return nil, from{}, err
	}
	if err := b.checkAliases(&lf, &rf, n.Rarg); err != nil {
		return nil, from{}, err
	}
	if n.IsNatural {
		n = naturalUsing(n, &lf, &rf)
	}
	j := &join{kind: joinKinds[n.Jointype], left: left, right: right, lf: lf, rf: rf}
	if len(n.UsingClause) > 0 {
		if err := b.using(j, n); err != nil {
			return nil, from{}, err
		}
	} else {
		j.out = merge(lf, rf)
	}
	if n.Quals != nil {
		if err := b.joinCondition(s, j, n.Quals); err != nil {
			return nil, from{}, err
		}
	}
	node, err := b.makeJoin(j, n)
	if err != nil {
		return nil, from{}, err
	}
	if n.Alias == nil {
		return node, j.out, nil
	}
	t := &table{alias: n.Alias.Aliasname, columns: append([]name(nil), j.out.visible...)}
	if err := b.renameColumns(t, n.Alias, -1); err != nil {
		return nil, from{}, err
	}
	return node, from{tables: []*table{t}, visible: t.columns}, nil
}

var joinKinds = map[pg.JoinType]plan.JoinKind{pg.JoinType_JOIN_INNER: plan.Inner, pg.JoinType_JOIN_LEFT: plan.Left,
	pg.JoinType_JOIN_RIGHT: plan.Right, pg.JoinType_JOIN_FULL: plan.Full}

// join is a JOIN while it is bound.
type join struct {
	kind        plan.JoinKind
	left, right plan.Node
	lf, rf, out from
	on          []expr.Expr
	above       []expr.Expr // of an inner join: conditions over subqueries
	wrap        func(plan.Node) plan.Node
}

// makeJoin builds the node. A right side that reads the left one becomes an Apply.
func (b *Binder) makeJoin(j *join, n *pg.JoinExpr) (plan.Node, error) {
	var node plan.Node
	switch {
	case correlated(j.right, j.left):
		if j.kind != plan.Inner && j.kind != plan.Left {
			return nil, b.unsupported(-1, "a lateral item on the right side of a %s join", j.kind)
		}
		right := j.right
		if len(j.on) > 0 {
			right = &plan.Filter{Input: right, Conds: j.on}
		}
		node = &plan.Apply{Kind: j.kind, Left: j.left, Right: right}
	case j.kind == plan.Inner && len(j.on) == 0:
		node = &plan.Join{Kind: plan.Cross, Left: j.left, Right: j.right}
	default:
		node = &plan.Join{Kind: j.kind, Left: j.left, Right: j.right, On: j.on}
	}
	if j.wrap != nil {
		node = &plan.Filter{Input: j.wrap(node), Conds: j.above}
	}
	return node, nil
}

// joinCondition binds ON. Subqueries in it are joined above an inner join, and to the right side of a left join when
// they read nothing of the left side.
func (b *Binder) joinCondition(s *scope, j *join, quals *pg.Node) error {
	on := &scope{parent: s.parent, ctes: s.ctes, from: j.out, clause: "JOIN conditions", group: &grouping{}}
	cond, err := b.boolean(on, quals, "JOIN/ON")
	if err != nil {
		return err
	}
	pend := on.group.pending
	switch {
	case len(pend) == 0:
		j.on = append(j.on, expr.Conjuncts(nil, cond)...)
	case j.kind == plan.Inner:
		j.above = expr.Conjuncts(nil, cond)
		j.wrap = func(n plan.Node) plan.Node {
			for _, p := range pend {
				n = p.attach(n, p.right)
			}
			return n
		}
	case j.kind == plan.Left:
		left := plan.OutputSet(j.left)
		for _, p := range pend {
			if correlated(p.right, j.left) || plan.ColumnsOf(p.left...).Intersects(left) {
				return b.unsupported(parse.Location(quals), "this subquery in the condition of an outer join")
			}
			j.right = p.attach(j.right, p.right)
		}
		j.on = append(j.on, expr.Conjuncts(nil, cond)...)
	default:
		return b.unsupported(parse.Location(quals), "a subquery in the condition of a %s join", j.kind)
	}
	return nil
}

// naturalUsing turns NATURAL into USING over the names that both sides have.
func naturalUsing(n *pg.JoinExpr, lf, rf *from) *pg.JoinExpr {
	c := &pg.JoinExpr{Jointype: n.Jointype, Larg: n.Larg, Rarg: n.Rarg, Quals: n.Quals, Alias: n.Alias}
	for _, l := range lf.visible {
		if _, k := rf.find(l.name); k > 0 {
			c.UsingClause = append(c.UsingClause, &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: l.name}}})
		}
	}
	return c
}

// using binds USING: equal columns, which appear once, before the others.
func (b *Binder) using(j *join, n *pg.JoinExpr) error {
	var merged []name
	drop := map[string]bool{}
	for _, col := range parse.Names(n.UsingClause) {
		if drop[col] {
			return errs.New(errs.DuplicateColumn, "column name %q appears more than once in USING clause", col)
		}
		drop[col] = true
		l, err := usingColumn(&j.lf, col, "left")
		if err != nil {
			return err
		}
		r, err := usingColumn(&j.rf, col, "right")
		if err != nil {
			return err
		}
		eq, err := b.operator("=", l.value, r.value, -1, -1, -1)
		if err != nil {
			return fmt.Errorf("JOIN/USING: %w", err)
		}
		j.on = append(j.on, eq)
		m := *l
		switch j.kind {
		case plan.Right:
			m = *r
		case plan.Full:
			both, t, err := b.common("JOIN/USING", []expr.Expr{l.value, r.value}, []int32{-1, -1})
			if err != nil {
				return err
			}
			m = name{name: col, value: &expr.Coalesce{Args: both, T: t}}
		}
		m.name = col
		merged = append(merged, m)
	}
	j.out.tables = append(j.lf.tables[:len(j.lf.tables):len(j.lf.tables)], j.rf.tables...)
	j.out.visible = merged
	for _, side := range []*from{&j.lf, &j.rf} {
		for _, v := range side.visible {
			if !drop[v.name] {
				j.out.visible = append(j.out.visible, v)
			}
		}
	}
	return nil
}

func usingColumn(f *from, col, side string) (*name, error) {
	var found *name
	for i := range f.visible {
		if f.visible[i].name == col {
			if found != nil {
				return nil, errs.New(errs.AmbiguousColumn, "common column name %q appears more than once in %s table", col, side)
			}
			found = &f.visible[i]
		}
	}
	if found == nil {
		return nil, errs.New(errs.UndefinedColumn, "column %q specified in USING clause does not exist in %s table", col, side)
	}
	return found, nil
}
