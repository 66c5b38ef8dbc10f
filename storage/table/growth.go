package table

import "github.com/siltstone-db/siltstone/storage/catalog"

// Growth says how far a table had grown in a picture: the number of its next row, which sealing and merging do not change.
// Two pictures in which it is the same have the same rows, but those that were deleted between them.
type Growth uint64

// Growth returns how far a table has grown, 0 when it is not there.
func (s *Snapshot) Growth(id catalog.TableID) Growth {
	p := s.version.picture(id)
	if p == nil {
		return 0
	}
	if n := len(p.Live); n > 0 { // of the last one a snapshot may see less than there is
		l := &p.Live[n-1]
		return Growth(l.Base + uint64(l.RowsAt(s.sequence)))
	}
	return Growth(p.Next)
}
