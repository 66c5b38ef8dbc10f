package catalog

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// MaxColumns is PostgreSQL's limit of columns per table.
const MaxColumns = 1600

// Column describes one column of a table.
type Column struct {
	ID      uint32 // never given twice inside a table
	Name    string
	Type    types.Type
	NotNull bool
	// Default is the SQL text of the DEFAULT expression, "" for none. The SQL layer evaluates it.
	Default string
	Comment string
	// Missing is the value of rows that are older than the column; nil is NULL.
	Missing *types.Datum
	// Number is the id that the column had before its type was changed by writing its rows anew; 0: it has its first id.
	Number uint32
	// Identity says that the column takes the numbers of a sequence that belongs to it.
	Identity Identity
	// Generated says that Default is computed of the other columns of a row, and always (STORED).
	Generated bool
	// Needs are objects that Default names by their OIDs.
	Needs []ID
	kept  string
}

// Identity is when a column takes numbers of its own.
type Identity byte

// The forms of identity, by pg_attribute's letters. The numbers are in files.
const (
	Always    Identity = 'a' // GENERATED ALWAYS: a statement cannot bring others
	ByDefault Identity = 'd'
)

// Attnum returns what pg_attribute shows as the column's number. It stays whatever becomes of the column.
func (c *Column) Attnum() uint32 {
	if c.Number != 0 {
		return c.Number
	}
	return c.ID
}

// Value returns the value of rows that are older than the column.
func (c *Column) Value() types.Datum {
	if c.Missing == nil {
		return types.NullOf(c.Type)
	}
	return *c.Missing
}

// Table describes one table. A change of its columns, or a constraint that rows on their way may not know, makes a higher
// Version.
type Table struct {
	Head
	Columns     []Column
	NextColumn  uint32 // the id of the next column that is added
	Version     uint64
	Constraints []Constraint // in the order in which they were made
	Options     Options
}

// NewTable returns a table to be made. Its columns have their ids, so that constraints and options can name them.
func NewTable(schema, name string, columns ...Column) *Table {
	t := &Table{Head: Head{Schema: schema, Name: name}, Columns: columns, NextColumn: uint32(len(columns)) + 1}
	for i := range columns {
		columns[i].ID = uint32(i) + 1
	}
	return t
}

// Kind tells what the object is.
func (*Table) Kind() Kind { return KindTable }

// Types returns the column types.
func (t *Table) Types() []types.Type {
	ts := make([]types.Type, len(t.Columns))
	for i, c := range t.Columns {
		ts[i] = c.Type
	}
	return ts
}

// Column returns the ordinal of a column, or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// ColumnByID returns the ordinal of a column, or -1.
func (t *Table) ColumnByID(id uint32) int {
	for i := range t.Columns {
		if t.Columns[i].ID == id {
			return i
		}
	}
	return -1
}

// Ordinals returns where columns stand. All of them are there, as those of constraints and options are.
func (t *Table) Ordinals(ids []uint32) []int {
	at := make([]int, len(ids))
	for i, id := range ids {
		at[i] = t.ColumnByID(id)
	}
	return at
}

// PrimaryKey returns the primary key, or nil.
func (t *Table) PrimaryKey() *Constraint {
	for i := range t.Constraints {
		if t.Constraints[i].Kind == PrimaryKey {
			return &t.Constraints[i]
		}
	}
	return nil
}

// Attnums returns the numbers of columns that pg_attribute shows.
func (t *Table) Attnums(ids []uint32) []uint32 {
	list := make([]uint32, len(ids))
	for i, at := range t.Ordinals(ids) {
		list[i] = t.Columns[at].Attnum()
	}
	return list
}

// Key returns the primary key or unique constraint over exactly these columns, in any order, or nil.
func (t *Table) Key(columns []uint32) *Constraint {
	for i := range t.Constraints {
		k := &t.Constraints[i]
		in := func(id uint32) bool { return !slices.Contains(columns, id) }
		if k.Indexed() && len(k.Columns) == len(columns) && !slices.ContainsFunc(k.Columns, in) {
			return k
		}
	}
	return nil
}

// Constraint returns a constraint by its name, or nil.
func (t *Table) Constraint(name string) *Constraint {
	for i := range t.Constraints {
		if t.Constraints[i].Name == name {
			return &t.Constraints[i]
		}
	}
	return nil
}

func (t *Table) clone() Object {
	c := *t
	c.Columns, c.Constraints = slices.Clone(t.Columns), slices.Clone(t.Constraints)
	return &c
}

// places are the table's name and those of the indexes of its keys.
func (t *Table) places() []place {
	list := t.at(KindTable)
	for i := range t.Constraints {
		if t.Constraints[i].Indexed() {
			list = append(list, place{spaceRelation, t.Schema, t.Constraints[i].Name})
		}
	}
	return list
}

func (t *Table) needs(list []Dependency) []Dependency {
	list = t.Head.needs(list)
	for i := range t.Columns {
		for _, id := range t.Columns[i].Needs {
			list = append(list, Dependency{On: id})
		}
	}
	for i := range t.Constraints {
		if k := &t.Constraints[i]; k.Kind == ForeignKey && k.References != t.ID {
			list = append(list, Dependency{On: k.References})
		}
	}
	return list
}

func (t *Table) settle(s *Snapshot) error {
	t.Version = max(t.Version, 1)
	if err := t.settleColumns(); err != nil {
		return err
	}
	for i := range t.Constraints {
		if err := t.settleConstraint(s, i); err != nil {
			return err
		}
	}
	return t.Options.check(t)
}

func (t *Table) settleColumns() error {
	if len(t.Columns) > MaxColumns {
		return errs.New(errs.TooManyColumns, "tables can have at most %d columns", MaxColumns)
	}
	names := make(map[string]bool, len(t.Columns))
	ids := make(map[uint32]bool, len(t.Columns))
	t.NextColumn = max(t.NextColumn, 1)
	for i := range t.Columns {
		c := &t.Columns[i]
		if IsSystemColumn(c.Name) {
			return errs.New(errs.DuplicateColumn, "column name %q conflicts with a system column name", c.Name)
		}
		if names[c.Name] {
			return errs.New(errs.DuplicateColumn, "column %q specified more than once", c.Name)
		}
		if c.Type.Kind <= types.Unknown || c.Type.Kind >= types.Oid {
			return errs.New(errs.InvalidTableDefinition, "column %q has pseudo-type %s", c.Name, c.Type)
		}
		if c.ID == 0 {
			c.ID = t.NextColumn
			t.NextColumn++
		}
		if ids[c.ID] || c.ID >= t.NextColumn {
			return errs.Internal("column %q of %q has the id %d, the next is %d", c.Name, t.Name, c.ID, t.NextColumn)
		}
		names[c.Name], ids[c.ID] = true, true
	}
	return nil
}

// fits tells whether rows that were made for was are right for t: the same columns, and no constraint that nobody has
// held them against.
func (t *Table) fits(was *Table) bool {
	return slices.EqualFunc(t.Columns, was.Columns, func(a, b Column) bool {
		return a.ID == b.ID && a.Type == b.Type && (a.NotNull == b.NotNull || b.NotNull)
	}) && !slices.ContainsFunc(t.Constraints, func(k Constraint) bool {
		return !slices.ContainsFunc(was.Constraints, func(o Constraint) bool { return o.OID == k.OID })
	})
}
