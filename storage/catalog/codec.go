package catalog

import (
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The durable form of a catalog and of its edits, inside log records and the manifest, which bring length and checksum.
// Records and numbers are those of package field; {n: x}* is a field that is there any number of times.
//
//	catalog    2 version  4 next id  6 next OID  8 {object}*
//	edits      2 {edit}*
//	edit       2 what: 1 create, 2 replace, 3 drop  4 {object} of create and replace  6 ids of drop
//	object     2 kind  4 id  6 OID  8 schema  10 name  12 owner  14 {grant}*  16 {dependency}*  18 {body}  3 comment
//	grant      2 role  4 by  6 privileges  8 grantable
//	dependency 2 id  4 column  6 auto
//
// Edits, types and values have no fields that may be ignored: one that is not known is refused, even or odd.
// A body is that of its kind: see codec_table.go and codec_objects.go.

// AppendEdits appends the binary form of edits that Apply returned.
func AppendEdits(dst []byte, edits []Edit) []byte {
	w := field.NewWriter(dst)
	for _, e := range edits {
		m := w.Begin(2)
		w.Uint(2, uint64(e.op))
		if e.op == opDrop {
			writeIDs(w, 6, e.ids)
		} else {
			writeObject(w, 4, e.object)
		}
		w.End(m)
	}
	return w.Record()
}

// Append appends the binary form of the catalog.
func (s *Snapshot) Append(dst []byte) []byte {
	w := field.NewWriter(dst)
	w.Uint(2, s.version)
	w.Uint(4, uint64(s.nextID))
	w.Uint(6, uint64(s.nextOID))
	for _, o := range s.objects.all() {
		writeObject(w, 8, o)
	}
	w.Keep([]byte(s.kept))
	return w.Record()
}

func writeObject(w *field.Writer, n field.Number, o Object) {
	h := o.Common()
	m := w.Begin(n)
	w.Uint(2, uint64(o.Kind()))
	w.Uint(4, uint64(h.ID))
	w.Uint(6, uint64(h.OID))
	w.String(8, h.Schema)
	w.String(10, h.Name)
	w.String(12, h.Owner)
	for _, g := range h.ACL {
		g.write(w)
	}
	for _, d := range h.Depends {
		d.write(w)
	}
	w.String(3, h.Comment)
	b := w.Begin(18)
	o.write(w)
	w.Keep([]byte(h.body))
	w.End(b)
	w.Keep([]byte(h.kept))
	w.End(m)
}

func (g Grant) write(w *field.Writer) {
	m := w.Begin(14)
	w.String(2, g.Role)
	w.String(4, g.By)
	w.Uint(6, uint64(g.Privileges))
	w.Uint(8, uint64(g.Grantable))
	w.Keep([]byte(g.kept))
	w.End(m)
}

func (d Dependency) write(w *field.Writer) {
	m := w.Begin(16)
	w.Uint(2, uint64(d.On))
	w.Uint(4, uint64(d.Column))
	w.Bool(6, d.Auto)
	w.Keep([]byte(d.kept))
	w.End(m)
}

func readObject(r *field.Reader) Object {
	var h Head
	var o Object
	var body []byte
	for r.Next() {
		switch r.Number() {
		case 2:
			k := r.Uint()
			if k > math.MaxUint8 || !Kind(k).known() {
				r.Refuse(errs.Unsupported("an object of kind %d in the catalog, written by a newer version,", k))
				return nil
			}
			o = kinds[k].make()
		case 4:
			h.ID = ID(r.Uint())
		case 6:
			h.OID = uint32(number(r, math.MaxUint32))
		case 8:
			h.Schema = r.String()
		case 10:
			h.Name = r.String()
		case 12:
			h.Owner = r.String()
		case 14:
			h.ACL = append(h.ACL, readGrant(r.Record("grant")))
		case 16:
			h.Depends = append(h.Depends, readDependency(r.Record("dependency")))
		case 3:
			h.Comment = r.String()
		case 18:
			body = r.Bytes()
		default:
			r.Unknown()
		}
	}
	h.kept = string(r.Kept())
	if o == nil || h.ID == 0 || h.OID == 0 {
		if r.Err() == nil {
			r.Fail("an object has no kind or no number")
		}
		return nil
	}
	b := field.NewReader(o.Kind().String(), body)
	*o.Common() = h
	o.read(b)
	o.Common().body = string(b.Kept())
	if b.Err() != nil {
		r.Refuse(b.Err())
	}
	return o
}

func readGrant(r *field.Reader) (g Grant) {
	for r.Next() {
		switch r.Number() {
		case 2:
			g.Role = r.String()
		case 4:
			g.By = r.String()
		case 6:
			g.Privileges = Privilege(number(r, math.MaxUint32))
		case 8:
			g.Grantable = Privilege(number(r, math.MaxUint32))
		default:
			r.Unknown()
		}
	}
	g.kept = string(r.Kept())
	return g
}

func readDependency(r *field.Reader) (d Dependency) {
	for r.Next() {
		switch r.Number() {
		case 2:
			d.On = ID(r.Uint())
		case 4:
			d.Column = uint32(number(r, math.MaxUint32))
		case 6:
			d.Auto = r.Bool()
		default:
			r.Unknown()
		}
	}
	d.kept = string(r.Kept())
	return d
}

// number reads a number that is at most so large.
func number(r *field.Reader, most uint64) uint64 {
	n := r.Uint()
	if n > most {
		r.Fail("field %d is %d", r.Number(), n)
		return 0
	}
	return n
}

// unknown refuses a field of a record that has no room for what it does not know, be it required or not.
func unknown(r *field.Reader) {
	r.Refuse(errs.Unsupported("field %d of an edit, a type or a value of the catalog, written by a newer version,", r.Number()))
}

func writeIDs[T ID | uint32](w *field.Writer, n field.Number, ids []T) {
	list := make([]uint64, len(ids))
	for i, id := range ids {
		list[i] = uint64(id)
	}
	w.Uints(n, list)
}

func readIDs[T ID | uint32](r *field.Reader) []T {
	var list []T
	for _, v := range r.Uints(nil) {
		if uint64(T(v)) != v {
			r.Fail("field %d has the number %d", r.Number(), v)
		}
		list = append(list, T(v))
	}
	return list
}

func writeType(w *field.Writer, n field.Number, t types.Type) {
	m := w.Begin(n)
	w.Uint(2, uint64(t.Kind))
	w.Uint(4, uint64(t.Elem))
	w.Int(6, int64(t.Width))
	w.Int(8, int64(t.Precision))
	w.Int(10, int64(t.Scale))
	w.End(m)
}

func readType(r *field.Reader) (t types.Type) {
	for r.Next() {
		switch r.Number() {
		case 2:
			t.Kind = types.Kind(number(r, math.MaxUint8))
		case 4:
			t.Elem = types.Kind(number(r, math.MaxUint8))
		case 6:
			t.Width = int32(r.Int())
		case 8:
			t.Precision = int16(r.Int())
		case 10:
			t.Scale = int16(r.Int())
		default:
			unknown(r)
		}
	}
	return t
}

// DecodeEdits reads what AppendEdits wrote.
func DecodeEdits(b []byte) ([]Edit, error) {
	r := field.NewReader("catalog edits", b)
	var edits []Edit
	for r.Next() {
		switch r.Number() {
		case 2:
			edits = append(edits, readEdit(r.Record("catalog edit")))
		default:
			unknown(r)
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return edits, nil
}

func readEdit(r *field.Reader) (e Edit) {
	for r.Next() {
		switch r.Number() {
		case 2:
			e.op = op(number(r, math.MaxUint8))
		case 4:
			e.object = readObject(r.Record("catalog object"))
		case 6:
			e.ids = readIDs[ID](r)
		default:
			unknown(r)
		}
	}
	switch {
	case r.Err() != nil:
	case e.op == opCreate && e.object != nil:
	case e.op == opReplace && e.object != nil:
		e.ids, e.name = []ID{e.object.Common().ID}, e.object.Common().Name
	case e.op == opDrop && len(e.ids) > 0:
	default:
		r.Fail("an edit has no object, or does nothing that is known")
	}
	return e
}

// Decode reads what Append wrote.
func Decode(b []byte) (*Snapshot, error) {
	s := blank()
	var objects []Object
	r := field.NewReader("catalog", b)
	for r.Next() {
		switch r.Number() {
		case 2:
			s.version = r.Uint()
		case 4:
			s.nextID = ID(r.Uint())
		case 6:
			s.nextOID = uint32(number(r, math.MaxUint32))
		case 8:
			objects = append(objects, readObject(r.Record("catalog object")))
		default:
			r.Unknown()
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	s.kept = string(r.Kept())
	for _, o := range objects {
		h := o.Common()
		if s.Object(h.ID) != nil || slices.ContainsFunc(oidsOf(o), func(n uint32) bool { _, ok := s.oids.get(n); return ok }) || h.ID >= s.nextID {
			return nil, errs.Corrupt("catalog: the number of %s %q, %d, is there twice or is to come", o.Kind(), h.Name, h.ID)
		}
		s.put(o)
	}
	for _, o := range objects {
		next := s.nextOID
		if err := s.fill(o); err != nil {
			return nil, errs.Corrupt("catalog: %s %q: %w", o.Kind(), o.Common().Name, err)
		}
		if s.nextOID != next {
			return nil, errs.Corrupt("catalog: %s %q has an OID that is to come", o.Kind(), o.Common().Name)
		}
	}
	return s, nil
}
