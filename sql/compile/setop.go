package compile

import (
	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var _ = builds((*compiler).setOp)

func (c *compiler) setOp(n *plan.SetOp, _ plan.Set) (*stream, *Node, error) {
	left, l, err := c.side(n.Left, n.Cols)
	if err != nil {
		return nil, nil, err
	}
	right, r, err := c.side(n.Right, n.Cols)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n, l, r)
	ids := make([]plan.ID, len(n.Cols))
	for i, col := range n.Cols {
		ids[i] = col.ID
	}
	if n.Kind == plan.Union {
		s := c.union(left, right, ids, node)
		if n.All {
			return s, node, nil
		}
		return c.distinct(s, node), node, nil
	}
	s, err := c.counted(n, left, right, ids, node)
	return s, node, err
}

// side compiles an input and brings its columns into the order and to the types of the result.
func (c *compiler) side(n plan.Node, cols []plan.Column) (*stream, *Node, error) {
	in := n.Columns()
	s, node, err := c.node(n, plan.OutputSet(n))
	if err != nil {
		return nil, nil, err
	}
	if err := c.arrange(s, in); err != nil {
		return nil, nil, err
	}
	var exprs []expr.Expr
	for i, col := range cols {
		if s.types[i] != col.Type && exprs == nil {
			exprs = s.columns()
		}
	}
	if exprs == nil {
		return s, node, nil
	}
	for i, col := range cols {
		if s.types[i] != col.Type {
			exprs[i] = &expr.Cast{Arg: exprs[i], T: col.Type}
		}
	}
	c.replace(s, exprs, nil)
	return s, node, nil
}

// union puts one stream behind the other.
func (c *compiler) union(left, right *stream, ids []plan.ID, node *Node) *stream {
	branches := make([]relop.Branch, 0, 2)
	deps := append(append([]int(nil), left.deps...), right.deps...)
	for _, s := range []*stream{left, right} {
		branches = append(branches, relop.Branch{Source: s.finish(), Operators: s.ops})
	}
	return &stream{source: relop.NewUnion(branches), deps: deps, ids: ids, types: left.types, marks: []mark{{node, -1}}}
}

// distinct keeps one of equal rows.
func (c *compiler) distinct(s *stream, node *Node) *stream {
	cfg := agg.Config{In: s.types}
	for i := range s.types {
		cfg.Keys = append(cfg.Keys, agg.Key{Column: i, Origin: -1})
	}
	g := agg.New(cfg)
	pipe := c.close(s, g, node)
	return &stream{source: g, deps: []int{pipe}, ids: s.ids, types: s.types, marks: []mark{{node, -1}}}
}

// counted computes INTERSECT and EXCEPT: both inputs are grouped together with a count for each side, and each group is
// repeated as often as the operation says (SQL:2016, 7.17, general rule 3).
func (c *compiler) counted(n *plan.SetOp, left, right *stream, ids []plan.ID, node *Node) (*stream, error) {
	width := len(ids)
	for i, s := range []*stream{left, right} {
		exprs := s.columns()
		exprs = append(exprs, boolConst(i == 0), boolConst(i == 1))
		c.replace(s, exprs, nil)
	}
	both := c.union(left, right, ids, node)
	count, _, err := fn.ResolveAggregate("count", nil)
	if err != nil {
		return nil, err
	}
	cfg := agg.Config{In: both.types}
	for i := range width {
		cfg.Keys = append(cfg.Keys, agg.Key{Column: i, Origin: -1})
	}
	for i := range 2 {
		cfg.Calls = append(cfg.Calls, agg.Call{Fn: count, Filter: width + i})
	}
	g := agg.New(cfg)
	pipe := c.close(both, g, node)
	s := &stream{source: g, deps: []int{pipe}, ids: ids, types: g.Types()}
	s.push(relop.NewRepeat(g.Types(), times(n.Kind, n.All)), node)
	s.types = s.types[:width:width] // without the counts
	return s, nil
}

// times returns how often a row stands in the result that stands l times on the left and r times on the right.
func times(kind plan.SetOpKind, all bool) func(l, r int64) int64 {
	switch {
	case kind == plan.Intersect && all:
		return func(l, r int64) int64 { return min(l, r) }
	case kind == plan.Intersect:
		return func(l, r int64) int64 { return min(l, r, 1) }
	case all:
		return func(l, r int64) int64 { return max(l-r, 0) }
	}
	return func(l, r int64) int64 {
		if r > 0 {
			return 0
		}
		return min(l, 1)
	}
}

func boolConst(b bool) expr.Expr {
	d := types.BoolOf(b)
	return &expr.Const{Value: d}
}
