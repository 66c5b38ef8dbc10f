package table

import (
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
)

// Options are what all snapshots of a database share.
type Options struct {
	// ServeDamaged: a table with a quarantined segment answers with the rest of its rows; otherwise its reads fail.
	ServeDamaged bool
	// Account is charged for uncommitted rows that an Overlay copies. It must not refuse.
	Account *mem.Account
}

// Snapshot is one picture of all tables: a version, and the log sequence up to which rows of live segments count. A
// row is in exactly one part of it. It is counted and safe for concurrent use.
type Snapshot struct {
	sequence uint64
	version  *Version
	o        *Options
	parent   *Snapshot // of an overlay
	table    catalog.TableID
	own      *catalog.Table // of an overlay: the table as the transaction sees it
	extra    *live.Segment
	hidden   Hidden
	broken   error
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
	if s.extra != nil {
		s.extra.Release()
	}
	if s.parent != nil {
		s.parent.Release()
	} else {
		s.pins.Release()
		s.version.Release()
	}
}

// OwnRows is the number of the first of the uncommitted rows that an Overlay adds: what a transaction deletes of its
// own rows is told by numbers from here on.
const OwnRows = 1 << 62

// Hidden are rows that an overlay leaves out.
type Hidden struct {
	Rows *index.RowIDs // committed ones; nil: none
	All  bool          // committed ones
	Own  *index.RowIDs // of those that the overlay adds, numbered from OwnRows on; nil: none
}

// Overlay returns a snapshot that sees a table as a transaction does: without the rows that it has deleted, and with
// its uncommitted rows, of which it takes a copy. The table need not be in the snapshot's catalog yet. The caller
// releases both snapshots.
func (s *Snapshot) Overlay(t *catalog.Table, rows []*batch.Batch, hidden Hidden) *Snapshot {
	s.Retain()
	n := &Snapshot{sequence: s.sequence, version: s.version, o: s.o, parent: s, table: t.ID, own: t, hidden: hidden}
	n.refs.Store(1)
	cols := make([]live.Column, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = live.Column{Type: c.Type, Nullable: true} // NOT NULL is checked by Commit
	}
	n.extra = live.New(cols, s.o.Account, 0, time.Time{})
	var f Flattener
	for _, b := range rows {
		b = f.Flatten(b)
		if n.broken = n.extra.Append(b, 0, b.Len); n.broken != nil {
			break
		}
	}
	n.extra.Mark(1)
	return n
}

func noTable(id catalog.TableID) error {
	return errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
}

// Table returns a table's rows. It is valid as long as the snapshot.
func (s *Snapshot) Table(id catalog.TableID) (scan.Relation, error) {
	if s.broken != nil && s.table == id {
		return nil, s.broken
	}
	if s.version.closed {
		return nil, errs.New(errs.AdminShutdown, "the database is closed")
	}
	t := s.version.Catalog.TableByID(id)
	if s.own != nil && s.table == id {
		t = s.own
	}
	if t == nil {
		return nil, noTable(id)
	}
	v := &View{types: t.Types()}
	var hidden Hidden
	if s.own != nil && s.table == id {
		hidden = s.hidden
	}
	if err := s.committed(v, t, hidden); err != nil {
		return nil, err
	}
	for o := s; o != nil; o = o.parent {
		if o.extra != nil && o.table == id && o.extra.Rows() > 0 {
			deleted := (*index.RowSet)(nil).With(hidden.Own.Within(nil, OwnRows, o.extra.Rows()))
			v.add(o.extra.Prefix(o.extra.Rows()).Without(OwnRows, deleted), nil, deleted.Len())
		}
	}
	return v, nil
}

// committed adds the parts of a table that the version has, less what is hidden.
func (s *Snapshot) committed(v *View, t *catalog.Table, hidden Hidden) error {
	p := s.version.tables[t.ID]
	if p == nil || hidden.All {
		return nil
	}
	ids := make([]uint32, len(t.Columns))
	for i, c := range t.Columns {
		ids[i] = c.ID
	}
	for _, seg := range p.Segments {
		if seg.File == nil {
			if !s.o.ServeDamaged {
				return quarantined(t, seg.Meta)
			}
			continue
		}
		deleted, err := seg.less(hidden.Rows)
		if err != nil {
			return err
		}
		v.add(seg.File.Part(ids, v.types, s.pinned()).Without(seg.Meta.Base, deleted), seg.Segment, deleted.Len())
	}
	for _, l := range p.Live {
		if n := l.RowsAt(s.sequence); n > 0 {
			deleted := l.Deleted.With(hidden.Rows.Within(nil, l.Base, n))
			v.add(l.Prefix(n).Without(l.Base, deleted), nil, deleted.Len())
		}
	}
	return nil
}

// less returns the deleted rows together with those of a set.
func (s *Sealed) less(rows *index.RowIDs) (*index.RowSet, error) {
	if rows == nil {
		return s.Deleted, nil
	}
	numbers := rows.Within(nil, s.Meta.Base, int(s.Meta.Rows))
	if len(numbers) == 0 {
		return s.Deleted, nil
	}
	places, err := s.Places()
	if err != nil {
		return nil, err
	}
	return s.Deleted.With(Moved(places, numbers)), nil
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
	Rows, Bytes int64  // rows that are deleted count
	Deleted     int64
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
			i := SegmentInfo{t.ID, t.Schema, t.Name, uint64(m.File), "published", m.Rows, m.Bytes, int64(g.Deleted.Len()), m.First, m.Last, ""}
			if g.File == nil {
				i.State, i.Detail = "quarantined", m.Quarantined
			}
			infos = append(infos, i)
		}
		for k, l := range p.Live {
			i := SegmentInfo{t.ID, t.Schema, t.Name, 0, "frozen", int64(l.RowsAt(s.sequence)), l.Bytes(), int64(l.Deleted.Len()), l.First(), s.sequence, ""}
			if k == len(p.Live)-1 {
				i.State = "open"
			}
			infos = append(infos, i)
		}
	}
	return infos
}
