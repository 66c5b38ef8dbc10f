package bind

import (
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
				penalty = min(levenshtein(tab, t.alias), 4)
			}
			for _, c := range t.columns {
				if penalty > best || c.name == "" {
					continue
				}
				d := levenshtein(column, c.name)
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

// levenshtein counts the inserted, deleted and replaced bytes between two names.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
