package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// columns are those of a table while a statement about it is read: as they are after what was read of it.
type columns struct {
	binder Binder
	st     *parse.Statement
	name   string           // of the table
	before []catalog.Column // as they were before the statement
	list   []catalog.Column
	byName map[string]int // a table of 1,600 is not looked through for each
	own    []OwnSequence  // of list
}

func newColumns(binder Binder, st *parse.Statement, name string, list []catalog.Column) *columns {
	t := &columns{binder: binder, st: st, name: name, before: list, byName: map[string]int{}}
	for _, c := range list {
		t.add(c)
	}
	return t
}

func (t *columns) add(c catalog.Column) {
	t.byName[c.Name] = len(t.list)
	t.list = append(t.list, c)
}

// drop takes a column away, if it is there.
func (t *columns) drop(name string) {
	at := t.find(name)
	if at < 0 {
		return
	}
	list := slices.Delete(slices.Clone(t.list), at, at+1)
	t.list, t.byName = nil, map[string]int{}
	for _, c := range list {
		t.add(c)
	}
}

// find returns where a column stands, or -1.
func (t *columns) find(name string) int {
	if at, ok := t.byName[name]; ok {
		return at
	}
	return -1
}

// column reads the definition of a column, and of its constraints NOT NULL and DEFAULT; the others may name columns that
// come later, and are returned as they are.
func (t *columns) column(d *pg.ColumnDef) (c catalog.Column, later []*pg.Constraint, err error) {
	if c, err = t.columnType(d); err != nil {
		return c, nil, err
	}
	null, notNull, defaulted, serial := false, c.NotNull, false, c.NotNull
	for _, n := range d.Constraints {
		k := n.GetConstraint()
		switch k.Contype {
		case pg.ConstrType_CONSTR_IDENTITY:
			if c.Identity != 0 {
				return c, nil, t.st.Fail(k.Location, errs.SyntaxError, "multiple identity specifications for column %q of table %q", d.Colname, t.name)
			}
			if err = t.identity(&c, k); err != nil {
				return c, nil, err
			}
			if null {
				return c, nil, t.st.Fail(k.Location, errs.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", d.Colname, t.name)
			}
			notNull, c.NotNull = true, true
		case pg.ConstrType_CONSTR_GENERATED:
			if c.Generated {
				return c, nil, t.st.Fail(k.Location, errs.SyntaxError, "multiple generation clauses specified for column %q of table %q", d.Colname, t.name)
			}
			c.Generated = true
			later = append(later, k)
		case pg.ConstrType_CONSTR_NULL, pg.ConstrType_CONSTR_NOTNULL:
			not := k.Contype == pg.ConstrType_CONSTR_NOTNULL
			if null && not || notNull && !not {
				loc := k.Location
				if serial {
					loc = -1 // what conflicts was not written
				}
				return c, nil, t.st.Fail(loc, errs.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", d.Colname, t.name)
			}
			null, notNull = !not, not
			c.NotNull = not
		case pg.ConstrType_CONSTR_DEFAULT:
			if defaulted || serial {
				loc := k.Location
				if serial {
					loc = -1
				}
				return c, nil, t.st.Fail(loc, errs.SyntaxError, "multiple default values specified for column %q of table %q", d.Colname, t.name)
			}
			defaulted = true
			if err = t.binder.Default(&c, k.RawExpr); err != nil {
				return c, nil, err
			}
		default:
			later = append(later, k)
		}
	}
	return c, later, t.compatible(&c, d, defaulted)
}

// constraints reads the constraints that stand behind a column.
func (t *columns) constraints(column string, list []*pg.Constraint) (all []Constraint, err error) {
	var last *Constraint
	for _, k := range list {
		if is, err := t.attribute(last, k); is {
			if err != nil {
				return nil, err
			}
			continue
		}
		c, err := t.constraint(k, column)
		if err != nil {
			return nil, err
		}
		all = append(all, *c)
		last = &all[len(all)-1]
	}
	return all, nil
}

// columnType reads the name and the type of a column.
func (t *columns) columnType(d *pg.ColumnDef) (catalog.Column, error) {
	col := catalog.Column{Name: d.Colname, NotNull: d.IsNotNull}
	if names := parse.Names(d.TypeName.GetNames()); len(names) == 1 {
		switch names[0] {
		case "serial", "serial4", "bigserial", "serial8", "smallserial", "serial2":
			return t.serial(col, d, names[0])
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
