package catalog

// Forgotten returns the counters of sequences that edits have dropped, or started anew: was is the catalog before them.
func Forgotten(was, now *Snapshot, edits []Edit) (counters []uint32) {
	for _, e := range edits {
		for _, id := range e.IDs() {
			old, is := was.Object(id).(*Sequence)
			if !is {
				continue
			}
			if s, there := now.Object(id).(*Sequence); !there || s.Counter != old.Counter {
				counters = append(counters, old.Counter)
			}
		}
	}
	return counters
}

// Recounts tells that an edit may leave a counter without a sequence.
func (e Edit) Recounts() bool {
	if e.op == opDrop {
		return true
	}
	_, is := e.object.(*Sequence)
	return is && e.op == opReplace
}

// Counters returns the counters of all sequences.
func (s *Snapshot) Counters() map[uint32]bool {
	there := map[uint32]bool{}
	for o := range s.Objects(KindSequence) {
		there[o.(*Sequence).Counter] = true
	}
	return there
}

// Owned returns the sequences that belong to a column of a table, the one of an identity first; column 0: to any.
func (s *Snapshot) Owned(table ID, column uint32) (list []*Sequence) {
	for k := range s.dependents.From(dependent{table, 0}) {
		if k.on != table {
			break
		}
		q, is := s.Object(k.by).(*Sequence)
		if !is || q.Owned != table || column != 0 && q.OwnedColumn != column {
			continue
		}
		if q.Identity {
			list = append([]*Sequence{q}, list...)
		} else {
			list = append(list, q)
		}
	}
	return list
}

// IdentityOf returns the sequence of an identity column, nil where there is none.
func (s *Snapshot) IdentityOf(table ID, column uint32) *Sequence {
	if list := s.Owned(table, column); len(list) > 0 && list[0].Identity {
		return list[0]
	}
	return nil
}
