package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Conflict is ON CONFLICT: what becomes of a row whose key is there.
type Conflict struct {
	// Keys are the names of the constraints that count; nil: all of them.
	Keys []string
	// Update is DO UPDATE: Values are the number of the pair of rows, whether it is changed, and the new values of all columns
	// of the table. They are computed from Columns: the number of the pair, the columns of the row that is there, those of
	// the row that was to come, and the identity of the one that is there.
	Update  bool
	Columns []plan.Column
	Values  []expr.Expr
}

// conflict binds ON CONFLICT.
func (b *Binder) conflict(r *Relation, n *pg.InsertStmt) (*Conflict, error) {
	on := n.OnConflictClause
	c := &Conflict{Update: on.Action == pg.OnConflictAction_ONCONFLICT_UPDATE}
	var err error
	if on.Infer != nil {
		if c.Keys, err = b.arbiters(r, on.Infer); err != nil {
			return nil, err
		}
	} else if c.Update {
		return nil, b.fail(on.Location, errs.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name").
			WithHint("For example, ON CONFLICT (column_name).")
	}
	if !c.Update {
		return c, nil
	}
	s, err := b.conflictScope(r, n, c)
	if err != nil {
		return nil, err
	}
	start := s.node
	m := &modify{relation: r, scope: s, scan: &plan.Scan{Cols: c.Columns[1 : 1+len(r.Columns)]}}
	values, err := b.assignments(m, on.TargetList)
	if err != nil {
		return nil, err
	}
	var where expr.Expr = &expr.Const{Value: types.BoolOf(true)}
	if on.WhereClause != nil {
		s.clause = "WHERE"
		if where, err = b.boolean(s, on.WhereClause, "WHERE"); err != nil {
			return nil, err
		}
	}
	c.Values = append([]expr.Expr{ref(c.Columns[0]), where}, values...)
	if s.node != start {
		return nil, b.unsupported(on.Location, "a subquery in ON CONFLICT DO UPDATE")
	}
	return c, nil
}

// conflictScope has the table, under its name or alias, and excluded.
func (b *Binder) conflictScope(r *Relation, n *pg.InsertStmt, c *Conflict) (*scope, error) {
	there, excluded := b.tableColumns(r), b.tableColumns(r)
	c.Columns = append(append([]plan.Column{b.newColumn("pair", types.T(types.Int8))}, there...), excluded...)
	id := b.rowID(r)
	c.Columns = append(c.Columns, id)
	for _, col := range c.Columns {
		b.origins[col.ID] = col
	}
	t := &table{schema: r.Schema, alias: r.Name, name: r.Name, relation: r, rowID: func() plan.Column { return id }}
	if n.Relation.Alias != nil {
		t.alias = n.Relation.Alias.Aliasname
	}
	target, err := b.named1(t, there, nil, -1)
	if err != nil {
		return nil, err
	}
	other, err := b.named1(&table{alias: "excluded"}, excluded, nil, -1)
	if err != nil {
		return nil, err
	}
	return &scope{from: merge(target, other), node: oneRow()}, nil
}

// arbiters returns the names of the constraints that an ON CONFLICT clause means.
func (b *Binder) arbiters(r *Relation, n *pg.InferClause) ([]string, error) {
	if n.Conname != "" {
		k := r.Table.Constraint(n.Conname)
		switch {
		case k == nil:
			return nil, errs.New(errs.UndefinedObject, "constraint %q for table %q does not exist", n.Conname, r.Name)
		case !k.Indexed():
			return nil, errs.New(errs.WrongObjectType, "constraint in ON CONFLICT clause has no associated index")
		}
		return []string{k.Name}, nil
	}
	if n.WhereClause != nil {
		return nil, b.unsupported(n.Location, "WHERE in the target of ON CONFLICT")
	}
	var ids []uint32
	for _, e := range n.IndexElems {
		x := e.GetIndexElem()
		if x.Expr != nil || len(x.Collation) > 0 || len(x.Opclass) > 0 {
			return nil, b.unsupported(n.Location, "an expression, collation or operator class in the target of ON CONFLICT")
		}
		at := r.Table.Column(x.Name)
		if at < 0 {
			return nil, b.fail(n.Location, errs.UndefinedColumn, "column %q does not exist", x.Name)
		}
		if id := r.Table.Columns[at].ID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var names []string
	for i := range r.Table.Constraints {
		if k := &r.Table.Constraints[i]; k.Indexed() && sameColumns(k, ids) {
			names = append(names, k.Name)
		}
	}
	if names == nil {
		return nil, errs.New(errs.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
	}
	return names, nil
}

// sameColumns tells whether a key has certain columns, which are sorted, in whatever order.
func sameColumns(k *catalog.Constraint, ids []uint32) bool {
	return slices.Equal(slices.Sorted(slices.Values(k.Columns)), ids)
}
