package plan

import "github.com/siltstone-db/siltstone/engine/expr"

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

// IndexOf returns the position of a column in a list, or -1.
func IndexOf(cols []Column, id ID) int {
	for i := range cols {
		if cols[i].ID == id {
			return i
		}
	}
	return -1
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
		return true
	})
	return most
}
