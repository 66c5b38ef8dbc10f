package catalog

import (
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Edit is one change of the catalog: CreateTable, DropTable, SetTableOptions, RenameTable, CreateSchema or DropSchema.
// Edits are values; nobody changes one after it was handed to Apply.
type Edit interface {
	// apply changes s and returns the edit with all ids filled in, or nil when there was nothing to do.
	apply(s *Snapshot) (Edit, error)
	encode(e *encoder)
}

// MaxColumns is PostgreSQL's limit of columns per table.
const MaxColumns = 1600

// CreateTable makes a table. A zero ID, OID, Version or Column.ID is given a fresh number.
type CreateTable struct {
	Table       *Table
	IfNotExists bool
}

func (c CreateTable) apply(s *Snapshot) (Edit, error) {
	if s.Schema(c.Table.Schema) == nil {
		return nil, noSchema(c.Table.Schema)
	}
	if s.Table(c.Table.Schema, c.Table.Name) != nil {
		if c.IfNotExists {
			return nil, nil
		}
		return nil, errs.New(errs.DuplicateTable, "relation %q already exists", c.Table.Name)
	}
	t := *c.Table
	if t.ID == 0 {
		t.ID = s.nextID
	}
	if s.TableByID(t.ID) != nil {
		return nil, errs.Internal("table id %d is taken", t.ID)
	}
	s.nextID = max(s.nextID, t.ID+1)
	t.OID = s.takeOID(t.OID)
	t.Version = max(t.Version, 1)
	t.Columns = slices.Clone(t.Columns)
	t.Options = maps.Clone(t.Options)
	t.PrimaryKey = slices.Clone(t.PrimaryKey)
	if err := checkColumns(&t); err != nil {
		return nil, err
	}
	s.tables = append(s.tables, &t)
	return CreateTable{Table: &t}, nil
}

func checkColumns(t *Table) error {
	if len(t.Columns) > MaxColumns {
		return errs.New(errs.TooManyColumns, "tables can have at most %d columns", MaxColumns)
	}
	seen := make(map[string]bool, len(t.Columns))
	var last uint32
	for i := range t.Columns {
		c := &t.Columns[i]
		if seen[c.Name] {
			return errs.New(errs.DuplicateColumn, "column %q specified more than once", c.Name)
		}
		seen[c.Name] = true
		if c.Type.Kind <= types.Unknown || c.Type.Kind >= types.Oid {
			return errs.New(errs.InvalidTableDefinition, "column %q has pseudo-type %s", c.Name, c.Type)
		}
		if c.ID == 0 {
			c.ID = last + 1
		}
		last = max(last, c.ID)
	}
	for _, k := range t.PrimaryKey {
		if k < 0 || k >= len(t.Columns) {
			return errs.Internal("primary key column %d of %q is out of range", k, t.Name)
		}
	}
	return nil
}

// DropTable removes a table and all its rows.
type DropTable struct {
	ID TableID
}

func (d DropTable) apply(s *Snapshot) (Edit, error) {
	t := s.TableByID(d.ID)
	if t == nil {
		return nil, errs.New(errs.UndefinedTable, "table with id %d does not exist", d.ID)
	}
	i, _ := s.find(t.Schema, t.Name)
	s.tables = slices.Delete(s.tables, i, i+1)
	return d, nil
}

// SetTableOptions sets WITH (...) options of a table; an empty value resets one.
type SetTableOptions struct {
	ID      TableID
	Options map[string]string
}

func (o SetTableOptions) apply(s *Snapshot) (Edit, error) {
	return o, s.change(o.ID, func(t *Table) error {
		t.Options = maps.Clone(t.Options)
		if t.Options == nil {
			t.Options = map[string]string{}
		}
		for k, v := range o.Options {
			if v == "" {
				delete(t.Options, k)
			} else {
				t.Options[k] = v
			}
		}
		return nil
	})
}

// RenameTable gives a table another name, in the same schema.
type RenameTable struct {
	ID   TableID
	Name string
}

func (r RenameTable) apply(s *Snapshot) (Edit, error) {
	return r, s.change(r.ID, func(t *Table) error {
		if s.Table(t.Schema, r.Name) != nil {
			return errs.New(errs.DuplicateTable, "relation %q already exists", r.Name)
		}
		t.Name = r.Name
		return nil
	})
}

// change replaces a table by a changed copy. Columns stay as they are, so the version does too: rows made for it fit.
func (s *Snapshot) change(id TableID, f func(*Table) error) error {
	for i, t := range s.tables {
		if t.ID == id {
			c := *t
			if err := f(&c); err != nil {
				return err
			}
			s.tables[i] = &c
			return nil
		}
	}
	return errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
}

// CreateSchema makes a schema.
type CreateSchema struct {
	Name        string
	OID         uint32 // 0: a fresh one
	IfNotExists bool
}

func (c CreateSchema) apply(s *Snapshot) (Edit, error) {
	if s.Schema(c.Name) != nil {
		if c.IfNotExists {
			return nil, nil
		}
		return nil, errs.New(errs.DuplicateSchema, "schema %q already exists", c.Name)
	}
	c.OID, c.IfNotExists = s.takeOID(c.OID), false
	s.schemas = append(s.schemas, &Schema{OID: c.OID, Name: c.Name})
	return c, nil
}

// DropSchema removes an empty schema; with Cascade also its tables.
type DropSchema struct {
	Name    string
	Cascade bool
}

func (d DropSchema) apply(s *Snapshot) (Edit, error) {
	if s.Schema(d.Name) == nil {
		return nil, noSchema(d.Name)
	}
	in := func(t *Table) bool { return t.Schema == d.Name }
	if i := slices.IndexFunc(s.tables, in); i >= 0 && !d.Cascade {
		return nil, errs.New(errs.DependentObjectsStillExist, "cannot drop schema %s because other objects depend on it", d.Name).
			WithDetail("table %s.%s depends on schema %s", d.Name, s.tables[i].Name, d.Name).
			WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	s.tables = slices.DeleteFunc(s.tables, in)
	s.schemas = slices.DeleteFunc(s.schemas, func(c *Schema) bool { return c.Name == d.Name })
	return d, nil
}
