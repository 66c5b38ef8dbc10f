package live

import "github.com/siltstone-db/siltstone/storage/scan"

// Truncate forgets the rows from a number on. The writer calls it, for rows that no other segment or file holds and no
// reader will look at again: their places are written anew. Strings that only they had stay in the dictionaries.
func (s *Segment) Truncate(rows int) {
	if rows >= s.rows {
		return
	}
	s.rows = rows
	s.identities.truncate(rows)
	for _, d := range s.dicts {
		if d != nil {
			d.counts.truncate(rows)
		}
	}
	zones := *s.zones.Load()
	if n := rows / scan.ZoneRows; n < len(zones) {
		zones = zones[:n:n] // who still has the longer list keeps its entries
		s.zones.Store(&zones)
	}
}
