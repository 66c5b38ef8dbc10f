package manifest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/persist"
	"github.com/siltstone-db/siltstone/storage/positions"
)

// WriteFields writes what is known of a segment as fields.
func (s *Segment) WriteFields(w *field.Writer) {
	w.Uint(2, uint64(s.File))
	w.Uint(4, uint64(s.Table))
	w.Uint(6, uint64(s.Rows))
	w.Uint(8, uint64(s.Bytes))
	w.Uint(10, s.First)
	w.Uint(12, s.Last)
	for _, r := range s.Ranges {
		m := w.Begin(14)
		w.Uint(2, r.Base)
		w.Uint(4, r.Rows)
		w.End(m)
	}
	w.String(16, s.Deleted)
	w.String(18, s.Quarantined)
	if v := s.Values; v.Known() {
		m := w.Begin(20)
		w.Int(2, v.Least)
		w.Int(4, v.Greatest)
		w.Bool(6, v.Valued)
		w.Bool(8, v.Nulls)
		w.Uint(10, uint64(v.Unit))
		w.Uint(12, uint64(v.Width))
		w.End(m)
	}
	w.Uint(26, s.Record)
	w.Keep(s.kept)
}

// ReadSegment reads what WriteFields wrote.
func ReadSegment(r *field.Reader) (s Segment) {
	for r.Next() {
		switch r.Number() {
		case 2:
			s.File = FileID(r.Uint())
		case 4:
			s.Table = catalog.TableID(r.Uint())
		case 6:
			s.Rows = int64(r.Uint())
		case 8:
			s.Bytes = int64(r.Uint())
		case 10:
			s.First = r.Uint()
		case 12:
			s.Last = r.Uint()
		case 14:
			s.Ranges = append(s.Ranges, readRange(r.Record("range of row numbers")))
		case 16:
			s.Deleted = r.String()
		case 18:
			s.Quarantined = r.String()
		case 20:
			s.Values = readValues(r.Record("values of a segment"))
		case 26:
			s.Record = r.Uint()
		default:
			r.Unknown()
		}
	}
	s.kept = slices.Clone(r.Kept())
	if s.Rows < 0 || s.Rows > 1<<32 || s.Bytes < 0 {
		r.Fail("segment %d of %d rows and %d bytes", s.File, s.Rows, s.Bytes)
	}
	var rows, end uint64
	for _, x := range s.Ranges {
		if x.Base < end || x.Rows > 1<<62 || x.Base > 1<<62 {
			r.Fail("segment %d: %d rows from number %d", s.File, x.Rows, x.Base)
		}
		rows, end = rows+x.Rows, x.Base+x.Rows
	}
	if len(s.Ranges) > 0 && rows < uint64(s.Rows) {
		r.Fail("segment %d: numbers of %d rows, want %d at least", s.File, rows, s.Rows)
	}
	return s
}

func readRange(r *field.Reader) (x Range) {
	for r.Next() {
		switch r.Number() {
		case 2:
			x.Base = r.Uint()
		case 4:
			x.Rows = r.Uint()
		default:
			r.Unknown()
		}
	}
	return x
}

func readValues(r *field.Reader) (v partition.Range) {
	for r.Next() {
		switch r.Number() {
		case 2:
			v.Least = r.Int()
		case 4:
			v.Greatest = r.Int()
		case 6:
			v.Valued = r.Bool()
		case 8:
			v.Nulls = r.Bool()
		case 10:
			v.Unit = partition.Unit(min(r.Uint(), uint64(partition.Width))) // another one: not as the table has it
		case 12:
			v.Width = int64(r.Uint())
		default:
			r.Unknown()
		}
	}
	if v.Least > v.Greatest {
		r.Fail("values from %d to %d", v.Least, v.Greatest)
	}
	return v
}

func writeSegment(w *field.Writer, n field.Number, s *Segment) {
	m := w.Begin(n)
	s.WriteFields(w)
	w.End(m)
}

// writeTexts writes what belongs to some files, by their ids.
func writeTexts(w *field.Writer, n field.Number, texts map[FileID]string) {
	for _, f := range slices.Sorted(maps.Keys(texts)) {
		m := w.Begin(n)
		w.Uint(2, uint64(f))
		w.String(4, texts[f])
		w.End(m)
	}
}

func readText(r *field.Reader, texts *map[FileID]string) {
	var f FileID
	var text string
	for r.Next() {
		switch r.Number() {
		case 2:
			f = FileID(r.Uint())
		case 4:
			text = r.String()
		default:
			r.Unknown()
		}
	}
	if *texts == nil {
		*texts = map[FileID]string{}
	}
	(*texts)[f] = text
}

func writePosition(w *field.Writer, n field.Number, id catalog.TableID, p Position) {
	m := w.Begin(n)
	w.Uint(2, uint64(id))
	w.Uint(4, p.Sequence)
	w.Uint(6, p.Rows+1) // all of them: 0, which is left out
	w.Uint(8, p.Next)
	w.End(m)
}

func readPosition(r *field.Reader) (id catalog.TableID, p Position) {
	p.Rows = AllRows
	for r.Next() {
		switch r.Number() {
		case 2:
			id = catalog.TableID(r.Uint())
		case 4:
			p.Sequence = r.Uint()
		case 6:
			p.Rows = r.Uint() - 1
		case 8:
			p.Next = r.Uint()
		default:
			r.Unknown()
		}
	}
	return id, p
}

func writeSources(w *field.Writer, n field.Number, sources map[positions.Key]string) {
	for _, k := range slices.SortedFunc(maps.Keys(sources), positions.Key.Compare) {
		m := w.Begin(n)
		w.Uint(2, k.Source)
		w.String(4, k.Partition)
		w.String(6, sources[k])
		w.End(m)
	}
}

func readSource(r *field.Reader, sources *map[positions.Key]string) {
	var k positions.Key
	var at string
	for r.Next() {
		switch r.Number() {
		case 2:
			k.Source = r.Uint()
		case 4:
			k.Partition = r.String()
		case 6:
			at = r.String()
		default:
			r.Unknown()
		}
	}
	if *sources == nil {
		*sources = map[positions.Key]string{}
	}
	(*sources)[k] = at
}

// Append appends the binary form of the version.
func (v *Version) Append(dst []byte) []byte {
	w := field.NewWriter(dst)
	w.Uint(2, v.DDL)
	w.Uint(4, v.Watermark)
	w.Uint(6, v.Applied)
	w.Uint(8, uint64(v.NextFile))
	w.Bytes(10, v.Catalog.Append(nil))
	for _, s := range v.Segments.All() {
		writeSegment(w, 12, s)
	}
	for id, p := range v.Positions.All() {
		writePosition(w, 14, id, p)
	}
	v.Held.writeFields(w)
	writeSources(w, 32, v.Sources)
	v.Expired.write(w, 35)
	v.Archive.writeFields(w)
	w.Uint(54, v.Counted)
	for n, at := range v.Counters.All() {
		writeCounter(w, 52, n, at)
	}
	w.Keep(v.kept)
	return w.Record()
}

// DecodeVersion reads what Version.Append wrote.
func DecodeVersion(b []byte) (*Version, error) {
	r := field.NewReader("version of the manifest", b)
	v := blank()
	var segments []*Segment
	var archive ArchiveEdit
	for r.Next() {
		switch r.Number() {
		case 2:
			v.DDL = r.Uint()
		case 4:
			v.Watermark = r.Uint()
		case 6:
			v.Applied = r.Uint()
		case 8:
			v.NextFile = FileID(r.Uint())
		case 10:
			c, err := catalog.Decode(r.Bytes())
			if err != nil {
				return nil, err
			}
			v.Catalog = c
		case 12:
			s := ReadSegment(r.Record("segment of the manifest"))
			segments = append(segments, &s)
		case 14:
			id, p := readPosition(r.Record("position of a table"))
			v.Positions = v.Positions.With(id, p)
		case 32:
			readSource(r.Record("position of a source"), &v.Sources)
		case 35:
			v.Expired.read(r.Record("expired rows"))
		case 52:
			m := counter.Read(r.Record("counter of a sequence"))
			v.Counters = v.Counters.With(m.Counter, m.State)
		case 54:
			v.Counted = r.Uint()
		default:
			if !archive.readField(r) {
				v.Held.readField(r)
			}
		}
	}
	v.Archive = v.Archive.after(&archive)
	v.kept = slices.Clone(r.Kept())
	if r.Err() == nil && v.Catalog == nil {
		return nil, errs.Corrupt("version of the manifest: without a catalog")
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return v, v.setSegments(segments)
}

// setSegments gives a version that has none its segments.
func (v *Version) setSegments(list []*Segment) error {
	slices.SortFunc(list, func(a, b *Segment) int { return cmp.Compare(a.File, b.File) })
	ids := make([]FileID, len(list))
	for i, s := range list {
		if ids[i] = s.File; i > 0 && ids[i-1] == s.File {
			return errs.Corrupt("version of the manifest: segment %d is there twice", s.File)
		}
	}
	v.Segments = persist.Sorted(cmp.Compare[FileID], ids, list)
	return nil
}

// Append appends the binary form of the edit.
func (e *Edit) Append(dst []byte) []byte {
	w := field.NewWriter(dst)
	w.Uint(2, e.DDL)
	w.Uint(4, e.Watermark)
	w.Uint(6, e.Applied)
	w.Uint(8, uint64(e.NextFile))
	if len(e.Catalog) > 0 {
		w.Bytes(10, catalog.AppendEdits(nil, e.Catalog))
	}
	for i := range e.Add {
		writeSegment(w, 12, &e.Add[i])
	}
	for _, id := range slices.Sorted(maps.Keys(e.Positions)) {
		writePosition(w, 14, id, e.Positions[id])
	}
	for _, f := range e.Remove {
		w.Uint(16, uint64(f))
	}
	writeTexts(w, 18, e.Quarantined)
	writeTexts(w, 20, e.Deleted)
	e.Held.writeFields(w)
	writeSources(w, 32, e.Sources)
	e.Expired.write(w, 35)
	e.Archive.writeFields(w)
	w.Uint(54, e.Counted)
	for n, at := range inOrder(e.Counters) {
		writeCounter(w, 52, n, at)
	}
	w.Keep(e.kept)
	return w.Record()
}

// DecodeEdit reads what Edit.Append wrote.
func DecodeEdit(b []byte) (*Edit, error) {
	r := field.NewReader("edit of the manifest", b)
	e := &Edit{Positions: map[catalog.TableID]Position{}}
	for r.Next() {
		switch r.Number() {
		case 2:
			e.DDL = r.Uint()
		case 4:
			e.Watermark = r.Uint()
		case 6:
			e.Applied = r.Uint()
		case 8:
			e.NextFile = FileID(r.Uint())
		case 10:
			edits, err := catalog.DecodeEdits(r.Bytes())
			if err != nil {
				return nil, err
			}
			e.Catalog = edits
		case 12:
			e.Add = append(e.Add, ReadSegment(r.Record("segment of the manifest")))
		case 14:
			id, p := readPosition(r.Record("position of a table"))
			e.Positions[id] = p
		case 16:
			e.Remove = append(e.Remove, FileID(r.Uint()))
		case 18:
			readText(r.Record("quarantined segment"), &e.Quarantined)
		case 20:
			readText(r.Record("deleted rows"), &e.Deleted)
		case 32:
			readSource(r.Record("position of a source"), &e.Sources)
		case 35:
			e.Expired.read(r.Record("expired rows"))
		case 52:
			m := counter.Read(r.Record("counter of a sequence"))
			if e.Counters == nil {
				e.Counters = map[uint32]counter.State{}
			}
			e.Counters[m.Counter] = m.State
		case 54:
			e.Counted = r.Uint()
		default:
			if !e.Archive.readField(r) {
				e.Held.readField(r)
			}
		}
	}
	e.kept = slices.Clone(r.Kept())
	return e, r.Err()
}
