package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// rangeFunction binds a function in FROM; it is always lateral.
func (b *Binder) rangeFunction(s *scope, n *pg.RangeFunction) (plan.Node, from, error) {
	if len(n.Functions) != 1 {
		return b.rowsFrom(s, n)
	}
	items := n.Functions[0].GetList().GetItems()
	if c := items[0].GetFuncCall(); len(n.Coldeflist) > 0 && c != nil {
		in := b.lateralScope(s, true)
		in.clause = "functions in FROM"
		in.parent.clause = ""
		in.node = oneRow()
		parts := parse.Names(c.Funcname)
		return b.recordFunction(in, n, c, parts[len(parts)-1], n.Coldeflist)
	}
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
	if err := b.withoutList(fname, call.Location); err != nil {
		return nil, from{}, err
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
		if len(cols) == 1 && !namesItsColumn(fname) {
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
	out, err := b.named1(&table{alias: alias, scalar: len(cols) == 1 && namesItsColumn(fname)}, cols, n.Alias, -1)
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
