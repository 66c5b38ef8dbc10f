package catalog

import "sync"

// Numbers gives out the ids and OIDs of what is to be made. A transaction that makes a table knows its numbers from the
// start, whatever others make before it commits: its rows, and the log record that brings table and rows at once, name
// the table by its id. Numbers of what was never committed are not used again until the database is opened anew.
//
// It is safe for concurrent use.
type Numbers struct {
	mu struct {
		sync.Mutex
		table TableID
		oid   uint32
	}
}

// NewNumbers gives out the numbers that follow those of a catalog.
func NewNumbers(s *Snapshot) *Numbers {
	n := &Numbers{}
	n.mu.table, n.mu.oid = s.nextID, s.nextOID
	return n
}

// Fill returns the edits with fresh numbers in place of zeros.
func (n *Numbers) Fill(edits []Edit) []Edit {
	n.mu.Lock()
	defer n.mu.Unlock()
	filled := make([]Edit, len(edits))
	for i, e := range edits {
		switch x := e.(type) {
		case CreateTable:
			t := *x.Table
			if t.ID == 0 {
				t.ID = n.mu.table
				n.mu.table++
			}
			t.OID = n.oidLocked(t.OID)
			x.Table = &t
			e = x
		case CreateSchema:
			x.OID = n.oidLocked(x.OID)
			e = x
		}
		filled[i] = e
	}
	return filled
}

func (n *Numbers) oidLocked(given uint32) uint32 {
	if given == 0 {
		given = n.mu.oid
		n.mu.oid++
	}
	return given
}
