package catalog

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// op is what an edit does. The numbers are in files.
type op uint8

const (
	opCreate  op = 1
	opReplace op = 2
	opDrop    op = 3
)

// Edit is one change of the catalog, of an object of any kind: Create, Replace or Drop. As it is made it says what is
// wished, and fits whatever the catalog has become when it is applied; Apply returns it as it took effect, with objects as
// they are, which is what is logged. Edits are values; nobody changes one after it was handed to Apply.
type Edit struct {
	op          op
	object      Object // to be, of opCreate, and of opReplace that has taken effect
	ids         []ID   // what opReplace and opDrop are about
	kind        Kind   // of it, for errors, as name
	name        string
	change      func(Object) (Object, error)
	ifNotExists bool
	cascade     bool
	path        []string
}

// Create makes an object.
func Create(o Object) Edit { return Edit{op: opCreate, object: o} }

// CreateIfNotExists makes an object, unless one of its kind has its name.
func CreateIfNotExists(o Object) Edit { return Edit{op: opCreate, object: o, ifNotExists: true} }

// Replace changes an object. The change is called with a copy each time that the edit is applied, and returns what the
// object becomes; nil when there is nothing to do.
func Replace[T Object](o T, change func(T) (T, error)) Edit {
	return Edit{op: opReplace, ids: []ID{o.Common().ID}, kind: o.Kind(), name: o.Common().Name, change: func(o Object) (Object, error) {
		t, ok := o.(T)
		if !ok {
			return nil, errs.New(errs.WrongObjectType, "%q is another kind of object now", o.Common().Name)
		}
		next, err := change(t)
		var nothing T // also a pointer to nothing is nothing
		if err != nil || Object(next) == Object(nothing) {
			return nil, err
		}
		return next, nil
	}}
}

// Drop removes objects, together, if nothing else depends on them; those that go silently with them go, too. The schemas
// of path are left out in the names that an error has.
func Drop(path []string, objects ...Object) Edit {
	e := Edit{op: opDrop, path: path}
	for _, o := range objects {
		e.ids, e.kind, e.name = append(e.ids, o.Common().ID), o.Kind(), o.Common().Name
	}
	return e
}

// Cascade returns an edit that also drops what depends on what it drops.
func (e Edit) Cascade() Edit {
	e.cascade = true
	return e
}

// IDs returns the objects that an edit is about which has taken effect: one that was made or changed, or all that are
// dropped.
func (e Edit) IDs() []ID {
	if e.op == opDrop {
		return e.ids
	}
	return []ID{e.object.Common().ID}
}

// Drops tells that the edit takes objects away.
func (e Edit) Drops() bool { return e.op == opDrop }

// Apply returns the catalog after the edits, and the edits as they took effect: with numbers filled in, objects as they
// have become, and without those that had nothing to do (IF NOT EXISTS). Applying the returned edits to s again gives the
// same catalog, which is what the log does. s does not change; a refused edit refuses all of them.
func (s *Snapshot) Apply(edits ...Edit) (*Snapshot, []Edit, error) {
	next := s.copy()
	var all []Edit
	for _, e := range edits {
		done, err := next.apply(e)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, done...)
	}
	next.version += uint64(len(all))
	return next, all, nil
}

func (s *Snapshot) apply(e Edit) ([]Edit, error) {
	switch e.op {
	case opCreate:
		return s.create(e.object.clone(), e.ifNotExists)
	case opReplace:
		return s.replace(e)
	}
	for _, id := range e.ids {
		if s.Object(id) == nil {
			return nil, e.absent()
		}
	}
	r, err := s.Removal(e.path, e.cascade, e.ids...)
	if err != nil {
		return nil, err
	}
	var done []Edit
	for _, t := range r.changed {
		d, err := s.replace(Edit{op: opReplace, object: t, ids: []ID{t.ID}, name: t.Name})
		if err != nil {
			return nil, err
		}
		done = append(done, d...)
	}
	for _, id := range r.IDs {
		s.remove(s.Object(id))
	}
	return append(done, Edit{op: opDrop, ids: r.IDs, name: e.name}), nil
}

// absent says that what an edit is about has gone meanwhile.
func (e Edit) absent() error {
	code := errs.UndefinedObject
	if e.kind.known() {
		code = kinds[e.kind].absent
	}
	if e.op == opReplace && e.kind.known() && kinds[e.kind].space == spaceRelation {
		return errs.New(code, "relation %q does not exist", e.name)
	}
	return errs.New(code, "%s %q does not exist", e.kind, e.name)
}

func (s *Snapshot) create(o Object, ifNotExists bool) ([]Edit, error) {
	h := o.Common()
	if h.ID == 0 {
		h.ID = s.nextID
	}
	if s.Object(h.ID) != nil {
		return nil, errs.Internal("object id %d is taken", h.ID)
	}
	if ifNotExists && s.Named(o.Kind(), h.Schema, o.places()[0].name) != nil {
		return nil, nil
	}
	if err := s.fill(o); err != nil {
		return nil, err
	}
	s.nextID = max(s.nextID, h.ID+1)
	s.put(o)
	return []Edit{{op: opCreate, object: o}}, nil
}

// fill completes an object that is about to be put, and holds it against all others.
func (s *Snapshot) fill(o Object) error {
	h, k := o.Common(), kinds[o.Kind()]
	switch {
	case k.global && h.Schema != "":
		return errs.Internal("%s %q is in the schema %q", k.word, h.Name, h.Schema)
	case !k.global && s.Schema(h.Schema) == nil:
		return errs.New(errs.InvalidSchemaName, "schema %q does not exist", h.Schema)
	}
	// The name first: who makes what is there already hears that, whatever else is wrong.
	if err := s.free(o, o.places()[:1]); err != nil {
		return err
	}
	h.OID = s.takeOID(h.OID)
	if err := o.settle(s); err != nil {
		return err
	}
	for _, oid := range oidsOf(o) {
		if other, ok := s.oids.Get(oid); ok && other.Common().ID != h.ID {
			return errs.Internal("OID %d is taken", oid)
		}
	}
	if err := s.free(o, o.places()[1:]); err != nil {
		return err
	}
	return s.link(o)
}

// free tells whether nothing else has the names of an object.
func (s *Snapshot) free(o Object, places []place) error {
	for _, p := range places {
		other, ok := s.places.Get(p)
		if !ok || other.Common().ID == o.Common().ID {
			continue
		}
		word := kinds[o.Kind()].word
		switch p.space {
		case spaceRelation:
			word = "relation"
		case spacePolicy:
			return errs.New(errs.DuplicateObject, "policy %q for table %q already exists", p.name, s.Object(o.(*Policy).Table).Common().Name)
		case spaceFunction:
			return errs.New(errs.DuplicateFunction, "function %q already exists with same argument types", o.Common().Name)
		}
		return errs.New(kinds[o.Kind()].taken, "%s %q already exists", word, p.name)
	}
	return nil
}

// link checks that what an object needs is there.
func (s *Snapshot) link(o Object) error {
	for _, d := range o.needs(nil) {
		on := s.Object(d.On)
		if on == nil {
			return errs.New(errs.UndefinedTable, "an object on which %s %q depends does not exist any more", o.Kind(), o.Common().Name)
		}
		if d.Column == 0 {
			continue
		}
		if !hasColumn(on, d.Column) {
			return errs.New(errs.UndefinedColumn, "a column of %q on which %s %q depends does not exist any more",
				on.Common().Name, o.Kind(), o.Common().Name)
		}
	}
	return nil
}

// hasColumn tells whether a relation has a column; one without a list of columns has it.
func hasColumn(o Object, id uint32) bool {
	switch o := o.(type) {
	case *Table:
		return o.ColumnByID(id) >= 0
	case *View:
		return slices.ContainsFunc(o.Columns, func(c Column) bool { return c.ID == id })
	}
	return true
}

// keeps checks that a relation loses no column and no constraint that something needs.
func (s *Snapshot) keeps(was, o Object) error {
	t, ok := was.(*Table)
	if !ok {
		return nil
	}
	for _, c := range t.Columns {
		if hasColumn(o, c.ID) {
			continue
		}
		if _, err := s.ColumnRemoval(nil, false, t, c.ID); err != nil {
			return err
		}
	}
	now, ok := o.(*Table)
	for i := range t.Constraints {
		k := &t.Constraints[i]
		if ok && slices.ContainsFunc(now.Constraints, func(x Constraint) bool { return x.OID == k.OID }) {
			continue
		}
		if _, err := s.ConstraintRemoval(nil, false, t, k); err != nil {
			return err
		}
	}
	return nil
}

// replace changes an object, and what follows from it in others.
func (s *Snapshot) replace(e Edit) ([]Edit, error) {
	was := s.Object(e.ids[0])
	if was == nil {
		return nil, e.absent()
	}
	o := e.object
	if e.change != nil {
		var err error
		if o, err = e.change(was.clone()); err != nil || o == nil {
			return nil, err
		}
	} else {
		o = o.clone()
	}
	h, old := o.Common(), was.Common()
	if o.Kind() != was.Kind() || h.ID != old.ID || h.OID != old.OID {
		return nil, errs.Internal("%s %d would become %s %d", was.Kind(), old.ID, o.Kind(), h.ID)
	}
	if err := s.fill(o); err != nil {
		return nil, err
	}
	if err := s.keeps(was, o); err != nil {
		return nil, err
	}
	if t, ok := o.(*Table); ok {
		if w := was.(*Table); t.Version == w.Version && !t.fits(w) {
			t.Version++
		}
	}
	done := []Edit{{op: opReplace, object: o, ids: e.ids, name: h.Name}}
	if o.Kind() == KindSchema && h.Name != old.Name {
		moved := s.renamed(was, o)
		if e.change == nil {
			return done, nil // what is in it follows by itself
		}
		return append(done, moved...), nil
	}
	s.remove(was)
	s.put(o)
	return done, nil
}

// renamed gives a schema another name, and moves what is in it.
func (s *Snapshot) renamed(was, schema Object) (moved []Edit) {
	var in []Object
	for o := range s.In(was.Common().Name) {
		in = append(in, o)
	}
	s.remove(was)
	s.put(schema)
	for _, o := range in {
		s.remove(o)
		c := o.clone()
		c.Common().Schema = schema.Common().Name
		s.put(c)
		moved = append(moved, Edit{op: opReplace, object: c, ids: []ID{c.Common().ID}, name: c.Common().Name})
	}
	return moved
}
