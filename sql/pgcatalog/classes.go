package pgcatalog

import (
	"iter"
	"slices"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// attrdefOIDs is the base of numbers of defaults, which have none of their own.
const attrdefOIDs = 0x60000000

// fillers make the rows of the relations that have any, by qualified name.
var fillers map[string]func(*Env, *builder)

func init() {
	fillers = map[string]func(*Env, *builder){
		"pg_catalog.pg_class":                                fillClass,
		"pg_catalog.pg_description":                          fillDescription,
		"pg_catalog.pg_attribute":                            fillAttribute,
		"pg_catalog.pg_attrdef":                              fillAttrdef,
		"pg_catalog.pg_index":                                fillIndex,
		"pg_catalog.pg_constraint":                           fillConstraint,
		"pg_catalog.pg_partitioned_table":                    fillPartitioned,
		"pg_catalog.pg_tables":                               fillTables,
		"pg_catalog.pg_views":                                fillViews,
		"pg_catalog.pg_indexes":                              fillIndexes,
		"pg_catalog.pg_type":                                 fillType,
		"pg_catalog.pg_proc":                                 fillProc,
		"pg_catalog.pg_namespace":                            fillNamespace,
		"pg_catalog.pg_database":                             fillDatabase,
		"pg_catalog.pg_roles":                                fillRoles,
		"pg_catalog.pg_authid":                               fillAuthid,
		"pg_catalog.pg_user":                                 fillUser,
		"pg_catalog.pg_tablespace":                           fillTablespace,
		"pg_catalog.pg_am":                                   fillAm,
		"pg_catalog.pg_collation":                            fillCollation,
		"pg_catalog.pg_language":                             fillLanguage,
		"pg_catalog.pg_timezone_names":                       fillZones,
		"pg_catalog.pg_settings":                             fillSettings,
		"pg_catalog.pg_stat_activity":                        fillActivity,
		"pg_catalog.pg_prepared_statements":                  fillPrepared,
		"pg_catalog.pg_stat_user_tables":                     fillStatTables,
		"pg_catalog.pg_stat_all_tables":                      fillStatTables,
		"information_schema.tables":                          fillISTables,
		"information_schema.columns":                         fillISColumns,
		"information_schema.schemata":                        fillISSchemata,
		"information_schema.table_constraints":               fillISConstraints,
		"information_schema.key_column_usage":                fillISKeys,
		"information_schema.constraint_column_usage":         fillISConstraintColumns,
		"information_schema.check_constraints":               fillISChecks,
		"information_schema.referential_constraints":         fillISReferential,
		"information_schema.information_schema_catalog_name": fillISCatalog,
		"information_schema.views":                           fillISViews,
		"pg_catalog.pg_rewrite":                              fillRewrite,
		"siltstone.compactions":                              fillCompactions,
		"siltstone.log":                                      fillLog,
		"siltstone.segments":                                 fillSegments,
		"siltstone.settings":                                 fillOwnSettings,
		"siltstone.tables":                                   fillOwnTables,
		"siltstone.objects":                                  fillObjects,
		"pg_catalog.pg_depend":                               fillDepend,
		"pg_catalog.pg_sequence":                             fillSequence,
		"pg_catalog.pg_sequences":                            fillSequences,
		"information_schema.sequences":                       fillISSequences,
	}
}

// tables returns the stored tables by schema and name.
func (e *Env) tables() []*catalog.Table { return e.Catalog().Tables() }

// views returns the views of users by schema and name.
func (e *Env) views() iter.Seq[*catalog.View] {
	return func(yield func(*catalog.View) bool) {
		for o := range e.Catalog().Objects(catalog.KindView) {
			if !yield(o.(*catalog.View)) {
				return
			}
		}
	}
}

func (e *Env) rowCount(t *catalog.Table) int64 {
	if e.Rows == nil {
		return -1
	}
	return e.Rows(t.ID)
}

func fillClass(e *Env, b *builder) {
	for _, t := range shown() {
		b.add("oid", t.OID, "relname", t.Relname, "relnamespace", e.schemaOID(t.Schema), "relowner", oidOwner,
			"relam", heapIf(t.Kind == 'r'), "reltuples", -1, "relpersistence", "p", "relkind", string(t.Kind),
			"relnatts", len(t.Columns), "relispopulated", true, "relreplident", "n")
	}
	for _, t := range e.tables() {
		b.add("oid", t.OID, "relname", t.Name, "relnamespace", e.schemaOID(t.Schema), "relowner", oidOwner,
			"reltype", t.OID+rowTypeOIDs, "relam", oidHeap, "relfilenode", t.OID, "reltuples", e.rowCount(t), "relpages", e.pages(t),
			"relpersistence", "p", "relkind", "r", "relnatts", len(t.Columns), "relispopulated", true,
			"relreplident", "d", "relhasindex", indexed(t), "relchecks", checks(t), "reloptions", reloptions(t))
		for i := range t.Constraints {
			if k := &t.Constraints[i]; k.Indexed() {
				b.add("oid", k.Index, "relname", k.Name, "relnamespace", e.schemaOID(t.Schema),
					"relowner", oidOwner, "relam", 403, "reltuples", -1, "relpersistence", "p", "relkind", "i",
					"relnatts", len(k.Columns), "relispopulated", true, "relreplident", "n")
			}
		}
	}
	fillViewClasses(e, b)
	fillSequenceClasses(e, b)
}

// fillViewClasses lists views in pg_class.
func fillViewClasses(e *Env, b *builder) {
	for v := range e.views() {
		b.add("oid", v.OID, "relname", v.Name, "relnamespace", e.schemaOID(v.Schema), "relowner", oidOwner,
			"reltuples", -1, "relpersistence", "p", "relkind", "v", "relnatts", len(v.Columns),
			"relhasrules", true, "relispopulated", true, "relreplident", "n")
	}
}

// indexed tells whether a table has an index.
func indexed(t *catalog.Table) bool {
	return slices.ContainsFunc(t.Constraints, func(k catalog.Constraint) bool { return k.Indexed() })
}

func checks(t *catalog.Table) int {
	n := 0
	for i := range t.Constraints {
		n += btoi(t.Constraints[i].Kind == catalog.Check)
	}
	return n
}

func (e *Env) pages(t *catalog.Table) int64 {
	if e.Bytes == nil {
		return 0
	}
	return e.Bytes(t.ID) / 8192
}

func heapIf(ok bool) int {
	if ok {
		return oidHeap
	}
	return 0
}

func reloptions(t *catalog.Table) any {
	var o []string
	for _, s := range t.Settings() {
		o = append(o, s.Name+"="+s.Value)
	}
	if o == nil {
		return nil
	}
	return o
}

func fillAttribute(e *Env, b *builder) {
	for _, t := range shown() {
		for i := range t.Columns {
			attribute(b, t.OID, i+1, &t.Columns[i], t.typeNames[i])
		}
	}
	for _, t := range e.tables() {
		systemAttribute(b, t.OID, catalog.TableOIDNumber, catalog.TableOID, types.Oid)
		systemAttribute(b, t.OID, catalog.RowIDNumber, catalog.RowID, types.Int8)
		for i := range t.Columns {
			attribute(b, t.OID, int(t.Columns[i].Attnum()), &t.Columns[i], "")
		}
		for i := range t.Constraints {
			k := &t.Constraints[i]
			if !k.Indexed() {
				continue
			}
			for j, at := range t.Ordinals(k.Columns) {
				c := t.Columns[at]
				c.NotNull, c.Default, c.Missing, c.Identity, c.Generated = false, "", nil, 0, false
				attribute(b, k.Index, j+1, &c, "")
			}
		}
	}
	for v := range e.views() {
		for i := range v.Columns {
			attribute(b, v.OID, int(v.Columns[i].ID), &v.Columns[i], "")
		}
	}
	fillSequenceAttributes(e, b)
}

func attribute(b *builder, rel uint32, number int, c *catalog.Column, typeName string) {
	ty := typeOf(c.Type)
	if typeName != "" {
		if y := typeByName(typeName); y != nil {
			ty = y
		}
	}
	b.add("attrelid", rel, "attname", c.Name, "atttypid", ty.oid, "attstattarget", -1, "attlen", ty.len,
		"attnum", number, "attndims", btoi(c.Type.Kind == types.Array), "attcacheoff", -1, "atttypmod", pgtype.Modifier(c.Type),
		"attbyval", ty.byval, "attalign", ty.align, "attstorage", ty.storage, "attcompression", "",
		"attnotnull", c.NotNull, "atthasdef", c.Default != "" && c.Identity == 0, "atthasmissing", c.Missing != nil, "attidentity", letter(byte(c.Identity)),
		"attgenerated", letter(byte(btoi(c.Generated)*'s')),
		"attislocal", true, "attcollation", ty.collation)
}

// letter returns a letter as text, "" for 0.
func letter(c byte) string {
	if c == 0 {
		return ""
	}
	return string(rune(c))
}

// systemAttribute adds a system column of a table, which nobody has statistics of.
func systemAttribute(b *builder, rel uint32, number int, name string, kind types.Kind) {
	ty := typeOf(types.T(kind))
	b.add("attrelid", rel, "attname", name, "atttypid", ty.oid, "attstattarget", 0, "attlen", ty.len, "attnum", number,
		"attcacheoff", -1, "atttypmod", -1, "attbyval", ty.byval, "attalign", ty.align, "attstorage", ty.storage,
		"attcompression", "", "attnotnull", true, "attidentity", "", "attgenerated", "", "attislocal", true)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// attrdefOID is the number of a default.
func attrdefOID(t *catalog.Table, c *catalog.Column) uint32 { return attrdefOIDs + t.OID*64 + c.ID }

func fillAttrdef(e *Env, b *builder) {
	for _, t := range e.tables() {
		for _, c := range t.Columns {
			if c.Default != "" && c.Identity == 0 {
				b.add("oid", attrdefOID(t, &c), "adrelid", t.OID, "adnum", c.Attnum(), "adbin", defaultText(&c))
			}
		}
	}
}

func fillTables(e *Env, b *builder) {
	for _, t := range shown() {
		if t.Kind == 'r' {
			b.add("schemaname", t.Schema, "tablename", t.Relname, "tableowner", e.User)
		}
	}
	for _, t := range e.tables() {
		b.add("schemaname", t.Schema, "tablename", t.Name, "tableowner", e.User, "hasindexes", indexed(t))
	}
}

func fillViews(e *Env, b *builder) {
	for _, t := range shown() {
		if t.Kind == 'v' {
			b.add("schemaname", t.Schema, "viewname", t.Relname, "viewowner", e.User)
		}
	}
	for v := range e.views() {
		b.add("schemaname", v.Schema, "viewname", v.Name, "viewowner", e.User, "definition", viewText(e, v))
	}
}

func fillStatTables(e *Env, b *builder) {
	for _, t := range e.tables() {
		n := e.rowCount(t)
		b.add("relid", t.OID, "schemaname", t.Schema, "relname", t.Name, "n_live_tup", n, "n_dead_tup", 0,
			"n_tup_ins", n, "n_tup_upd", 0, "n_tup_del", 0)
	}
}
