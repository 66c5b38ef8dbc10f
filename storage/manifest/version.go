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
// # Format 1
//
// A record's payload starts with a format byte, 1; a newer one is refused by name. Integers are unsigned LEB128,
// strings and blobs a length and bytes.
//
//	version  format, sequence of the last DDL in the catalog, watermark, applied, next file id, catalog (blob of package
//	         catalog), n segments, n positions {table, sequence, rows, number of the next row}
//	segment  file id, table, rows, bytes, first and last sequence, number of the first row, deleted rows (blob of
//	         package index, empty: none), quarantine reason (string, empty: sound)
//	edit     format, DDL sequence, DDL edits (blob of package catalog, empty: none), watermark, applied, next file id,
//	         n segments added, n file ids removed, n {file id, reason} quarantined, n {file id, deleted rows}, n positions
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
	"github.com/siltstone-db/siltstone/storage/errs"
)

// FileID names a segment file for ever.
type FileID uint64

// Segment is what the manifest knows of a segment file.
type Segment struct {
	File        FileID
	Table       catalog.TableID
	Rows, Bytes int64
	First, Last uint64 // sequences of its rows
	Base        uint64 // number of its first row in the table
	Deleted     string // package index's form of the set of deleted rows; empty: none
	Quarantined string // why it was set aside; empty: it is sound
}

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
	Segments  []Segment // by file id
	Positions map[catalog.TableID]Position
}

// Empty returns the version of a new database.
func Empty() *Version {
	return &Version{Catalog: catalog.Empty(), NextFile: 1, Positions: map[catalog.TableID]Position{}}
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
	next.Segments = slices.Clone(v.Segments)
	for _, s := range e.Add {
		next.Segments = append(next.Segments, s)
		next.NextFile = max(next.NextFile, s.File+1)
	}
	for i := range next.Segments {
		if r, ok := e.Quarantined[next.Segments[i].File]; ok {
			next.Segments[i].Quarantined = r
		}
		if d, ok := e.Deleted[next.Segments[i].File]; ok {
			next.Segments[i].Deleted = d
		}
	}
	next.Segments = slices.DeleteFunc(next.Segments, func(s Segment) bool {
		return slices.Contains(e.Remove, s.File) || next.Catalog.TableByID(s.Table) == nil
	})
	slices.SortFunc(next.Segments, func(a, b Segment) int { return cmp.Compare(a.File, b.File) })
	next.Positions = maps.Clone(v.Positions)
	maps.Copy(next.Positions, e.Positions)
	maps.DeleteFunc(next.Positions, func(id catalog.TableID, _ Position) bool { return next.Catalog.TableByID(id) == nil })
	for i := 1; i < len(next.Segments); i++ {
		if next.Segments[i].File == next.Segments[i-1].File {
			return nil, errs.Corrupt("manifest: segment %d is there twice", next.Segments[i].File)
		}
	}
	return &next, nil
}
