package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// unenforced takes UNIQUE, CHECK and FOREIGN KEY constraints, which schemas of other databases are full of: their names
// are checked, their rows are not, and the executor warns of each. column is the column they stand behind, "" for a
// constraint of the table. What would change rows (generated columns, identities) is refused.
func (b *Binder) unenforced(c *CreateTable, k *pg.Constraint, column string) error {
	var own []string
	var word, suffix string
	switch k.Contype {
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE,
		pg.ConstrType_CONSTR_ATTR_DEFERRED, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
		return nil
	case pg.ConstrType_CONSTR_UNIQUE:
		own, word, suffix = stringsOf(k.Keys), "unique", "key"
	case pg.ConstrType_CONSTR_CHECK:
		word, suffix = "check", "check"
	case pg.ConstrType_CONSTR_FOREIGN:
		own, word, suffix = stringsOf(k.FkAttrs), "foreign key", "fkey"
		if err := b.referenced(c, k); err != nil {
			return err
		}
	default:
		return b.refuseConstraint(k)
	}
	if column != "" {
		own = []string{column}
	}
	for _, name := range own {
		if !slices.ContainsFunc(c.Columns, func(col catalog.Column) bool { return col.Name == name }) {
			if word == "unique" {
				return b.fail(k.Location, errs.UndefinedColumn, "column %q named in key does not exist", name)
			}
			return errs.New(errs.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", name)
		}
	}
	name := k.Conname
	if name == "" {
		name = strings.Join(append(append([]string{c.Name}, own...), suffix), "_")
	}
	c.Unenforced = append(c.Unenforced, word+" constraint \""+name+"\"")
	return nil
}

// referenced checks that the table and the columns behind REFERENCES exist.
func (b *Binder) referenced(c *CreateTable, k *pg.Constraint) error {
	schema, name := k.Pktable.Schemaname, k.Pktable.Relname
	has := func(column string) bool {
		return slices.ContainsFunc(c.Columns, func(col catalog.Column) bool { return col.Name == column })
	}
	if name != c.Name || schema != c.Schema {
		rel, err := b.resolver.Relation(schema, name)
		if err != nil {
			return err
		}
		if rel == nil {
			return errs.New(errs.UndefinedTable, "relation %q does not exist", k.Pktable.Relname)
		}
		has = func(column string) bool {
			return slices.ContainsFunc(rel.Columns, func(col catalog.Column) bool { return col.Name == column })
		}
	}
	for _, column := range stringsOf(k.PkAttrs) {
		if !has(column) {
			return errs.New(errs.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", column)
		}
	}
	return nil
}

func (b *Binder) refuseConstraint(k *pg.Constraint) error {
	word := map[pg.ConstrType]string{pg.ConstrType_CONSTR_IDENTITY: "GENERATED AS IDENTITY",
		pg.ConstrType_CONSTR_GENERATED: "GENERATED ALWAYS AS", pg.ConstrType_CONSTR_EXCLUSION: "EXCLUDE"}[k.Contype]
	if word == "" {
		word = strings.TrimPrefix(k.Contype.String(), "CONSTR_")
	}
	return b.unsupported(k.Location, "%s", word)
}
