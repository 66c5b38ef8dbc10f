package smith

import (
	"fmt"
	"strings"
)

// Column is a column of a table or of a FROM clause.
type Column struct {
	Name string // as a query writes it
	kind string
}

// Table is a table with its rows as literals.
type Table struct {
	Name    string
	Columns []Column
	Rows    [][]string
}

// Tables makes n tables of at most rows rows. One of them is always empty, one has a single column of each type.
func (g *Generator) Tables(n, rows int) []*Table {
	for i := range n {
		t := &Table{Name: fmt.Sprintf("t%d", i), Columns: []Column{{"id", "i4"}}}
		for c, kind := range kinds {
			if i == 0 || g.chance(0.5) {
				t.Columns = append(t.Columns, Column{fmt.Sprintf("%s_%d", kind, c), kind})
			}
		}
		for r := range rows - rows*i/n {
			if i > 0 && i == n-1 {
				break
			}
			row := []string{fmt.Sprint(r)}
			for _, c := range t.Columns[1:] {
				if g.chance(0.2) {
					row = append(row, "NULL")
				} else {
					row = append(row, g.literal(c.kind))
				}
			}
			t.Rows = append(t.Rows, row)
		}
		g.tables = append(g.tables, t)
	}
	return g.tables
}

// literal returns a value without its type.
func (g *Generator) literal(kind string) string {
	l := valuesOf[kind]
	v := pick(g, l.common)
	if len(l.extreme) > 0 && g.chance(g.extreme) {
		v = pick(g, l.extreme)
	}
	if v[0] != '\'' && kind != "bool" {
		v = "'" + v + "'"
	}
	return v
}

// Create returns the statement that makes the table.
func (t *Table) Create() string {
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, c.Name+" "+valuesOf[c.kind].name)
	}
	return fmt.Sprintf("CREATE TABLE %s (%s)", t.Name, strings.Join(cols, ", "))
}

// Insert returns the statement that stores rows from up to to, "" without any.
func (t *Table) Insert(from, to int) string {
	var rows []string
	for _, r := range t.Rows[min(from, len(t.Rows)):min(to, len(t.Rows))] {
		rows = append(rows, "("+strings.Join(r, ", ")+")")
	}
	if rows == nil {
		return ""
	}
	return fmt.Sprintf("INSERT INTO %s VALUES %s", t.Name, strings.Join(rows, ", "))
}
