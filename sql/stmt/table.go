package stmt

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	t := &catalog.Table{Schema: schema, Name: b.Name, Columns: slices.Clone(b.Columns), Options: b.Options, PrimaryKey: b.PrimaryKey}
	for _, k := range b.PrimaryKey {
		t.Columns[k].NotNull = true
	}
	for _, u := range b.Unenforced {
		if err := env.Out.Notice("WARNING", "01000", u+" is declared but not enforced: rows that violate it are accepted"); err != nil {
			return "", err
		}
	}
	tag := "CREATE TABLE"
	if env.Tx.Catalog().Table(schema, b.Name) != nil && b.IfNotExists {
		err := env.Out.Notice("NOTICE", string(errs.DuplicateTable), fmt.Sprintf("relation %q already exists, skipping", b.Name))
		if b.As != nil {
			tag = "CREATE TABLE AS"
		}
		return tag, err
	}
	if err := env.Tx.Edit(catalog.CreateTable{Table: t}); err != nil {
		return "", err
	}
	if b.As == nil {
		return tag, nil
	}
	if b.WithNoData {
		return "CREATE TABLE AS", nil
	}
	made := env.Tx.Catalog().Table(schema, b.Name)
	w := newWriter(ctx, env, made)
	if err := env.run(ctx, c.Plan, w.add); err != nil {
		return "", err
	}
	if err := w.end(); err != nil {
		return "", err
	}
	return fmt.Sprintf("SELECT %d", w.rows), nil
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

// dropTable runs DROP TABLE.
func dropTable(env *Env, b *ddl.DropTable) (string, error) {
	for _, n := range b.Tables {
		rel, err := env.Resolver.Relation(n.Schema, n.Name)
		if err != nil && !(b.IfExists && errs.Is(err, errs.InvalidSchemaName)) {
			return "", err
		}
		switch {
		case rel == nil && b.IfExists:
			what := fmt.Sprintf("table %q does not exist, skipping", n.Name)
			if err != nil {
				what = fmt.Sprintf("schema %q does not exist, skipping", n.Schema)
			}
			if err := env.Out.Notice("NOTICE", "00000", what); err != nil {
				return "", err
			}
		case rel == nil:
			name := n.Name
			if n.Schema != "" {
				name = n.Schema + "." + n.Name
			}
			return "", bind.Suggest(errs.New(errs.UndefinedTable, "table %q does not exist", name), env.Resolver, n.Schema, n.Name)
		case rel.Table == nil && rel.Kind == 'v':
			return "", errs.New(errs.WrongObjectType, "%q is not a table", n.Name).
				WithHint("Use DROP VIEW to remove a view.")
		case rel.Table == nil:
			return "", errs.New(errs.InsufficientPrivilege, "permission denied: %q is a system catalog", n.Name)
		default:
			if err := env.Tx.Edit(catalog.DropTable{ID: rel.Table.ID}); err != nil {
				return "", err
			}
		}
	}
	return "DROP TABLE", nil
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
	return "CREATE SCHEMA", env.Tx.Edit(catalog.CreateSchema{Name: name})
}

// relations are the kinds of relation, but tables, that DROP takes, as its messages call them.
var relations = map[pg.ObjectType]string{pg.ObjectType_OBJECT_VIEW: "view", pg.ObjectType_OBJECT_MATVIEW: "materialized view",
	pg.ObjectType_OBJECT_SEQUENCE: "sequence", pg.ObjectType_OBJECT_INDEX: "index"}

// dropAbsent runs DROP of a relation of a kind of which there are none: what is named so is something else.
func dropAbsent(env *Env, n *pg.DropStmt, tag string) (string, error) {
	kind := relations[n.RemoveType]
	if kind == "" {
		return "", errs.Unsupported("%s", tag)
	}
	for _, o := range n.Objects {
		var parts []string
		for _, p := range o.GetList().GetItems() {
			parts = append(parts, p.GetString_().GetSval())
		}
		schema, name := "", parts[len(parts)-1]
		if len(parts) > 1 {
			schema = parts[len(parts)-2]
		}
		rel, err := env.Resolver.Relation(schema, name)
		switch {
		case err != nil && !(n.MissingOk && errs.Is(err, errs.InvalidSchemaName)):
			return "", err
		case rel != nil && rel.Table == nil, isPrimaryKey(env, schema, name):
			return "", errs.Unsupported("%s", tag)
		case rel != nil:
			article := map[byte]string{'i': "an"}[kind[0]]
			if article == "" {
				article = "a"
			}
			return "", errs.New(errs.WrongObjectType, "%q is not %s %s", name, article, kind).WithHint("Use DROP TABLE to remove a table.")
		case !n.MissingOk:
			code := errs.UndefinedTable
			if kind == "index" {
				code = errs.UndefinedObject
			}
			return "", errs.New(code, "%s %q does not exist", kind, strings.Join(parts, "."))
		}
		what := fmt.Sprintf("%s %q does not exist, skipping", kind, name)
		if err != nil {
			what = fmt.Sprintf("schema %q does not exist, skipping", schema)
		}
		if err := env.Out.Notice("NOTICE", "00000", what); err != nil {
			return "", err
		}
	}
	return tag, nil
}

// isPrimaryKey tells whether the catalog shows an index of that name.
func isPrimaryKey(env *Env, schema, name string) bool {
	table, ok := strings.CutSuffix(name, "_pkey")
	if !ok {
		return false
	}
	rel, err := env.Resolver.Relation(schema, table)
	return err == nil && rel != nil && rel.Table != nil && len(rel.Table.PrimaryKey) > 0
}

// drop runs DROP of anything but tables.
func drop(env *Env, n *pg.DropStmt, tag string) (string, error) {
	if n.RemoveType != pg.ObjectType_OBJECT_SCHEMA {
		return dropAbsent(env, n, tag)
	}
	for _, o := range n.Objects {
		name := o.GetString_().GetSval()
		if env.Tx.Catalog().Schema(name) == nil {
			if pgcatalog.IsSchema(name) {
				return "", errs.New("2BP01", "cannot drop schema %s because it is required by the database system", name)
			}
			if !n.MissingOk {
				return "", errs.New(errs.InvalidSchemaName, "schema %q does not exist", name)
			}
			if err := env.Out.Notice("NOTICE", "00000", fmt.Sprintf("schema %q does not exist, skipping", name)); err != nil {
				return "", err
			}
			continue
		}
		if err := env.Tx.Edit(catalog.DropSchema{Name: name, Cascade: n.Behavior == pg.DropBehavior_DROP_CASCADE}); err != nil {
			return "", err
		}
	}
	return "DROP SCHEMA", nil
}
