// Package shelf keeps the rows of one table in order of their numbers: a list of parts, of which the last may be open and
// takes rows, those before it are frozen, and some of these are files already. What a table holds and what a large
// transaction holds before it commits are both shelves.
//
// # Life of a part
//
//	open -> frozen -> building -> sealed (a File) -> settled
//
// Append opens parts and freezes those that are full. Due undertakes a frozen part; a Builder writes it into a file;
// Sealed or Failed tell the shelf what came of it. A transaction's parts stay in the list as files, since savepoints cut
// the list from its end. A table's are settled: they leave the list for Files, in the order of their rows, when the
// manifest names them.
//
// # Row numbers
//
// Each row gets the next number when it is appended; a part has a range of them, and keeps it as a file, whatever order
// its rows have there (Places). Deletions name numbers and become deletion vectors by place, which are immutable:
// a reader's Parts hold those that belong to them.
//
// A Shelf belongs to its owner, who guards it with a lock of his own; what Due returned may be built without the lock.
// Files and Parts are counted and shared. The package knows nothing of logs and versions, and writes no manifest: what
// waits for an edit of it is kept in Pending.
package shelf

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/persist"
)

// Env is what shelves share.
type Env struct {
	Live    *mem.Account // of live segments
	Vectors *mem.Account // of deletion vectors; neither refuses
	Now     func() time.Time
	// Recovering says that rows of the log are applied again, before anybody else writes.
	Recovering bool
}

// Shelf is the rows of one table.
type Shelf struct {
	Table  *catalog.Table
	Limits Limits
	Next   uint64              // number of the next row
	Parts  []*Part             // in the order of their rows: all but the last take no more
	Files  persist.Map[Sealed] // those that are settled, by file
	Claims []*index.RowIDs     // rows that writes on their way delete
	Keyed
	Pending

	env   *Env
	spans []span  // of Files, by number
	known []*File // whose places were read
	rows  int64   // of Files, that are not deleted
	aside int64   // Files that were set aside
}

// Pending is what has happened to settled files since the last edit of the manifest.
type Pending struct {
	// Vectors are deletion vectors that have changed, the first of them at VectorsBorn.
	Vectors     map[manifest.FileID]*index.RowSet
	VectorsBorn time.Time
	Dropped     []*File            // to be removed when the next edit does not name them any more
	Unnamed     []manifest.Segment // only the log names them so far
}

// Sealed is a settled file without its deleted rows.
type Sealed struct {
	*File
	Deleted *index.RowSet
}

// Part is rows of a shelf in a live segment or, of a transaction's, in a file.
type Part struct {
	Live    *live.Segment // the shelf's reference; nil: in File
	File    *File
	Base    uint64 // number of the first row
	Rows    int
	Plain   int64 // bytes of the batches that it came in
	Deleted *index.RowSet
	Start   manifest.Position // before its first row
	Last    uint64            // sequence of its last row
	// Order, of a file, says how its rows came to stand where they do; nil: as they came.
	Order  []uint32
	Frozen bool
	// Closed, of a transaction's part, says that it takes no more rows since the table has other columns by now; nobody
	// seals it before it is frozen.
	Closed bool
	Err    error // of the last attempt to seal it, which failed

	building bool // somebody writes the file
	dropped  bool // meanwhile
	settling bool // an edit of the manifest that names its file is on its way
	failures int
	retry    time.Time
}

// Position returns how far the rows are settled, or would be when the parts that are on their way are: where the first
// of the others begins. That is not always the end of the one that is sealed, or of any: files of loads take numbers,
// too, as do live rows that were deleted, and recovery, which may not see their records any more, must number the rows
// that follow as they are numbered now. applied is the last record that the shelf has all rows of.
func (s *Shelf) Position(applied uint64) manifest.Position {
	if p := s.first(); p != nil {
		return p.Start
	}
	return manifest.Position{Sequence: applied, Rows: manifest.AllRows, Next: s.Next}
}

// Needed returns the first record of the log that parts need which are not on their way into the manifest; 0: none.
func (s *Shelf) Needed() uint64 {
	if p := s.first(); p != nil {
		return p.Live.First()
	}
	return 0
}

// first returns the first part that no edit is about to settle.
func (s *Shelf) first() *Part {
	for _, p := range s.Parts {
		if !p.settling {
			return p
		}
	}
	return nil
}

// Settling notes that an edit of the manifest is on its way that settles a part, which must be the first; false when it
// has gone. Settled or Failed end that.
func (s *Shelf) Settling(p *Part) bool {
	if p.dropped || len(s.Parts) == 0 || s.Parts[0] != p {
		return false
	}
	p.settling = true
	return true
}

// Settled puts the files that the manifest names now, with the deleted rows written, in the place of the part that is on
// its way there; no file says that it has no rows left. collected is the set of the part's rows that written was made of:
// what was deleted since is deleted of the files. It takes over the references to the files and returns how much live
// memory is freed: 0 when the part has gone meanwhile.
func (s *Shelf) Settled(p *Part, pieces []*Piece, collected *index.RowSet) (freed int64) {
	p.building, p.settling, p.Err = false, false, nil
	if p.dropped {
		s.drop(p)
		for _, x := range pieces {
			s.Dropped = append(s.Dropped, x.File)
		}
		return 0
	}
	s.Parts = append([]*Part(nil), s.Parts[1:]...)
	for _, x := range pieces {
		if len(s.Claims) > 0 {
			x.File.Keep(x.Places)
			s.Note(x.File)
		}
		s.Settle(x.File, x.Written)
		if p.Deleted == collected {
			continue
		}
		if now := x.Set(p.Deleted); now.Len() > x.Written.Len() {
			s.setVector(Sealed{x.File, x.Written}, now)
		}
	}
	freed = p.Live.Bytes()
	s.counted(p.Deleted, nil)
	p.Live.Release() // the version that readers see has a reference, too
	p.Live, p.Deleted = nil, nil
	return freed
}

// New returns an empty shelf whose first row will have a number.
func New(env *Env, t *catalog.Table, l Limits, next uint64) *Shelf {
	return &Shelf{Table: t, Limits: l, Next: next, env: env}
}

// Rows are rows that come to a shelf.
type Rows struct {
	Batch *batch.Batch // flat
	From  int          // first row of it
	// Hashes are those of all rows of the batch, a list for each of Keys.
	Hashes [][]uint64
	// Sequence is that of their log record, and At the number that row 0 of the batch has among the table's rows there;
	// 0 for rows that are in no log: they are published by Publish.
	Sequence, At uint64
}

// Append adds rows behind those that are there. After an error, which says that there is no memory, some may have been
// added. frozen says that parts were frozen, opened that there are more.
func (s *Shelf) Append(r Rows) (opened, frozen bool, err error) {
	b := r.Batch
	for from := r.From; from < b.Len; {
		p := s.Open()
		if p != nil && !p.Live.Fits(b) {
			s.Freeze(p)
			p, frozen = nil, true
		}
		if p == nil {
			p = &Part{
				Live: live.New(s.live(), s.env.Live, r.Sequence, s.env.Now()), Base: s.Next,
				Start: manifest.Position{Sequence: r.Sequence, Rows: r.At + uint64(from), Next: s.Next},
			}
			p.Live.Keys(s.liveKeys())
			s.Parts, opened = append(s.Parts[:len(s.Parts):len(s.Parts)], p), true
		}
		n := min(b.Len-from, max(1, s.Limits.Rows-p.Rows))
		if err := p.Live.Append(b, from, from+n); err != nil {
			if r.Sequence == 0 {
				p.Live.Truncate(p.Rows)
			}
			return opened, frozen, err
		}
		if err := p.Live.Index(r.Hashes, from, from+n, p.Deleted); err != nil {
			return opened, frozen, err
		}
		p.Rows += n
		s.Next += uint64(n)
		if r.Sequence != 0 {
			p.Live.Mark(r.Sequence)
			p.Last = r.Sequence
		} else {
			p.Plain += b.Bytes() * int64(n) / int64(b.Len)
		}
		from += n
		if p.Rows >= s.Limits.Rows || p.Live.Bytes() >= s.Limits.Bytes {
			s.Freeze(p)
			frozen = true
		}
	}
	return opened, frozen, nil
}

// live returns the columns of the next live segment. Recovery may meet rows that have no value where the table demands one
// by now: they were deleted before it did, in a record that comes later.
func (s *Shelf) live() []live.Column {
	cols := Live(s.Table)
	for i := range cols {
		cols[i].Nullable = cols[i].Nullable || s.env.Recovering
	}
	return cols
}

// Live returns a table's columns as live segments have them.
func Live(t *catalog.Table) []live.Column {
	cols := make([]live.Column, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = live.Column{ID: c.ID, Name: c.Name, Type: c.Type, Nullable: !c.NotNull}
	}
	return cols
}

// Open returns the part that takes rows, or nil.
func (s *Shelf) Open() *Part {
	if n := len(s.Parts); n > 0 && !s.Parts[n-1].Frozen && !s.Parts[n-1].Closed {
		return s.Parts[n-1]
	}
	return nil
}

// Freeze lets a part take no more rows.
func (s *Shelf) Freeze(p *Part) {
	if p.Last == 0 {
		p.Publish()
	}
	p.Frozen = true
}

// Close freezes the part that is open, if any, and those that are closed: rows that come take numbers behind others.
func (s *Shelf) Close() {
	for _, p := range s.Parts {
		if !p.Frozen {
			s.Freeze(p)
		}
	}
}

// Publish lets readers see all rows of a part that are in no log record.
func (p *Part) Publish() { p.Live.Mark(uint64(p.Rows)) }

// Age is how long the first row has waited in a live segment.
func (p *Part) Age(now time.Time) time.Duration { return now.Sub(p.Live.Born()) }

// retryMax is the longest pause between attempts to seal: a full disk that got space is noticed within it.
const retryMax = time.Minute

// Due undertakes the first frozen part that may be built now, of a shelf whose parts are not settled; nil when there is
// none. One that has failed lately waits, unless anyway is set.
func (s *Shelf) Due(now time.Time, anyway bool) *Part {
	for _, p := range s.Parts {
		if p.Live != nil && p.Frozen && !p.building && (anyway || !now.Before(p.retry)) {
			p.building = true
			return p
		}
	}
	return nil
}

// Ready tells that the first part is frozen and may be built now, of a shelf whose parts are settled in their order. One
// that has failed lately waits, unless it is among those that are wanted; when some are, others are not ready.
func (s *Shelf) Ready(now time.Time, wanted map[*Part]bool) bool {
	if len(s.Parts) == 0 || !s.Parts[0].Frozen || s.Parts[0].building {
		return false
	}
	if wanted != nil {
		return wanted[s.Parts[0]]
	}
	return !now.Before(s.Parts[0].retry)
}

// Undertake undertakes the first part, which is ready.
func (s *Shelf) Undertake() *Part {
	s.Parts[0].building = true
	return s.Parts[0]
}

// Building tells that somebody has undertaken to seal the part.
func (p *Part) Building() bool { return p.building }

// Gone tells that the part was dropped while somebody worked on it.
func (p *Part) Gone() bool { return p.dropped }

// Failed notes that an attempt to seal a part has failed. The first pause before the next is pause; it doubles.
func (s *Shelf) Failed(p *Part, err error, pause time.Duration) {
	p.building, p.settling = false, false
	p.failures++
	p.Err, p.retry = err, s.env.Now().Add(min(retryMax, pause<<min(p.failures-1, 10)))
	if p.dropped {
		s.drop(p)
	}
}

// Left gives back a part that was undertaken: the next one may build it at once.
func (s *Shelf) Left(p *Part) {
	p.building, p.settling = false, false
	if p.dropped {
		s.drop(p)
	}
}

// Sealed puts a file in the place of a part's live segment, which stays in the list. It takes over the reference, and
// returns how much live memory that is. order says where the rows stood, if that will be asked for.
func (s *Shelf) Sealed(p *Part, f *File, order []uint32) (freed int64) {
	freed = p.Live.Bytes()
	p.building, p.File, p.Err = false, f, nil
	s.setOrder(p, order)
	p.Live.Release()
	p.Live = nil
	if p.dropped {
		s.drop(p)
	}
	return freed
}

// setOrder keeps the order of a part and its charge.
func (s *Shelf) setOrder(p *Part, order []uint32) {
	s.env.Live.Free(4 * int64(cap(p.Order)))
	_ = s.env.Live.Reserve(4 * int64(cap(order))) // does not refuse
	p.Order = order
}

// drop frees the memory of a part that is not in the list any more, and its file. Who writes the file does it instead
// when that is at an end.
func (s *Shelf) drop(p *Part) {
	p.dropped = true
	if p.building {
		return
	}
	s.setOrder(p, nil)
	s.counted(p.Deleted, nil)
	if p.Live != nil {
		p.Live.Release()
	}
	if p.File != nil {
		p.File.Obsolete()
		p.File.Release()
	}
	p.Live, p.File, p.Rows, p.Deleted = nil, nil, 0, nil
}

// Drop forgets all rows. What is settled goes with the next edit of the manifest.
func (s *Shelf) Drop() {
	for _, p := range s.Parts {
		s.drop(p)
	}
	s.Parts = nil
	s.Keyed.release()
	all := s.Files.Clone()
	for _, f := range all.All() {
		s.dropFile(f)
	}
	all.Release()
	// The gate is closed: writes that have claims here are over, and have only not given them back yet. They will not find
	// a table that was dropped, so that nobody would forget what was read for them.
	s.Claims = nil
	s.Forget()
}

// Release gives back what a shelf holds, without any trace on the disk: the database closes.
func (s *Shelf) Release() {
	s.Keyed.release()
	for _, p := range s.Parts {
		if p.File != nil {
			p.File.Release()
		}
		if p.Live != nil {
			p.Live.Release()
		}
	}
	s.Files.Release()
	for _, f := range s.Dropped {
		f.Release()
	}
	s.Forget()
	s.Parts, s.Pending = nil, Pending{}
}

// Bytes returns the memory of live segments, and how much of it takes rows.
func (s *Shelf) Bytes() (all, open int64) {
	for _, p := range s.Parts {
		if p.Live == nil {
			continue
		}
		n := p.Live.Bytes()
		all += n
		if !p.Frozen {
			open += n
		}
	}
	return all, open
}

// Waiting returns how many live segments wait to be built.
func (s *Shelf) Waiting() (n int64) {
	for _, p := range s.Parts {
		if p.Live != nil && p.Frozen {
			n++
		}
	}
	return n
}

// Failure returns the error of a part that could not be sealed, or nil.
func (s *Shelf) Failure() error {
	for _, p := range s.Parts {
		if p.Err != nil {
			return p.Err
		}
	}
	return nil
}

// Idle tells that the shelf has settled files and nothing else.
func (s *Shelf) Idle() bool {
	return len(s.Parts)+len(s.Vectors)+len(s.Dropped)+len(s.Unnamed) == 0
}
