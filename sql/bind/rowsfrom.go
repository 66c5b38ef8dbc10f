package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// rowsFrom binds ROWS FROM (f(...), g(...)) and unnest of several arrays, which is short for it.
func (b *Binder) rowsFrom(s *scope, n *pg.RangeFunction) (plan.Node, from, error) {
	in := b.lateralScope(s, true)
	in.clause = "functions in FROM"
	in.parent.clause = ""
	in.node = oneRow()
	var scans []*plan.Scan
	for _, item := range n.Functions {
		items := item.GetList().GetItems()
		if len(n.Coldeflist) > 0 || len(items) > 1 && len(items[1].GetList().GetItems()) > 0 {
			return nil, from{}, b.unsupported(parse.Location(items[0]), "a column definition list")
		}
		call := items[0].GetFuncCall()
		if call == nil {
			return nil, from{}, b.unsupported(parse.Location(items[0]), "a scalar in ROWS FROM")
		}
		for _, one := range unnestEach(call) {
			f, cols, err := b.tableFunction(in, one, parse.Names(one.Funcname))
			switch {
			case err != nil:
				return nil, from{}, err
			case f == nil:
				return nil, from{}, b.unsupported(one.Location, "a scalar function in ROWS FROM")
			}
			scans = append(scans, &plan.Scan{Virtual: f, Cols: cols})
		}
	}
	scan := together(scans)
	alias := parse.Names(n.Functions[0].GetList().GetItems()[0].GetFuncCall().Funcname)
	scan.Alias = alias[len(alias)-1]
	if n.Alias != nil {
		scan.Alias = n.Alias.Aliasname
	}
	if n.Ordinality {
		f := scan.Virtual.(*plan.Function)
		f.Ordinality = true
		f.Results = append(f.Results, types.T(types.Int8))
		col := b.newColumn("ordinality", types.T(types.Int8))
		col.Ordinal = len(scan.Cols)
		scan.Cols, scan.Ordinals = append(scan.Cols, col), append(scan.Ordinals, len(scan.Cols))
	}
	out, err := b.named1(&table{alias: scan.Alias}, scan.Cols, n.Alias, -1)
	return underArguments(in, scan), out, err
}

// unnestEach makes unnest(a), unnest(b) of unnest(a, b).
func unnestEach(call *pg.FuncCall) []*pg.FuncCall {
	parts := parse.Names(call.Funcname)
	if parts[len(parts)-1] != "unnest" || len(call.Args) < 2 {
		return []*pg.FuncCall{call}
	}
	var out []*pg.FuncCall
	for _, a := range call.Args {
		out = append(out, &pg.FuncCall{Funcname: call.Funcname, Args: []*pg.Node{a}, Location: call.Location})
	}
	return out
}
