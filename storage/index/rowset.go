package index

import (
	"bytes"
	"math/bits"
	"slices"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// RowSet is a set of rows of one part of a table, by their place in it: the deletion vector of a segment. nil is the
// empty set. It is immutable; With makes another that shares the blocks which did not change.
//
// In memory a block of 65,536 rows is a bit per row, or nothing where no row is in the set, since a scan wants whole
// words of the vector it stands in. In files the set is a roaring bitmap, of which a block is one container.
type RowSet struct {
	blocks []*rowBlock
	count  int
}

type rowBlock struct {
	words [scan.BlockRows / 64]uint64
	count int
	few   atomic.Pointer[fewRows] // made when it is asked for
}

// fewMost is how many rows of a block are listed for those who would rather have a list than bits: an eighth of them.
const fewMost = scan.BlockRows / 8

// blockVectors is how many vectors a block has.
const blockVectors = scan.BlockRows / batch.MaxRows

// fewRows are the rows of a block by vector, each by its place there.
type fewRows struct {
	places []uint16
	starts [blockVectors + 1]uint16
}

// Len returns the number of rows.
func (s *RowSet) Len() int {
	if s == nil {
		return 0
	}
	return s.count
}

// Bytes returns the memory of the set, counting what it shares with others.
func (s *RowSet) Bytes() (n int64) {
	if s == nil {
		return 0
	}
	for _, b := range s.blocks {
		n += 8
		if b != nil {
			n += scan.BlockRows/8 + 16
			if b.count <= fewMost {
				n += int64(2*b.count) + 2*(blockVectors+1) + 24 // the list that may be made
			}
		}
	}
	return n
}

// Has tells whether a row is in the set.
func (s *RowSet) Has(row int) bool {
	b := s.block(row / scan.BlockRows)
	return b != nil && b.words[row%scan.BlockRows/64]>>(uint(row)&63)&1 != 0
}

func (s *RowSet) block(i int) *rowBlock {
	if s == nil || i >= len(s.blocks) {
		return nil
	}
	return s.blocks[i]
}

// Words returns a bit per row from row on, which is a multiple of 64, to the end of its block; nil when the block has
// none of the set.
func (s *RowSet) Words(row int) batch.Bitmap {
	b := s.block(row / scan.BlockRows)
	if b == nil {
		return nil
	}
	return b.words[row%scan.BlockRows/64:]
}

// Few lists the rows of the vector that begins at row, by their places there; false when it has too many of them. Who
// scans would lose more by looking for them among bits than by all else that a few missing rows cost.
func (s *RowSet) Few(row int) ([]uint16, bool) {
	b := s.block(row / scan.BlockRows)
	if b == nil {
		return nil, true
	}
	f := b.few.Load()
	if f == nil {
		if b.count > fewMost {
			return nil, false
		}
		f = b.list()
		b.few.Store(f)
	}
	v := row % scan.BlockRows / batch.MaxRows
	return f.places[f.starts[v]:f.starts[v+1]], true
}

func (b *rowBlock) list() *fewRows {
	f := &fewRows{places: make([]uint16, 0, b.count)}
	for i, w := range b.words {
		for ; w != 0; w &= w - 1 {
			f.places = append(f.places, uint16((i<<6+bits.TrailingZeros64(w))%batch.MaxRows))
		}
		f.starts[i/(batch.MaxRows/64)+1] = uint16(len(f.places))
	}
	return f
}

// All tells whether the n rows from row on are in the set. They lie in one block, and row is a multiple of 64.
func (s *RowSet) All(row, n int) bool {
	b := s.block(row / scan.BlockRows)
	return b != nil && b.count >= n && batch.Bitmap(b.words[row%scan.BlockRows/64:])[:batch.Words(n)].Count() >= n
}

// With returns the set with further rows. Those that it has already, and the order, do not matter.
func (s *RowSet) With(rows []uint32) *RowSet {
	if len(rows) == 0 {
		return s
	}
	next := &RowSet{count: s.Len()}
	if s != nil {
		next.blocks = slices.Clone(s.blocks)
	}
	for _, r := range rows {
		i := int(r) / scan.BlockRows
		for len(next.blocks) <= i {
			next.blocks = append(next.blocks, nil)
		}
		b := next.blocks[i]
		if old := s.block(i); b == nil || b == old {
			b = new(rowBlock)
			if old != nil {
				b.words, b.count = old.words, old.count
			}
			next.blocks[i] = b
		}
		w, bit := &b.words[r%scan.BlockRows/64], uint64(1)<<(r&63)
		if *w&bit == 0 {
			*w |= bit
			b.count++
			next.count++
		}
	}
	if next.count == s.Len() {
		return s
	}
	return next
}

// Moved returns the set of the places that the rows have in another order: row r stands at places[r] there.
func (s *RowSet) Moved(places []uint32) *RowSet {
	if s.Len() == 0 {
		return nil
	}
	rows := s.Rows()
	for i, r := range rows {
		rows[i] = places[r]
	}
	return (*RowSet)(nil).With(rows)
}

// Rows lists the rows in ascending order.
func (s *RowSet) Rows() []uint32 {
	rows := make([]uint32, 0, s.Len())
	if s == nil {
		return rows
	}
	for i, b := range s.blocks {
		if b == nil {
			continue
		}
		for j, w := range b.words {
			for ; w != 0; w &= w - 1 {
				rows = append(rows, uint32(i*scan.BlockRows+j*64+bits.TrailingZeros64(w)))
			}
		}
	}
	return rows
}

// Append appends the set as a roaring bitmap in its portable form.
func (s *RowSet) Append(dst []byte) []byte {
	bm := roaring.New()
	if s != nil {
		dense := make([]uint64, len(s.blocks)*scan.BlockRows/64)
		for i, b := range s.blocks {
			if b != nil {
				copy(dense[i*len(b.words):], b.words[:])
			}
		}
		bm.FromDense(dense, false)
	}
	bm.RunOptimize()
	b, err := bm.ToBytes()
	if err != nil {
		panic("index: a bitmap in memory could not be written: " + err.Error())
	}
	return append(dst, b...)
}

// RowsIn returns how many rows the set has that Append wrote.
func RowsIn(b []byte) (int, error) {
	bm := roaring.New()
	_, err := bm.ReadFrom(bytes.NewReader(b))
	if err == nil {
		err = bm.Validate()
	}
	if err != nil {
		return 0, errs.Corrupt("deleted rows: %w", err)
	}
	return int(bm.GetCardinality()), nil
}

// ReadRowSet reads what Append wrote, of a part with so many rows.
func ReadRowSet(b []byte, rows int) (*RowSet, error) {
	bm := roaring.New()
	in := bytes.NewReader(b)
	if _, err := bm.ReadFrom(in); err != nil {
		return nil, errs.Corrupt("deleted rows: %w", err)
	}
	if err := bm.Validate(); err != nil {
		return nil, errs.Corrupt("deleted rows: %w", err)
	}
	if in.Len() > 0 || !bm.IsEmpty() && uint64(bm.Maximum()) >= uint64(rows) {
		return nil, errs.Corrupt("deleted rows: there are rows beyond the %d of the segment", rows)
	}
	if bm.IsEmpty() {
		return nil, nil
	}
	s := &RowSet{blocks: make([]*rowBlock, int(bm.Maximum())/scan.BlockRows+1), count: int(bm.GetCardinality())}
	var buf [1024]uint32
	for it := bm.ManyIterator(); ; {
		n := it.NextMany(buf[:])
		if n == 0 {
			return s, nil
		}
		for _, r := range buf[:n] {
			b := s.blocks[r/scan.BlockRows]
			if b == nil {
				b = new(rowBlock)
				s.blocks[r/scan.BlockRows] = b
			}
			b.words[r%scan.BlockRows/64] |= 1 << (r & 63)
			b.count++
		}
	}
}
