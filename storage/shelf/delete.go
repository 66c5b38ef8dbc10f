package shelf

import (
	"context"
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
)

// Count returns how many of the rows are there. Those of a file that was set aside are not: which rows they are nobody can
// read, as its ranges may have numbers of rows of other files. unknown are files whose Places must be read first, all that
// there are: nothing is counted before. The caller gets references.
func (s *Shelf) Count(rows *index.RowIDs) (found int64, unknown []*File, err error) {
	var some []Sealed
	for _, f := range s.meeting(rows) {
		switch {
		case f.Aside():
		case f.whole() && f.count(rows) == f.Meta.Rows && f.Deleted.Len() == 0: // wherever they stand
			found += f.Meta.Rows
		case !f.Known():
			f.Retain()
			unknown = append(unknown, f.File)
		default:
			some = append(some, f)
		}
	}
	if unknown != nil {
		return 0, unknown, nil
	}
	for _, f := range some {
		places, err := f.placesOf(rows)
		if err != nil {
			return 0, nil, err
		}
		s.Note(f.File)
		found += absent(f.Deleted, places)
	}
	for _, p := range s.Parts {
		found += absent(p.Deleted, rows.Within(nil, p.Base, p.Rows))
	}
	return found, nil, nil
}

// Note keeps in mind that the places of a file are known, for Forget.
func (s *Shelf) Note(f *File) {
	if f.places.Load() != nil && !slices.Contains(s.known, f) {
		f.Retain()
		s.known = append(s.known, f)
	}
}

// placesOf returns where those of the rows stand that the file has. Who calls it under a lock has made sure that it
// reads no file, by Known.
func (f *File) placesOf(rows *index.RowIDs) ([]uint32, error) {
	p, err := f.Places(context.Background())
	if err != nil {
		return nil, err
	}
	return p.of(rows, f.Meta.Ranges, f.Meta.Base()), nil
}

// absent returns how many of the rows are not in a set.
func absent(s *index.RowSet, rows []uint32) (n int64) {
	for _, r := range rows {
		if !s.Has(int(r)) {
			n++
		}
	}
	return n
}

// Unknown returns the settled files, without references, whose Places a deletion has to read.
func (s *Shelf) Unknown(rows *index.RowIDs, below uint64) (files []*File) {
	for _, f := range s.meeting(rows) {
		if n := f.count(rows); !f.Known() && n > 0 && !f.all(n) {
			files = append(files, f.File)
		}
	}
	for _, f := range s.below(below) {
		if !f.Known() && !f.all(f.countBelow(below)) {
			files = append(files, f.File)
		}
	}
	return files
}

// all tells that so many numbers of the file's ranges are all of its rows.
func (f *File) all(numbers int64) bool {
	for _, r := range f.Meta.Ranges {
		numbers -= int64(r.Rows)
	}
	return numbers == 0
}

// countBelow returns how many numbers of the file's ranges are below one.
func (f *File) countBelow(below uint64) (n int64) {
	for _, s := range f.spans() {
		if s.base < below {
			n += int64(min(s.end, below) - s.base)
		}
	}
	return n
}

// Delete takes rows away. Rows that are not there any more do not matter: they have gone with an edit of the manifest
// that recovery started from.
func (s *Shelf) Delete(rows *index.RowIDs) error {
	for _, f := range s.meeting(rows) {
		n := f.count(rows)
		if n == 0 || f.Aside() {
			continue
		}
		if f.all(n) {
			s.dropFile(f)
			continue
		}
		places, err := f.placesOf(rows)
		if err != nil {
			return fmt.Errorf("delete rows of segment %d: %w", f.Meta.File, err)
		}
		s.setVector(f, f.Deleted.With(places))
	}
	for _, p := range s.Parts {
		p.Deleted = s.counted(p.Deleted, p.Deleted.With(rows.Within(nil, p.Base, p.Rows)))
	}
	return nil
}

// Cut takes away the rows with numbers below one.
func (s *Shelf) Cut(below uint64) error {
	for _, f := range s.below(below) {
		n := f.countBelow(below)
		if f.Aside() || f.all(n) { // a damaged one goes as well
			s.dropFile(f)
			continue
		}
		p, err := f.Places(context.Background())
		if err != nil {
			return fmt.Errorf("delete rows of segment %d: %w", f.Meta.File, err)
		}
		s.setVector(f, f.Deleted.With(p.below(below, f.Meta.Base())))
	}
	keep := s.Parts[:0:0]
	for _, p := range s.Parts {
		switch n := uint64(p.Rows); {
		case p.Base >= below:
			keep = append(keep, p)
		case p.Base+n <= below:
			s.drop(p)
		default:
			p.Deleted = s.counted(p.Deleted, p.Deleted.With(firstRows(uint32(below-p.Base))))
			keep = append(keep, p)
		}
	}
	s.Parts = keep
	return nil
}

func firstRows(n uint32) []uint32 {
	rows := make([]uint32, n)
	for i := range rows {
		rows[i] = uint32(i)
	}
	return rows
}

// setVector gives a settled file another vector, which the next edit of the manifest will bring along. A file without
// rows goes with it.
func (s *Shelf) setVector(f Sealed, deleted *index.RowSet) {
	if f.Deleted == deleted {
		return
	}
	if int64(deleted.Len()) == f.Meta.Rows {
		s.dropFile(f)
		return
	}
	if len(s.Vectors) == 0 {
		s.Vectors, s.VectorsBorn = map[manifest.FileID]*index.RowSet{}, s.env.Now()
	}
	s.Vectors[f.Meta.File] = deleted
	s.rows -= int64(deleted.Len() - f.Deleted.Len())
	f.Retain()
	s.Files.Set(uint64(f.Meta.File), Sealed{f.File, s.counted(f.Deleted, deleted)})
}

// counted charges the memory of a vector that takes the place of another.
func (s *Shelf) counted(old, deleted *index.RowSet) *index.RowSet {
	if n := deleted.Bytes() - old.Bytes(); n > 0 {
		_ = s.env.Vectors.Reserve(n) // an overdraft
	} else {
		s.env.Vectors.Free(-n)
	}
	return deleted
}

// dropFile hands a settled file over to the next edit of the manifest, which will not name it any more.
func (s *Shelf) dropFile(f Sealed) {
	file := s.unsettle(f)
	delete(s.Vectors, f.Meta.File)
	s.counted(f.Deleted, nil)
	s.Dropped = append(s.Dropped, file)
}

// Less returns the deleted rows of a file together with those of a set; base is the number of its first row.
func (f Sealed) Less(rows *index.RowIDs, base uint64) (*index.RowSet, error) {
	ranges := f.Meta.Ranges
	if len(ranges) == 0 { // of a transaction
		ranges = []manifest.Range{{Rows: uint64(f.Meta.Rows)}}
	}
	met := false
	for _, r := range ranges {
		met = met || rows.Count(base+r.Base-ranges[0].Base, int(r.Rows)) > 0
	}
	if !met {
		return f.Deleted, nil
	}
	p, err := f.Places(context.Background())
	if err != nil {
		return nil, err
	}
	return f.Deleted.With(p.of(rows, ranges, base)), nil
}

// Forget frees what was read of where rows stand: no write on its way deletes any.
func (s *Shelf) Forget() {
	for _, f := range s.known {
		f.Forget()
		f.Release()
	}
	s.known = nil
}
