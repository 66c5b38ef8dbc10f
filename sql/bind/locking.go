package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// locking holds FOR UPDATE and its like against the query that it stands behind. Nothing is locked: of two transactions that
// change a row the first to commit wins, whatever they have selected.
func (b *Binder) locking(n *pg.SelectStmt) error {
	for _, node := range n.LockingClause {
		l := node.GetLockingClause()
		name := lockName(l.GetStrength())
		if len(n.ValuesLists) > 0 {
			return errs.New(errs.FeatureNotSupported, "%s cannot be applied to VALUES", name)
		}
		if what := notWith(n); what != "" {
			return errs.New(errs.FeatureNotSupported, "%s is not allowed with %s", name, what)
		}
		for _, r := range l.LockedRels {
			v := r.GetRangeVar()
			if v.Schemaname != "" {
				return b.fail(v.Location, errs.SyntaxError, "%s must specify unqualified relation names", name)
			}
			if !named(n.FromClause, v.Relname) {
				return b.fail(v.Location, errs.UndefinedTable, "relation %q in %s clause not found in FROM clause", v.Relname, name)
			}
		}
	}
	return nil
}

// notWith returns the part of a query whose rows are no rows of a table.
func notWith(n *pg.SelectStmt) string {
	switch {
	case n.Op != pg.SetOperation_SETOP_NONE:
		return "UNION/INTERSECT/EXCEPT"
	case len(n.DistinctClause) > 0:
		return "DISTINCT clause"
	case len(n.GroupClause) > 0:
		return "GROUP BY clause"
	case n.HavingClause != nil:
		return "HAVING clause"
	}
	for _, t := range n.TargetList {
		f := t.GetResTarget().GetVal().GetFuncCall()
		if f == nil {
			continue
		}
		names := parse.Names(f.Funcname)
		switch name := names[len(names)-1]; {
		case f.Over != nil:
			return "window functions"
		case fn.IsAggregate(name):
			return "aggregate functions"
		case name == "generate_series" || name == "unnest" || name == "generate_subscripts":
			return "set-returning functions in the target list"
		}
	}
	return ""
}

// named tells whether a table of FROM is called so.
func named(from []*pg.Node, name string) bool {
	for _, n := range from {
		switch x := n.Node.(type) {
		case *pg.Node_RangeVar:
			if x.RangeVar.Alias.GetAliasname() == name || x.RangeVar.Alias == nil && x.RangeVar.Relname == name {
				return true
			}
		case *pg.Node_RangeSubselect:
			if x.RangeSubselect.Alias.GetAliasname() == name {
				return true
			}
		case *pg.Node_RangeFunction:
			if x.RangeFunction.Alias.GetAliasname() == name {
				return true
			}
		case *pg.Node_JoinExpr:
			if x.JoinExpr.Alias.GetAliasname() == name || named([]*pg.Node{x.JoinExpr.Larg, x.JoinExpr.Rarg}, name) {
				return true
			}
		}
	}
	return false
}

func lockName(s pg.LockClauseStrength) string {
	switch s {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return "FOR KEY SHARE"
	case pg.LockClauseStrength_LCS_FORSHARE:
		return "FOR SHARE"
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return "FOR NO KEY UPDATE"
	}
	return "FOR UPDATE"
}
