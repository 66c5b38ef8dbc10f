package stmt

import (
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// addConstraints adds constraints. The rows that are there are held against a CHECK and a key.
func (a *alteration) addConstraints(list []ddl.Constraint) error {
	for i := range list {
		if err := a.addConstraint(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *alteration) addConstraint(d *ddl.Constraint) error {
	if d.Name != "" && a.table().Constraint(d.Name) != nil {
		return errs.New(errs.DuplicateObject, "constraint %q for relation %q already exists", d.Name, a.table().Name)
	}
	if d.Kind == catalog.PrimaryKey && a.table().PrimaryKey() != nil {
		return errs.New(errs.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", a.table().Name)
	}
	made := *a.table()
	made.Columns, made.Constraints = slices.Clone(made.Columns), slices.Clone(made.Constraints)
	before := len(made.Constraints)
	if err := addConstraint(a.env, &made, d); err != nil {
		return err
	}
	if len(made.Constraints) == before {
		return nil
	}
	k := made.Constraints[before]
	step := func(t *catalog.Table) error {
		t.Constraints = append(t.Constraints, k)
		if k.Kind == catalog.PrimaryKey {
			for _, at := range t.Ordinals(k.Columns) {
				t.Columns[at].NotNull = true
			}
		}
		return nil
	}
	if k.Indexed() {
		if err := a.indexed(&made, &k); err != nil {
			return err
		}
		step = a.still(a.known(&k, step))
	}
	if k.Kind == catalog.Check && !k.NotValid {
		step = a.still(step)
	}
	if k.Kind == catalog.Check && !k.NotValid {
		if err := a.holds(&k); err != nil {
			return err
		}
	}
	return a.edit(step)
}

// holds reads the rows of the table and looks for one that violates a CHECK.
func (a *alteration) holds(k *catalog.Constraint) error {
	violated, err := a.any("NOT (" + k.Expr + ")")
	if err == nil && violated {
		err = errs.New(errs.CheckViolation, "check constraint %q of relation %q is violated by some row", k.Name, a.table().Name)
	}
	return err
}

// validate makes a CHECK valid that was added NOT VALID. A foreign key stays as it is: it is declared.
func (a *alteration) validate(name string) error {
	t := a.table()
	k := t.Constraint(name)
	switch {
	case k == nil:
		return noConstraint(name, t.Name)
	case k.Kind == catalog.ForeignKey:
		return errs.Unsupported("VALIDATE CONSTRAINT of a foreign key")
	case k.Kind != catalog.Check:
		return errs.New(errs.WrongObjectType, "constraint %q of relation %q is not a foreign key or check constraint", name, t.Name)
	case !k.NotValid:
		return nil
	}
	if err := a.holds(k); err != nil {
		return err
	}
	return a.edit(func(t *catalog.Table) error { // new rows were held against it all the time
		k := t.Constraint(name)
		if k == nil {
			return noConstraint(name, t.Name)
		}
		k.NotValid = false
		return nil
	})
}

func noConstraint(name, table string) error {
	return errs.New(errs.UndefinedObject, "constraint %q of relation %q does not exist", name, table)
}

// dropConstraint takes a constraint away.
func (a *alteration) dropConstraint(x *ddl.Action) error {
	t := a.table()
	k := t.Constraint(x.Name)
	if k == nil {
		if !x.Missing {
			return noConstraint(x.Name, t.Name)
		}
		return a.env.Out.Notice("NOTICE", "00000", fmt.Sprintf("constraint %q of relation %q does not exist, skipping", x.Name, t.Name))
	}
	if k.Indexed() {
		what := fmt.Sprintf("constraint %s on %s", pgcatalog.QuoteIdent(k.Name), a.title(t))
		if err := a.release(k, what, x.Cascade); err != nil {
			return err
		}
	}
	path := a.env.Resolver.SearchPath()
	r, err := a.env.Tx.Catalog().ConstraintRemoval(path, x.Cascade, t, k)
	if err == nil {
		err = a.dropAll(path, r)
	}
	if err != nil {
		return err
	}
	oid := k.OID
	return a.edit(func(t *catalog.Table) error {
		t.Constraints = slices.DeleteFunc(t.Constraints, func(k catalog.Constraint) bool { return k.OID == oid })
		return nil
	})
}

// release frees a key of the foreign keys that need it: by taking them away with CASCADE, or by an error.
func (a *alteration) release(key *catalog.Constraint, what string, cascade bool) error {
	own := a.table()
	var also []string
	for _, t := range a.env.Tx.Catalog().Tables() {
		for i := range t.Constraints {
			k := &t.Constraints[i]
			if k.Kind != catalog.ForeignKey || k.References != a.id || own.Key(k.ReferencedColumns).OID != key.OID {
				continue
			}
			name := fmt.Sprintf("constraint %s on %s", pgcatalog.QuoteIdent(k.Name), a.title(t))
			if !cascade {
				return errs.New(errs.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", what).
					WithDetail("%s depends on index %s", name, pgcatalog.QuoteIdent(key.Name)).
					WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
			}
			also = append(also, name)
			oid := k.OID
			drop := func(t *catalog.Table) (*catalog.Table, error) {
				t.Constraints = slices.DeleteFunc(t.Constraints, func(k catalog.Constraint) bool { return k.OID == oid })
				return t, nil
			}
			if err := a.env.Tx.Edit(catalog.Replace(t, drop)); err != nil {
				return err
			}
		}
	}
	return cascades(a.env, also)
}

func (a *alteration) title(t *catalog.Table) string {
	return a.env.Tx.Catalog().Title(t, a.env.Resolver.SearchPath())
}

// rename gives the table, a column or a constraint another name, or the table another schema.
func (a *alteration) rename(x *ddl.Action) error {
	switch x.Verb {
	case ddl.RenameColumn:
		return a.renameColumn(x.Name, x.New)
	case ddl.SetSchema:
		schema, err := creationSchema(a.env, x.New)
		if err != nil {
			return err
		}
		for _, s := range a.env.Tx.Catalog().Owned(a.id, 0) { // they go along
			if err := a.env.Tx.Edit(catalog.Replace(s, func(s *catalog.Sequence) (*catalog.Sequence, error) {
				s.Schema = schema
				return s, nil
			})); err != nil {
				return err
			}
		}
		return a.edit(func(t *catalog.Table) error {
			t.Schema = schema
			return nil
		})
	case ddl.RenameTable:
		if x.New == a.table().Name {
			return errs.New(errs.DuplicateTable, "relation %q already exists", x.New)
		}
		return a.edit(func(t *catalog.Table) error {
			t.Name = x.New
			return nil
		})
	}
	return a.edit(func(t *catalog.Table) error {
		k := t.Constraint(x.Name)
		switch {
		case k == nil:
			return errs.New(errs.UndefinedObject, "constraint %q for table %q does not exist", x.Name, t.Name)
		case t.Constraint(x.New) != nil:
			return errs.New(errs.DuplicateObject, "constraint %q for relation %q already exists", x.New, t.Name)
		}
		k.Name = x.New
		return nil
	})
}

// renameColumn gives a column another name, also in the conditions of CHECK.
func (a *alteration) renameColumn(was, now string) error {
	if a.table().Column(was) < 0 {
		return errs.New(errs.UndefinedColumn, "column %q does not exist", was)
	}
	return a.column(was, func(t *catalog.Table, c *catalog.Column) error {
		if t.Column(now) >= 0 {
			return errs.New(errs.DuplicateColumn, "column %q of relation %q already exists", now, t.Name)
		}
		for i := range t.Constraints {
			k := &t.Constraints[i]
			if k.Kind != catalog.Check || !slices.Contains(k.Columns, c.ID) {
				continue
			}
			var err error
			if k.Expr, err = bind.Renamed(k.Expr, was, now); err != nil {
				return err
			}
		}
		for i := range t.Columns {
			if g := &t.Columns[i]; g.Generated {
				var err error
				if g.Default, err = bind.Renamed(g.Default, was, now); err != nil {
					return err
				}
			}
		}
		c.Name = now
		return nil
	})
}
