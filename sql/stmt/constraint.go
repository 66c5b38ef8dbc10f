package stmt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// addConstraint adds a constraint to a table that is being made or changed: with a name, columns by id, and what a foreign
// key references. A unique constraint over the columns of another one is left out, as by PostgreSQL.
func addConstraint(env *Env, t *catalog.Table, d *ddl.Constraint) error {
	k := catalog.Constraint{Kind: d.Kind, Name: d.Name, Expr: d.Expr, NotValid: d.NotValid, NoInherit: d.NoInherit,
		NullsNotDistinct: d.NullsNotDistinct, Deferrable: d.Deferrable, Deferred: d.Deferred}
	for _, name := range d.Columns {
		at := t.Column(name)
		if at < 0 {
			return errs.New(errs.UndefinedColumn, "column %q does not exist", name)
		}
		if t := t.Columns[at].Type; (k.Kind == catalog.PrimaryKey || k.Kind == catalog.Unique) && !t.Ordered() {
			return errs.New(errs.UndefinedObject, "data type %s has no default operator class for access method \"btree\"", t).
				WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
		}
		if k.Columns = append(k.Columns, t.Columns[at].ID); k.Kind == catalog.PrimaryKey {
			t.Columns[at].NotNull = true
		}
	}
	switch k.Kind {
	case catalog.Unique:
		if d.Name == "" && slices.ContainsFunc(t.Constraints, func(o catalog.Constraint) bool { return o.Indexed() && slices.Equal(o.Columns, k.Columns) }) {
			return nil
		}
	case catalog.ForeignKey:
		if err := reference(env, t, &k, d); err != nil {
			return err
		}
	}
	if k.Name == "" {
		k.Name = constraintName(env, t, d)
	}
	if k.Kind == catalog.ForeignKey {
		if err := comparable(env, t, &k); err != nil {
			return err
		}
	}
	k.OID = env.DB.NewOID()
	if k.Indexed() {
		k.Index = env.DB.NewOID()
	}
	t.Constraints = append(t.Constraints, k)
	return unenforced(env, &k)
}

// unenforced says of a constraint that nothing sees to it.
func unenforced(env *Env, k *catalog.Constraint) error {
	if k.Kind != catalog.ForeignKey {
		return nil
	}
	return env.Out.Notice("NOTICE", "00000", fmt.Sprintf("foreign key constraint %q is not enforced on write", k.Name))
}

// reference finds the table and the columns of a foreign key.
func reference(env *Env, t *catalog.Table, k *catalog.Constraint, d *ddl.Constraint) error {
	k.OnUpdate, k.OnDelete, k.Match = d.OnUpdate, d.OnDelete, d.Match
	other := t
	if own := d.References.Name == t.Name && (d.References.Schema == "" || d.References.Schema == t.Schema); !own {
		rel, err := env.Resolver.Relation(d.References.Schema, d.References.Name)
		switch {
		case err != nil:
			return err
		case rel == nil:
			return errs.New(errs.UndefinedTable, "relation %q does not exist", d.References.String())
		case rel.Table == nil:
			return errs.New(errs.WrongObjectType, "referenced relation %q is not a table", rel.Name)
		}
		other = rel.Table
	}
	k.References = other.ID
	for _, name := range d.Referenced {
		at := other.Column(name)
		if at < 0 {
			return errs.New(errs.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", name)
		}
		k.ReferencedColumns = append(k.ReferencedColumns, other.Columns[at].ID)
	}
	if len(d.Referenced) == 0 {
		key := other.PrimaryKey()
		if key == nil {
			return errs.New(errs.UndefinedObject, "there is no primary key for referenced table %q", other.Name)
		}
		k.ReferencedColumns = slices.Clone(key.Columns)
	}
	if len(k.Columns) != len(k.ReferencedColumns) {
		return errs.New(errs.InvalidForeignKey, "number of referencing and referenced columns for foreign key disagree")
	}
	if other.Key(k.ReferencedColumns) == nil {
		return errs.New(errs.InvalidForeignKey, "there is no unique constraint matching given keys for referenced table %q", other.Name)
	}
	return nil
}

// comparable refuses a foreign key between columns whose types have no equality.
func comparable(env *Env, t *catalog.Table, k *catalog.Constraint) error {
	other := t
	if k.References != t.ID {
		if other = env.Tx.Catalog().TableByID(k.References); other == nil {
			return nil
		}
	}
	theirs := other.Ordinals(k.ReferencedColumns)
	for i, at := range t.Ordinals(k.Columns) {
		a, b := t.Columns[at], other.Columns[theirs[i]]
		if a.Type.Kind == b.Type.Kind || a.Type.IsNumber() && b.Type.IsNumber() || a.Type.IsString() && b.Type.IsString() || isTime(a.Type) && isTime(b.Type) {
			continue
		}
		return errs.New(errs.DatatypeMismatch, "foreign key constraint %q cannot be implemented", k.Name).
			WithDetail("Key columns %q and %q are of incompatible types: %s and %s.", a.Name, b.Name, plain(a.Type), plain(b.Type))
	}
	return nil
}

func isTime(t types.Type) bool {
	return t.Kind == types.Date || t.Kind == types.Timestamp || t.Kind == types.Timestamptz
}

func plain(t types.Type) types.Type { return types.Type{Kind: t.Kind, Elem: t.Elem} }

// constraintName chooses the name of a constraint as PostgreSQL does: of the table, the columns and a word, with a number
// if that is taken.
func constraintName(env *Env, t *catalog.Table, d *ddl.Constraint) string {
	columns, word := strings.Join(d.Columns, "_"), "key"
	switch d.Kind {
	case catalog.PrimaryKey:
		columns, word = "", "pkey"
	case catalog.Check:
		if word = "check"; len(d.Columns) != 1 {
			columns = ""
		}
	case catalog.ForeignKey:
		word = "fkey"
	}
	name := objectName(t.Name, columns, word)
	indexed := d.Kind == catalog.PrimaryKey || d.Kind == catalog.Unique
	for i := 1; t.Constraint(name) != nil || indexed && (name == t.Name || env.Tx.Catalog().Relation(t.Schema, name) != nil); i++ {
		name = objectName(t.Name, columns, fmt.Sprint(word, i))
	}
	return name
}

// nameBytes is the longest name that PostgreSQL keeps.
const nameBytes = 63

// objectName joins names by underscores, and cuts the longer of table and columns so that it is not too long.
func objectName(table, columns, word string) string {
	over := len(word) + 1
	if columns != "" {
		over++
	}
	a, b := len(table), len(columns)
	for a+b+over > nameBytes {
		if a > b {
			a--
		} else {
			b--
		}
	}
	name := clip(table, a)
	if columns != "" {
		name += "_" + clip(columns, b)
	}
	return name + "_" + word
}

// clip cuts text at n bytes, or before the character that stands there.
func clip(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
