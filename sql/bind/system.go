package bind

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// systemColumn binds a system column of an entry of FROM that has no column of its own by the name; nil when there is none.
func (b *Binder) systemColumn(s *scope, t *table, name string, loc int32) (expr.Expr, error) {
	switch {
	case name == catalog.TableOID:
		return b.tableOID(t, loc)
	case name == catalog.RowID && t.rowID != nil:
		return ref(t.rowID()), nil
	case s.clause == checkClause && catalog.IsSystemColumn(name):
		return nil, b.fail(loc, errs.InvalidColumnReference, "system column %q reference in check constraint is invalid", name)
	}
	return nil, nil
}

// onlySystemColumn binds a system column without a qualifier: that of the one relation of a level. Those of the sides of a
// JOIN need one, as in PostgreSQL.
func (b *Binder) onlySystemColumn(l *scope, name string, loc int32) (expr.Expr, error) {
	var found expr.Expr
	for _, t := range l.from.tables {
		if t.joined {
			continue
		}
		e, err := b.systemColumn(l, t, name, loc)
		if err != nil {
			return nil, err
		}
		if e != nil && found != nil {
			return nil, b.fail(loc, errs.AmbiguousColumn, "column reference %q is ambiguous", name)
		}
		if e != nil {
			found = e
		}
	}
	return found, nil
}

// rowIDOf returns what adds the identities of rows to a scan when somebody names them.
func (b *Binder) rowIDOf(s *plan.Scan, r *Relation) func() plan.Column {
	if r.Table == nil {
		return nil
	}
	at := -1
	return func() plan.Column {
		if at < 0 {
			at = len(s.Cols)
			s.Cols, s.Ordinals = append(s.Cols, b.rowID(r)), append(s.Ordinals, scan.Identity)
		}
		return s.Cols[at]
	}
}

// rowID makes a column for the identities of a table's rows.
func (b *Binder) rowID(r *Relation) plan.Column {
	c := b.newColumn(catalog.RowID, types.T(types.Int8))
	c.TableOID, c.Ordinal = r.OID, catalog.RowIDNumber-1
	b.origins[c.ID] = c
	return c
}

// tableOID binds the system column tableoid: the number of the relation, NULL in rows that an outer join has filled
// with NULLs. A column that is never NULL tells these apart. It returns nil for what is no table.
func (b *Binder) tableOID(t *table, loc int32) (expr.Expr, error) {
	if t.relation == nil || t.relation.OID == 0 || t.relation.Kind == 'v' {
		return nil, nil
	}
	for i, c := range t.relation.Columns {
		if !c.NotNull {
			continue
		}
		oid := types.T(types.Oid)
		value := &expr.Const{Value: types.IntOf(oid, int64(t.relation.OID))}
		return &expr.Case{Whens: []expr.When{{Cond: &expr.IsNull{Arg: t.columns[i].value}, Result: &expr.Const{Value: types.NullOf(oid)}}},
			Else: value, T: oid}, nil
	}
	return nil, b.unsupported(loc, "tableoid of a table whose columns can all be NULL")
}
