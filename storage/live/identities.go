package live

import (
	"sort"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// identities are those of the rows that are new versions of others, in the order of the rows: 12 bytes for each such row,
// and twice as many while the lists grow. A segment without any has nothing of it. Lists that are outgrown stay until the
// segment goes, as readers may be in them; entries that readers may see never change.
type identities struct {
	list atomic.Pointer[identityList]
	n    atomic.Int64 // entries; those of rows that are not published do not count for readers
}

type identityList struct {
	rows []uint32
	ids  []int64
}

// identitiesFirst is the room of the first list: a small page of the arena.
const identitiesFirst = 64

// appendIdentities notes the identities of rows [from, from+n) of a batch, which are rows of the segment from at on. v is
// the batch's hidden column.
func (s *Segment) appendIdentities(v *batch.Vector, from, n, at int) error {
	x := &s.identities
	ids := batch.Values[int64](v)
	for i := from; i < from+n; i++ {
		if v.IsNull(i) {
			continue
		}
		l, count := x.list.Load(), int(x.n.Load())
		if l == nil || count == len(l.rows) {
			var err error
			if l, err = s.growIdentities(l, count); err != nil {
				return err
			}
		}
		l.rows[count], l.ids[count] = uint32(at+i-from), ids[i]
		x.n.Store(int64(count + 1))
	}
	return nil
}

func (s *Segment) growIdentities(l *identityList, count int) (*identityList, error) {
	room := max(identitiesFirst, 2*count)
	rows, err := s.alloc.get(4 * room)
	if err != nil {
		return nil, err
	}
	ids, err := s.alloc.get(8 * room)
	if err != nil {
		return nil, err
	}
	grown := &identityList{mem.View[uint32](rows)[:room], mem.View[int64](ids)[:room]}
	if l != nil {
		copy(grown.rows, l.rows[:count])
		copy(grown.ids, l.ids[:count])
	}
	s.identities.list.Store(grown)
	return grown, nil
}

// from returns the entries of rows [from, to).
func (x *identities) from(from, to int) (rows []uint32, ids []int64) {
	n := int(x.n.Load()) // before the list, which then has as many
	if n == 0 {
		return nil, nil
	}
	l := x.list.Load()
	first := sort.Search(n, func(i int) bool { return int(l.rows[i]) >= from })
	last := first + sort.Search(n-first, func(i int) bool { return int(l.rows[first+i]) >= to })
	return l.rows[first:last], l.ids[first:last]
}

// truncate forgets the entries of rows from a number on.
func (x *identities) truncate(rows int) {
	if l := x.list.Load(); l != nil {
		n := int(x.n.Load())
		x.n.Store(int64(sort.Search(n, func(i int) bool { return int(l.rows[i]) >= rows })))
	}
}

// fill makes v the identities of rows [at, at+n), whose numbers begin with first; valid is room for its validity.
func (x *identities) fill(v *batch.Vector, valid batch.Bitmap, at, n int, first uint64) {
	v.Reset(types.T(types.Int8), n)
	values := batch.Values[int64](v)
	rows, ids := x.from(at, at+n)
	if first >= scan.OwnRows {
		v.Valid = valid[:batch.Words(n)]
		clear(v.Valid)
		clear(values)
		for i, row := range rows {
			v.Valid.Set(int(row) - at)
			values[int(row)-at] = ids[i]
		}
		return
	}
	for i := range values[:n] {
		values[i] = int64(first) + int64(i)
	}
	for i, row := range rows {
		values[int(row)-at] = ids[i]
	}
}

// Identity returns the identity of a row with a number.
func (s *Segment) Identity(row uint32, number uint64) int64 {
	if _, ids := s.identities.from(int(row), int(row)+1); len(ids) > 0 {
		return ids[0]
	}
	return int64(number)
}

// Identified tells whether any row has an identity that differs from its number.
func (s *Segment) Identified() bool { return s.identities.n.Load() > 0 }

// Identities returns the hidden column of all rows as a file has it, nil when no row has an entry. The segment must be
// frozen.
func (s *Segment) Identities() *batch.Vector {
	rows, ids := s.identities.from(0, s.rows)
	if len(rows) == 0 {
		return nil
	}
	v := &batch.Vector{}
	v.Reset(types.T(types.Int8), s.rows)
	clear(v.Data)
	v.Valid = make(batch.Bitmap, batch.Words(s.rows))
	values := batch.Values[int64](v)
	for i, row := range rows {
		v.Valid.Set(int(row))
		values[row] = ids[i]
	}
	return v
}
