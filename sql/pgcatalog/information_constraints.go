package pgcatalog

import "github.com/siltstone-db/siltstone/storage/catalog"

// constraintNames are the columns by which information_schema names a constraint and its table.
func constraintNames(e *Env, t *catalog.Table, k *catalog.Constraint) []any {
	return []any{"constraint_catalog", e.Database, "constraint_schema", t.Schema, "constraint_name", k.Name,
		"table_catalog", e.Database, "table_schema", t.Schema, "table_name", t.Name}
}

func yesNo(ok bool) string {
	if ok {
		return "YES"
	}
	return "NO"
}

func fillISConstraints(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		row := append(constraintNames(e, t, k), "constraint_type", constraintTypes[k.Kind].word, "is_deferrable", yesNo(k.Deferrable),
			"initially_deferred", yesNo(k.Deferred), "enforced", yesNo(k.Kind == catalog.Check))
		if k.Kind == catalog.Unique {
			row = append(row, "nulls_distinct", yesNo(!k.NullsNotDistinct))
		}
		b.add(row...)
	})
}

func fillISKeys(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		if k.Kind == catalog.Check {
			return
		}
		_, key := e.referenced(k)
		for i, at := range t.Ordinals(k.Columns) {
			row := append(constraintNames(e, t, k), "column_name", t.Columns[at].Name, "ordinal_position", i+1)
			if key != nil && k.Kind == catalog.ForeignKey {
				for j, id := range key.Columns {
					if id == k.ReferencedColumns[i] {
						row = append(row, "position_in_unique_constraint", j+1)
					}
				}
			}
			b.add(row...)
		}
	})
}

// fillISConstraintColumns lists the columns that a constraint is about: those of the other table for a foreign key.
func fillISConstraintColumns(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		of, ids := t, k.Columns
		if k.Kind == catalog.ForeignKey {
			if of, ids = e.Catalog().TableByID(k.References), k.ReferencedColumns; of == nil {
				return
			}
		}
		for _, at := range of.Ordinals(ids) {
			b.add("table_catalog", e.Database, "table_schema", of.Schema, "table_name", of.Name, "column_name", of.Columns[at].Name,
				"constraint_catalog", e.Database, "constraint_schema", t.Schema, "constraint_name", k.Name)
		}
	})
}

func fillISChecks(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		if k.Kind == catalog.Check {
			b.add("constraint_catalog", e.Database, "constraint_schema", t.Schema, "constraint_name", k.Name,
				"check_clause", "(("+k.Expr+"))")
		}
	})
}

func fillISReferential(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		if k.Kind != catalog.ForeignKey {
			return
		}
		match := "NONE"
		if k.Match == 'f' {
			match = "FULL"
		}
		row := []any{"constraint_catalog", e.Database, "constraint_schema", t.Schema, "constraint_name", k.Name,
			"match_option", match, "update_rule", actions[k.OnUpdate], "delete_rule", actions[k.OnDelete]}
		if other, key := e.referenced(k); key != nil {
			row = append(row, "unique_constraint_catalog", e.Database, "unique_constraint_schema", other.Schema,
				"unique_constraint_name", key.Name)
		}
		b.add(row...)
	})
}
