package pgcatalog

import (
	"strconv"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

func fillISCatalog(e *Env, b *builder) { b.add("catalog_name", e.Database) }

func fillISSchemata(e *Env, b *builder) {
	for _, n := range e.listedSchemas() {
		b.add("catalog_name", e.Database, "schema_name", n, "schema_owner", e.User)
	}
}

func fillISTables(e *Env, b *builder) {
	add := func(schema, name, kind, insertable string) {
		b.add("table_catalog", e.Database, "table_schema", schema, "table_name", name, "table_type", kind,
			"is_insertable_into", insertable, "is_typed", "NO")
	}
	for _, t := range shown() {
		if t.Kind == 'v' {
			add(t.Schema, t.Relname, "VIEW", "NO")
		} else {
			add(t.Schema, t.Relname, "BASE TABLE", "NO")
		}
	}
	for _, t := range e.tables() {
		add(t.Schema, t.Name, "BASE TABLE", "YES")
	}
	for v := range e.views() {
		add(v.Schema, v.Name, "VIEW", "NO")
	}
}

func fillISViews(e *Env, b *builder) {
	for v := range e.views() {
		b.add("table_catalog", e.Database, "table_schema", v.Schema, "table_name", v.Name, "view_definition", viewText(e, v),
			"check_option", "NONE", "is_updatable", "NO", "is_insertable_into", "NO", "is_trigger_updatable", "NO",
			"is_trigger_deletable", "NO", "is_trigger_insertable_into", "NO")
	}
}

func fillISColumns(e *Env, b *builder) {
	for _, t := range shown() {
		for i := range t.Columns {
			isColumn(e, b, t.Schema, t.Relname, i+1, &t.Columns[i], t.typeNames[i], noIdentity)
		}
	}
	for _, t := range e.tables() {
		for i := range t.Columns {
			isColumn(e, b, t.Schema, t.Name, int(t.Columns[i].Attnum()), &t.Columns[i], "", identityColumns(e, t, &t.Columns[i]))
		}
	}
	for v := range e.views() {
		for i := range v.Columns {
			isColumn(e, b, v.Schema, v.Name, int(v.Columns[i].ID), &v.Columns[i], "", noIdentity)
		}
	}
}

func isColumn(e *Env, b *builder, schema, table string, number int, c *catalog.Column, typeName string, identity []any) {
	t := c.Type
	ty := typeOf(t)
	if typeName != "" {
		if y := typeByName(typeName); y != nil {
			ty = y
		}
	}
	yes := func(ok bool) string {
		if ok {
			return "YES"
		}
		return "NO"
	}
	dataType := t.Kind.String()
	if t.Kind == types.Array {
		dataType = "ARRAY"
	}
	row := []any{"table_catalog", e.Database, "table_schema", schema, "table_name", table, "column_name", c.Name,
		"ordinal_position", number, "column_default", columnDefault(e, c), "is_nullable", yes(!c.NotNull),
		"data_type", dataType, "character_maximum_length", charLength(t), "character_octet_length", octetLength(t),
		"numeric_precision", precision(t), "numeric_precision_radix", radix(t), "numeric_scale", numericScale(t),
		"datetime_precision", datetimePrecision(t), "udt_catalog", e.Database, "udt_schema", "pg_catalog",
		"udt_name", ty.name, "dtd_identifier", strconv.Itoa(number), "is_self_referencing", "NO",
		"is_updatable", yes(!IsSchema(schema))}
	b.add(append(row, identity...)...)
}

// noIdentity is what is told of the identity of other columns than those of tables.
var noIdentity = []any{"is_identity", "NO", "identity_cycle", "NO", "is_generated", "NEVER"}

func columnDefault(e *Env, c *catalog.Column) any {
	if c.Default == "" || c.Identity != 0 || c.Generated {
		return nil
	}
	return e.expression(defaultText(c), false)
}

func charLength(t types.Type) any {
	if (t.Kind == types.Varchar || t.Kind == types.Char) && t.Width > 0 {
		return t.Width
	}
	return nil
}

// octetLength is what PostgreSQL reports: four bytes a character in UTF-8, 1 GiB without a limit.
func octetLength(t types.Type) any {
	switch {
	case t.Kind != types.Text && t.Kind != types.Varchar && t.Kind != types.Char:
		return nil
	case t.Width > 0:
		return int64(t.Width) * 4
	}
	return 1 << 30
}

func precision(t types.Type) any {
	switch t.Kind {
	case types.Int2:
		return 16
	case types.Int4:
		return 32
	case types.Int8:
		return 64
	case types.Float4:
		return 24
	case types.Float8:
		return 53
	case types.Numeric:
		if t.Precision > 0 {
			return int(t.Precision)
		}
	}
	return nil
}

func radix(t types.Type) any {
	switch t.Kind {
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8:
		return 2
	case types.Numeric:
		return 10
	}
	return nil
}

func numericScale(t types.Type) any {
	switch {
	case t.IsInteger():
		return 0
	case t.Kind == types.Numeric && t.Precision > 0:
		return int(t.Scale)
	}
	return nil
}

func datetimePrecision(t types.Type) any {
	switch t.Kind {
	case types.Date:
		return 0
	case types.Time, types.Timestamp, types.Timestamptz, types.Interval:
		return 6
	}
	return nil
}
