package bind

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// undefined reports a column that does not exist and suggests the closest names, by PostgreSQL's rules
// (updateFuzzyAttrMatchState): at most 3 edits, at most half of the name's length, at most two candidates.
func (b *Binder) undefined(s *scope, tab, column string, loc int32) error {
	var e *errs.Error
	if tab == "" {
		e = b.fail(loc, errs.UndefinedColumn, "column %q does not exist", column)
	} else {
		e = b.fail(loc, errs.UndefinedColumn, "column %s.%s does not exist", tab, column)
	}
	best := 4
	var found []string
	for l := s; l != nil; l = l.parent {
		for _, t := range l.from.tables {
			penalty := 0
			if tab != "" {
				penalty = min(errs.Edits(tab, t.alias), 4)
			}
			for _, c := range t.columns {
				if isField(c.name) {
					if (tab == "" || tab == t.alias) && strings.HasPrefix(c.name, column+fieldMark) {
						return b.unsupported(loc, "a composite value here")
					}
					continue
				}
				if penalty > best || c.name == "" {
					continue
				}
				d := errs.Edits(column, c.name)
				if d > len(column)/2 && d > 0 {
					continue
				}
				switch d += penalty; {
				case d < best:
					best, found = d, append(found[:0], t.alias+"."+c.name)
				case d == best && best < 4:
					found = append(found, t.alias+"."+c.name)
				}
			}
		}
	}
	switch len(found) {
	case 1:
		return e.WithHint("Perhaps you meant to reference the column \"%s\".", found[0])
	case 2:
		return e.WithHint("Perhaps you meant to reference the column \"%s\" or the column \"%s\".", found[0], found[1])
	}
	return e
}

// Suggester is a Resolver that knows which table was probably meant by a name that does not exist.
type Suggester interface {
	// Near returns its name, "" for none. An empty schema means the search path.
	Near(schema, name string) string
}

// Suggest adds to the error about a table that does not exist which one was probably meant.
func Suggest(e *errs.Error, r Resolver, schema, name string) *errs.Error {
	if s, ok := r.(Suggester); ok {
		if near := s.Near(schema, name); near != "" {
			if schema != "" {
				near = schema + "." + near
			}
			return e.WithHint("Did you mean \"%s\"?", near)
		}
	}
	return e
}
