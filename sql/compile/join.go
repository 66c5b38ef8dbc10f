package compile

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/join"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var _ = builds((*compiler).join)

// join builds a table of the right side and probes it with the left one.
func (c *compiler) join(n *plan.Join, need plan.Set) (*stream, *Node, error) {
	below := with(need, n.On...)
	for _, p := range n.Equal {
		below = with(below, p.Left, p.Right)
	}
	build, right, err := c.node(n.Right, below)
	if err != nil {
		return nil, nil, err
	}
	probe, left, err := c.node(n.Left, below)
	if err != nil {
		return nil, nil, err
	}
	cfg := join.Config{Kind: join.Kind(n.Kind), Env: c.env.Fn, NullAware: n.NullAware}
	if cfg.ProbeKeys, cfg.BuildKeys, err = c.joinKeys(probe, build, n.Equal); err != nil {
		return nil, nil, err
	}
	cfg.Probe, cfg.Build = probe.types, build.types
	if len(n.On) > 0 {
		pair := &stream{ids: append(append([]plan.ID(nil), probe.ids...), build.ids...),
			types: append(append([]types.Type(nil), probe.types...), build.types...)}
		if cfg.Residual, err = pair.bind(and(n.On)); err != nil {
			return nil, nil, err
		}
	}
	cfg.Late = lateKeys(n.Kind, probe, cfg.ProbeKeys)
	h := join.New(cfg)
	node := c.explain(n, left, right)
	node.spill = h.Spilled()
	pipe := c.close(build, h.Build(), node)
	probe.deps = append(probe.deps, pipe)
	probe.push(h.Probe(), node)
	c.joinColumns(n, probe, build, h)
	return probe, node, nil
}

// joinColumns sets what the stream has after the join's operator.
func (c *compiler) joinColumns(n *plan.Join, s, build *stream, h *join.Hash) {
	s.types = h.Types()
	switch n.Kind {
	case plan.Semi, plan.Anti:
	case plan.Mark:
		s.ids = append(s.ids[:len(s.ids):len(s.ids)], n.MarkColumn.ID)
	default:
		s.ids = append(s.ids[:len(s.ids):len(s.ids)], build.ids...)
	}
	if n.Kind == plan.Right || n.Kind == plan.Full {
		s.origins = nil // a dropped probe row would leave its partner alone
	}
}

// joinKeys makes both sides of every equation columns of their streams.
func (c *compiler) joinKeys(probe, build *stream, pairs []plan.EqualPair) (p, b []int, err error) {
	var left, right []expr.Expr
	for _, e := range pairs {
		if e.Left.Type().Physical() != e.Right.Type().Physical() {
			return nil, nil, errs.Internal("join of %s with %s", e.Left.Type(), e.Right.Type())
		}
		left, right = append(left, e.Left), append(right, e.Right)
	}
	if p, err = c.extend(probe, left); err != nil {
		return nil, nil, err
	}
	b, err = c.extend(build, right)
	return p, b, err
}

// lateKeys lets the build side's key ranges prune the scan below the probe side, for kinds where a probe row without a
// partner vanishes.
func lateKeys(kind plan.JoinKind, probe *stream, keys []int) []join.LateKey {
	if kind != plan.Inner && kind != plan.Right && kind != plan.Semi {
		return nil
	}
	var late []join.LateKey
	for i, k := range keys {
		o := probe.origin(k)
		if o < 0 || probe.source != nil || probe.scan.req.Columns[o] < 0 {
			continue
		}
		if late == nil {
			late = make([]join.LateKey, len(keys))
		}
		late[i] = join.LateKey{Late: &scan.Late{}, Column: probe.scan.req.Columns[o]}
		probe.scan.req.Late = append(probe.scan.req.Late, late[i].Late)
	}
	return late
}
