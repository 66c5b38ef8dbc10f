package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// scope is what names mean at one level of a query, and the rows that expressions there are computed over.
type scope struct {
	parent *scope
	from   from
	// node makes the rows; a subquery in an expression is joined to it.
	node plan.Node
	ctes []*cte
	// future are WITH queries that may not be read here, but would be with RECURSIVE.
	future []*pg.CommonTableExpr
	// recursive says that FROM has the own rows of a recursive query: no aggregates then.
	recursive bool
	// clause is the clause being bound, as error messages call it, e.g. "WHERE"; "" where aggregates are welcome.
	clause string
	// windowless is the clause being bound in which aggregates are welcome, and window functions are not.
	windowless string
	group      *grouping
	// series are the set-returning functions of the select list; they run side by side (Binder.joinSeries).
	series []*plan.Scan
	// composites allows items of several fields in the select list (composite.go).
	composites bool
	// lateral hides scopes whose columns must not be seen: a derived table without LATERAL sees the outer query but not
	// its neighbours. The neighbours are kept for the hint of the error.
	hidden *from
}

// from is the visible result of a FROM clause.
type from struct {
	tables  []*table
	visible []name // columns that an unqualified name can mean and that * stands for, in order
}

// table is one entry of FROM that can qualify a name.
type table struct {
	schema, alias string
	name          string // the relation's own name, when alias hides it
	columns       []name
	relation      *Relation // nil for derived tables and functions; columns are its own, in order
	// rowID returns the column of the identities of its rows; nil: they have none.
	rowID  func() plan.Column
	scalar bool // it is a function of one column, whose value its alias is
	joined bool // it is a side of a JOIN, whose system columns need a qualifier
}

// name is one visible column. value is usually a column; for FULL JOIN USING it is COALESCE of both sides.
type name struct {
	name  string
	value expr.Expr
	col   plan.Column
}

// columnRef binds a column reference.
func (b *Binder) columnRef(s *scope, n *pg.ColumnRef) (expr.Expr, error) {
	parts := make([]string, 0, len(n.Fields))
	for _, f := range n.Fields {
		str := f.GetString_()
		if str == nil {
			return nil, b.fail(n.Location, errs.SyntaxError, "row expansion via \"*\" is not supported here")
		}
		parts = append(parts, str.Sval)
	}
	switch len(parts) {
	case 1:
		return b.unqualified(s, parts[0], n.Location)
	case 2:
		return b.qualified(s, "", parts[0], parts[1], n.Location)
	case 3:
		return b.qualified(s, parts[0], parts[1], parts[2], n.Location)
	case 4:
		return b.qualified(s, parts[1], parts[2], parts[3], n.Location)
	}
	return nil, b.fail(n.Location, errs.SyntaxError, "improper qualified name (too many dotted names): %s", strings.Join(parts, "."))
}

// unqualified finds a column by its name alone, in the innermost level that has it.
func (b *Binder) unqualified(s *scope, column string, loc int32) (expr.Expr, error) {
	for l := s; l != nil; l = l.parent {
		e, n := l.from.find(column)
		if n > 1 {
			return nil, b.fail(loc, errs.AmbiguousColumn, "column reference %q is ambiguous", column)
		}
		if n == 1 {
			return b.use(s, l, e, loc)
		}
	}
	for l := s; l != nil && catalog.IsSystemColumn(column); l = l.parent {
		e, err := b.onlySystemColumn(l, column, loc)
		if err != nil {
			return nil, err
		}
		if e != nil {
			return b.use(s, l, e, loc)
		}
	}
	for l := s; l != nil; l = l.parent {
		for _, t := range l.from.tables {
			if t.alias == column && t.scalar {
				return b.use(s, l, t.columns[0].value, loc)
			}
			if t.alias == column {
				return nil, b.unsupported(loc, "the whole-row reference %q", column)
			}
		}
	}
	return nil, b.undefined(s, "", column, loc)
}

// columns returns the numbers of all columns of the clause.
func (f *from) columns() plan.Set {
	s := plan.Set{}
	for _, t := range f.tables {
		for _, c := range t.columns {
			plan.UsedColumns(c.value, s)
		}
	}
	return s
}

func (f *from) find(column string) (expr.Expr, int) {
	var found expr.Expr
	n := 0
	for i := range f.visible {
		if f.visible[i].name == column {
			found = f.visible[i].value
			n++
		}
	}
	return found, n
}

// qualified finds table.column.
func (b *Binder) qualified(s *scope, schema, tab, column string, loc int32) (expr.Expr, error) {
	for l := s; l != nil; l = l.parent {
		t, err := b.findTable(&l.from, schema, tab, loc)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		var found expr.Expr
		for i := range t.columns {
			if t.columns[i].name != column {
				continue
			}
			if found != nil {
				return nil, b.fail(loc, errs.AmbiguousColumn, "column reference %q is ambiguous", column)
			}
			found = t.columns[i].value
		}
		if found == nil {
			if found, err = b.systemColumn(l, t, column, loc); err != nil {
				return nil, err
			}
		}
		if found == nil {
			return nil, b.undefined(s, tab, column, loc)
		}
		return b.use(s, l, found, loc)
	}
	return nil, b.missingTable(s, schema, tab, loc)
}

func (b *Binder) findTable(f *from, schema, alias string, loc int32) (*table, error) {
	var found *table
	for _, t := range f.tables {
		if t.alias != alias || alias == "" || schema != "" && (t.schema != schema || t.name != alias) {
			continue
		}
		if found != nil {
			return nil, b.fail(loc, errs.AmbiguousAlias, "table reference %q is ambiguous", alias)
		}
		found = t
	}
	return found, nil
}

// missingTable reports a qualifier that no FROM entry has, telling an alias or a neighbour that may have been meant.
func (b *Binder) missingTable(s *scope, schema, tab string, loc int32) error {
	for l := s; l != nil; l = l.parent {
		for _, t := range l.from.tables {
			if t.name == tab && t.alias != tab {
				return b.fail(loc, errs.UndefinedTable, "invalid reference to FROM-clause entry for table %q", tab).
					WithHint("Perhaps you meant to reference the table alias \"%s\".", t.alias)
			}
		}
		if l.hidden == nil {
			continue
		}
		for _, t := range l.hidden.tables {
			if t.alias == tab {
				return b.fail(loc, errs.UndefinedTable, "invalid reference to FROM-clause entry for table %q", tab).
					WithHint("There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", tab)
			}
		}
	}
	if schema != "" {
		tab = schema + "." + tab
	}
	return b.fail(loc, errs.UndefinedTable, "missing FROM-clause entry for table %q", tab)
}

// use makes a reference in scope s to a column of level l.
func (b *Binder) use(s, l *scope, e expr.Expr, loc int32) (expr.Expr, error) {
	b.definition.uses(e)
	for x := s; x != nil; x = x.parent {
		if x.group != nil && x.group.argument {
			if x == l {
				x.group.sawOwn = true
			} else {
				x.group.sawOuter = true
			}
		}
		if x == l {
			break
		}
	}
	return expr.Transform(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			d := *c
			b.places[&d] = loc
			return &d
		}
		return e
	}), nil
}
