package catalog

import (
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
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
// A body is that of its kind: see codec_table.go, codec_objects.go and codec_access.go.

// AppendEdits appends the binary form of edits that Apply returned.
func AppendEdits(dst []byte, edits []Edit) []byte {
	w := field.NewWriter(dst)
	write(w, &edits, editsFields)
	return w.Record()
}

// DecodeEdits reads what AppendEdits wrote.
func DecodeEdits(b []byte) ([]Edit, error) {
	r := field.NewReader("catalog edits", b)
	var edits []Edit
	read(r, &edits, editsFields)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return edits, nil
}

func editsFields(list *[]Edit, f *fields) { records(f, 2, "catalog edit", list, (*Edit).fields) }

func (e *Edit) fields(f *fields) {
	number(f, 2, &e.op, math.MaxUint8)
	if f.w == nil || e.object != nil {
		record(f, 4, "catalog object", &e.object, objectFields)
	}
	if f.w == nil || e.op == opDrop {
		numbers(f, 6, &e.ids)
	}
	if !f.ended() {
		return
	}
	switch {
	case e.op == opCreate && e.object != nil:
	case e.op == opReplace && e.object != nil:
		e.ids, e.name = []ID{e.object.Common().ID}, e.object.Common().Name
	case e.op == opDrop && len(e.ids) > 0:
	default:
		f.r.Fail("an edit has no object, or does nothing that is known")
	}
}

// objectFields goes through an object of any kind. To read one, its head is read into a place of its own until the kind
// is known, and its body at the end.
func objectFields(o *Object, f *fields) {
	if f.w != nil {
		k, h := (*o).Kind(), (*o).Common()
		h.fields(f, &k, func() { bodyFields(*o, f) })
		return
	}
	u, ok := (*o).(*unread)
	if !ok {
		u = &unread{}
		*o = u
	}
	u.head.fields(f, &u.kind, func() { u.body = f.r.Bytes() })
	if f.at == 0 {
		*o = u.object(f.r)
	}
}

// unread stands for an object while its fields are read.
type unread struct {
	Object
	kind Kind
	head Head
	body []byte
}

// object returns what was read; nil when it is damaged or not known.
func (u *unread) object(r *field.Reader) Object {
	switch {
	case r.Err() != nil:
		return nil
	case u.kind == 0 || u.head.ID == 0 || u.head.OID == 0:
		r.Fail("an object has no kind or no number")
		return nil
	case !u.kind.known():
		r.Refuse(errs.Unsupported("an object of kind %d in the catalog, written by a newer version,", u.kind))
		return nil
	}
	o := kinds[u.kind].make()
	*o.Common() = u.head
	b := field.NewReader(u.kind.String(), u.body)
	read(b, o, bodyFields)
	if b.Err() != nil {
		r.Refuse(b.Err())
	}
	return o
}

func bodyFields(o Object, f *fields) {
	o.fields(f)
	f.rest(&o.Common().body)
}

// fields goes through what objects of all kinds have; body is for the field of the object's own.
func (h *Head) fields(f *fields, k *Kind, body func()) {
	number(f, 2, k, math.MaxUint8)
	number(f, 4, &h.ID, math.MaxUint64)
	number(f, 6, &h.OID, math.MaxUint32)
	f.text(8, &h.Schema)
	f.text(10, &h.Name)
	f.text(12, &h.Owner)
	records(f, 14, "grant", &h.ACL, (*Grant).fields)
	records(f, 16, "dependency", &h.Depends, (*Dependency).fields)
	f.text(3, &h.Comment)
	if f.w != nil {
		m := f.w.Begin(18)
		body()
		f.w.End(m)
	} else if f.is(18) {
		body()
	}
	f.rest(&h.kept)
}

func (g *Grant) fields(f *fields) {
	f.text(2, &g.Role)
	f.text(4, &g.By)
	number(f, 6, &g.Privileges, math.MaxUint32)
	number(f, 8, &g.Grantable, math.MaxUint32)
	f.rest(&g.kept)
}

func (d *Dependency) fields(f *fields) {
	number(f, 2, &d.On, math.MaxUint64)
	number(f, 4, &d.Column, math.MaxUint32)
	f.flag(6, &d.Auto)
	number(f, 8, &d.Constraint, math.MaxUint32)
	f.rest(&d.kept)
}

// saved is a catalog with its objects in a list, as it is written.
type saved struct {
	*Snapshot
	list []Object
}

func (s *saved) fields(f *fields) {
	number(f, 2, &s.version, math.MaxUint64)
	number(f, 4, &s.nextID, math.MaxUint64)
	number(f, 6, &s.nextOID, math.MaxUint32)
	records(f, 8, "catalog object", &s.list, objectFields)
	f.rest(&s.kept)
}

// Append appends the binary form of the catalog.
func (s *Snapshot) Append(dst []byte) []byte {
	w := field.NewWriter(dst)
	all := saved{Snapshot: s}
	for _, o := range s.objects.All() {
		all.list = append(all.list, o)
	}
	write(w, &all, (*saved).fields)
	return w.Record()
}

// Decode reads what Append wrote.
func Decode(b []byte) (*Snapshot, error) {
	s := saved{Snapshot: blank()}
	r := field.NewReader("catalog", b)
	read(r, &s, (*saved).fields)
	if err := r.Err(); err != nil {
		return nil, err
	}
	for _, o := range s.list {
		h := o.Common()
		if s.Object(h.ID) != nil || slices.ContainsFunc(oidsOf(o), func(n uint32) bool { _, ok := s.oids.Get(n); return ok }) || h.ID >= s.nextID {
			return nil, errs.Corrupt("catalog: the number of %s %q, %d, is there twice or is to come", o.Kind(), h.Name, h.ID)
		}
		s.put(o)
	}
	for _, o := range s.list {
		next := s.nextOID
		if err := s.fill(o); err != nil {
			return nil, errs.Corrupt("catalog: %s %q: %w", o.Kind(), o.Common().Name, err)
		}
		if s.nextOID != next {
			return nil, errs.Corrupt("catalog: %s %q has an OID that is to come", o.Kind(), o.Common().Name)
		}
	}
	return s.Snapshot, nil
}
