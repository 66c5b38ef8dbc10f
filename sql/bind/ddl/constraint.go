package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Constraint is a constraint as it was written, with names for what the catalog has by number.
type Constraint struct {
	Kind    catalog.ConstraintKind
	Name    string // "": one is chosen
	Columns []string
	Expr    string // of CHECK
	// References is the table of a FOREIGN KEY, Referenced its columns; none: those of its primary key.
	References                QualifiedName
	Referenced                []string
	OnUpdate, OnDelete, Match byte
	Deferrable, Deferred      bool
	NotValid, NoInherit       bool
	NullsNotDistinct          bool
	at                        int32 // where it stands
}

// constraint reads a constraint. column is the column that it stands behind, "" for a constraint of the table. What would
// change rows (generated columns, identities) is refused.
func (t *columns) constraint(k *pg.Constraint, column string) (*Constraint, error) {
	c := &Constraint{Name: k.Conname, Deferrable: k.Deferrable, Deferred: k.Initdeferred, NotValid: k.SkipValidation,
		NoInherit: k.IsNoInherit, NullsNotDistinct: k.NullsNotDistinct, at: k.Location}
	switch k.Contype {
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
		return c, t.key(c, k, column)
	case pg.ConstrType_CONSTR_CHECK:
		c.Kind = catalog.Check
		var used []int
		var err error
		if c.Expr, used, err = t.binder.Check(t.name, t.list, k.RawExpr); err != nil {
			return nil, err
		}
		for _, at := range used {
			c.Columns = append(c.Columns, t.list[at].Name)
		}
		return c, nil
	case pg.ConstrType_CONSTR_FOREIGN:
		return c, t.foreignKey(c, k, column)
	}
	word := map[pg.ConstrType]string{pg.ConstrType_CONSTR_IDENTITY: "GENERATED AS IDENTITY",
		pg.ConstrType_CONSTR_GENERATED: "GENERATED ALWAYS AS", pg.ConstrType_CONSTR_EXCLUSION: "EXCLUDE"}[k.Contype]
	if word == "" {
		word = strings.TrimPrefix(k.Contype.String(), "CONSTR_")
	}
	return nil, t.st.Unsupported(k.Location, "%s", word)
}

// key reads PRIMARY KEY and UNIQUE.
func (t *columns) key(c *Constraint, k *pg.Constraint, column string) error {
	c.Kind, c.Columns = catalog.Unique, parse.Names(k.Keys)
	if k.Contype == pg.ConstrType_CONSTR_PRIMARY {
		c.Kind = catalog.PrimaryKey
	}
	switch {
	case len(k.Including) > 0:
		return t.st.Unsupported(k.Location, "INCLUDE")
	case k.Indexname != "":
		return t.st.Unsupported(k.Location, "%s USING INDEX", strings.ToUpper(c.Kind.String()))
	case len(k.Options) > 0:
		return t.st.Unsupported(k.Location, "WITH in a constraint")
	case k.Deferrable:
		return t.st.Unsupported(k.Location, "DEFERRABLE of a %s", c.Kind)
	case k.Indexspace != "":
		return t.st.Unsupported(k.Location, "USING INDEX TABLESPACE")
	}
	if column != "" {
		c.Columns = []string{column}
	}
	for i, name := range c.Columns {
		if c.Kind == catalog.PrimaryKey {
			if err := catalog.SystemColumn(name, "alter"); err != nil {
				return err
			}
		}
		if catalog.IsSystemColumn(name) {
			return errs.New(errs.FeatureNotSupported, "index creation on system columns is not supported")
		}
		if t.find(name) < 0 {
			return t.st.Fail(k.Location, errs.UndefinedColumn, "column %q named in key does not exist", name)
		}
		if slices.Contains(c.Columns[:i], name) {
			return t.st.Fail(k.Location, errs.DuplicateColumn, "column %q appears twice in %s constraint", name, c.Kind)
		}
	}
	return nil
}

// foreignKey reads REFERENCES. Whether the other table has what it says is known when the statement runs.
func (t *columns) foreignKey(c *Constraint, k *pg.Constraint, column string) error {
	c.Kind, c.Columns = catalog.ForeignKey, parse.Names(k.FkAttrs)
	if column != "" {
		c.Columns = []string{column}
	}
	for _, name := range c.Columns {
		if t.find(name) < 0 {
			return errs.New(errs.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", name)
		}
	}
	c.References = QualifiedName{k.Pktable.Schemaname, k.Pktable.Relname}
	c.Referenced = parse.Names(k.PkAttrs)
	letter := func(s string, or byte) byte {
		if s == "" {
			return or
		}
		return s[0]
	}
	c.OnUpdate, c.OnDelete, c.Match = letter(k.FkUpdAction, 'a'), letter(k.FkDelAction, 'a'), letter(k.FkMatchtype, 's')
	switch {
	case c.Match == 'p':
		return t.st.Unsupported(k.Location, "MATCH PARTIAL")
	case len(k.FkDelSetCols) > 0:
		return t.st.Unsupported(k.Location, "ON DELETE SET of some columns")
	}
	return nil
}

// attribute reads what may follow a constraint of a column: it belongs to the one before it.
func (t *columns) attribute(c *Constraint, k *pg.Constraint) (is bool, err error) {
	var word string
	switch k.Contype {
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE:
		word = "DEFERRABLE"
	case pg.ConstrType_CONSTR_ATTR_DEFERRED, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
		word = "INITIALLY"
	default:
		return false, nil
	}
	if c == nil || c.Kind == catalog.Check {
		return true, t.st.Fail(k.Location, errs.SyntaxError, "misplaced %s clause", word)
	}
	switch {
	case c.Kind != catalog.ForeignKey && (k.Contype == pg.ConstrType_CONSTR_ATTR_DEFERRABLE || k.Contype == pg.ConstrType_CONSTR_ATTR_DEFERRED):
		return true, t.st.Unsupported(k.Location, "DEFERRABLE of a %s", c.Kind)
	case k.Contype == pg.ConstrType_CONSTR_ATTR_DEFERRABLE:
		c.Deferrable = true
	case k.Contype == pg.ConstrType_CONSTR_ATTR_DEFERRED:
		c.Deferrable, c.Deferred = true, true
	}
	return true, nil
}
