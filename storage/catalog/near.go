package catalog

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Near returns the name of the table in these schemas that was probably meant by a name that does not exist, for a
// hint; "" when none is close.
func (s *Snapshot) Near(name string, schemas ...string) string {
	return errs.Near(name, func(yield func(string) bool) {
		for _, t := range s.tables {
			if slices.Contains(schemas, t.Schema) && !yield(t.Name) {
				return
			}
		}
	})
}
