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
	t := catalog.NewTable(schema, b.Name, slices.Clone(b.Columns)...)
	if len(b.PrimaryKey) > 0 {
		k := catalog.Constraint{Kind: catalog.PrimaryKey, Name: b.PrimaryKeyName}
		for _, at := range b.PrimaryKey {
			k.Columns = append(k.Columns, t.Columns[at].ID)
		}
		t.Constraints = append(t.Constraints, k)
	}
	for _, o := range b.Options {
		if err := t.Set(o); err != nil {
			return "", err
		}
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
	if err := env.Tx.Edit(catalog.Create(t)); err != nil {
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
			if err := env.Tx.Edit(catalog.Drop(nil, rel.Table)); err != nil {
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
	return "CREATE SCHEMA", env.Tx.Edit(catalog.Create(&catalog.Schema{Head: catalog.Head{Name: name}}))
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
		case rel != nil && rel.Table == nil, isIndex(env, schema, name):
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

// isIndex tells whether a key has an index of that name.
func isIndex(env *Env, schema, name string) bool {
	path := []string{schema}
	if schema == "" {
		path = env.Resolver.SearchPath()
	}
	for _, p := range path {
		if o := env.Tx.Catalog().Relation(p, name); o != nil {
			return o.Common().Name != name
		}
	}
	return false
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
		e := catalog.Drop(nil, env.Tx.Catalog().Schema(name))
		if n.Behavior == pg.DropBehavior_DROP_CASCADE {
			e = e.Cascade()
		}
		if err := env.Tx.Edit(e); err != nil {
			return "", err
		}
	}
	return "DROP SCHEMA", nil
}
