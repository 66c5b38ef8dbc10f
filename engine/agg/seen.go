package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Seen remembers rows, equal ones once: for who must know of each row at once whether it came before. It belongs to one
// goroutine. Its memory is charged to the task's account, and what the account refuses leaves it as it was.
type Seen struct {
	lay     hashtable.Layout
	cols    []*hashtable.Column
	strings []*hashtable.Interner
	set     *hashtable.KeySet
	packed  []uint64
	fresh   []uint16
}

// NewSeen returns a Seen for rows of the given types, at least one.
func NewSeen(t *op.Task, ts []types.Type) (*Seen, error) {
	s := &Seen{}
	fields := make([]hashtable.Field, len(ts))
	for i, typ := range ts {
		fields[i] = hashtable.NewField(i, &scan.ColumnStats{}, typ, 0)
		if p := typ.Physical(); p == types.PhysBytes || p == types.PhysInterval {
			in, err := hashtable.NewInterner(t.Account, hashtable.EqualPart(typ), 0)
			if err != nil {
				s.Close()
				return nil, err
			}
			s.strings, fields[i].Strings = append(s.strings, in), in
		} else if p == types.PhysNone {
			return nil, errs.Unsupported("equality of values of type %s", typ)
		}
	}
	s.lay = hashtable.NewLayout(fields)
	for i := range s.lay.Fields {
		s.cols = append(s.cols, hashtable.NewColumn(s.lay.Fields[i].Typ, s.lay.Fields[i].Strings))
	}
	s.set = hashtable.NewKeySet(t.Account, s.lay.Words)
	s.packed = make([]uint64, batch.MaxRows*s.lay.Words)
	return s, nil
}

// Add remembers the rows of a batch and returns which of them are new. The result is valid until the next call.
func (s *Seen) Add(b *batch.Batch) ([]uint16, error) {
	n, k := b.Len, s.lay.Words
	packed := s.packed[:n*k]
	clear(packed)
	for i := range s.lay.Fields {
		f, c := &s.lay.Fields[i], s.cols[i]
		if err := c.Load(b.Cols[f.Column], n); err != nil {
			return nil, err
		}
		if !f.Pack(c, packed, k, n, false) {
			return nil, errs.Internal("a value of column %d has no place in its key", f.Column)
		}
	}
	if err := s.set.Reserve(n); err != nil {
		return nil, err
	}
	s.fresh = s.fresh[:0]
	for i := range n {
		key := packed[i*k : i*k+k]
		if !s.set.Has(key) {
			s.set.Add(key, 1)
			s.fresh = append(s.fresh, uint16(i))
		}
	}
	return s.fresh, nil
}

// Close gives all memory back. Nil may be closed.
func (s *Seen) Close() {
	if s == nil {
		return
	}
	for _, in := range s.strings {
		in.Close()
	}
	if s.set != nil {
		s.set.Release()
	}
}
