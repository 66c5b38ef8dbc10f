package catalog

import (
	"slices"
	"sort"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// PublicSchema is the schema that every database starts with.
const PublicSchema = "public"

// FirstOID is the first pg_class or pg_namespace OID given to what users make; PostgreSQL keeps those below to itself.
const FirstOID = 16384

// publicOID is PostgreSQL's OID of the schema public.
const publicOID = 2200

// Schema is a namespace of tables.
type Schema struct {
	OID  uint32
	Name string
}

// Snapshot is all schemas and tables at one moment. It is immutable and safe for concurrent use.
type Snapshot struct {
	version   uint64
	nextID    TableID
	nextOID   uint32
	schemas   []*Schema // by name
	tables    []*Table  // by schema, then name
	tableByID map[TableID]*Table
}

// Empty returns the catalog of a new database: the schema public and no tables.
func Empty() *Snapshot {
	s := &Snapshot{nextID: 1, nextOID: FirstOID, schemas: []*Schema{{OID: publicOID, Name: PublicSchema}}}
	return s.index()
}

func (s *Snapshot) index() *Snapshot {
	slices.SortFunc(s.tables, func(a, b *Table) int { return compareNames(a, b.Schema, b.Name) })
	slices.SortFunc(s.schemas, func(a, b *Schema) int { return strings.Compare(a.Name, b.Name) })
	s.tableByID = make(map[TableID]*Table, len(s.tables))
	for _, t := range s.tables {
		s.tableByID[t.ID] = t
	}
	return s
}

func compareNames(t *Table, schema, name string) int {
	if c := strings.Compare(t.Schema, schema); c != 0 {
		return c
	}
	return strings.Compare(t.Name, name)
}

// Version counts the edits that led here.
func (s *Snapshot) Version() uint64 { return s.version }

// Table returns the table of a schema by name, or nil.
func (s *Snapshot) Table(schema, name string) *Table {
	i, ok := s.find(schema, name)
	if !ok {
		return nil
	}
	return s.tables[i]
}

func (s *Snapshot) find(schema, name string) (int, bool) {
	i := sort.Search(len(s.tables), func(i int) bool { return compareNames(s.tables[i], schema, name) >= 0 })
	return i, i < len(s.tables) && compareNames(s.tables[i], schema, name) == 0
}

// TableByID returns a table by its id, or nil.
func (s *Snapshot) TableByID(id TableID) *Table { return s.tableByID[id] }

// TableByOID returns a table by its pg_class.oid, or nil.
func (s *Snapshot) TableByOID(oid uint32) *Table {
	for _, t := range s.tables {
		if t.OID == oid {
			return t
		}
	}
	return nil
}

// Tables returns all tables by schema and name. The slice belongs to the snapshot.
func (s *Snapshot) Tables() []*Table { return s.tables }

// Schema returns a schema by name, or nil.
func (s *Snapshot) Schema(name string) *Schema {
	for _, c := range s.schemas {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Schemas returns all schemas by name. The slice belongs to the snapshot.
func (s *Snapshot) Schemas() []*Schema { return s.schemas }

// Apply returns the catalog after the edits, and the edits as they took effect: with ids and OIDs filled in, and
// without those that had nothing to do (IF EXISTS, IF NOT EXISTS). Applying the returned edits to s again gives the
// same catalog, which is what the log does. s does not change; a refused edit refuses all of them.
func (s *Snapshot) Apply(edits ...Edit) (*Snapshot, []Edit, error) {
	next := &Snapshot{
		version: s.version, nextID: s.nextID, nextOID: s.nextOID,
		schemas: slices.Clone(s.schemas), tables: slices.Clone(s.tables),
	}
	next.index()
	var done []Edit
	for _, e := range edits {
		d, err := e.apply(next)
		if err != nil {
			return nil, nil, err
		}
		if d != nil {
			done = append(done, d)
			next.version++
			next.index()
		}
	}
	return next, done, nil
}

func (s *Snapshot) takeOID(given uint32) uint32 {
	if given == 0 {
		given = s.nextOID
	}
	s.nextOID = max(s.nextOID, given+1)
	return given
}

func noSchema(name string) error {
	return errs.New(errs.InvalidSchemaName, "schema %q does not exist", name)
}
