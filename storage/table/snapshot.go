package table

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Options are what all snapshots of a database share.
type Options struct {
	// ServeDamaged: a table with a quarantined segment answers with the rest of its rows; otherwise its reads fail.
	ServeDamaged bool
	// Samples keeps what is sampled of tables; nil: each statement samples for itself.
	Samples *Samples
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
	views    struct { // of tables that were asked for: planning and running a statement asks several times
		sync.Mutex
		of map[catalog.TableID]*View
	}
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

// Own is what a transaction has written to one table and not committed, and what it has deleted of it. The table may be
// one that the transaction made.
type Own struct {
	Table    *catalog.Table
	Files    []*shelf.File
	FileBase []uint64 // of each file: the number of its first row
	Live     []OwnLive
	Hidden   Hidden
}

// OwnLive is the first rows of a live segment, with numbers from Base on.
type OwnLive struct {
	*live.Segment
	Rows int
	Base uint64
}

// Hidden are rows that an overlay leaves out.
type Hidden struct {
	Rows *index.RowIDs // committed ones; nil: none
	All  bool          // committed ones
	Own  *index.RowIDs // of the transaction's own, numbered from scan.OwnRows on; nil: none
}

func (o *Own) release() {
	for _, g := range o.Files {
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
	for _, g := range own.Files {
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
	s.views.Lock()
	defer s.views.Unlock()
	if v := s.views.of[id]; v != nil {
		return v, nil
	}
	v, err := s.view(id)
	if err != nil {
		return nil, err
	}
	if s.views.of == nil {
		s.views.of = map[catalog.TableID]*View{}
	}
	s.views.of[id] = v
	return v, nil
}

func (s *Snapshot) view(id catalog.TableID) (*View, error) {
	if s.version.closed {
		return nil, errs.New(errs.AdminShutdown, "the database is closed")
	}
	t := s.tableByID(id)
	if t == nil {
		return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	v := &View{layout: shelf.Layout(t), table: t, samples: s.o.Samples}
	var hidden Hidden
	for o := s; o.parent != nil; o = o.parent {
		if o.own.Table.ID == id {
			hidden, v.samples = o.own.Hidden, nil
		}
	}
	if err := s.committed(v, t, hidden); err != nil {
		return nil, err
	}
	for o := s; o.parent != nil; o = o.parent {
		if o.own.Table.ID != id {
			continue
		}
		if err := s.added(v, t, o.own, hidden.Own); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// committed adds the parts of a table that the version has, less what is hidden.
func (s *Snapshot) committed(v *View, t *catalog.Table, hidden Hidden) error {
	p := s.version.picture(t.ID)
	if p == nil || hidden.All {
		return nil
	}
	for _, f := range p.Files.All() {
		if f.Aside() {
			if !s.o.ServeDamaged {
				return quarantined(t, f.Meta)
			}
			continue
		}
		if err := s.addFile(v, f, hidden.Rows, f.Meta.Base()); err != nil {
			return err
		}
	}
	for _, l := range p.Live {
		if n := l.RowsAt(s.sequence); n > 0 {
			deleted := l.Deleted.With(hidden.Rows.Within(nil, l.Base, n))
			v.add(l.Prefix(n, v.layout).Without(l.Base, deleted), nil, partID{true, l.Base}, deleted.Len())
		}
	}
	return nil
}

// added adds the rows that the transaction of an overlay has written, less what is hidden.
func (s *Snapshot) added(v *View, t *catalog.Table, o *Own, hidden *index.RowIDs) error {
	for i, f := range o.Files {
		if err := s.addFile(v, shelf.Sealed{File: f}, hidden, o.FileBase[i]); err != nil {
			return err
		}
	}
	for _, l := range o.Live {
		deleted := (*index.RowSet)(nil).With(hidden.Within(nil, l.Base, l.Rows))
		v.add(l.Prefix(l.Rows, v.layout).Without(l.Base, deleted), nil, partID{true, l.Base}, deleted.Len())
	}
	return nil
}

// addFile adds a file, less what is deleted and hidden of it; base is the number of its first row.
func (s *Snapshot) addFile(v *View, f shelf.Sealed, hidden *index.RowIDs, base uint64) error {
	seg, err := f.Segment()
	if err != nil {
		return f.Noticed(err)
	}
	deleted, err := f.Less(hidden, base)
	if err != nil {
		return err
	}
	v.add(seg.Part(v.layout, s.pinned()).Without(base, deleted), f.File, partID{false, uint64(f.Meta.File)}, deleted.Len())
	return nil
}

// tableByID finds a table, also one that the transaction of an overlay made.
func (s *Snapshot) tableByID(id catalog.TableID) *catalog.Table {
	for o := s; o.parent != nil; o = o.parent {
		if o.own.Table.ID == id {
			return o.own.Table // as the transaction has made or altered it
		}
	}
	return s.version.Catalog.TableByID(id)
}

func quarantined(t *catalog.Table, m manifest.Segment) error {
	return errs.Corrupt("table %q: segment %d with %d rows is damaged and was set aside: %s", t.Name, m.File, m.Rows, m.Quarantined).
		WithHint("Restore the segment file from a backup, or start the server with --serve-damaged to read the rest of the table.")
}

// State is where a part of a table is in its life, as the system view siltstone.segments names it.
type State string

// The states.
const (
	Open        State = "open"        // live, takes rows
	Frozen      State = "frozen"      // live, waits to be sealed
	Published   State = "published"   // a file
	Quarantined State = "quarantined" // a damaged file that was set aside
)

// SegmentInfo describes one part of a table, for the system view siltstone.segments.
type SegmentInfo struct {
	Table       catalog.TableID
	Schema      string
	Name        string // of the table
	ID          uint64 // of the file; 0 for live segments
	State       State
	Rows, Bytes int64 // rows that are deleted count
	Deleted     int64
	First, Last uint64 // sequences
	Detail      string // why it was set aside
	// Partition of the table that all rows are of; "mixed", or "" without partitions and for live segments.
	Partition string
}

// Segments lists all parts by table.
func (s *Snapshot) Segments() []SegmentInfo {
	var infos []SegmentInfo
	for _, t := range s.version.Catalog.Tables() {
		p := s.version.picture(t.ID)
		if p == nil {
			continue
		}
		for _, g := range p.Files.All() {
			m := g.Meta
			i := SegmentInfo{t.ID, t.Schema, t.Name, uint64(m.File), Published, m.Rows, m.Bytes, int64(g.Deleted.Len()), m.First, m.Last, "", ""}
			if rule, ok := t.Partitions(); ok {
				i.Partition = "mixed"
				if n, one := rule.Partition(m.Values); one {
					i.Partition = rule.Text(n)
				}
			}
			if g.Aside() {
				i.State, i.Detail = Quarantined, m.Quarantined
			}
			infos = append(infos, i)
		}
		for _, l := range p.Live {
			i := SegmentInfo{t.ID, t.Schema, t.Name, 0, Frozen, int64(l.RowsAt(s.sequence)), l.Bytes(), int64(l.Deleted.Len()), l.First(), s.sequence, "", ""}
			if !l.Frozen {
				i.State = Open
			}
			infos = append(infos, i)
		}
	}
	return infos
}
