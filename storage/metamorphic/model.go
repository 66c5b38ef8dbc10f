package metamorphic

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
)

// model is what the database should hold: rows of each table in the order in which they came. A picture of it is a
// clone: rows are shared, lists of rows are never changed.
type model struct {
	tables [tableSlots]*tableModel // nil: the slot has no table
	tokens map[string]int64        // rows of writes by token
}

type tableModel struct {
	info *catalog.Table
	rows []*row
	// unordered says that rows at the end came at the same time: in which order is not known before they were read.
	unordered bool
}

func (m *model) clone() *model {
	c := &model{tokens: map[string]int64{}}
	for i, t := range m.tables {
		if t != nil {
			n := *t
			c.tables[i] = &n
		}
	}
	for k, v := range m.tokens {
		c.tokens[k] = v
	}
	return c
}

// change is rows that go from and come to one table, or all that go.
type change struct {
	slot     int
	info     *catalog.Table
	deleted  map[*row]bool
	truncate bool
	added    []*row
}

// write is what is committed together.
type write struct {
	changes []change
	token   string
}

// conflicts tells whether a row that should go has gone.
func (m *model) conflicts(w *write) bool {
	for _, c := range w.changes {
		t := m.tables[c.slot]
		if c.truncate || len(c.deleted) == 0 {
			continue
		}
		n := 0
		for _, r := range t.rows {
			if c.deleted[r] {
				n++
			}
		}
		if n < len(c.deleted) {
			return true
		}
	}
	return false
}

// apply does a write.
func (m *model) apply(w *write) {
	var rows int64
	for _, c := range w.changes {
		t := m.tables[c.slot]
		if t == nil || t.info.ID != c.info.ID {
			continue
		}
		list, n, _ := t.settle(&c, t.left(&c))
		t.rows = list
		rows += n
	}
	if w.token != "" {
		m.tokens[w.token] = rows
	}
}

// left returns the rows of a table that a change leaves, in a list of their own.
func (t *tableModel) left(c *change) []*row {
	if c.truncate {
		return nil
	}
	list := slices.Clone(t.rows)
	if len(c.deleted) > 0 {
		list = slices.DeleteFunc(list, func(r *row) bool { return c.deleted[r] })
	}
	return list
}

// numbered returns the rows of a table whose numbers are known.
func (t *tableModel) numbered() []*row {
	var list []*row
	for _, r := range t.rows {
		if r.number > 0 {
			list = append(list, r)
		}
	}
	return list
}
