package catalog

import (
	"fmt"
	"strings"
)

// Describe prints an edit that has taken effect for people: dumps and events.
func Describe(e Edit) string {
	switch e.op {
	case opCreate:
		return "create " + DescribeObject(e.object)
	case opReplace:
		return "replace " + DescribeObject(e.object)
	}
	list := make([]string, len(e.ids))
	for i, id := range e.ids {
		list[i] = fmt.Sprint(id)
	}
	return "drop " + strings.Join(list, ", ")
}

// DescribeObject prints an object for people.
func DescribeObject(o Object) string {
	h := o.Common()
	text := fmt.Sprintf("%s %d ", o.Kind(), h.ID)
	if h.Schema != "" {
		text += h.Schema + "."
	}
	text += h.Name
	t, ok := o.(*Table)
	if !ok {
		return text
	}
	var cols []string
	for i, c := range t.Columns {
		text := c.Name + " " + c.Type.String()
		if c.ID != uint32(i)+1 {
			text += fmt.Sprintf(" #%d", c.ID)
		}
		cols = append(cols, text)
	}
	text += fmt.Sprintf(" (%s)", strings.Join(cols, ", "))
	for _, o := range t.Settings() {
		text += fmt.Sprintf(", %s = %q", o.Name, o.Value)
	}
	for i := range t.Constraints {
		text += fmt.Sprintf(", %s %s", t.Constraints[i].Kind, t.Constraints[i].Name)
	}
	return text
}
