package table

import (
	"context"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
)

// Segment is an open segment file, or one that was set aside. It is shared by versions and counted; the last reference
// closes it and, when it is obsolete, removes the file.
type Segment struct {
	Meta manifest.Segment
	// File answers scans; nil when the segment is quarantined.
	File *segment.Segment
	// Damaged, if set, is told of damage that a scan met.
	Damaged func(s *Segment, err error)

	places atomic.Pointer[[]uint32]
	close  func()
	remove func()
	gone   atomic.Bool
	refs   atomic.Int64
}

// NewSegment returns a segment with one reference. close is called once after its last scan, and remove after that if
// the segment was made obsolete; both may be nil.
func NewSegment(meta manifest.Segment, file *segment.Segment, close, remove func()) *Segment {
	s := &Segment{Meta: meta, File: file, close: close, remove: remove}
	s.refs.Store(1)
	return s
}

// Retain adds a reference.
func (s *Segment) Retain() { s.refs.Add(1) }

// Obsolete tells that the manifest does not name the file any more: it goes with the last reference.
func (s *Segment) Obsolete() { s.gone.Store(true) }

// Release drops a reference.
func (s *Segment) Release() {
	n := s.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("table: Release of a segment without Retain")
	}
	if s.close != nil {
		s.close()
	}
	if s.remove != nil && s.gone.Load() {
		s.remove()
	}
}

// Read hands every row of the segment to f, in their order, as batches with the columns of t that are valid during the
// call.
func (s *Segment) Read(ctx context.Context, t *catalog.Table, account *mem.Account, f func(*batch.Batch) error) error {
	ids, columns := make([]uint32, len(t.Columns)), make([]int, len(t.Columns))
	for i, c := range t.Columns {
		ids[i], columns[i] = c.ID, i
	}
	ps, err := s.File.Part(ids, t.Types(), nil).Open(ctx, &scan.Request{Columns: columns, Account: account})
	if err != nil || ps == nil {
		return err
	}
	defer ps.Close()
	c, err := ps.Cursor()
	if err != nil {
		return err
	}
	defer c.Close()
	out := batch.New(t.Types())
	for m := range ps.Morsels() {
		if err := c.Seek(m); err != nil {
			return err
		}
		for {
			ok, err := c.Next(ctx, out)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if err := f(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// Parts is what a table consists of in a version: sealed segments, then live ones in the order of their rows.
type Parts struct {
	Table    *catalog.Table
	Segments []Sealed
	Live     []Live
}

// Sealed is a segment without its deleted rows.
type Sealed struct {
	*Segment
	Deleted *index.RowSet
}

// Live is a live segment without its deleted rows. Base is the number of its first row.
type Live struct {
	*live.Segment
	Base    uint64
	Deleted *index.RowSet
}

// Version is which parts exist, of all tables. It is immutable and holds a reference to each part; it is counted
// itself.
type Version struct {
	Catalog *catalog.Snapshot
	tables  map[catalog.TableID]*Parts
	closed  bool
	refs    atomic.Int64
}

// NewVersion returns a version with one reference. It takes references of its own to all parts.
func NewVersion(c *catalog.Snapshot, tables map[catalog.TableID]*Parts) *Version {
	v := &Version{Catalog: c, tables: tables}
	v.refs.Store(1)
	for _, p := range tables {
		for _, s := range p.Segments {
			s.Retain()
		}
		for _, l := range p.Live {
			l.Retain()
		}
	}
	return v
}

// tryRetain adds a reference unless the version is gone already.
func (v *Version) tryRetain() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release drops a reference; the last one lets the parts go.
func (v *Version) Release() {
	n := v.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("table: Release of a version without a reference")
	}
	for _, p := range v.tables {
		for _, s := range p.Segments {
			s.Release()
		}
		for _, l := range p.Live {
			l.Release()
		}
	}
}

// Current is what a new reader sees: a version and the log sequence up to which rows are visible. One atomic store
// makes a group of writes to any number of tables visible, and swaps a live segment for the file it was sealed into.
type Current struct {
	p atomic.Pointer[state]
}

type state struct {
	sequence uint64
	version  *Version
}

// Set publishes a version and a sequence. The reference to the version passes to Current, which drops the one it had;
// setting the version it has takes none.
func (c *Current) Set(sequence uint64, v *Version) {
	old := c.p.Swap(&state{sequence, v})
	if old != nil && old.version != v {
		old.version.Release()
	}
}

// Sequence returns the newest visible sequence.
func (c *Current) Sequence() uint64 { return c.p.Load().sequence }

// Catalog returns the newest catalog.
func (c *Current) Catalog() *catalog.Snapshot { return c.p.Load().version.Catalog }

// Snapshot pins what is visible now.
func (c *Current) Snapshot(o *Options) *Snapshot {
	for {
		if s := c.p.Load(); s.version.tryRetain() {
			n := &Snapshot{sequence: s.sequence, version: s.version, o: o}
			n.refs.Store(1)
			return n
		}
	}
}

// Close drops the version. The catalog can still be read; tables answer that the database is closed.
func (c *Current) Close() {
	s := c.p.Load()
	if s == nil {
		return
	}
	v := NewVersion(s.version.Catalog, nil)
	v.closed = true
	c.Set(s.sequence, v)
}
