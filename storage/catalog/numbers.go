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
		id  ID
		oid uint32
	}
}

// NewNumbers gives out the numbers that follow those of a catalog.
func NewNumbers(s *Snapshot) *Numbers {
	n := &Numbers{}
	n.mu.id, n.mu.oid = s.nextID, s.nextOID
	return n
}

// OID returns an OID that nothing else has.
func (n *Numbers) OID() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.oidLocked(0)
}

// Fill returns the edits with fresh numbers in place of zeros, but those of what a Change makes: it asks for OIDs itself.
func (n *Numbers) Fill(edits []Edit) []Edit {
	n.mu.Lock()
	defer n.mu.Unlock()
	filled := make([]Edit, len(edits))
	for i, e := range edits {
		if e.op == opCreate {
			e.object = e.object.clone()
			n.fillLocked(e.object)
		}
		filled[i] = e
	}
	return filled
}

func (n *Numbers) fillLocked(o Object) {
	h := o.Common()
	if h.ID == 0 {
		h.ID = n.mu.id
		n.mu.id++
	}
	h.OID = n.oidLocked(h.OID)
	t, ok := o.(*Table)
	if !ok {
		return
	}
	for i := range t.Constraints {
		k := &t.Constraints[i]
		k.OID = n.oidLocked(k.OID)
		if k.Indexed() {
			k.Index = n.oidLocked(k.Index)
		}
	}
}

func (n *Numbers) oidLocked(given uint32) uint32 {
	if given == 0 {
		given = n.mu.oid
		n.mu.oid++
	}
	return given
}
