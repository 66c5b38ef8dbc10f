package manifest

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

const format = 1

type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) blob(b []byte) {
	e.uint(uint64(len(b)))
	e.b = append(e.b, b...)
}

func (e *encoder) segments(list []Segment) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		for _, v := range []uint64{uint64(s.File), uint64(s.Table), uint64(s.Rows), uint64(s.Bytes), s.First, s.Last, s.Base} {
			e.uint(v)
		}
		e.blob([]byte(s.Deleted))
		e.blob([]byte(s.Quarantined))
	}
}

func (e *encoder) blobs(m map[FileID]string) {
	e.uint(uint64(len(m)))
	for _, f := range slices.Sorted(maps.Keys(m)) {
		e.uint(uint64(f))
		e.blob([]byte(m[f]))
	}
}

func (e *encoder) positions(m map[catalog.TableID]Position) {
	e.uint(uint64(len(m)))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		e.uint(uint64(id))
		e.uint(m[id].Sequence)
		e.uint(m[id].Rows)
		e.uint(m[id].Next)
	}
}

// Append appends the binary form of the version.
func (v *Version) Append(dst []byte) []byte {
	e := &encoder{append(dst, format)}
	e.uint(v.DDL)
	e.uint(v.Watermark)
	e.uint(v.Applied)
	e.uint(uint64(v.NextFile))
	e.blob(v.Catalog.Append(nil))
	e.segments(v.Segments)
	e.positions(v.Positions)
	return e.b
}

// Append appends the binary form of the edit.
func (e *Edit) Append(dst []byte) []byte {
	w := &encoder{append(dst, format)}
	w.uint(e.DDL)
	if len(e.Catalog) > 0 {
		w.blob(catalog.AppendEdits(nil, e.Catalog))
	} else {
		w.uint(0)
	}
	w.uint(e.Watermark)
	w.uint(e.Applied)
	w.uint(uint64(e.NextFile))
	w.segments(e.Add)
	w.uint(uint64(len(e.Remove)))
	for _, f := range e.Remove {
		w.uint(uint64(f))
	}
	w.blobs(e.Quarantined)
	w.blobs(e.Deleted)
	w.positions(e.Positions)
	return w.b
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) blob() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// count reads the number of items that follow, each of at least min bytes.
func (d *decoder) count(min int) int {
	n := d.uint()
	if n > uint64(len(d.b)/min) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) segments() []Segment {
	list := make([]Segment, d.count(9))
	for i := range list {
		list[i] = Segment{
			File: FileID(d.uint()), Table: catalog.TableID(d.uint()), Rows: int64(d.uint()), Bytes: int64(d.uint()),
			First: d.uint(), Last: d.uint(), Base: d.uint(), Deleted: string(d.blob()), Quarantined: string(d.blob()),
		}
	}
	return list
}

func (d *decoder) blobs() map[FileID]string {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	m := make(map[FileID]string, n)
	for range n {
		f := FileID(d.uint())
		m[f] = string(d.blob())
	}
	return m
}

func (d *decoder) positions() map[catalog.TableID]Position {
	n := d.count(4)
	m := make(map[catalog.TableID]Position, n)
	for range n {
		id := catalog.TableID(d.uint())
		m[id] = Position{Sequence: d.uint(), Rows: d.uint(), Next: d.uint()}
	}
	return m
}

func (d *decoder) start(b []byte) error {
	if len(b) == 0 {
		return errs.Corrupt("manifest: an empty record")
	}
	if b[0] != format {
		return errs.Unsupported("format %d of the manifest (this server knows up to %d), written by a newer version,", b[0], format)
	}
	d.b = b[1:]
	return nil
}

func (d *decoder) end() error {
	if d.bad || len(d.b) != 0 {
		return errs.Corrupt("manifest: malformed record")
	}
	return nil
}

// DecodeVersion reads what Version.Append wrote.
func DecodeVersion(b []byte) (*Version, error) {
	d := &decoder{}
	if err := d.start(b); err != nil {
		return nil, err
	}
	v := &Version{DDL: d.uint(), Watermark: d.uint(), Applied: d.uint(), NextFile: FileID(d.uint())}
	c, err := catalog.Decode(d.blob())
	if err != nil {
		return nil, err
	}
	v.Catalog, v.Segments, v.Positions = c, d.segments(), d.positions()
	return v, d.end()
}

// DecodeEdit reads what Edit.Append wrote.
func DecodeEdit(b []byte) (*Edit, error) {
	d := &decoder{}
	if err := d.start(b); err != nil {
		return nil, err
	}
	e := &Edit{DDL: d.uint()}
	if c := d.blob(); len(c) > 0 {
		var err error
		if e.Catalog, err = catalog.DecodeEdits(c); err != nil {
			return nil, err
		}
	}
	e.Watermark, e.Applied, e.NextFile, e.Add = d.uint(), d.uint(), FileID(d.uint()), d.segments()
	for range d.count(1) {
		e.Remove = append(e.Remove, FileID(d.uint()))
	}
	e.Quarantined, e.Deleted = d.blobs(), d.blobs()
	e.Positions = d.positions()
	return e, d.end()
}
