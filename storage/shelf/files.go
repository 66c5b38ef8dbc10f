package shelf

import (
	"cmp"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
)

// span is a range of row numbers that a settled file has. Spans of files that were divided have the numbers of each other's
// rows between theirs; reach, the greatest end up to a span, ascends all the same.
type span struct {
	base, end, reach uint64
	file             manifest.FileID
}

// spans returns the ranges of a file.
func (f *File) spans() []span {
	spans := make([]span, len(f.Meta.Ranges))
	for i, r := range f.Meta.Ranges {
		spans[i] = span{base: r.Base, end: r.Base + r.Rows, file: f.Meta.File}
	}
	return spans
}

// count returns how many of the rows lie in the ranges of the file.
func (f *File) count(rows *index.RowIDs) (n int64) {
	for _, s := range f.spans() {
		n += int64(rows.Count(s.base, int(s.end-s.base)))
	}
	return n
}

// Settle puts a file among those that are settled, with its deleted rows. It takes over the reference.
func (s *Shelf) Settle(f *File, deleted *index.RowSet) {
	s.Files.Set(uint64(f.Meta.File), Sealed{f, s.counted(nil, deleted)})
	s.total(f, deleted, 1)
	for _, n := range f.spans() {
		at := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].base > n.base })
		s.spans = slices.Insert(s.spans, at, n)
		s.reach(at)
	}
}

// reach finds how far spans reach, from one on, as far as that has changed.
func (s *Shelf) reach(from int) {
	before := uint64(0)
	if from > 0 {
		before = s.spans[from-1].reach
	}
	for i := from; i < len(s.spans); i++ {
		before = max(before, s.spans[i].end)
		if i > from && s.spans[i].reach == before {
			return
		}
		s.spans[i].reach = before
	}
}

// Replace puts one settled file in the place of another with the same rows. It takes over the reference to the new one
// and gives back that to the old one.
func (s *Shelf) Replace(old, f *File) {
	was, _ := s.Files.Get(uint64(old.Meta.File))
	s.total(old, was.Deleted, -1)
	s.total(f, was.Deleted, 1)
	s.Files.Set(uint64(f.Meta.File), Sealed{f, was.Deleted})
}

// Holds returns a settled file as it is now, if it is there.
func (s *Shelf) Holds(f *File) (Sealed, bool) {
	now, ok := s.Files.Get(uint64(f.Meta.File))
	return now, ok && now.File == f
}

// InOrder returns the settled files, by the numbers of their first rows.
func (s *Shelf) InOrder() []Sealed {
	var files []Sealed
	for _, f := range s.Files.All() {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b Sealed) int {
		return cmp.Or(cmp.Compare(a.Meta.Base(), b.Meta.Base()), cmp.Compare(a.Meta.File, b.Meta.File))
	})
	return files
}

// unsettle takes a file out, and returns the reference to it.
func (s *Shelf) unsettle(f Sealed) *File {
	f.Retain()
	s.Files.Delete(uint64(f.Meta.File))
	s.total(f.File, f.Deleted, -1)
	first := slices.IndexFunc(s.spans, func(n span) bool { return n.file == f.Meta.File })
	s.spans = slices.DeleteFunc(s.spans, func(n span) bool { return n.file == f.Meta.File })
	for i := max(first, 0); i < len(s.spans); i++ {
		s.spans[i].reach = 0
	}
	s.reach(max(first, 0))
	return f.File
}

// total adds to what all settled files have, or takes away from it.
func (s *Shelf) total(f *File, deleted *index.RowSet, sign int64) {
	s.rows += sign * (f.Meta.Rows - int64(deleted.Len()))
	if f.Aside() {
		s.aside += sign
	}
}

// meeting returns the settled files that may have some of the rows.
func (s *Shelf) meeting(rows *index.RowIDs) []Sealed {
	var ids []manifest.FileID
	next, ok := rows.AtLeast(0)
	for i := 0; ok; i++ {
		i += sort.Search(len(s.spans)-i, func(k int) bool { return s.spans[i+k].reach > next })
		if i == len(s.spans) {
			break
		}
		n := s.spans[i]
		if next < n.base { // what is below is in none of those that follow
			next, ok = rows.AtLeast(n.base)
		}
		if rows.Count(n.base, int(n.end-n.base)) > 0 {
			ids = append(ids, n.file)
		}
	}
	slices.Sort(ids)
	return s.filesOf(slices.Compact(ids))
}

// below returns the settled files with rows that have numbers below one.
func (s *Shelf) below(number uint64) []Sealed {
	var ids []manifest.FileID
	for _, n := range s.spans {
		if n.base < number {
			ids = append(ids, n.file)
		}
	}
	slices.Sort(ids)
	return s.filesOf(slices.Compact(ids))
}

func (s *Shelf) filesOf(ids []manifest.FileID) []Sealed {
	files := make([]Sealed, len(ids))
	for i, id := range ids {
		files[i], _ = s.Files.Get(uint64(id))
	}
	slices.SortFunc(files, func(a, b Sealed) int { return cmp.Compare(a.Meta.File, b.Meta.File) })
	return files
}

// Adopt settles a file that a log record names and the manifest does not, yet. It takes over the reference. Its rows get
// the next numbers, so that the part before them takes no more rows.
func (s *Shelf) Adopt(f Sealed, sequence uint64) {
	s.Close()
	f.Meta.First, f.Meta.Last, f.Meta.Record = sequence, sequence, sequence
	f.Meta.Number(s.Next)
	s.Next += uint64(f.Meta.Rows)
	s.Settle(f.File, f.Deleted)
	m := f.Meta
	if f.Deleted.Len() > 0 {
		m.Deleted = string(f.Deleted.Append(nil))
	}
	s.Unnamed = append(s.Unnamed, m)
}

// Skip counts the rows of such a file that is not there any more.
func (s *Shelf) Skip(rows int64) {
	s.Close()
	s.Next += uint64(rows)
}

// Claimed tells whether a write on its way deletes rows that a file may have.
func (s *Shelf) Claimed(f *File) bool {
	return slices.ContainsFunc(s.Claims, func(rows *index.RowIDs) bool { return f.count(rows) > 0 })
}

// Heir is a file that takes the place of others.
type Heir struct {
	File    *File
	Places  *Places
	Written *index.RowSet // its deleted rows as the manifest has them
	More    []uint32      // places of rows that were deleted since
}

// Merged puts files, which the manifest names now, in the place of others, those of old that are still there. It takes over
// the references to the heirs, and returns those to the old ones.
func (s *Shelf) Merged(old []*File, heirs []Heir) (gone []*File) {
	for _, f := range old {
		if now, ok := s.Holds(f); ok {
			delete(s.Vectors, f.Meta.File)
			s.counted(now.Deleted, nil)
			gone = append(gone, s.unsettle(now))
		}
	}
	for _, h := range heirs {
		if len(s.Claims) > 0 {
			h.File.Keep(h.Places)
			s.Note(h.File)
		}
		s.Settle(h.File, h.Written)
		s.setVector(Sealed{h.File, h.Written}, h.Written.With(h.More))
	}
	return gone
}
