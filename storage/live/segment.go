// Package live is the mutable segment of one table: the rows that are acknowledged and not yet sealed. One goroutine
// appends; any number of readers look at published prefixes without locks.
//
// # Layout
//
// Columns lie in chunks that never move: 2,048 rows, then doubling to 65,536 (one block), then 65,536 each, so that a
// small table is small, every vector of 2,048 rows lies in one chunk, and a full chunk is a block. Fixed-width values
// lie as in vectors, booleans and validity one byte per row: bits would share words between published rows and the one
// being written. Strings are uint32 codes of an append-only dictionary (dict.go). All of it is off-heap.
//
// # Publishing
//
// Append writes behind what readers may see and Mark notes how many rows belong to a log sequence. The caller then
// makes the sequence visible (one atomic store of its own, covering all tables). A reader asks for the prefix up to
// a sequence: rows behind it may be half-written and are not touched. Zone maps (minimum and maximum per 8,192 rows)
// exist for whole zones; the last, open zone is never pruned.
//
// A Segment is reference-counted: whoever holds a Prefix holds a reference. Freezing is the owner's affair: it just
// stops appending.
package live

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Column describes a column to New.
type Column struct {
	ID       uint32 // catalog.Column.ID
	Name     string // when the segment was made
	Type     types.Type
	Nullable bool
}

// Segment is one live segment.
type Segment struct {
	cols    []Column
	types   []types.Type
	dicts   []*dict // by column; nil where it is no string
	account *mem.Account
	alloc   arena
	first   uint64
	born    time.Time

	rows   int // appended; the writer's
	chunks atomic.Pointer[[]*chunk]
	zones  atomic.Pointer[[]zone]
	marks  marks
	refs   atomic.Int64

	keys       []keyed
	identities identities
}

// chunk is some rows of all columns.
type chunk struct{ cols []colChunk }

type colChunk struct {
	data  []byte // values; uint32 codes of strings; one byte per boolean
	valid []byte // one byte per row, 1: not NULL; nil for a column that is NOT NULL
}

// New returns an empty segment with one reference. first is the sequence of its first row. Memory is charged to the
// account, which must not refuse: the rows that come are acknowledged already.
func New(cols []Column, account *mem.Account, first uint64, born time.Time) *Segment {
	s := &Segment{cols: cols, account: account, first: first, born: born, dicts: make([]*dict, len(cols))}
	s.alloc.account = account
	for i, c := range cols {
		s.types = append(s.types, c.Type)
		if c.Type.Physical() == types.PhysBytes {
			s.dicts[i] = newDict(&s.alloc)
		}
	}
	s.chunks.Store(&[]*chunk{})
	s.zones.Store(&[]zone{})
	s.refs.Store(1)
	return s
}

// First returns the sequence of the first row.
func (s *Segment) First() uint64 { return s.first }

// Born returns when the segment was made.
func (s *Segment) Born() time.Time { return s.born }

// Rows returns the rows appended, published or not. Only the writer, or anybody once it stopped appending, may ask.
func (s *Segment) Rows() int { return s.rows }

// Bytes returns the bytes the segment holds.
func (s *Segment) Bytes() int64 { return s.alloc.bytes.Load() }

// Types returns the column types. The slice belongs to the segment.
func (s *Segment) Types() []types.Type { return s.types }

// Columns returns the columns. The slice belongs to the segment.
func (s *Segment) Columns() []Column { return s.cols }

// Retain adds a reference.
func (s *Segment) Retain() { s.refs.Add(1) }

// Release drops a reference; the last one frees all memory.
func (s *Segment) Release() {
	if n := s.refs.Add(-1); n == 0 {
		s.releaseKeys()
		s.alloc.release()
	} else if n < 0 {
		panic("live: Release without Retain")
	}
}

// The geometry of chunks: see the package comment.
const (
	firstShift = 11
	blockShift = 16
	growing    = blockShift - firstShift + 1 // chunks below one block in all
)

// chunkOf returns the chunk of a row and where the chunk starts.
func chunkOf(row int) (index, start int) {
	if row < 1<<blockShift {
		index = bits.Len(uint(row >> firstShift))
		return index, chunkStart(index)
	}
	index = growing - 1 + row>>blockShift
	return index, chunkStart(index)
}

func chunkStart(index int) int {
	switch {
	case index == 0:
		return 0
	case index < growing:
		return 1 << (firstShift + index - 1)
	}
	return (index - growing + 1) << blockShift
}

// maxHeap is the most bytes of one dictionary's heap: offsets are uint32.
const maxHeap = 1<<32 - 1

// Fits tells whether the strings of a flat batch fit into the dictionaries. An empty segment takes any batch.
func (s *Segment) Fits(b *batch.Batch) bool {
	for i, d := range s.dicts {
		if d != nil && int64(d.heapLen)+int64(len(b.Cols[i].Data)) > maxHeap {
			return false
		}
	}
	return true
}

// Append adds rows of a batch of flat vectors behind those that readers see. It may have one more than the segment's
// columns, with the identities of new versions (scan.IdentityColumn). After an error (no memory from the system)
// some of them may lie there: the segment takes no more and must not be sealed.
func (s *Segment) Append(b *batch.Batch, from, to int) error {
	own, hidden := b.Cols, (*batch.Vector)(nil)
	if len(own) == len(s.cols)+1 {
		own, hidden = own[:len(s.cols)], own[len(s.cols)]
	}
	if len(own) != len(s.cols) {
		return errs.Internal("append %d columns to %d", len(b.Cols), len(s.cols))
	}
	for from < to {
		index, start := chunkOf(s.rows)
		c, err := s.chunk(index)
		if err != nil {
			return err
		}
		n := min(to-from, chunkStart(index+1)-s.rows)
		for i, v := range own {
			if err := s.appendColumn(i, &c.cols[i], s.rows-start, v, from, n); err != nil {
				return err
			}
		}
		if hidden != nil {
			if err := s.appendIdentities(hidden, from, n, s.rows); err != nil {
				return err
			}
		}
		s.rows += n
		from += n
		s.closeZones()
	}
	return nil
}

// chunk returns a chunk, which may be the next one.
func (s *Segment) chunk(index int) (*chunk, error) {
	list := *s.chunks.Load()
	if index < len(list) {
		return list[index], nil
	}
	rows := chunkStart(index+1) - chunkStart(index)
	c := &chunk{cols: make([]colChunk, len(s.cols))}
	for i, col := range s.cols {
		var err error
		if c.cols[i].data, err = s.alloc.get(rows * width(col.Type)); err != nil {
			return nil, err
		}
		if col.Nullable {
			if c.cols[i].valid, err = s.alloc.get(rows); err != nil {
				return nil, err
			}
		}
	}
	next := append(list[:len(list):len(list)], c)
	s.chunks.Store(&next)
	return c, nil
}

// width is the bytes of a value in a chunk.
func width(t types.Type) int {
	switch p := t.Physical(); p {
	case types.PhysBool:
		return 1
	case types.PhysBytes:
		return 4
	default:
		return p.Width()
	}
}

func (s *Segment) appendColumn(i int, c *colChunk, at int, v *batch.Vector, from, n int) error {
	if c.valid != nil {
		valid := c.valid[at : at+n]
		if v.Valid == nil {
			for j := range valid {
				valid[j] = 1
			}
		} else {
			for j := range valid {
				valid[j] = byte(v.Valid[(from+j)>>6] >> (uint(from+j) & 63) & 1)
			}
		}
	} else if v.Valid != nil {
		for j := from; j < from+n; j++ {
			if !v.Valid.Get(j) {
				return errs.New(errs.NotNullViolation, "null value in column %d violates not-null constraint", i+1)
			}
		}
	}
	switch w := width(s.cols[i].Type); s.cols[i].Type.Physical() {
	case types.PhysBytes:
		return s.dicts[i].append(mem.View[uint32](c.data)[at:at+n], v, from)
	case types.PhysBool:
		words := v.Bools()
		for j := range n {
			c.data[at+j] = byte(words[(from+j)>>6] >> (uint(from+j) & 63) & 1)
		}
	default:
		copy(c.data[at*w:(at+n)*w], v.Data[from*w:(from+n)*w])
	}
	return nil
}

// Mark notes that the rows appended so far belong to records up to a sequence, and publishes the dictionaries that
// they need. Readers see them when they ask for that sequence.
func (s *Segment) Mark(sequence uint64) {
	for _, d := range s.dicts {
		if d != nil {
			d.publish()
		}
	}
	s.alloc.charge(s.marks.add(sequence, s.rows))
}

// RowsAt returns the rows of records up to a sequence that was marked and made visible.
func (s *Segment) RowsAt(sequence uint64) int { return s.marks.rows(sequence) }

const _ = uint(scan.VectorRows - 1<<firstShift) // a vector lies in one chunk
