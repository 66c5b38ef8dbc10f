// Package manifest keeps which segments and which catalog exist. A Version is one such picture; it changes only by
// Edits, which are appended to a checksummed log, one sync each, so that adding a segment, dropping the live rows it
// came from and everything that belongs to it is one step that happened or did not.
//
// # Files
//
// "CURRENT" holds the name of the manifest file in use; it is replaced by a rename. "manifest-<number>" is a file of
// package record: first a record with a whole Version, then one record per Edit. When the edits outgrow the version, a
// new file with the version as it is takes over. Nothing of a file is used after a failed sync: the next edit starts a
// new one. A file whose end was cut by a crash is read up to its last whole record; damage in the middle is an error.
//
// # Format
//
// A record's payload is tagged fields (package field), of which a version and an edit have these by number:
//
//	 2  sequence of the last change of the catalog
//	 4  watermark
//	 6  applied
//	 8  next file id
//	10  version: the catalog; edit: changes of it (package catalog)
//	12  segments; an edit's are added: 2 file id, 4 table, 6 rows, 8 bytes, 10 and 12 first and last sequence of its rows,
//	    14 ranges of row numbers {2 first number, 4 rows}, 16 deleted rows (package index), 18 why it was set aside,
//	    20 values of the column that its table is partitioned by {2 least, 4 greatest, 6 some are not NULL,
//	    8 some are, 10 unit and 12 width of the partitions that they were divided into: package partition}
//	    26 sequence of the log record that names it as the file of a load
//	14  positions of tables: 2 table, 4 sequence, 6 rows and 1 (left out: all), 8 number of the next row
//	16  edit: file ids removed
//	18  edit: segments set aside {2 file id, 4 why}
//	20  edit: deleted rows that take the place of those before {2 file id, 4 rows}
//
//	22  last record that is known to be in the log
//	24  number of a log file: it, or one with a higher number, is there
//	26  newest token file {2 number, 4 bytes}: it, at least so long, or one with a higher number is there
//	32  positions of sources {2 source, 4 partition, 6 position: left out where an edit forgets it}
//	30  records that are lost, which was accepted {2 the last one before them, 4 their last one}
//	35  rows that may have been dropped by their age {2 table, 4 value of its partition column that they are below}
//	33  the latest time of day that was believed, in seconds since 1970
//	28  how the database has stopped: 2 log files, 4 token files, each {2 number, 4 bytes}
//	40  log files in the archive; an edit's are added: 2 number, 4 and 6 first and last sequence, 8 bytes, 10 bytes before they
//	    were compressed, 12 offset of the index, 14 when by the archive's clock, 16 and 18 seconds of the first and last record,
//	    20 tables
//	42  edit: numbers of those that leave it
//	44  files of loads that are attachments of log records only; an edit's are added: 2 file id, 4 table, 6 sequence of the
//	    record, 8 rows, 10 bytes
//	46  edit: file ids of those that go
//	48  last record of a table that is gone though older ones are there {2 table, 0: any, 4 sequence, 0: an edit forgets it}
//	52  counters of sequences {2 counter, 4 number, 6 it was given out}; those that no sequence of the catalog has are forgotten
//	54  last record whose counters are among them
//	50  the archive's clock {2 microseconds that it counts, 4 on the wall since 1970}
//
// What is 0 or empty of an edit stays as it was. A number has the same meaning in a version as in an edit, so that what
// a server does not know of an edit, and may ignore, becomes a part of the version.
//
// The watermark says that no log record at or below it is needed any more; applied, that the segment files which log
// records up to it name have been added. A position says how far a table's rows are
// sealed: all of records below the sequence, and so many of the record itself.
package manifest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/persist"
	"github.com/siltstone-db/siltstone/storage/positions"
)

// FileID names a segment file for ever.
type FileID uint64

// Segment is what the manifest knows of a segment file.
type Segment struct {
	File        FileID
	Table       catalog.TableID
	Rows, Bytes int64
	First, Last uint64 // sequences of its rows
	// Ranges are the numbers that its rows have in the table, as they came, in ascending order. Of a file that was merged,
	// they may have more numbers than it has rows: those of rows that were deleted before or, where a table was sorted and
	// divided, of rows in other files. Those of a file that no table has yet are not known.
	Ranges      []Range
	Deleted     string // package index's form of the set of deleted rows; empty: none
	Quarantined string // why it was set aside; empty: it is sound
	Values      partition.Range
	Record      uint64 // log record that names it as the file of a load; 0: none

	kept []byte // fields of a newer version
}

// Range is some row numbers that follow each other.
type Range struct{ Base, Rows uint64 }

// Base returns the least number of a segment, from which its column of row numbers counts.
func (s *Segment) Base() uint64 {
	if len(s.Ranges) == 0 {
		return 0
	}
	return s.Ranges[0].Base
}

// Number gives all rows numbers from one on.
func (s *Segment) Number(base uint64) { s.Ranges = []Range{{base, uint64(s.Rows)}} }

// Position tells how far the rows of a table are sealed: those of all records below Sequence, and the first Rows rows
// that the record Sequence brings to the table.
//
// Next is the number of the first row behind them: rows are numbered as they come to the table, and what deletes them
// tells these numbers.
type Position struct {
	Sequence uint64
	Rows     uint64
	Next     uint64
}

// AllRows as Position.Rows means the whole record.
const AllRows = ^uint64(0)

// Version is one picture of the database on disk. It is immutable.
type Version struct {
	Catalog   *catalog.Snapshot
	DDL       uint64 // sequence of the last catalog change in Catalog
	Watermark uint64
	Applied   uint64 // files that log records up to here name are in Segments, or have gone again
	NextFile  FileID
	Segments  persist.Tree[FileID, *Segment] // nobody changes them
	Positions persist.Tree[catalog.TableID, Position]
	Held      Held
	Sources   map[positions.Key]string // how far they were read, as of the watermark or later
	Expired   Expired
	Archive   Archive
	Counters  persist.Tree[uint32, counter.State]
	Counted   uint64 // counters of records up to here are in Counters

	kept []byte // fields of a newer version
}

// Held is what must be found beside the manifest, so that what is missing is not taken for what never was. 0: nothing is
// known. In an edit it says what has changed.
type Held struct {
	Logged uint64 // last record that is known to be in the log
	Log    uint64 // number of a log file: it, or one with a higher number
	Tokens File   // newest token file, at least so long, or one with a higher number
	// Lost are records that are missing at the end of the log, which somebody has accepted: what comes goes on behind them.
	Lost Gap
	// Clock is the latest time of day that was believed (package clock), in seconds since 1970, of a database that deletes
	// rows by their age.
	Clock int64
	// Stopped is how the database has stopped; nil: it has not, or not in order. Any edit ends that.
	Stopped *Stopped
}

// Gap is records that are lost: those behind After, up to To.
type Gap struct{ After, To uint64 }

// Stopped is the files that an orderly stop has left, all of them and as they are.
type Stopped struct {
	Log, Tokens []File
}

// File is a file of the log or of tokens.
type File struct {
	Number uint64
	Bytes  int64
}

// Empty returns the version of a new database.
func Empty() *Version {
	v := blank()
	v.Catalog, v.NextFile = catalog.Empty(), 1
	return v
}

func blank() *Version {
	return &Version{
		Segments:  persist.NewTree[FileID, *Segment](cmp.Compare[FileID]),
		Positions: persist.NewTree[catalog.TableID, Position](cmp.Compare[catalog.TableID]),
		Counters:  persist.NewTree[uint32, counter.State](cmp.Compare[uint32]),
	}
}

// Edit is one step from a version to the next.
type Edit struct {
	Catalog     []catalog.Edit // as catalog.Snapshot.Apply returned them; tables they drop take their segments along
	DDL         uint64         // sequence of the last of them; 0: none
	Watermark   uint64         // 0: as before
	Applied     uint64         // 0: as before
	NextFile    FileID         // 0: as before
	Add         []Segment
	Remove      []FileID
	Quarantined map[FileID]string
	Deleted     map[FileID]string // sets of deleted rows that take the place of those before
	Positions   map[catalog.TableID]Position
	Held        Held
	Sources     map[positions.Key]string // "": none any more
	Expired     Expired
	Archive     ArchiveEdit
	Counters    map[uint32]counter.State
	Counted     uint64 // 0: as before

	kept []byte // fields of a newer version
}

// Apply returns the version after an edit.
func (v *Version) Apply(e *Edit) (*Version, error) {
	next := *v
	if len(e.Catalog) > 0 {
		c, _, err := v.Catalog.Apply(e.Catalog...)
		if err != nil {
			return nil, errs.Corrupt("manifest: catalog edit does not fit: %w", err)
		}
		next.Catalog = c
	}
	next.DDL = max(v.DDL, e.DDL)
	next.Watermark = max(v.Watermark, e.Watermark)
	next.Applied = max(v.Applied, e.Applied)
	next.NextFile = max(v.NextFile, e.NextFile)
	next.kept = slices.Concat(v.kept, e.kept)
	next.Held = v.Held.after(&e.Held)
	next.Archive = v.Archive.after(&e.Archive)
	if len(e.Sources) > 0 {
		next.Sources = make(map[positions.Key]string, len(v.Sources)+len(e.Sources))
		maps.Copy(next.Sources, v.Sources)
		maps.Copy(next.Sources, e.Sources)
		maps.DeleteFunc(next.Sources, func(_ positions.Key, p string) bool { return p == "" })
	}
	if err := next.changeSegments(e); err != nil {
		return nil, err
	}
	for id, p := range e.Positions {
		next.Positions = next.Positions.With(id, p)
	}
	next.Expired = v.Expired.after(e.Expired, next.Catalog)
	next.count(e)
	next.forgetDropped(e)
	return &next, nil
}

// changeSegments applies what an edit says of segments. It costs what the edit has, and not what the version has: with
// 100,000 segments each edit would copy some 15 MB otherwise.
func (v *Version) changeSegments(e *Edit) error {
	for i := range e.Add {
		s := e.Add[i]
		if _, there := v.Segments.Get(s.File); there {
			return errs.Corrupt("manifest: segment %d is there twice", s.File)
		}
		v.Segments = v.Segments.With(s.File, &s)
		v.NextFile = max(v.NextFile, s.File+1)
	}
	for f, why := range e.Quarantined {
		v.change(f, func(s *Segment) { s.Quarantined = why })
	}
	for f, rows := range e.Deleted {
		v.change(f, func(s *Segment) { s.Deleted = rows })
	}
	for _, f := range e.Remove {
		v.Segments = v.Segments.Without(f)
	}
	return nil
}

// change gives a segment, if it is there, another form.
func (v *Version) change(f FileID, how func(*Segment)) {
	if old, ok := v.Segments.Get(f); ok {
		s := *old
		how(&s)
		v.Segments = v.Segments.With(f, &s)
	}
}

// forgetDropped takes out what belongs to tables that are not there: those that the edit drops, or names by mistake.
// Only an edit of the catalog looks at all segments.
func (v *Version) forgetDropped(e *Edit) {
	gone := func(id catalog.TableID) bool { return v.Catalog.TableByID(id) == nil }
	for id := range e.Positions {
		if gone(id) {
			v.Positions = v.Positions.Without(id)
		}
	}
	for i := range e.Add {
		if gone(e.Add[i].Table) {
			v.Segments = v.Segments.Without(e.Add[i].File)
		}
	}
	if !slices.ContainsFunc(e.Catalog, catalog.Edit.Drops) {
		return
	}
	for id := range v.Positions.All() {
		if gone(id) {
			v.Positions = v.Positions.Without(id)
		}
	}
	for f, s := range v.Segments.All() {
		if gone(s.Table) {
			v.Segments = v.Segments.Without(f)
		}
	}
}

// after returns what must be found after an edit.
func (h Held) after(e *Held) Held {
	h.Logged = max(h.Logged, e.Logged)
	if e.Log != 0 {
		h.Log = e.Log
	}
	if e.Tokens.Number != 0 {
		h.Tokens = e.Tokens
	}
	if e.Lost.To != 0 {
		h.Lost = e.Lost
	}
	if e.Clock != 0 {
		h.Clock = e.Clock
	}
	if h.Stopped = e.Stopped; e.Stopped != nil {
		h.Log = 0 // the log may have ended with its last file
	}
	return h
}
