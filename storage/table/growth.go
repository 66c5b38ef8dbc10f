package table

import "github.com/siltstone-db/siltstone/storage/catalog"

// Growth says how far a table had grown in a picture. Two pictures in which it is the same have the same rows, but those
// that were deleted between them; two in which it differs may have the same, when rows have settled meanwhile.
type Growth struct {
	files, parts int
	next         uint64
}

// Growth returns how far a table has grown.
func (s *Snapshot) Growth(id catalog.TableID) Growth {
	p := s.version.picture(id)
	if p == nil {
		return Growth{}
	}
	g := Growth{files: p.Files.Len(), parts: len(p.Live)}
	if g.parts > 0 {
		l := &p.Live[g.parts-1]
		g.next = l.Base + uint64(l.RowsAt(s.sequence))
	}
	return g
}
