package catalog

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// ConstraintKind is what a constraint demands. NOT NULL is not among them: it is part of the column, as in PostgreSQL 15.
type ConstraintKind uint8

// The kinds of constraints. The numbers are in files.
const (
	PrimaryKey ConstraintKind = 1
	Unique     ConstraintKind = 2
	Check      ConstraintKind = 3
	ForeignKey ConstraintKind = 4
)

var constraintWords = [...]string{PrimaryKey: "primary key", Unique: "unique", Check: "check", ForeignKey: "foreign key"}

// String returns the kind as messages call it.
func (k ConstraintKind) String() string {
	if int(k) < len(constraintWords) && constraintWords[k] != "" {
		return constraintWords[k]
	}
	return "unknown"
}

// Constraint is a condition on the rows of a table, or on the values of a domain.
type Constraint struct {
	OID     uint32
	Index   uint32 // the OID of the index of a key
	Kind    ConstraintKind
	Name    string
	Columns []uint32 // ids: of keys in their order, of CHECK those that are in it
	// Expr is the SQL text of CHECK.
	Expr string
	// NotValid says that rows which were there before may violate it.
	NotValid bool
	// NullsNotDistinct says of UNIQUE that NULL equals NULL.
	NullsNotDistinct bool
	// NoInherit is kept for CHECK.
	NoInherit bool
	// References are the table (an ID of 0 becomes that of the own one) and columns of a FOREIGN KEY.
	References        ID
	ReferencedColumns []uint32
	// OnUpdate and OnDelete are pg_constraint's letters: 'a' no action, 'r' restrict, 'c' cascade, 'n' set null, 'd' set
	// default. Match is 's' simple or 'f' full.
	OnUpdate, OnDelete, Match byte
	Deferrable, Deferred      bool
	Comment                   string
	kept                      string
}

// Indexed tells whether the constraint has an index.
func (k *Constraint) Indexed() bool { return k.Kind == PrimaryKey || k.Kind == Unique }

// settleConstraint fills numbers in and checks one constraint, beside those before it.
func (t *Table) settleConstraint(s *Snapshot, i int) error {
	k := &t.Constraints[i]
	k.OID = s.takeOID(k.OID)
	if k.Indexed() {
		k.Index = s.takeOID(k.Index)
	}
	if k.Kind < PrimaryKey || k.Kind > ForeignKey {
		return errs.Internal("constraint %q of %q has kind %d", k.Name, t.Name, k.Kind)
	}
	for j := range t.Constraints[:i] {
		o := &t.Constraints[j]
		if o.Name == k.Name && k.Kind == Check {
			return errs.New(errs.DuplicateObject, "check constraint %q already exists", k.Name)
		}
		if o.Name == k.Name {
			return errs.New(errs.DuplicateObject, "constraint %q for relation %q already exists", k.Name, t.Name)
		}
		if o.Kind == PrimaryKey && k.Kind == PrimaryKey {
			return errs.New(errs.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", t.Name)
		}
	}
	for j, id := range k.Columns {
		if t.ColumnByID(id) < 0 || slices.Contains(k.Columns[:j], id) {
			return errs.Internal("constraint %q of %q has the column %d", k.Name, t.Name, id)
		}
	}
	if k.Kind != ForeignKey {
		return nil
	}
	if k.References == 0 {
		k.References = t.ID
	}
	if len(k.Columns) == 0 || len(k.Columns) != len(k.ReferencedColumns) {
		return errs.Internal("constraint %q of %q references %d columns by %d", k.Name, t.Name, len(k.ReferencedColumns), len(k.Columns))
	}
	other := t
	if k.References != t.ID {
		if other = s.TableByID(k.References); other == nil {
			return nil // Snapshot.link says so
		}
	}
	if slices.Contains(other.Ordinals(k.ReferencedColumns), -1) {
		return errs.New(errs.UndefinedColumn, "a column of %q referenced in foreign key constraint %q does not exist", other.Name, k.Name)
	}
	return nil
}
