package plan

import (
	"fmt"
	"math"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
)

// JoinKind is the kind of a join.
type JoinKind uint8

// The kinds. Single is Left that fails with 21000 when a row finds two partners (a scalar subquery). Mark adds a
// boolean column that tells whether a partner was found (IN, with SQL's NULL rules when NullAware).
const (
	Inner JoinKind = iota
	Left
	Right
	Full
	Cross
	Semi
	Anti
	Single
	Mark
)

// String returns the kind's name as EXPLAIN prints it before "Join".
func (k JoinKind) String() string {
	names := [...]string{"Inner", "Left", "Right", "Full", "Cross", "Semi", "Anti", "Single", "Mark"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("JoinKind(%d)", uint8(k))
}

// columns returns those of a join or Apply: of its left side when it only tests for partners, with the mark when it
// tells whether there is one, else the left ones and then the right ones.
func (k JoinKind) columns(left, right Node, mark Column) []Column {
	switch k {
	case Semi, Anti:
		return left.Columns()
	}
	return k.appendColumns(nil, left, right, mark)
}

// appendColumns goes down a tree of joins without making the list of each of them on its way.
func (k JoinKind) appendColumns(cols []Column, left, right Node, mark Column) []Column {
	cols = appendColumns(cols, left)
	switch k {
	case Semi, Anti:
		return cols
	case Mark:
		return append(cols, mark)
	}
	return appendColumns(cols, right)
}

func appendColumns(cols []Column, n Node) []Column {
	switch x := n.(type) {
	case *Join:
		return x.Kind.appendColumns(cols, x.Left, x.Right, x.MarkColumn)
	case *Apply:
		return x.Kind.appendColumns(cols, x.Left, x.Right, x.MarkColumn)
	}
	return append(cols, n.Columns()...)
}

// Join combines two inputs. Equal holds pairs left = right; On holds further conditions over both sides.
type Join struct {
	Kind        JoinKind
	Left, Right Node
	Equal       []EqualPair
	On          []expr.Expr
	NullAware   bool   // NOT IN
	MarkColumn  Column // of Mark
}

// EqualPair is one condition left = right; both sides have the same type.
type EqualPair struct{ Left, Right expr.Expr }

// Columns implements Node.
func (n *Join) Columns() []Column { return n.Kind.columns(n.Left, n.Right, n.MarkColumn) }

// Children implements Node.
func (n *Join) Children() []Node { return []Node{n.Left, n.Right} }

func (n *Join) over(in []Node) Node {
	c := *n
	c.Left, c.Right = in[0], in[1]
	return &c
}

func (n *Join) mapExprs(m *exprMapper) Node {
	c := *n
	c.Equal = make([]EqualPair, len(n.Equal))
	for i, p := range n.Equal {
		c.Equal[i] = EqualPair{m.one(p.Left), m.one(p.Right)}
	}
	c.On = m.list(n.On)
	return &c
}

func (n *Join) trace(id ID) (Node, expr.Expr, string) {
	for _, in := range n.Children() {
		if IndexOf(in.Columns(), id) >= 0 {
			return passed(in, id)
		}
	}
	return nil, nil, ""
}

// Prune implements Node.
func (n *Join) Prune(need Set) Node {
	es := n.On[:len(n.On):len(n.On)]
	for _, p := range n.Equal {
		es = append(es, p.Left, p.Right)
	}
	return pruneInputs(n, need, es...)
}

// Estimate implements Node: the product of the sides, divided by the larger number of distinct keys, since every key of
// the side with fewer finds partners.
func (n *Join) Estimate(e Estimates) float64 {
	l, r := e.Rows(n.Left), e.Rows(n.Right)
	inner := l * r * e.JoinSelectivity(n.Equal, n.On, l, r)
	switch n.Kind {
	case Left:
		return math.Max(inner, l)
	case Right:
		return math.Max(inner, r)
	case Full:
		return math.Max(inner, l+r)
	case Semi:
		return math.Min(l, math.Max(inner, 1)) * 0.8
	case Anti:
		return math.Max(1, l-math.Min(l*0.8, inner))
	case Single, Mark:
		return l
	}
	return inner
}

// Title implements Node.
func (n *Join) Title() string {
	method, kind := "Hash ", n.Kind.String()
	if len(n.Equal) == 0 {
		method = "Nested Loop "
	}
	if n.NullAware {
		kind = "Null-Aware " + kind
	}
	return method + kind + " Join"
}

// Details implements Node.
func (n *Join) Details() []Detail {
	var d details
	pairs := make([]string, len(n.Equal))
	for i, p := range n.Equal {
		pairs[i] = p.Left.String() + " = " + p.Right.String()
	}
	d.add("Join Cond", strings.Join(pairs, " AND "))
	d.add("Join Filter", Conditions(n.On))
	return d
}
