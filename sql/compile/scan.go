package compile

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/scan"
)

var _ = builds((*compiler).scan)

// scan reads a relation. Conditions that storage understands go with the request; the others become a filter behind it.
// Only columns that somebody reads are returned.
func (c *compiler) scan(n *plan.Scan, need plan.Set) (*stream, *Node, error) {
	rel, err := c.relation(n)
	if err != nil {
		return nil, nil, err
	}
	return c.scanRelation(n, need, &tableScan{rel: rel})
}

// scanRelation fills the request of ts, and filters what it cannot say.
func (c *compiler) scanRelation(n *plan.Scan, need plan.Set, ts *tableScan) (*stream, *Node, error) {
	node := c.explain(n)
	ts.node = node
	var rest []expr.Expr
	for _, cond := range n.Filter {
		term, ok := c.term(n, cond)
		if !ok {
			rest = append(rest, cond)
			continue
		}
		ts.req.Terms = append(ts.req.Terms, term)
	}
	if c.env.Analyze {
		node.counters = &scan.Counters{}
		ts.req.Counters = node.counters
	}
	node.without("Filter")
	node.detail("Terms", termsText(ts.req.Terms))
	node.detail("Filter", plan.Conditions(rest))
	need = with(need, rest...)
	s := &stream{scan: ts, marks: []mark{{node, -1}}}
	for i, col := range n.Cols {
		if !need.Has(col.ID) {
			continue
		}
		s.origins = append(s.origins, len(ts.req.Columns))
		ts.req.Columns = append(ts.req.Columns, n.Ordinals[i])
		s.ids, s.types = append(s.ids, col.ID), append(s.types, col.Type)
	}
	for _, col := range ts.more {
		s.origins, s.ids, s.types = append(s.origins, -1), append(s.ids, col.ID), append(s.types, col.Type)
	}
	return s, node, c.where(s, rest, node)
}

func (c *compiler) relation(n *plan.Scan) (scan.Relation, error) {
	if n.Virtual != nil {
		return c.env.Virtual.Relation(n.Virtual)
	}
	return c.env.Relations.Table(c.ctx, n.Table.ID)
}

// term turns a condition into what storage evaluates by itself, if it can. Virtual relations get none: they compute
// their rows anyway.
func (c *compiler) term(n *plan.Scan, cond expr.Expr) (scan.Term, bool) {
	if n.Table == nil {
		return scan.Term{}, false
	}
	// Bind to the table's ordinals.
	known := true
	bound := expr.Transform(cond, func(e expr.Expr) expr.Expr {
		col, ok := e.(*expr.Column)
		if !ok {
			return e
		}
		at := ordinalOf(n, plan.ID(col.Index))
		if at < 0 {
			known = false
			return e
		}
		return &expr.Column{Index: at, Name: col.Name, T: col.T}
	})
	if !known {
		return scan.Term{}, false
	}
	return expr.ToTerm(bound)
}

func termsText(terms []scan.Term) string {
	parts := make([]string, len(terms))
	for i, t := range terms {
		if parts[i] = t.Text; t.Text == "" {
			parts[i] = fmt.Sprintf("column %d", t.Column)
		}
	}
	return strings.Join(parts, " AND ")
}
