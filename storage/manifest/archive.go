package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/field"
)

// Archive is what is kept of the log besides its own files.
type Archive struct {
	Files []Archived // by number
	// Attached are files of loads that are no segments of their tables any more, by file.
	Attached []Attachment
	// Gone has, by table, the last record that brought something to it and is not there any more, or not with its rows, though
	// older records are there; 0 stands for any record.
	Gone  map[catalog.TableID]uint64
	Clock Clock
}

// Archived is a log file in the archive.
type Archived struct {
	Number      uint64
	First, Last uint64 // sequences
	Bytes       int64
	Plain       int64 // bytes of its records before they were compressed
	Index       int64 // offset of its index
	// At is when it was archived, by the archive's clock; From and To are when its first and last record were committed, in
	// seconds since 1970.
	At       int64
	From, To int64
	Tables   []catalog.TableID // that its records bring something to

	kept []byte // fields of a newer version
}

// Attachment is the file of a load which only a log record names.
type Attachment struct {
	File        FileID
	Table       catalog.TableID
	Record      uint64 // sequence of the record
	Rows, Bytes int64

	kept []byte // fields of a newer version
}

// Clock is the archive's clock: how many microseconds it counts, when the clock on the wall, in microseconds since 1970, was
// looked at last.
type Clock struct{ Elapsed, Wall int64 }

// ArchiveEdit is a change of the archive.
type ArchiveEdit struct {
	Add    []Archived
	Remove []uint64
	Attach []Attachment
	Detach []FileID
	Gone   map[catalog.TableID]uint64 // higher numbers take the place of others; 0: forgotten
	Clock  Clock                      // zero: as before
}

// after returns the archive after an edit.
func (a Archive) after(e *ArchiveEdit) Archive {
	if len(e.Add)+len(e.Remove) > 0 {
		a.Files = slices.DeleteFunc(slices.Clone(a.Files), func(f Archived) bool {
			return slices.Contains(e.Remove, f.Number)
		})
		for _, f := range e.Add {
			at, found := slices.BinarySearchFunc(a.Files, f.Number, func(f Archived, n uint64) int { return cmp.Compare(f.Number, n) })
			if !found {
				a.Files = slices.Insert(a.Files, at, f)
			}
		}
	}
	if len(e.Attach)+len(e.Detach) > 0 {
		a.Attached = slices.DeleteFunc(slices.Clone(a.Attached), func(f Attachment) bool { return slices.Contains(e.Detach, f.File) })
		for _, f := range e.Attach {
			at, found := a.find(f.File)
			if !found {
				a.Attached = slices.Insert(a.Attached, at, f)
			}
		}
	}
	if len(e.Gone) > 0 {
		gone := make(map[catalog.TableID]uint64, len(a.Gone)+len(e.Gone))
		maps.Copy(gone, a.Gone)
		for t, n := range e.Gone {
			if gone[t] = max(gone[t], n); n == 0 {
				delete(gone, t)
			}
		}
		a.Gone = gone
	}
	if e.Clock != (Clock{}) {
		a.Clock = e.Clock
	}
	return a
}

// Holds tells whether a file of a load is an attachment.
func (a *Archive) Holds(f FileID) bool {
	_, found := a.find(f)
	return found
}

func (a *Archive) find(f FileID) (int, bool) {
	return slices.BinarySearchFunc(a.Attached, f, func(x Attachment, f FileID) int { return cmp.Compare(x.File, f) })
}

// fields of a version, and of an edit that is all additions.
func writeArchive(w *field.Writer, files []Archived, attached []Attachment, gone map[catalog.TableID]uint64, c Clock) {
	for i := range files {
		files[i].write(w, 40)
	}
	for i := range attached {
		attached[i].write(w, 44)
	}
	for _, t := range slices.Sorted(maps.Keys(gone)) {
		m := w.Begin(48)
		w.Uint(2, uint64(t))
		w.Uint(4, gone[t])
		w.End(m)
	}
	if c != (Clock{}) {
		m := w.Begin(50)
		w.Uint(2, uint64(c.Elapsed))
		w.Uint(4, uint64(c.Wall))
		w.End(m)
	}
}

func (a *Archive) writeFields(w *field.Writer) { writeArchive(w, a.Files, a.Attached, a.Gone, a.Clock) }

func (e *ArchiveEdit) writeFields(w *field.Writer) {
	for _, n := range e.Remove {
		w.Uint(42, n)
	}
	for _, f := range e.Detach {
		w.Uint(46, uint64(f))
	}
	writeArchive(w, e.Add, e.Attach, e.Gone, e.Clock)
}

// readField reads a field of an edit; those of a version are among them. false: it is none.
func (e *ArchiveEdit) readField(r *field.Reader) bool {
	switch r.Number() {
	case 40:
		e.Add = append(e.Add, readArchived(r.Record("archived file of the log")))
	case 42:
		e.Remove = append(e.Remove, r.Uint())
	case 44:
		e.Attach = append(e.Attach, readAttachment(r.Record("attachment of the log")))
	case 46:
		e.Detach = append(e.Detach, FileID(r.Uint()))
	case 48:
		if e.Gone == nil {
			e.Gone = map[catalog.TableID]uint64{}
		}
		p := readPair(r.Record("what is gone of the log"))
		e.Gone[catalog.TableID(p.Number)] = uint64(p.Bytes)
	case 50:
		p := readPair(r.Record("clock of the archive"))
		e.Clock = Clock{int64(p.Number), p.Bytes}
	default:
		return false
	}
	return true
}

func (f *Archived) write(w *field.Writer, n field.Number) {
	m := w.Begin(n)
	w.Uint(2, f.Number)
	w.Uint(4, f.First)
	w.Uint(6, f.Last)
	w.Uint(8, uint64(f.Bytes))
	w.Uint(10, uint64(f.Plain))
	w.Uint(12, uint64(f.Index))
	w.Uint(14, uint64(f.At))
	w.Uint(16, uint64(f.From))
	w.Uint(18, uint64(f.To))
	tables := make([]uint64, len(f.Tables))
	for i, t := range f.Tables {
		tables[i] = uint64(t)
	}
	w.Uints(20, tables)
	w.Keep(f.kept)
	w.End(m)
}

func readArchived(r *field.Reader) (f Archived) {
	for r.Next() {
		switch r.Number() {
		case 2:
			f.Number = r.Uint()
		case 4:
			f.First = r.Uint()
		case 6:
			f.Last = r.Uint()
		case 8:
			f.Bytes = int64(r.Uint())
		case 10:
			f.Plain = int64(r.Uint())
		case 12:
			f.Index = int64(r.Uint())
		case 14:
			f.At = int64(r.Uint())
		case 16:
			f.From = int64(r.Uint())
		case 18:
			f.To = int64(r.Uint())
		case 20:
			for _, t := range r.Uints(nil) {
				f.Tables = append(f.Tables, catalog.TableID(t))
			}
		default:
			r.Unknown()
		}
	}
	f.kept = slices.Clone(r.Kept())
	if f.First > f.Last || f.Bytes < 0 || f.Plain < 0 || f.Index < 0 || f.Index > f.Bytes {
		r.Fail("records %d to %d in %d bytes", f.First, f.Last, f.Bytes)
	}
	return f
}

func (f *Attachment) write(w *field.Writer, n field.Number) {
	m := w.Begin(n)
	w.Uint(2, uint64(f.File))
	w.Uint(4, uint64(f.Table))
	w.Uint(6, f.Record)
	w.Uint(8, uint64(f.Rows))
	w.Uint(10, uint64(f.Bytes))
	w.Keep(f.kept)
	w.End(m)
}

func readAttachment(r *field.Reader) (f Attachment) {
	for r.Next() {
		switch r.Number() {
		case 2:
			f.File = FileID(r.Uint())
		case 4:
			f.Table = catalog.TableID(r.Uint())
		case 6:
			f.Record = r.Uint()
		case 8:
			f.Rows = int64(r.Uint())
		case 10:
			f.Bytes = int64(r.Uint())
		default:
			r.Unknown()
		}
	}
	f.kept = slices.Clone(r.Kept())
	if f.Rows < 0 || f.Rows > 1<<32 || f.Bytes < 0 {
		r.Fail("attachment %d of %d rows and %d bytes", f.File, f.Rows, f.Bytes)
	}
	return f
}

// archiveLines tells what a version, or the additions of an edit, have of the archive.
func archiveLines(files []Archived, attached []Attachment, gone map[catalog.TableID]uint64, c Clock) (lines []string) {
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("archive has log file %d: records %d to %d of %d tables, %d bytes in %d, index at %d", f.Number, f.First, f.Last,
			len(f.Tables), f.Plain, f.Bytes, f.Index))
	}
	for _, f := range attached {
		lines = append(lines, fmt.Sprintf("segment %d of table %d is an attachment of record %d: %d rows, %d bytes", f.File, f.Table, f.Record, f.Rows, f.Bytes))
	}
	for _, t := range slices.Sorted(maps.Keys(gone)) {
		lines = append(lines, fmt.Sprintf("records of table %d up to %d are not all there", t, gone[t]))
	}
	if c != (Clock{}) {
		lines = append(lines, fmt.Sprintf("clock of the archive at %d us", c.Elapsed))
	}
	return lines
}

func (a *Archive) lines() []string { return archiveLines(a.Files, a.Attached, a.Gone, a.Clock) }

func (e *ArchiveEdit) lines() (lines []string) {
	for _, n := range e.Remove {
		lines = append(lines, fmt.Sprintf("log file %d leaves the archive", n))
	}
	for _, f := range e.Detach {
		lines = append(lines, fmt.Sprintf("segment %d is no attachment any more", f))
	}
	return append(lines, archiveLines(e.Add, e.Attach, e.Gone, e.Clock)...)
}
