package stmt

import (
	"context"
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// createTable runs CREATE TABLE, also with AS.
func (c *Command) createTable(ctx context.Context, env *Env, b *bind.CreateTable) (string, error) {
	schema, err := creationSchema(env, b.Schema)
	if err != nil {
		return "", err
	}
	t := catalog.NewTable(schema, b.Name, slices.Clone(b.Columns)...)
	tag := "CREATE TABLE"
	if env.Tx.Catalog().Table(schema, b.Name) != nil && b.IfNotExists {
		err := env.Out.Notice("NOTICE", string(errs.DuplicateTable), fmt.Sprintf("relation %q already exists, skipping", b.Name))
		if b.As != nil {
			tag = "CREATE TABLE AS"
		}
		return tag, err
	}
	// What there is already is there, whatever else is wrong with the statement.
	if b.PartitionBy != "" {
		if err := t.PartitionBy(b.PartitionBy); err != nil {
			return "", err
		}
	}
	for _, o := range b.Options {
		if err := t.Set(o); err != nil {
			return "", err
		}
	}
	for i := range b.Constraints {
		if err := addConstraint(env, t, &b.Constraints[i]); err != nil {
			return "", err
		}
	}
	if err := createWithOwn(env, t, b.Own); err != nil {
		return "", err
	}
	if b.As == nil {
		return tag, nil
	}
	if b.WithNoData {
		return "CREATE TABLE AS", nil
	}
	made := env.Tx.Catalog().Table(schema, b.Name)
	w, err := newWriter(ctx, env, made)
	if err != nil {
		return "", err
	}
	defer w.close()
	if err := env.run(ctx, c.Plan, w.add); err != nil {
		return "", err
	}
	if err := w.end(); err != nil {
		return "", err
	}
	return fmt.Sprintf("SELECT %d", w.rows()), nil
}

// createWithOwn makes a table, and the sequences that belong to its columns.
func createWithOwn(env *Env, t *catalog.Table, list []ddl.OwnSequence) error {
	made := make([]*catalog.Sequence, len(list))
	if len(list) > 0 && env.Tx.Catalog().Relation(t.Schema, t.Name) != nil { // before anything else is made
		return errs.New(errs.DuplicateTable, "relation %q already exists", t.Name)
	}
	for i := range list {
		var err error
		if made[i], err = newOwned(env, t, t.Column(list[i].Column), &list[i]); err != nil {
			return err
		}
	}
	if err := env.Tx.Edit(catalog.Create(t)); err != nil {
		return err
	}
	there := env.Tx.Catalog().Table(t.Schema, t.Name)
	for i, s := range made {
		if err := linkOwned(env, s, there.ID, there.Columns[there.Column(list[i].Column)].ID); err != nil {
			return err
		}
	}
	return nil
}

// creationSchema returns the schema in which a new table goes: the given one, or the first of the search path.
func creationSchema(env *Env, schema string) (string, error) {
	if schema == "" {
		return env.Resolver.CreationSchema()
	}
	if pgcatalog.IsSchema(schema) {
		return "", errs.New(errs.InsufficientPrivilege, "permission denied to create in schema %q", schema).
			WithDetail("System catalog modifications are currently disallowed.")
	}
	return schema, nil
}

// createSchema runs CREATE SCHEMA.
func createSchema(env *Env, n *pg.CreateSchemaStmt) (string, error) {
	if len(n.SchemaElts) > 0 {
		return "", errs.Unsupported("CREATE SCHEMA with elements")
	}
	name := n.Schemaname
	if name == "" && n.Authrole != nil {
		name = n.Authrole.Rolename
	}
	if pgcatalog.IsSchema(name) || len(name) >= 3 && name[:3] == "pg_" {
		if len(name) >= 3 && name[:3] == "pg_" {
			return "", errs.New("42939", "unacceptable schema name %q", name).
				WithDetail("The prefix \"pg_\" is reserved for system schemas.")
		}
		return "", errs.New(errs.DuplicateSchema, "schema %q already exists", name)
	}
	if n.IfNotExists && env.Tx.Catalog().Schema(name) != nil {
		return "CREATE SCHEMA", env.Out.Notice("NOTICE", string(errs.DuplicateSchema), fmt.Sprintf("schema %q already exists, skipping", name))
	}
	return "CREATE SCHEMA", env.Tx.Edit(catalog.Create(&catalog.Schema{Head: catalog.Head{Name: name}}))
}
