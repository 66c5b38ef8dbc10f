package compile

import (
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// sharedRows is a shared subplan that was compiled: a pipeline that fills a buffer.
type sharedRows struct {
	plan    *plan.Shared
	buffer  *relop.Buffer
	types   []types.Type
	cols    []plan.Column
	program *Program // that fills the buffer with pipeline pipe
	pipe    int
	node    *Node
}

// share compiles a shared subplan when it is met first. The runs of an Apply find those that do not depend on the run
// compiled, and filled, by the program around them (hold).
func (c *compiler) share(s *plan.Shared) (*sharedRows, error) {
	for _, x := range c.shared {
		switch {
		case x.plan == s:
			return x, nil
		case x.plan.ID == s.ID:
			return nil, errs.Internal("two plans of WITH query %s", s.Name)
		}
	}
	x := &sharedRows{plan: s, cols: s.Plan.Columns(), program: c.program}
	st, node, err := c.node(s.Plan, plan.OutputSet(s.Plan))
	if err != nil {
		return nil, err
	}
	if err := c.arrange(st, x.cols); err != nil {
		return nil, err
	}
	x.types, x.buffer, x.node = st.types, relop.NewBuffer(st.types), node
	node.name, node.spill = s.Name, x.buffer.Spilled()
	if o, ok := st.finish().(exec.Ordered); ok && o.Ordered() {
		x.buffer.KeepOrder()
	}
	x.pipe = c.close(st, x.buffer.Sink(), nil)
	c.shared = append(c.shared, x)
	return x, nil
}

var _ = builds((*compiler).cteScan)

// cteScan reads the rows of a shared subplan.
func (c *compiler) cteScan(n *plan.CTEScan, need plan.Set) (*stream, *Node, error) {
	x, err := c.share(n.Shared)
	if err != nil {
		return nil, nil, err
	}
	node := c.explain(n)
	s := &stream{ids: make([]plan.ID, len(x.cols)), types: x.types, marks: []mark{{node, -1}}}
	if x.program == c.program {
		s.source, s.deps = x.buffer.Reader(), []int{x.pipe}
	} else {
		s.source = x.buffer.Guest()
	}
	var read []plan.Column
	for i, col := range n.Cols {
		if !need.Has(col.ID) {
			continue
		}
		p := plan.IndexOf(x.cols, n.From[i])
		if p < 0 {
			return nil, nil, errs.Internal("column %d of WITH query %s was dropped", n.From[i], n.Shared.Name)
		}
		s.ids[p], read = col.ID, append(read, col)
	}
	if len(read) == len(x.cols) {
		return s, node, nil
	}
	return s, node, c.arrange(s, read)
}

// hold makes sure that the shared subplans which the right side of an Apply reads have run before the Apply, and returns
// readers that keep their rows until it closes them.
func (c *compiler) hold(right plan.Node) (held []op.Source, deps []int, err error) {
	for _, s := range plan.SharedOf(right) {
		if len(plan.FreeColumns(s.Plan)) > 0 {
			continue // each run has its own
		}
		x, err := c.share(s)
		if err != nil {
			return nil, nil, err
		}
		if x.program == c.program {
			held, deps = append(held, x.buffer.Reader()), append(deps, x.pipe)
		}
	}
	return held, deps, nil
}
