package table

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
)

// Options are what all snapshots of a database share.
type Options struct {
	// ServeDamaged: a table with a quarantined segment answers with the rest of its rows; otherwise its reads fail.
	ServeDamaged bool
}

// Snapshot is one picture of all tables: a version, and the log sequence up to which rows of live segments count. A
// row is in exactly one part of it. It is counted and safe for concurrent use.
type Snapshot struct {
	sequence uint64
	version  *Version
	o        *Options
	parent   *Snapshot // of an overlay
	own      *Own
	pins     segment.Pins // dictionaries that rows of this snapshot point into
	refs     atomic.Int64
}

// pinned returns the pins of the snapshot that an overlay was laid over, which lives as long as the overlay.
func (s *Snapshot) pinned() *segment.Pins {
	for s.parent != nil {
		s = s.parent
	}
	return &s.pins
}

// Catalog returns the catalog of the picture.
func (s *Snapshot) Catalog() *catalog.Snapshot { return s.version.Catalog }

// Sequence returns the sequence of the newest record in the picture.
func (s *Snapshot) Sequence() uint64 { return s.sequence }

// Retain adds a reference.
func (s *Snapshot) Retain() { s.refs.Add(1) }

// Release drops a reference. Relations, scans and rows of the snapshot are not to be used after the last one.
func (s *Snapshot) Release() {
	n := s.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("table: Release of a snapshot without a reference")
	}
	if s.parent != nil {
		s.own.release()
		s.parent.Release()
	} else {
		s.pins.Release()
		s.version.Release()
	}
}

// Own is what a transaction has written to one table and not committed. The table may be one that the transaction made.
type Own struct {
	Table    *catalog.Table
	Segments []*Segment
	Live     []*live.Segment
	Rows     []int // of each live segment: the first so many
}

func (o *Own) release() {
	for _, g := range o.Segments {
		g.Release()
	}
	for _, l := range o.Live {
		l.Release()
	}
}

// Overlay returns a snapshot that also has a transaction's own rows of one table. It takes references; the caller
// releases both snapshots.
func (s *Snapshot) Overlay(own *Own) *Snapshot {
	s.Retain()
	for _, g := range own.Segments {
		g.Retain()
	}
	for _, l := range own.Live {
		l.Retain()
	}
	n := &Snapshot{sequence: s.sequence, version: s.version, o: s.o, parent: s, own: own}
	n.refs.Store(1)
	return n
}

// Table returns a table's rows. It is valid as long as the snapshot.
func (s *Snapshot) Table(id catalog.TableID) (scan.Relation, error) {
	if s.version.closed {
		return nil, errs.New(errs.AdminShutdown, "the database is closed")
	}
	t := s.tableByID(id)
	if t == nil {
		return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	v := &View{types: t.Types()}
	ids := make([]uint32, len(t.Columns))
	for i, c := range t.Columns {
		ids[i] = c.ID
	}
	if p := s.version.tables[id]; p != nil {
		for _, seg := range p.Segments {
			if seg.File == nil {
				if !s.o.ServeDamaged {
					return nil, quarantined(t, seg.Meta)
				}
				continue
			}
			v.add(seg.File.Part(ids, v.types, s.pinned()), seg)
		}
		for _, l := range p.Live {
			if n := l.RowsAt(s.sequence); n > 0 {
				v.add(l.Prefix(n), nil)
			}
		}
	}
	for o := s; o.parent != nil; o = o.parent {
		if o.own.Table.ID != id {
			continue
		}
		for _, g := range o.own.Segments {
			v.add(g.File.Part(ids, v.types, s.pinned()), g)
		}
		for i, l := range o.own.Live {
			v.add(l.Prefix(o.own.Rows[i]), nil)
		}
	}
	return v, nil
}

// tableByID finds a table, also one that the transaction of an overlay made.
func (s *Snapshot) tableByID(id catalog.TableID) *catalog.Table {
	if t := s.version.Catalog.TableByID(id); t != nil {
		return t
	}
	for o := s; o.parent != nil; o = o.parent {
		if o.own.Table.ID == id {
			return o.own.Table
		}
	}
	return nil
}

func quarantined(t *catalog.Table, m manifest.Segment) error {
	return errs.Corrupt("table %q: segment %d with %d rows is damaged and was set aside: %s", t.Name, m.File, m.Rows, m.Quarantined).
		WithHint("Restore the segment file from a backup, or start the server with --serve-damaged to read the rest of the table.")
}

// SegmentInfo describes one part of a table, for the system view siltstone.segments.
type SegmentInfo struct {
	Table       catalog.TableID
	Schema      string
	Name        string // of the table
	ID          uint64 // of the file; 0 for live segments
	State       string // "open", "frozen", "published" or "quarantined"
	Rows, Bytes int64
	First, Last uint64 // sequences
	Detail      string // why it was set aside
}

// Segments lists all parts by table.
func (s *Snapshot) Segments() []SegmentInfo {
	var infos []SegmentInfo
	for _, t := range s.version.Catalog.Tables() {
		p := s.version.tables[t.ID]
		if p == nil {
			continue
		}
		for _, g := range p.Segments {
			m := g.Meta
			i := SegmentInfo{t.ID, t.Schema, t.Name, uint64(m.File), "published", m.Rows, m.Bytes, m.First, m.Last, ""}
			if g.File == nil {
				i.State, i.Detail = "quarantined", m.Quarantined
			}
			infos = append(infos, i)
		}
		for k, l := range p.Live {
			i := SegmentInfo{t.ID, t.Schema, t.Name, 0, "frozen", int64(l.RowsAt(s.sequence)), l.Bytes(), l.First(), s.sequence, ""}
			if k == len(p.Live)-1 {
				i.State = "open"
			}
			infos = append(infos, i)
		}
	}
	return infos
}
