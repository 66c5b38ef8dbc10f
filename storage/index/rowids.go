package index

import (
	"bytes"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// RowIDs is a set of rows of a table by their numbers, which count the rows that ever came to it: what a transaction
// deletes. The number of a row stays when a live segment is sealed, in whatever order; its place may not. nil is an
// empty set that cannot grow. It belongs to one goroutine while it grows.
type RowIDs struct{ bm *roaring64.Bitmap }

// NewRowIDs returns an empty set.
func NewRowIDs() *RowIDs { return &RowIDs{roaring64.New()} }

// Add adds a row and tells whether it was not there.
func (s *RowIDs) Add(id uint64) bool { return s.bm.CheckedAdd(id) }

// AddMany adds rows.
func (s *RowIDs) AddMany(ids []uint64) { s.bm.AddMany(ids) }

// AddRange adds the rows from one number to below another.
func (s *RowIDs) AddRange(from, to uint64) { s.bm.AddRange(from, to) }

// Split returns the rows below a number, and the others. It may return the set itself, and nil for an empty one.
func (s *RowIDs) Split(at uint64) (below, rest *RowIDs) {
	switch {
	case s.Len() == 0:
		return nil, nil
	case s.bm.Maximum() < at:
		return s, nil
	case s.bm.Minimum() >= at:
		return nil, s
	}
	below, rest = s.Clone(), s.Clone()
	below.bm.RemoveRange(at, s.bm.Maximum()+1)
	rest.bm.RemoveRange(0, at)
	return below, rest
}

// Union returns the rows of both sets. It may return one of them.
func (s *RowIDs) Union(o *RowIDs) *RowIDs {
	switch {
	case s.Len() == 0:
		return o
	case o.Len() == 0:
		return s
	}
	return &RowIDs{roaring64.Or(s.bm, o.bm)}
}

// AddAll adds the rows of another set.
func (s *RowIDs) AddAll(o *RowIDs) {
	if o != nil {
		s.bm.Or(o.bm)
	}
}

// Len returns the number of rows.
func (s *RowIDs) Len() int64 {
	if s == nil {
		return 0
	}
	return int64(s.bm.GetCardinality())
}

// Bytes returns about how much memory the set takes.
func (s *RowIDs) Bytes() int64 {
	if s == nil {
		return 0
	}
	return int64(s.bm.GetSizeInBytes())
}

// Has tells whether a row is in the set.
func (s *RowIDs) Has(id uint64) bool { return s != nil && s.bm.Contains(id) }

// AtLeast returns the first row whose number is at least id, if there is one. It looks at ranges of 65,536 rows.
func (s *RowIDs) AtLeast(id uint64) (uint64, bool) {
	if s == nil {
		return 0, false
	}
	below := uint64(0)
	if id > 0 {
		below = s.bm.Rank(id - 1)
	}
	if below >= s.bm.GetCardinality() {
		return 0, false
	}
	n, err := s.bm.Select(below)
	return n, err == nil
}

// Clone returns a copy.
func (s *RowIDs) Clone() *RowIDs {
	if s == nil {
		return NewRowIDs()
	}
	return &RowIDs{s.bm.Clone()}
}

// Meets tells whether two sets have a row in common.
func (s *RowIDs) Meets(o *RowIDs) bool {
	return s != nil && o != nil && s.bm.Intersects(o.bm)
}

// Count returns how many of the rows from base to base+n-1 are in the set. It looks at ranges of 65,536 rows, not at rows.
func (s *RowIDs) Count(base uint64, n int) int {
	if s == nil || n == 0 {
		return 0
	}
	count := s.bm.Rank(base + uint64(n) - 1)
	if base > 0 {
		count -= s.bm.Rank(base - 1)
	}
	return int(count)
}

// Within appends the rows from base to base+n-1, as distances from base, in ascending order.
func (s *RowIDs) Within(dst []uint32, base uint64, n int) []uint32 {
	count := s.Count(base, n)
	if count == 0 {
		return dst
	}
	dst = slices.Grow(dst, count)
	it := s.bm.Iterator()
	for it.AdvanceIfNeeded(base); it.HasNext(); {
		id := it.Next()
		if id-base >= uint64(n) {
			break
		}
		dst = append(dst, uint32(id-base))
	}
	return dst
}

// Walk hands the rows from base to base+n-1 to do, in ascending order.
func (s *RowIDs) Walk(base, n uint64, do func(id uint64)) {
	if s == nil {
		return
	}
	it := s.bm.Iterator()
	for it.AdvanceIfNeeded(base); it.HasNext(); {
		id := it.Next()
		if id-base >= n {
			return
		}
		do(id)
	}
}

// Pack makes the set as small as it gets. It changes the set, as Add does.
func (s *RowIDs) Pack() { s.bm.RunOptimize() }

// Append appends the set in the portable form of 64-bit roaring bitmaps.
func (s *RowIDs) Append(dst []byte) []byte {
	b, err := s.bm.ToPortableBytes()
	if err != nil {
		panic("index: a bitmap in memory could not be written: " + err.Error())
	}
	return append(dst, b...)
}

// ReadRowIDs reads what Append wrote.
func ReadRowIDs(b []byte) (*RowIDs, error) {
	s := NewRowIDs()
	in := bytes.NewReader(b)
	if _, err := s.bm.ReadPortableFrom(in); err != nil {
		return nil, errs.Corrupt("row numbers: %w", err)
	}
	if err := s.bm.Validate(); err != nil {
		return nil, errs.Corrupt("row numbers: %w", err)
	}
	if in.Len() > 0 {
		return nil, errs.Corrupt("row numbers: %d bytes follow", in.Len())
	}
	return s, nil
}
