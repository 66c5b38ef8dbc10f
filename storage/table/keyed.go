package table

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Keyed returns the parts of a table in which its keys are looked up. They are valid as long as the snapshot, and leave
// out what a transaction has written itself. A table with damaged rows, some of whose keys nobody knows, has none, unless
// the database serves what is left. Files that cannot have a key within bounds are left out, too.
func (s *Snapshot) Keyed(id catalog.TableID, within unique.Bounds) (parts unique.Parts, err error) {
	p := s.version.picture(id)
	if p == nil {
		return parts, nil
	}
	if p.Aside > 0 && !s.o.ServeDamaged {
		for _, f := range p.Files.All() {
			if f.Aside() {
				return parts, quarantined(s.Catalog().TableByID(id), f.Meta)
			}
		}
	}
	return p.Keyed(s.sequence, within)
}
