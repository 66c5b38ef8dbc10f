package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// maxExpanded bounds how often the WITH queries that are bound anew for each reference are bound: a chain in which each
// refers twice to the one before doubles every time.
const maxExpanded = 500

// cte is one WITH query. It is bound once, and its references read one shared subplan (plan.CTEScan); when all
// references are known, the subplan of one that PostgreSQL would inline takes the place of its only reference.
//
// Two kinds without volatile functions are bound anew for each reference, each with columns of its own: NOT MATERIALIZED
// ones, as the user wishes, and those that read columns of an outer query, which passes can turn into joins.
type cte struct {
	name     string
	query    *pg.SelectStmt
	columns  []string
	scope    *scope // in which it was defined: it sees the queries before it
	loc      int32
	bound    *query
	shared   *plan.Shared // nil when each reference binds it anew
	volatile bool
	// materialized says that it was written AS MATERIALIZED.
	materialized bool
	references   int // that were bound
	// recursive says that the query reads itself; working is what it reads then, while it is bound.
	recursive bool
	working   *working
}

// with defines the queries of a WITH clause.
func (b *Binder) with(s *scope, n *pg.WithClause) error {
	items := make([]*pg.CommonTableExpr, len(n.Ctes))
	for i, node := range n.Ctes {
		items[i] = node.GetCommonTableExpr()
		for _, other := range items[:i] {
			if other.Ctename == items[i].Ctename {
				return b.fail(items[i].Location, errs.DuplicateAlias, "WITH query name %q specified more than once", other.Ctename)
			}
		}
	}
	graph := &references{}
	if n.Recursive {
		var err error
		if graph, err = b.recursionOrder(items); err != nil {
			return err
		}
		items = graph.items
	}
	for i, x := range items {
		sel := x.Ctequery.GetSelectStmt()
		if sel == nil {
			return b.unsupported(x.Location, "a data-modifying statement in WITH")
		}
		c := &cte{name: x.Ctename, query: sel, columns: parse.Names(x.Aliascolnames), loc: x.Location, recursive: graph.self(x),
			scope:        &scope{parent: s.parent, ctes: s.ctes},
			materialized: x.Ctematerialized == pg.CTEMaterialize_CTEMaterializeAlways}
		if !n.Recursive {
			c.scope.future = items[i:]
		}
		if err := b.define(s, c, x); err != nil {
			return err
		}
	}
	return nil
}

// define binds a WITH query and makes it known in a scope.
func (b *Binder) define(s *scope, c *cte, x *pg.CommonTableExpr) (err error) {
	if (x.SearchClause != nil || x.CycleClause != nil) && !c.recursive {
		return b.fail(x.Location, errs.SyntaxError, "WITH query is not recursive")
	}
	switch {
	case x.SearchClause != nil:
		return b.unsupported(x.SearchClause.Location, "SEARCH")
	case x.CycleClause != nil:
		return b.unsupported(x.CycleClause.Location, "CYCLE")
	}
	if c.bound, err = b.bindCTE(c); err != nil {
		return err
	}
	c.volatile = volatile(c.bound.node)
	never := x.Ctematerialized == pg.CTEMaterialize_CTEMaterializeNever && !c.recursive
	if c.volatile || !never && len(plan.FreeColumns(c.bound.node)) == 0 {
		b.shared++
		c.shared = &plan.Shared{ID: b.shared, Name: c.name, Plan: c.bound.node}
	}
	s.ctes = append(s.ctes[:len(s.ctes):len(s.ctes)], c)
	return nil
}

// findCTE finds a WITH query by name, innermost level first.
func findCTE(s *scope, name string) *cte {
	for l := s; l != nil; l = l.parent {
		for i := len(l.ctes) - 1; i >= 0; i-- {
			if l.ctes[i].name == name {
				return l.ctes[i]
			}
		}
	}
	return nil
}

// bindCTE binds a WITH query.
func (b *Binder) bindCTE(c *cte) (*query, error) {
	if c.recursive {
		return b.recursiveQuery(c)
	}
	q, err := b.selectStmt(&scope{parent: c.scope}, c.query, false)
	if err != nil {
		return nil, err
	}
	return q, b.nameColumns(c, q)
}

// nameColumns gives the columns of a WITH query the names that stand behind its own.
func (b *Binder) nameColumns(c *cte, q *query) error {
	if len(c.columns) > len(q.cols) {
		return b.fail(c.loc, errs.InvalidColumnReference, "WITH query %q has %d columns available but %d columns specified",
			c.name, len(q.cols), len(c.columns))
	}
	for i, n := range c.columns {
		q.cols[i].Name = n
	}
	return nil
}

// readCTE makes what stands for a reference to a WITH query.
func (b *Binder) readCTE(c *cte, alias string, loc int32) (*query, error) {
	if c.working != nil {
		return b.readWorking(c), nil
	}
	c.references++
	if c.shared == nil {
		return b.bindAgain(c, loc)
	}
	scan := &plan.CTEScan{Shared: c.shared, Alias: alias}
	for i, col := range c.bound.cols {
		scan.From = append(scan.From, col.ID)
		if c.references > 1 { // the first one may take the place of the subplan, so it has its numbers
			col = b.projected(col.Name, ref(c.bound.cols[i]))
		}
		scan.Cols = append(scan.Cols, col)
	}
	return &query{node: scan, cols: scan.Cols}, nil
}

// bindAgain binds a WITH query for one reference.
func (b *Binder) bindAgain(c *cte, loc int32) (*query, error) {
	if b.expanded++; b.expanded > maxExpanded {
		return nil, b.fail(loc, errs.StatementTooComplex, "WITH queries refer to each other more than %d times", maxExpanded)
	}
	return b.bindCTE(c)
}

// settle decides how the WITH queries defined at one level are run, once n, which makes the rows of that level, has all
// references to them. The rule is PostgreSQL's: a query that is referenced once, is not AS MATERIALIZED and has no
// volatile function is inlined; any other runs once; one without references does not run. Later queries come first: only
// references from queries that run themselves count.
func settle(ctes []*cte, n plan.Node) plan.Node {
	for i := len(ctes) - 1; i >= 0; i-- {
		c := ctes[i]
		if c.shared != nil && !c.materialized && !c.volatile && readers(c.shared, n) == 1 {
			n = inline(c.shared, n)
		}
	}
	return n
}

// readers counts the references to a shared subplan in a plan and the subplans that it reads.
func readers(s *plan.Shared, n plan.Node) int {
	count := 0
	var in func(n plan.Node)
	in = func(n plan.Node) {
		plan.Walk(n, func(n plan.Node) bool {
			switch x := n.(type) {
			case *plan.CTEScan:
				if x.Shared == s {
					count++
				}
			case *plan.Recursive:
				in(x.Step) // each round reads again
			}
			return true
		})
	}
	in(n)
	for _, other := range plan.SharedOf(n) {
		in(other.Plan)
	}
	return count
}

// inline puts the subplan in the place of its only reader. Shared subplans are still the binder's own, so one that has
// the reader is changed where it is.
func inline(s *plan.Shared, n plan.Node) plan.Node {
	others := plan.SharedOf(n)
	replace := func(n plan.Node) plan.Node {
		n, _ = plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
			if c, ok := n.(*plan.CTEScan); ok && c.Shared == s {
				return renamed(c), nil
			}
			return n, nil
		})
		return n
	}
	for _, other := range others {
		other.Plan = replace(other.Plan)
	}
	return replace(n)
}

// renamed is the subplan with the column numbers of its reader, which are the same when that was the first reference.
func renamed(c *plan.CTEScan) plan.Node {
	same := true
	p := &plan.Project{Input: c.Shared.Plan, Cols: c.Cols}
	for i, col := range c.Shared.Plan.Columns() {
		p.Exprs = append(p.Exprs, ref(col))
		same = same && col.ID == c.Cols[i].ID
	}
	if same {
		return c.Shared.Plan
	}
	return p
}

// volatile tells whether a plan calls a volatile function. Those of shared subplans do not count: they run once anyway.
func volatile(n plan.Node) bool {
	found := false
	plan.Walk(n, func(n plan.Node) bool {
		plan.Exprs(n, func(e expr.Expr) { found = found || expr.Volatile(e) })
		return !found
	})
	return found
}
