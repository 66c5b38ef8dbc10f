package errs

import (
	"iter"
	"strings"
)

// nearEditsMax is how many edits a name may be away to be suggested, PostgreSQL's limit for columns.
const nearEditsMax = 3

// Near returns the candidate that was probably meant by a name that does not exist: at most three edits away, at most
// half of the name's length, letters compared without their case. Of several that are equally near the first one
// counts; "" means none.
func Near(name string, candidates iter.Seq[string]) string {
	best, found := min(nearEditsMax, len(name)/2)+1, ""
	lower := strings.ToLower(name)
	for c := range candidates {
		if len(c)-len(name) > nearEditsMax || len(name)-len(c) > nearEditsMax {
			continue
		}
		if d := Edits(lower, strings.ToLower(c)); d < best {
			best, found = d, c
		}
	}
	return found
}

// Edits counts the bytes inserted, deleted and replaced between two names (Levenshtein's distance).
func Edits(a, b string) int {
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
