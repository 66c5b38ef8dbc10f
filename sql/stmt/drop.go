package stmt

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// dropTable runs DROP TABLE, DROP VIEW and DROP SEQUENCE.
func dropTable(env *Env, b *ddl.DropTable) (string, error) {
	kind := b.Kind
	var objects []catalog.Object
	for _, n := range b.Tables {
		o, err := toDrop(env, b, n, kind)
		if err != nil {
			return "", err
		}
		if o != nil {
			objects = append(objects, o)
		}
	}
	return "DROP " + strings.ToUpper(kind.String()), dropObjects(env, b.Cascade, objects)
}

// toDrop finds a relation of a kind that is to be dropped, nil when it is not there and need not be.
func toDrop(env *Env, b *ddl.DropTable, n ddl.QualifiedName, kind catalog.Kind) (catalog.Object, error) {
	rel, err := env.Resolver.Relation(n.Schema, n.Name)
	if err != nil && !(b.IfExists && errs.Is(err, errs.InvalidSchemaName)) {
		return nil, err
	}
	switch {
	case rel == nil && b.IfExists:
		what := fmt.Sprintf("%s %q does not exist, skipping", kind, n.Name)
		if err != nil {
			what = fmt.Sprintf("schema %q does not exist, skipping", n.Schema)
		}
		return nil, env.Out.Notice("NOTICE", "00000", what)
	case rel == nil:
		err := errs.New(errs.UndefinedTable, "%s %q does not exist", kind, n)
		return nil, bind.Suggest(err, env.Resolver, n.Schema, n.Name)
	case rel.Virtual != nil && rel.Sequence == nil && rel.Kind != 'v':
		return nil, errs.New(errs.InsufficientPrivilege, "permission denied: %q is a system catalog", n.Name)
	case rel.Sequence != nil && rel.Sequence.Identity && kind == catalog.KindSequence:
		return nil, identityNeeds(env, rel.Sequence)
	case kindOf(rel) != kind:
		article := "a"
		if there := kindOf(rel); there == catalog.KindIndex {
			article = "an"
		}
		return nil, errs.New(errs.WrongObjectType, "%q is not a %s", n.Name, kind).
			WithHint("Use DROP %s to remove %s %s.", strings.ToUpper(kindOf(rel).String()), article, kindOf(rel))
	case rel.Virtual != nil && rel.Sequence == nil:
		return nil, errs.New(errs.DependentObjectsStillExist, "cannot drop view %s because it is required by the database system", n.Name)
	case rel.View != nil:
		return rel.View, nil
	case rel.Sequence != nil:
		return rel.Sequence, nil
	}
	return rel.Table, nil
}

// kindOf tells what a relation is.
func kindOf(rel *bind.Relation) catalog.Kind {
	switch rel.Kind {
	case 'v':
		return catalog.KindView
	case 'S':
		return catalog.KindSequence
	}
	return catalog.KindTable
}

// identityNeeds refuses to drop the sequence of an identity column.
func identityNeeds(env *Env, s *catalog.Sequence) error {
	t := env.Tx.Catalog().TableByID(s.Owned)
	if t == nil {
		return errs.Internal("identity sequence %q belongs to no table", s.Name)
	}
	path := env.Resolver.SearchPath()
	column := fmt.Sprintf("column %s of %s", pgcatalog.QuoteIdent(t.Columns[t.ColumnByID(s.OwnedColumn)].Name), env.Tx.Catalog().Title(t, path))
	return errs.New(errs.DependentObjectsStillExist, "cannot drop %s because %s requires it", env.Tx.Catalog().Title(s, path), column).
		WithHint("You can drop %s instead.", column)
}

// dropObjects drops objects together, with what goes along, and says what that is.
func dropObjects(env *Env, cascade bool, objects []catalog.Object) error {
	if len(objects) == 0 {
		return nil
	}
	path := env.Resolver.SearchPath()
	ids := make([]catalog.ID, len(objects))
	for i, o := range objects {
		ids[i] = o.Common().ID
	}
	r, err := env.Tx.Catalog().Removal(path, cascade, ids...)
	if err != nil {
		return err
	}
	if err := cascades(env, r.Also); err != nil {
		return err
	}
	e := catalog.Drop(path, objects...)
	if cascade {
		e = e.Cascade()
	}
	return env.Tx.Edit(e)
}

// cascades says what goes along, in one notice.
func cascades(env *Env, also []string) error {
	switch len(also) {
	case 0:
		return nil
	case 1:
		return env.Out.Notice("NOTICE", "00000", "drop cascades to "+also[0])
	}
	lines := make([]string, len(also))
	for i, name := range also {
		lines[i] = "drop cascades to " + name
	}
	return env.Out.Notice("NOTICE", "00000", fmt.Sprintf("drop cascades to %d other objects", len(also)), catalog.Report(lines))
}

// relations are the kinds of relation, but tables and views, that DROP takes, as its messages call them.
var relations = map[pg.ObjectType]string{pg.ObjectType_OBJECT_MATVIEW: "materialized view",
	pg.ObjectType_OBJECT_INDEX: "index"}

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
		if t, k := keyOf(env, schema, name); k != nil && kind == "index" {
			return "", indexNeeded(env, t, k)
		}
		rel, err := env.Resolver.Relation(schema, name)
		switch {
		case err != nil && !(n.MissingOk && errs.Is(err, errs.InvalidSchemaName)):
			return "", err
		case rel != nil && rel.Virtual != nil && rel.Sequence == nil:
			return "", errs.Unsupported("%s", tag)
		case rel != nil:
			article := map[byte]string{'i': "an"}[kind[0]]
			if article == "" {
				article = "a"
			}
			there := kindOf(rel).String()
			return "", errs.New(errs.WrongObjectType, "%q is not %s %s", name, article, kind).
				WithHint("Use DROP %s to remove a %s.", strings.ToUpper(there), there)
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

// keyOf returns the key whose index has a name, and its table.
func keyOf(env *Env, schema, name string) (*catalog.Table, *catalog.Constraint) {
	path := []string{schema}
	if schema == "" {
		path = env.Resolver.SearchPath()
	}
	for _, p := range path {
		if t, ok := env.Tx.Catalog().Relation(p, name).(*catalog.Table); ok && t.Name != name {
			return t, t.Constraint(name)
		}
	}
	return nil, nil
}

// indexNeeded refuses to drop the index of a key.
func indexNeeded(env *Env, t *catalog.Table, k *catalog.Constraint) error {
	on := fmt.Sprintf("constraint %s on %s", pgcatalog.QuoteIdent(k.Name), env.Tx.Catalog().Title(t, env.Resolver.SearchPath()))
	return errs.New(errs.DependentObjectsStillExist, "cannot drop index %s because %s requires it", pgcatalog.QuoteIdent(k.Name), on).
		WithHint("You can drop %s instead.", on)
}

// drop runs DROP of anything but tables.
func drop(env *Env, n *pg.DropStmt, tag string) (string, error) {
	if n.RemoveType != pg.ObjectType_OBJECT_SCHEMA {
		return dropAbsent(env, n, tag)
	}
	var schemas []catalog.Object
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
		schemas = append(schemas, env.Tx.Catalog().Schema(name))
	}
	return "DROP SCHEMA", dropObjects(env, n.Behavior == pg.DropBehavior_DROP_CASCADE, schemas)
}
