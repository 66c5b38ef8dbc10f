package shelf

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/persist"
)

// Picture is what a shelf held at a time: settled files, then live segments in the order of their rows. It is immutable,
// counted, and shares with other pictures what has not changed.
type Picture struct {
	Files persist.Map[Sealed]
	// Rows are those of Files that are not deleted; Aside how many of Files were set aside.
	Rows, Aside int64
	Live        []LivePart
	Next        uint64 // number of the row behind all of them

	refs atomic.Int64
}

// LivePart is a live segment without its deleted rows. Base is the number of its first row.
type LivePart struct {
	*live.Segment
	Base    uint64
	Deleted *index.RowSet
	Frozen  bool
}

// Picture returns the shelf as it is, which the caller releases. All of a table's parts are settled or live.
func (s *Shelf) Picture() *Picture {
	p := &Picture{Files: s.Files.Clone(), Rows: s.rows, Aside: s.aside, Live: make([]LivePart, len(s.Parts)), Next: s.Next}
	for i, l := range s.Parts {
		l.Live.Retain()
		p.Live[i] = LivePart{l.Live, l.Base, l.Deleted, l.Frozen}
	}
	p.refs.Store(1)
	return p
}

// Retain adds a reference.
func (p *Picture) Retain() { p.refs.Add(1) }

// Release drops a reference; the last one lets the parts go.
func (p *Picture) Release() {
	n := p.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("shelf: Release of a picture without a reference")
	}
	p.Files.Release()
	for _, l := range p.Live {
		l.Release()
	}
}
