package bind

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// determined returns what stands above the Aggregate for a column of a table whose whole primary key is grouped by: all rows
// of a group have one value of it. It is nil for any other column.
func (b *Binder) determined(s *scope, c *expr.Column) expr.Expr {
	t := tableOf(&s.from, c)
	if t == nil || t.relation == nil || t.relation.Table == nil {
		return nil
	}
	key := t.relation.Table.PrimaryKey()
	if key == nil || key.Deferrable {
		return nil
	}
	for _, at := range t.relation.Table.Ordinals(key.Columns) {
		i := slices.IndexFunc(t.columns, func(n name) bool {
			col, ok := n.value.(*expr.Column)
			return ok && n.col.Ordinal == at && s.group.keyOfAllSets(col)
		})
		if i < 0 {
			return nil
		}
	}
	b.definition.needs(t.relation, key)
	call := plan.AggCall{Args: []expr.Expr{c}}
	var err error
	if call.Fn, _, err = fn.ResolveAggregate("any_value", []types.Type{c.T}); err != nil {
		return nil
	}
	out := s.group.add(b, c.Name, call, c.T, b.places[c])
	if o, ok := b.origins[plan.ID(c.Index)]; ok {
		o.ID = plan.ID(out.Index)
		b.origins[o.ID] = o
	}
	if b.declared.Has(plan.ID(c.Index)) {
		b.declared.Add(plan.ID(out.Index))
	}
	return out
}

// tableOf returns the table of a FROM clause that a column belongs to.
func tableOf(f *from, c *expr.Column) *table {
	for _, t := range f.tables {
		for _, n := range t.columns {
			if col, ok := n.value.(*expr.Column); ok && col.Index == c.Index {
				return t
			}
		}
	}
	return nil
}

// keyOfAllSets tells whether a column is a key of every grouping set.
func (g *grouping) keyOfAllSets(c *expr.Column) bool {
	for i, k := range g.keys {
		if x, ok := k.(*expr.Column); ok && x.Index == c.Index {
			return g.inAllSets(i)
		}
	}
	return false
}
