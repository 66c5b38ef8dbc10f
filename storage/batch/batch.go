// Package batch holds rows in memory: a Vector is one column of some rows in Arrow's layout or in an encoded form that
// keeps it small (constant, dictionary, bit-packed), a Batch is several vectors of one length and, while filters are
// at work, a Selection of its rows.
//
// # Ownership
//
// A batch belongs to whoever produced it and is valid until its producer is asked for the next one; a consumer that
// keeps rows copies them (and charges its account). Vectors reuse their buffers, so a pipeline in steady state
// allocates nothing. A vector may point into memory of the snapshot that a query holds (a dictionary, a cached block):
// that is valid until the snapshot is released. Nobody writes to a vector that somebody else produced.
//
// Batches are not safe for concurrent use; dictionaries are immutable and shared.
//
// # Length
//
// Batches that flow through an engine pipeline have at most MaxRows rows. Batches on their way in (INSERT, COPY, HTTP)
// may be longer, up to MaxAppendRows.
package batch

import "github.com/siltstone-db/siltstone/storage/types"

// MaxRows is the most rows of a batch inside the engine: 5 to 8 narrow columns of 2,048 rows stay in the L1 and L2
// caches, and the cost of a call per batch disappears (reference figures: 0.1 ns a row).
const MaxRows = 2048

// MaxAppendRows is the most rows of a batch that is appended to a table: one block.
const MaxAppendRows = 65536

// Batch is some rows: vectors of the same length.
type Batch struct {
	Len  int // rows of every vector, selected or not
	Cols []*Vector
	// Sel tells which rows count. Filters narrow it, Compact applies it. Operators other than filters get batches
	// where Sel.All() is true.
	Sel Selection
}

// New returns an empty batch with a flat vector for each type.
func New(ts []types.Type) *Batch {
	b := &Batch{Cols: make([]*Vector, len(ts))}
	for i, t := range ts {
		b.Cols[i] = &Vector{Type: t}
	}
	return b
}

// Types returns the types of the columns.
func (b *Batch) Types() []types.Type {
	ts := make([]types.Type, len(b.Cols))
	for i, c := range b.Cols {
		ts[i] = c.Type
	}
	return ts
}

// Reset empties the batch, keeping its buffers.
func (b *Batch) Reset() {
	b.Len = 0
	b.Sel = Selection{}
	for _, c := range b.Cols {
		c.Reset(c.Type, 0)
	}
}

// Bytes returns an estimate of the bytes that the batch's own values take.
func (b *Batch) Bytes() int64 {
	var n int64
	for _, c := range b.Cols {
		n += c.Bytes()
	}
	return n
}

// Rows returns the number of rows that count.
func (b *Batch) Rows() int {
	if b.Sel.All() {
		return b.Len
	}
	return b.Sel.Count()
}

// Compact copies the selected rows into dst, whose vectors keep constant and dictionary forms, and leaves dst without
// a selection. dst must have as many vectors as b.
func (b *Batch) Compact(dst *Batch) {
	idx := b.Sel.Indexes()
	for i, c := range b.Cols {
		dst.Cols[i].Gather(c, idx)
	}
	dst.Len = len(idx)
	dst.Sel = Selection{}
}

// Selection says which rows of a batch count: all of them (the zero value), those of a bitmap, or those of an ordered
// list of row numbers. A bitmap serves as long as more than about an eighth of the rows survive; below that the list
// is cheaper to follow. A Selection borrows its slices.
type Selection struct {
	Bits  Bitmap   // rows of the bitmap, when not nil
	Index []uint16 // rows of the list, when Bits is nil and not nil; sorted
	count int
	some  bool
}

// SelectBits selects the set bits of a bitmap.
func SelectBits(b Bitmap) Selection { return Selection{Bits: b, count: b.Count(), some: true} }

// SelectIndex selects the rows of a sorted list.
func SelectIndex(idx []uint16) Selection { return Selection{Index: idx, count: len(idx), some: true} }

// All tells that every row counts.
func (s *Selection) All() bool { return !s.some }

// Count returns the number of selected rows; it means nothing when All is true.
func (s *Selection) Count() int { return s.count }

// Indexes returns the selection as a list, converting the bitmap if need be. Not to be called when All is true.
func (s *Selection) Indexes() []uint16 {
	if s.Bits == nil {
		return s.Index
	}
	if cap(s.Index) < s.count {
		s.Index = make([]uint16, 0, max(MaxRows, s.count))
	}
	return s.Bits.AppendIndexes(s.Index[:0])
}
