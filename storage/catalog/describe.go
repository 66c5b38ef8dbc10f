package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Describe prints an edit for people: dumps and events.
func Describe(e Edit) string {
	switch e := e.(type) {
	case CreateTable:
		return "create " + DescribeTable(e.Table)
	case DropTable:
		return fmt.Sprintf("drop table %d", e.ID)
	case RenameTable:
		return fmt.Sprintf("rename table %d to %s", e.ID, e.Name)
	case SetTableOptions:
		var set []string
		for _, k := range slices.Sorted(maps.Keys(e.Options)) {
			set = append(set, fmt.Sprintf("%s = %q", k, e.Options[k]))
		}
		return fmt.Sprintf("options of table %d: %s", e.ID, strings.Join(set, ", "))
	case CreateSchema:
		return "create schema " + e.Name
	case DropSchema:
		return "drop schema " + e.Name
	}
	return fmt.Sprintf("%T", e)
}

// DescribeTable prints a table for people.
func DescribeTable(t *Table) string {
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, c.Name+" "+c.Type.String())
	}
	return fmt.Sprintf("table %d %s.%s (%s)", t.ID, t.Schema, t.Name, strings.Join(cols, ", "))
}
