package table

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/persist"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Version is which parts exist, of all tables. It is immutable, holds a reference to the picture of each table and shares
// pictures with other versions; it is counted itself.
type Version struct {
	Catalog *catalog.Snapshot
	tables  persist.Map[*shelf.Picture]
	closed  bool
	refs    atomic.Int64
}

// NewVersion returns a version with one reference. It takes over the map of the tables' pictures by table.
func NewVersion(c *catalog.Snapshot, tables persist.Map[*shelf.Picture]) *Version {
	v := &Version{Catalog: c, tables: tables}
	v.refs.Store(1)
	return v
}

// picture returns what a table holds, nil when it holds nothing.
func (v *Version) picture(id catalog.TableID) *shelf.Picture {
	p, _ := v.tables.Get(uint64(id))
	return p
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
	v.tables.Release()
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
	v := NewVersion(s.version.Catalog, persist.Map[*shelf.Picture]{})
	v.closed = true
	c.Set(s.sequence, v)
}
