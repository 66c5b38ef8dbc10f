package catalog

import (
	"cmp"
	"iter"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/persist"
)

// PublicSchema is the schema that every database starts with.
const PublicSchema = "public"

// FirstOID is the first OID given to what users make; PostgreSQL keeps those below to itself.
const FirstOID = 16384

// publicOID is PostgreSQL's OID of the schema public, publicID the id that it has here.
const (
	publicOID = 2200
	publicID  = 1
)

// Snapshot is all objects at one moment. It is immutable and safe for concurrent use.
type Snapshot struct {
	version    uint64
	nextID     ID
	nextOID    uint32
	objects    persist.Tree[ID, Object]
	oids       persist.Tree[uint32, Object] // also of constraints
	places     persist.Tree[place, Object]
	dependents persist.Tree[dependent, struct{}]
	kept       string // fields of a newer version

	tables struct {
		sync.Once
		list []*Table
	}
}

// dependent says that by needs on.
type dependent struct{ on, by ID }

func compareDependents(a, b dependent) int {
	if c := cmp.Compare(a.on, b.on); c != 0 {
		return c
	}
	return cmp.Compare(a.by, b.by)
}

func blank() *Snapshot {
	s := &Snapshot{nextID: publicID + 1, nextOID: FirstOID}
	s.objects, s.oids = persist.NewTree[ID, Object](cmp.Compare[ID]), persist.NewTree[uint32, Object](cmp.Compare[uint32])
	s.places, s.dependents = persist.NewTree[place, Object](comparePlaces), persist.NewTree[dependent, struct{}](compareDependents)
	return s
}

// Empty returns the catalog of a new database: the schema public and no tables.
func Empty() *Snapshot {
	s := blank()
	s.put(&Schema{Head{ID: publicID, OID: publicOID, Name: PublicSchema}})
	return s
}

func (s *Snapshot) copy() *Snapshot {
	return &Snapshot{version: s.version, nextID: s.nextID, nextOID: s.nextOID, objects: s.objects, oids: s.oids,
		places: s.places, dependents: s.dependents, kept: s.kept}
}

// put adds an object, all of which is right.
func (s *Snapshot) put(o Object) {
	h := o.Common()
	s.objects = s.objects.With(h.ID, o)
	for _, oid := range oidsOf(o) {
		s.oids = s.oids.With(oid, o)
	}
	for _, p := range o.places() {
		s.places = s.places.With(p, o)
	}
	for _, d := range o.needs(nil) {
		s.dependents = s.dependents.With(dependent{d.On, h.ID}, struct{}{})
	}
}

// oidsOf returns the OIDs of an object and of its constraints.
func oidsOf(o Object) []uint32 {
	list := []uint32{o.Common().OID}
	if t, ok := o.(*Table); ok {
		for i := range t.Constraints {
			if list = append(list, t.Constraints[i].OID); t.Constraints[i].Indexed() {
				list = append(list, t.Constraints[i].Index)
			}
		}
	}
	return list
}

// remove takes an object out.
func (s *Snapshot) remove(o Object) {
	h := o.Common()
	s.objects = s.objects.Without(h.ID)
	for _, oid := range oidsOf(o) {
		s.oids = s.oids.Without(oid)
	}
	for _, p := range o.places() {
		s.places = s.places.Without(p)
	}
	for _, d := range o.needs(nil) {
		s.dependents = s.dependents.Without(dependent{d.On, h.ID})
	}
}

// Version counts the edits that led here.
func (s *Snapshot) Version() uint64 { return s.version }

// Object returns an object by its id, or nil.
func (s *Snapshot) Object(id ID) Object {
	o, _ := s.objects.Get(id)
	return o
}

// ByOID returns an object by its OID, or nil.
func (s *Snapshot) ByOID(oid uint32) Object {
	if o, ok := s.oids.Get(oid); ok && o.Common().OID == oid {
		return o
	}
	return nil
}

// Constraint returns the constraint with an OID, or the key whose index has it, and its table; or nil.
func (s *Snapshot) Constraint(oid uint32) (*Table, *Constraint) {
	o, _ := s.oids.Get(oid)
	t, ok := o.(*Table)
	if !ok {
		return nil, nil
	}
	for i := range t.Constraints {
		if k := &t.Constraints[i]; k.OID == oid || k.Index == oid {
			return t, k
		}
	}
	return nil, nil
}

// Named returns the object of a kind by its name, or nil. Functions are named with their signature; a policy is not found
// by its name alone.
func (s *Snapshot) Named(k Kind, schema, name string) Object {
	o, ok := s.places.Get(place{kinds[k].space, schema, name})
	if !ok || o.Kind() != k || o.places()[0].name != name {
		return nil
	}
	return o
}

// Relation returns what has a name among tables, views, sequences and indexes, or nil. It is the table whose key has an
// index of that name, too.
func (s *Snapshot) Relation(schema, name string) Object {
	o, _ := s.places.Get(place{spaceRelation, schema, name})
	return o
}

// Table returns the table of a schema by name, or nil.
func (s *Snapshot) Table(schema, name string) *Table {
	t, _ := s.Named(KindTable, schema, name).(*Table)
	return t
}

// TableByID returns a table by its id, or nil.
func (s *Snapshot) TableByID(id TableID) *Table {
	t, _ := s.Object(id).(*Table)
	return t
}

// TableByOID returns a table by its pg_class.oid, or nil.
func (s *Snapshot) TableByOID(oid uint32) *Table {
	t, _ := s.ByOID(oid).(*Table)
	return t
}

// Schema returns a schema by name, or nil.
func (s *Snapshot) Schema(name string) *Schema {
	o, _ := s.Named(KindSchema, "", name).(*Schema)
	return o
}

// Objects returns all objects of a kind, by schema and name.
func (s *Snapshot) Objects(k Kind) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		space := kinds[k].space
		for p, o := range s.places.From(place{space: space}) {
			if p.space != space || o.Kind() == k && p == o.places()[0] && !yield(o) {
				return
			}
		}
	}
}

// All returns all objects by their ids.
func (s *Snapshot) All() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, o := range s.objects.All() {
			if !yield(o) {
				return
			}
		}
	}
}

// Needs returns what an object depends on, beside its schema.
func Needs(o Object) []Dependency { return o.needs(nil) }

// In returns all objects of a schema, by kind and name.
func (s *Snapshot) In(schema string) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for sp := spaceRelation; sp < spaceEnd; sp++ {
			if sp == spacePolicy {
				continue // they are in tables
			}
			for p, o := range s.places.From(place{sp, schema, ""}) {
				if p.space != sp || p.schema != schema {
					break
				}
				if !kinds[o.Kind()].global && p == o.places()[0] && !yield(o) {
					return
				}
			}
		}
	}
}

// Tables returns all tables by schema and name. The slice belongs to the snapshot, which makes it when it is first asked.
func (s *Snapshot) Tables() []*Table {
	s.tables.Do(func() {
		for o := range s.Objects(KindTable) {
			s.tables.list = append(s.tables.list, o.(*Table))
		}
	})
	return s.tables.list
}

// Schemas returns all schemas by name.
func (s *Snapshot) Schemas() []*Schema {
	var list []*Schema
	for o := range s.Objects(KindSchema) {
		list = append(list, o.(*Schema))
	}
	return list
}

func (s *Snapshot) takeOID(given uint32) uint32 {
	if given == 0 {
		given = s.nextOID
	}
	s.nextOID = max(s.nextOID, given+1)
	return given
}

// Near returns the name of the table in these schemas that was probably meant by a name that does not exist, for a
// hint; "" when none is close.
func (s *Snapshot) Near(name string, schemas ...string) string {
	return errs.Near(name, func(yield func(string) bool) {
		for _, schema := range schemas {
			for p, o := range s.places.From(place{spaceRelation, schema, ""}) {
				if p.space != spaceRelation || p.schema != schema {
					break
				}
				if o.Kind() == KindTable && p.name == o.Common().Name && !yield(p.name) {
					return
				}
			}
		}
	})
}
