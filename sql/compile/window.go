package compile

import (
	"time"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/window"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

var _ = builds((*compiler).window)

func (c *compiler) window(n *plan.Window, need plan.Set) (*stream, *Node, error) {
	x := windowing{n: n}
	for _, k := range n.Keys {
		x.cfg.Keys = append(x.cfg.Keys, order.Key{Column: x.column(k.Expr), Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	for i := range n.Calls {
		x.call(&n.Calls[i], n.Cols[i].Type)
	}
	s, child, err := c.node(n.Input, with(need, x.exprs...))
	if err != nil {
		return nil, nil, err
	}
	at, err := c.extend(s, x.exprs)
	if err != nil {
		return nil, nil, err
	}
	x.cfg.In, x.cfg.Shared, x.cfg.Zone = s.types, n.Shared(), c.zone()
	x.place(at)
	if t := n.Top; t != nil {
		k := &n.Calls[t.Call]
		x.cfg.Top = &window.Top{Part: k.Part, Order: k.Order, Ranks: k.Kind() == fn.Rank, K: t.K}
	}
	var ids []plan.ID
	for i, id := range s.ids {
		if id != 0 && need.Has(id) {
			ids = append(ids, id)
			x.cfg.Keep = append(x.cfg.Keep, i)
		}
	}
	for _, col := range n.Cols {
		ids = append(ids, col.ID)
	}
	w := window.New(x.cfg)
	node := c.explain(n, child)
	node.spill = w.Spilled()
	pipe := c.close(s, w, node)
	return &stream{source: w, deps: []int{pipe}, ids: ids, types: w.Types(), marks: []mark{{node, -1}}}, node, nil
}

// zone returns the session's time zone, nil for UTC.
func (c *compiler) zone() *time.Location {
	if c.env.Fn == nil || c.env.Fn.Session == nil {
		return nil
	}
	loc, err := datetime.LoadZone(c.env.Fn.Session.TimeZone())
	if err != nil {
		return nil // SET has looked at it
	}
	return loc
}

// windowing collects the expressions that a Window reads. Columns of its Config are first places in the list, and then
// positions in the stream.
type windowing struct {
	n     *plan.Window
	cfg   window.Config
	exprs []expr.Expr
}

// column returns the place of an expression in the list.
func (x *windowing) column(e expr.Expr) int {
	for i, have := range x.exprs {
		if expr.Equal(have, e) && !expr.Volatile(e) {
			return i
		}
	}
	x.exprs = append(x.exprs, e)
	return len(x.exprs) - 1
}

func (x *windowing) call(c *plan.WindowCall, result types.Type) {
	k := window.Call{Function: c.Kind(), Fn: c.Aggregate, Number: window.Number{Column: -1, Value: 1}, Filter: -1,
		Part: c.Part, Order: c.Order, Result: result,
		Frame: window.Frame{Mode: c.Frame.Mode, Exclude: c.Frame.Exclude, Start: x.bound(c.Frame.Start), End: x.bound(c.Frame.End)}}
	args := c.Args
	switch c.Kind() {
	case fn.Ntile:
		k.Number, args = x.number(args[0]), nil
	case fn.NthValue:
		k.Number, args = x.number(args[1]), args[:1]
	case fn.Lag, fn.Lead:
		if len(args) > 1 {
			k.Number = x.number(args[1])
			args = append(args[:1:1], args[2:]...)
		}
		if len(args) > 1 {
			if d, ok := args[1].(*expr.Const); ok && d.Value.Null {
				args = args[:1]
			}
		}
	}
	for _, a := range args {
		k.Args = append(k.Args, x.column(guardedBy(c.Filter, a)))
	}
	if c.Filter != nil {
		k.Filter = x.column(c.Filter)
	}
	x.cfg.Calls = append(x.cfg.Calls, k)
}

// number returns an argument that is a number of rows.
func (x *windowing) number(e expr.Expr) window.Number {
	if k, ok := expr.Fold(e).(*expr.Const); ok {
		return window.Number{Column: -1, Value: k.Value.I, Null: k.Value.Null}
	}
	return window.Number{Column: x.column(e)}
}

func (x *windowing) bound(b plan.WindowBound) window.Bound {
	out := window.Bound{Kind: b.Kind, Column: -1}
	if b.Offset == nil {
		return out
	}
	if k, ok := expr.Fold(b.Offset).(*expr.Const); ok {
		out.Value = k.Value
		return out
	}
	out.Column = x.column(b.Offset)
	return out
}

// place turns places in the list into positions in the stream.
func (x *windowing) place(at []int) {
	for i := range x.cfg.Keys {
		x.cfg.Keys[i].Column = at[x.cfg.Keys[i].Column]
	}
	for i := range x.cfg.Calls {
		c := &x.cfg.Calls[i]
		for k := range c.Args {
			c.Args[k] = at[c.Args[k]]
		}
		for _, p := range []*int{&c.Number.Column, &c.Filter, &c.Frame.Start.Column, &c.Frame.End.Column} {
			if *p >= 0 {
				*p = at[*p]
			}
		}
	}
}
