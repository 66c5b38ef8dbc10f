package plan

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Set is a set of column numbers.
type Set map[ID]struct{}

// Has tells whether id is in the set.
func (s Set) Has(id ID) bool { _, ok := s[id]; return ok }

// Add puts id into the set.
func (s Set) Add(id ID) { s[id] = struct{}{} }

// Contains tells whether all of t is in s.
func (s Set) Contains(t Set) bool {
	for id := range t {
		if !s.Has(id) {
			return false
		}
	}
	return true
}

// Intersects tells whether s and t share a column.
func (s Set) Intersects(t Set) bool {
	for id := range t {
		if s.Has(id) {
			return true
		}
	}
	return false
}

// OutputSet returns the numbers of a node's columns.
func OutputSet(n Node) Set {
	cols := n.Columns()
	s := make(Set, len(cols))
	for _, c := range cols {
		s.Add(c.ID)
	}
	return s
}

// UsedColumns adds the columns that an expression reads to s.
func UsedColumns(e expr.Expr, s Set) {
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok {
			s.Add(ID(c.Index))
		}
		return true
	})
}

// ColumnsOf returns the columns that some expressions read.
func ColumnsOf(es ...expr.Expr) Set {
	s := Set{}
	for _, e := range es {
		if e != nil {
			UsedColumns(e, s)
		}
	}
	return s
}

// FreeColumns returns the columns that a plan and its shared subplans read and do not make: those of the outer query
// when it is the right side of an Apply, in the order in which they are met. Each of them counts for itself, since they
// may use the same numbers.
func FreeColumns(n Node) []*expr.Column {
	seen := Set{}
	free := freeOf(nil, n, seen)
	for _, s := range SharedOf(n) {
		free = freeOf(free, s.Plan, seen)
	}
	return free
}

// freeOf appends what one tree reads and does not make.
func freeOf(free []*expr.Column, n Node, seen Set) []*expr.Column {
	made := Set{}
	Walk(n, func(n Node) bool {
		for _, c := range n.Columns() {
			made.Add(c.ID)
		}
		return true
	})
	read := func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok && !made.Has(ID(c.Index)) && !seen.Has(ID(c.Index)) {
			seen.Add(ID(c.Index))
			free = append(free, c)
		}
		return true
	}
	Walk(n, func(n Node) bool {
		Exprs(n, func(e expr.Expr) { expr.Walk(e, read) })
		return true
	})
	return free
}

// SubstituteColumns replaces columns of an outer query by values: one run of the right side of an Apply. The plan must
// not make the columns itself. Shared subplans that read none stay what they are for all runs.
func SubstituteColumns(n Node, values map[ID]types.Datum) (Node, error) {
	leaf := func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			if d, ok := values[ID(c.Index)]; ok {
				d.Type = c.T
				return &expr.Const{Value: d}
			}
		}
		return e
	}
	n, err := MapShared(n, func(n Node) (Node, error) {
		if len(FreeColumns(n)) == 0 {
			return n, nil
		}
		return replaceLeaves(n, leaf)
	})
	if err != nil {
		return nil, err
	}
	return replaceLeaves(n, leaf)
}

// Substitute replaces the parameters of a prepared statement by their values: params[0] is $1. The values must have
// the types that the binder inferred.
func Substitute(n Node, params []types.Datum) (Node, error) {
	var missing *errs.Error
	leaf := func(e expr.Expr) expr.Expr {
		if p, ok := e.(*expr.Param); ok && (p.Number < 1 || p.Number > len(params)) {
			missing = errs.New(errs.UndefinedParameter, "there is no parameter $%d", p.Number)
			return e
		}
		return given(e, params)
	}
	n, err := MapShared(n, func(n Node) (Node, error) { return replaceLeaves(n, leaf) })
	if err != nil {
		return nil, err
	}
	if n, err = replaceLeaves(n, leaf); err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, missing
	}
	return n, nil
}

// SubstituteParams replaces the parameters of an expression by their values. One that has none stays.
func SubstituteParams(e expr.Expr, params []types.Datum) expr.Expr {
	return expr.Transform(e, func(e expr.Expr) expr.Expr { return given(e, params) })
}

// given returns the value of a parameter, and anything else as it is.
func given(e expr.Expr, params []types.Datum) expr.Expr {
	p, ok := e.(*expr.Param)
	if !ok || p.Number < 1 || p.Number > len(params) {
		return e
	}
	d := params[p.Number-1]
	d.Type = p.T
	return &expr.Const{Value: d}
}

// replaceLeaves maps the expressions of a whole tree, and settles limits that became constant.
func replaceLeaves(n Node, f func(expr.Expr) expr.Expr) (Node, error) {
	return Rewrite(n, func(n Node) (Node, error) {
		n = MapExprs(n, func(e expr.Expr) expr.Expr { return expr.Transform(e, f) })
		if l, ok := n.(*Limit); ok {
			l, err := SettleLimit(l)
			if err != nil {
				return nil, err
			}
			return TopK(l), nil
		}
		return n, nil
	})
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

// MaxID returns the largest column number that a plan and its shared subplans make.
func MaxID(n Node) ID {
	most := maxID(n)
	for _, s := range SharedOf(n) {
		most = max(most, maxID(s.Plan))
	}
	return most
}

func maxID(n Node) ID {
	var most ID
	Walk(n, func(n Node) bool {
		for _, c := range n.Columns() {
			most = max(most, c.ID)
		}
		switch n := n.(type) {
		case *Join:
			most = max(most, n.MarkColumn.ID)
		case *Apply:
			most = max(most, n.MarkColumn.ID)
		}
		return true
	})
	return most
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
