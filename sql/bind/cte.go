package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// maxExpanded bounds how often common table expressions are bound: each reference is bound anew, and a chain in which
// each refers twice to the one before doubles every time.
const maxExpanded = 500

// cte is one WITH query.
type cte struct {
	name    string
	query   *pg.SelectStmt
	columns []string
	scope   *scope // in which it was defined: it sees the queries before it
	loc     int32
}

// with defines the queries of a WITH clause. Each is bound once here, so that one that nobody uses is checked too.
func (b *Binder) with(s *scope, n *pg.WithClause) error {
	if n.Recursive {
		return b.unsupported(n.Location, "WITH RECURSIVE")
	}
	for _, node := range n.Ctes {
		x := node.GetCommonTableExpr()
		sel := x.Ctequery.GetSelectStmt()
		if sel == nil {
			return b.unsupported(x.Location, "a data-modifying statement in WITH")
		}
		for _, other := range s.ctes {
			if other.name == x.Ctename {
				return b.fail(x.Location, errs.DuplicateAlias, "WITH query name %q specified more than once", x.Ctename)
			}
		}
		c := &cte{name: x.Ctename, query: sel, columns: stringsOf(x.Aliascolnames), loc: x.Location,
			scope: &scope{parent: s.parent, ctes: s.ctes}}
		if _, err := b.expandCTE(c, nil, x.Location); err != nil {
			return err
		}
		s.ctes = append(s.ctes[:len(s.ctes):len(s.ctes)], c)
	}
	return nil
}

// findCTE finds a WITH query by name, innermost level first.
func findCTE(s *scope, name string) (*cte, *scope) {
	for l := s; l != nil; l = l.parent {
		for i := len(l.ctes) - 1; i >= 0; i-- {
			if l.ctes[i].name == name {
				return l.ctes[i], l
			}
		}
	}
	return nil, nil
}

// expandCTE binds a WITH query for one reference.
func (b *Binder) expandCTE(c *cte, _ *scope, loc int32) (*query, error) {
	if b.expanded++; b.expanded > maxExpanded {
		return nil, b.fail(loc, errs.StatementTooComplex, "WITH queries refer to each other more than %d times", maxExpanded)
	}
	q, err := b.selectStmt(&scope{parent: c.scope}, c.query, false)
	if err != nil {
		return nil, err
	}
	if len(c.columns) > len(q.cols) {
		return nil, b.fail(c.loc, errs.InvalidColumnReference, "WITH query %q has %d columns available but %d columns specified",
			c.name, len(q.cols), len(c.columns))
	}
	for i, n := range c.columns {
		q.cols[i].Name = n
	}
	return q, nil
}
