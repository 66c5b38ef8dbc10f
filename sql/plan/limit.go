package plan

import (
	"math"
	"strconv"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Limit cuts the rows: skip Offset, then at most Count (-1: all). Expressions that are not constants yet (parameters)
// stand in CountExpr and OffsetExpr until the plan is given its parameters.
type Limit struct {
	Input                 Node
	Count, Offset         int64
	CountExpr, OffsetExpr expr.Expr
}

// Columns implements Node.
func (n *Limit) Columns() []Column { return n.Input.Columns() }

// Children implements Node.
func (n *Limit) Children() []Node { return []Node{n.Input} }

func (n *Limit) over(in []Node) Node {
	c := *n
	c.Input = in[0]
	return &c
}

func (n *Limit) mapExprs(m *exprMapper) Node {
	c := *n
	c.CountExpr, c.OffsetExpr = m.one(n.CountExpr), m.one(n.OffsetExpr)
	return &c
}

func (n *Limit) trace(id ID) (Node, expr.Expr, string) { return passed(n.Input, id) }

// Prune implements Node.
func (n *Limit) Prune(need Set) Node { return pruneInputs(n, need) }

// Estimate implements Node.
func (n *Limit) Estimate(e Estimates) float64 {
	rows := e.Rows(n.Input)
	if n.Count >= 0 && n.CountExpr == nil {
		rows = math.Min(rows, float64(n.Count))
	}
	return rows
}

// Title implements Node.
func (n *Limit) Title() string { return "Limit" }

// Details implements Node.
func (n *Limit) Details() []Detail {
	var d details
	switch {
	case n.CountExpr != nil:
		d.verbose("Rows", n.CountExpr.String())
	case n.Count >= 0:
		d.verbose("Rows", strconv.FormatInt(n.Count, 10))
	}
	switch {
	case n.OffsetExpr != nil:
		d.verbose("Offset", n.OffsetExpr.String())
	case n.Offset > 0:
		d.verbose("Offset", strconv.FormatInt(n.Offset, 10))
	}
	return d
}

// SettleLimit moves constant expressions of a limit into its numbers: NULL means no limit; negative numbers are
// errors. Other expressions stay.
func SettleLimit(l *Limit) (*Limit, error) {
	c := *l
	c.CountExpr, c.OffsetExpr = fold(l.CountExpr), fold(l.OffsetExpr)
	if k, ok := c.CountExpr.(*expr.Const); ok {
		c.CountExpr, c.Count = nil, -1
		if !k.Value.Null {
			if k.Value.I < 0 {
				return nil, errs.New(errs.InvalidRowCountInLimit, "LIMIT must not be negative")
			}
			c.Count = k.Value.I
		}
	}
	if k, ok := c.OffsetExpr.(*expr.Const); ok {
		c.OffsetExpr, c.Offset = nil, 0
		if !k.Value.Null {
			if k.Value.I < 0 {
				return nil, errs.New(errs.InvalidRowCountInOffset, "OFFSET must not be negative")
			}
			c.Offset = k.Value.I
		}
	}
	return &c, nil
}

func fold(e expr.Expr) expr.Expr {
	if e == nil {
		return nil
	}
	return expr.Fold(e)
}

// TopK returns the limit with the sort right below it told how many rows matter, when the numbers are known.
func TopK(l *Limit) *Limit {
	s, ok := l.Input.(*Sort)
	if !ok || l.CountExpr != nil || l.OffsetExpr != nil || l.Count < 0 || l.Count > math.MaxInt64-l.Offset {
		return l
	}
	k := l.Count + l.Offset
	if s.Limit >= 0 && s.Limit <= k {
		return l
	}
	sort, limit := *s, *l
	sort.Limit = k
	limit.Input = &sort
	return &limit
}
