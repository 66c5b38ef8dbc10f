package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// constraint reads a constraint of the table.
func (t *definition) constraint(k *pg.Constraint) error {
	if k.Contype != pg.ConstrType_CONSTR_PRIMARY {
		return t.unenforced(k, "")
	}
	var key []int
	for _, name := range parse.Names(k.Keys) {
		at, ok := t.byName[name]
		if !ok {
			return t.st.Fail(k.Location, errs.UndefinedColumn, "column %q named in key does not exist", name)
		}
		if slices.Contains(key, at) {
			return t.st.Fail(k.Location, errs.DuplicateColumn, "column %q appears twice in primary key constraint", name)
		}
		key = append(key, at)
	}
	return t.primaryKey(k, key)
}

func (t *definition) primaryKey(k *pg.Constraint, key []int) error {
	if t.PrimaryKey != nil {
		return t.st.Fail(k.Location, errs.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", t.Name)
	}
	t.PrimaryKey, t.PrimaryKeyName = key, k.Conname
	if t.PrimaryKeyName == "" {
		t.PrimaryKeyName = t.Name + "_pkey"
	}
	for _, i := range key {
		t.Columns[i].NotNull = true
	}
	return nil
}

// unenforced takes UNIQUE, CHECK and FOREIGN KEY constraints, which schemas of other databases are full of: their names
// are checked, their rows are not, and the executor warns of each. column is the column they stand behind, "" for a
// constraint of the table. What would change rows (generated columns, identities) is refused.
func (t *definition) unenforced(k *pg.Constraint, column string) error {
	var own []string
	var word, suffix string
	switch k.Contype {
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE,
		pg.ConstrType_CONSTR_ATTR_DEFERRED, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
		return nil
	case pg.ConstrType_CONSTR_UNIQUE:
		own, word, suffix = parse.Names(k.Keys), "unique", "key"
	case pg.ConstrType_CONSTR_CHECK:
		word, suffix = "check", "check"
	case pg.ConstrType_CONSTR_FOREIGN:
		own, word, suffix = parse.Names(k.FkAttrs), "foreign key", "fkey"
		if err := t.referenced(k); err != nil {
			return err
		}
	default:
		return t.refuseConstraint(k)
	}
	if column != "" {
		own = []string{column}
	}
	for _, name := range own {
		if _, ok := t.byName[name]; !ok {
			if word == "unique" {
				return t.st.Fail(k.Location, errs.UndefinedColumn, "column %q named in key does not exist", name)
			}
			return errs.New(errs.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", name)
		}
	}
	name := k.Conname
	if name == "" {
		name = strings.Join(append(append([]string{t.Name}, own...), suffix), "_")
	}
	t.Unenforced = append(t.Unenforced, word+" constraint \""+name+"\"")
	return nil
}

// referenced checks that the table and the columns behind REFERENCES exist.
func (t *definition) referenced(k *pg.Constraint) error {
	schema, name := k.Pktable.Schemaname, k.Pktable.Relname
	columns := t.Columns
	if name != t.Name || schema != t.Schema {
		others, found, err := t.binder.Columns(schema, name)
		if err != nil {
			return err
		}
		if !found {
			return errs.New(errs.UndefinedTable, "relation %q does not exist", k.Pktable.Relname)
		}
		columns = others
	}
	for _, column := range parse.Names(k.PkAttrs) {
		if !slices.ContainsFunc(columns, func(c catalog.Column) bool { return c.Name == column }) {
			return errs.New(errs.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", column)
		}
	}
	return nil
}

func (t *definition) refuseConstraint(k *pg.Constraint) error {
	word := map[pg.ConstrType]string{pg.ConstrType_CONSTR_IDENTITY: "GENERATED AS IDENTITY",
		pg.ConstrType_CONSTR_GENERATED: "GENERATED ALWAYS AS", pg.ConstrType_CONSTR_EXCLUSION: "EXCLUDE"}[k.Contype]
	if word == "" {
		word = strings.TrimPrefix(k.Contype.String(), "CONSTR_")
	}
	return t.st.Unsupported(k.Location, "%s", word)
}
