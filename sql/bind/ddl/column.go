package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// column reads the definition of a column.
func (t *definition) column(d *pg.ColumnDef) error {
	if _, twice := t.byName[d.Colname]; twice {
		return errs.New(errs.DuplicateColumn, "column %q specified more than once", d.Colname)
	}
	col, err := t.columnType(d)
	if err != nil {
		return err
	}
	at := len(t.Columns)
	t.byName[d.Colname] = at
	t.Columns = append(t.Columns, col)
	null, notNull := false, false
	for _, n := range d.Constraints {
		k := n.GetConstraint()
		switch k.Contype {
		case pg.ConstrType_CONSTR_NULL, pg.ConstrType_CONSTR_NOTNULL:
			not := k.Contype == pg.ConstrType_CONSTR_NOTNULL
			if null && not || notNull && !not {
				return t.st.Fail(k.Location, errs.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", d.Colname, t.Name)
			}
			null, notNull = !not, not
			t.Columns[at].NotNull = not
		case pg.ConstrType_CONSTR_DEFAULT:
			if t.Columns[at].Default, err = t.binder.Default(&t.Columns[at], k.RawExpr); err != nil {
				return err
			}
		case pg.ConstrType_CONSTR_PRIMARY:
			if err := t.primaryKey(k, []int{at}); err != nil {
				return err
			}
		default:
			if err := t.unenforced(k, d.Colname); err != nil {
				return err
			}
		}
	}
	return nil
}

// columnType reads the name and the type of a column.
func (t *definition) columnType(d *pg.ColumnDef) (catalog.Column, error) {
	col := catalog.Column{Name: d.Colname, NotNull: d.IsNotNull}
	if names := parse.Names(d.TypeName.GetNames()); len(names) == 1 {
		switch names[0] {
		case "serial", "serial4", "bigserial", "serial8", "smallserial", "serial2":
			return col, t.st.Unsupported(d.TypeName.Location, "type %s", names[0])
		}
	}
	var err error
	if col.Type, err = t.binder.TypeName(d.TypeName); err != nil {
		return col, err
	}
	if col.Type.Kind >= types.Oid {
		return col, t.st.Unsupported(d.TypeName.Location, "a column of type %s", col.Type)
	}
	if d.CollClause != nil {
		if name := parse.Names(d.CollClause.Collname); !slices.Contains([]string{"default", "C", "POSIX", "ucs_basic"}, name[len(name)-1]) {
			return col, t.st.Unsupported(d.CollClause.Location, "collation %q", name[len(name)-1])
		}
	}
	return col, nil
}
