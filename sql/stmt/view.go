package stmt

import (
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// createView runs CREATE [OR REPLACE] VIEW.
func createView(env *Env, b *bind.CreateView) (string, error) {
	schema, err := creationSchema(env, b.Schema)
	if err != nil {
		return "", err
	}
	next := b.View
	next.Schema, next.Name, next.Columns = schema, b.Name, slices.Clone(b.View.Columns)
	there := env.Tx.Catalog().Relation(schema, b.Name)
	if there == nil || !b.Replace {
		return "CREATE VIEW", env.Tx.Edit(catalog.Create(&next))
	}
	v, ok := there.(*catalog.View)
	if !ok {
		return "", errs.New(errs.WrongObjectType, "%q is not a view", b.Name)
	}
	return "CREATE VIEW", env.Tx.Edit(catalog.Replace(v, func(v *catalog.View) (*catalog.View, error) {
		columns, err := replacedColumns(v.Columns, next.Columns)
		if err != nil {
			return nil, err
		}
		v.Columns, v.Query, v.Reads, v.Depends = columns, next.Query, next.Reads, next.Depends
		return v, nil
	}))
}

// replacedColumns are the columns of a view whose query is another one: those that it had, and more behind them.
func replacedColumns(was, now []catalog.Column) ([]catalog.Column, error) {
	if len(now) < len(was) {
		return nil, errs.New(errs.InvalidTableDefinition, "cannot drop columns from view")
	}
	list := slices.Clone(now)
	for i, c := range was {
		switch {
		case c.Name != now[i].Name:
			return nil, errs.New(errs.InvalidTableDefinition, "cannot change name of view column %q to %q", c.Name, now[i].Name).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.")
		case c.Type != now[i].Type:
			return nil, errs.New(errs.InvalidTableDefinition, "cannot change data type of view column %q from %s to %s", c.Name, c.Type, now[i].Type)
		}
		list[i] = c
	}
	return list, nil
}

// alterView runs ALTER VIEW, and ALTER TABLE of a view: other names, nothing else.
func alterView(env *Env, v *catalog.View, b *ddl.AlterTable) error {
	for i := range b.Actions {
		x := &b.Actions[i]
		step, err := viewStep(env, v, x)
		if err != nil {
			return err
		}
		if err := env.Tx.Edit(catalog.Replace(v, step)); err != nil {
			return err
		}
	}
	return nil
}

func viewStep(env *Env, v *catalog.View, x *ddl.Action) (func(*catalog.View) (*catalog.View, error), error) {
	switch x.Verb {
	case ddl.RenameTable:
		if x.New == v.Name {
			return nil, errs.New(errs.DuplicateTable, "relation %q already exists", x.New)
		}
		return func(v *catalog.View) (*catalog.View, error) {
			v.Name = x.New
			return v, nil
		}, nil
	case ddl.SetSchema:
		schema, err := creationSchema(env, x.New)
		return func(v *catalog.View) (*catalog.View, error) {
			v.Schema = schema
			return v, nil
		}, err
	case ddl.RenameColumn:
		return func(v *catalog.View) (*catalog.View, error) { return renamedColumn(v, x.Name, x.New) }, nil
	case ddl.SetOwner:
		return func(*catalog.View) (*catalog.View, error) { return nil, nil }, (&alteration{env: env}).owner(x.New)
	}
	what, ok := viewRefuses[x.Verb]
	if !ok {
		return nil, errs.Unsupported("this ALTER of a view")
	}
	return nil, errs.New(errs.WrongObjectType, "ALTER action %s cannot be performed on relation %q", what, v.Name).
		WithDetail("This operation is not supported for views.")
}

// viewRefuses are the actions that a view has no use for.
var viewRefuses = map[ddl.Verb]string{ddl.AddColumn: "ADD COLUMN", ddl.DropColumn: "DROP COLUMN", ddl.SetNotNull: "ALTER COLUMN ... SET NOT NULL",
	ddl.DropNotNull: "ALTER COLUMN ... DROP NOT NULL", ddl.SetType: "ALTER COLUMN ... SET DATA TYPE", ddl.AddConstraint: "ADD CONSTRAINT",
	ddl.DropConstraint: "DROP CONSTRAINT", ddl.ValidateConstraint: "VALIDATE CONSTRAINT"}

// renamedColumn gives a column of a view another name. Its query, and those that read it, go on by number.
func renamedColumn(v *catalog.View, was, now string) (*catalog.View, error) {
	at := slices.IndexFunc(v.Columns, func(c catalog.Column) bool { return c.Name == was })
	switch {
	case at < 0:
		return nil, errs.New(errs.UndefinedColumn, "column %q does not exist", was)
	case slices.ContainsFunc(v.Columns, func(c catalog.Column) bool { return c.Name == now }):
		return nil, errs.New(errs.DuplicateColumn, "column %q of relation %q already exists", now, v.Name)
	}
	v.Columns = slices.Clone(v.Columns)
	v.Columns[at].Name = now
	return v, nil
}

// usedByView refuses another type of a column that a view reads.
func usedByView(env *Env, t *catalog.Table, c *catalog.Column) error {
	for o := range env.Tx.Catalog().Objects(catalog.KindView) {
		if slices.ContainsFunc(catalog.Needs(o), func(d catalog.Dependency) bool { return d.On == t.ID && d.Column == c.ID }) {
			return errs.New(errs.FeatureNotSupported, "cannot alter type of a column used by a view or rule").
				WithDetail("%s", fmt.Sprintf("rule _RETURN on %s depends on column %q", env.Tx.Catalog().Title(o, env.Resolver.SearchPath()), c.Name))
		}
	}
	return nil
}
