package bind

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

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

// onlyTableOID binds tableoid without a qualifier: that of the one relation of a level.
func (b *Binder) onlyTableOID(l *scope, loc int32) (expr.Expr, error) {
	var found expr.Expr
	for _, t := range l.from.tables {
		e, err := b.tableOID(t, loc)
		if err != nil {
			return nil, err
		}
		if e != nil && found != nil {
			return nil, b.fail(loc, errs.AmbiguousColumn, "column reference %q is ambiguous", "tableoid")
		}
		if e != nil {
			found = e
		}
	}
	return found, nil
}
