package pgcatalog

import (
	"sort"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Relations that a table brings along have no stored OID. A primary key's index and constraint get the table's, moved
// into ranges that tables never reach.
const (
	indexOIDs      = 0x40000000
	constraintOIDs = 0x20000000
	attrdefOIDs    = 0x60000000
)

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
		"information_schema.information_schema_catalog_name": fillISCatalog,
		"information_schema.views":                           nil,
		"siltstone.segments":                                 fillSegments,
		"siltstone.settings":                                 fillOwnSettings,
		"siltstone.tables":                                   fillOwnTables,
	}
}

// tables returns the stored tables by schema and name, so that catalog rows come in one order.
func (e *Env) tables() []*catalog.Table {
	if e.Tables == nil {
		return nil
	}
	ts := append([]*catalog.Table(nil), e.Tables()...)
	sort.Slice(ts, func(i, j int) bool {
		if ts[i].Schema != ts[j].Schema {
			return ts[i].Schema < ts[j].Schema
		}
		return ts[i].Name < ts[j].Name
	})
	return ts
}

func (e *Env) rowCount(t *catalog.Table) int64 {
	if e.Rows == nil {
		return -1
	}
	return e.Rows(t.ID)
}

func fillClass(e *Env, b *builder) {
	for _, t := range All() {
		b.add("oid", t.OID, "relname", t.Relname, "relnamespace", schemaOID(t.Schema), "relowner", oidOwner,
			"relam", heapIf(t.Kind == 'r'), "reltuples", -1, "relpersistence", "p", "relkind", string(t.Kind),
			"relnatts", len(t.Columns), "relispopulated", true, "relreplident", "n")
	}
	for _, t := range e.tables() {
		b.add("oid", t.OID, "relname", t.Name, "relnamespace", schemaOID(t.Schema), "relowner", oidOwner,
			"reltype", t.OID+rowTypeOIDs, "relam", oidHeap, "relfilenode", t.OID, "reltuples", e.rowCount(t), "relpages", e.pages(t),
			"relpersistence", "p", "relkind", "r", "relnatts", len(t.Columns), "relispopulated", true,
			"relreplident", "d", "relhasindex", len(t.PrimaryKey) > 0, "reloptions", reloptions(t))
		if len(t.PrimaryKey) > 0 {
			b.add("oid", t.OID+indexOIDs, "relname", keyName(t), "relnamespace", schemaOID(t.Schema),
				"relowner", oidOwner, "relam", 403, "reltuples", -1, "relpersistence", "p", "relkind", "i",
				"relnatts", len(t.PrimaryKey), "relispopulated", true, "relreplident", "n")
		}
	}
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
	if len(t.Options) == 0 {
		return nil
	}
	var o []string
	for k, v := range t.Options {
		if k != "comment" && !strings.HasPrefix(k, "comment.") {
			o = append(o, k+"="+v)
		}
	}
	if o == nil {
		return nil
	}
	sort.Strings(o)
	return o
}

// keyName is the name of a table's primary key.
func keyName(t *catalog.Table) string {
	if n := t.Options["primary_key_name"]; n != "" {
		return n
	}
	return t.Name + "_pkey"
}

func fillAttribute(e *Env, b *builder) {
	for _, t := range All() {
		for i := range t.Columns {
			attribute(b, t.OID, i, &t.Columns[i], t.typeNames[i])
		}
	}
	for _, t := range e.tables() {
		for i := range t.Columns {
			attribute(b, t.OID, i, &t.Columns[i], "")
		}
		for i, k := range t.PrimaryKey {
			c := t.Columns[k]
			c.NotNull, c.Default = false, ""
			attribute(b, t.OID+indexOIDs, i, &c, "")
		}
	}
}

func attribute(b *builder, rel uint32, i int, c *catalog.Column, typeName string) {
	ty := typeOf(c.Type)
	if typeName != "" {
		if y := typeByName(typeName); y != nil {
			ty = y
		}
	}
	b.add("attrelid", rel, "attname", c.Name, "atttypid", ty.oid, "attstattarget", -1, "attlen", ty.len,
		"attnum", i+1, "attndims", btoi(c.Type.Kind == types.Array), "attcacheoff", -1, "atttypmod", pgtype.Modifier(c.Type),
		"attbyval", ty.byval, "attalign", ty.align, "attstorage", ty.storage, "attcompression", "",
		"attnotnull", c.NotNull, "atthasdef", c.Default != "", "attidentity", "", "attgenerated", "",
		"attislocal", true, "attcollation", ty.collation)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func fillAttrdef(e *Env, b *builder) {
	for _, t := range e.tables() {
		for i, c := range t.Columns {
			if c.Default != "" {
				b.add("oid", attrdefOIDs+t.OID*64+uint32(i), "adrelid", t.OID, "adnum", i+1, "adbin", c.Default)
			}
		}
	}
}

func keyNumbers(t *catalog.Table) []string {
	var n []string
	for _, k := range t.PrimaryKey {
		n = append(n, strconv.Itoa(k+1))
	}
	return n
}

func fillIndex(e *Env, b *builder) {
	for _, t := range e.tables() {
		if len(t.PrimaryKey) == 0 {
			continue
		}
		n := len(t.PrimaryKey)
		zeros := strings.Split(strings.Repeat("0 ", n)[:2*n-1], " ")
		b.add("indexrelid", t.OID+indexOIDs, "indrelid", t.OID, "indnatts", n, "indnkeyatts", n,
			"indisunique", true, "indisprimary", true, "indimmediate", true, "indisvalid", true, "indisready", true,
			"indislive", true, "indkey", keyNumbers(t), "indcollation", zeros, "indclass", zeros, "indoption", zeros)
	}
}

func fillConstraint(e *Env, b *builder) {
	for _, t := range e.tables() {
		if len(t.PrimaryKey) == 0 {
			continue
		}
		b.add("oid", t.OID+constraintOIDs, "conname", keyName(t), "connamespace", schemaOID(t.Schema), "contype", "p",
			"convalidated", true, "conrelid", t.OID, "conindid", t.OID+indexOIDs, "confupdtype", " ",
			"confdeltype", " ", "confmatchtype", " ", "conislocal", true, "connoinherit", true,
			"conkey", keyNumbers(t))
	}
}

func fillTables(e *Env, b *builder) {
	for _, t := range All() {
		if t.Kind == 'r' {
			b.add("schemaname", t.Schema, "tablename", t.Relname, "tableowner", e.User)
		}
	}
	for _, t := range e.tables() {
		b.add("schemaname", t.Schema, "tablename", t.Name, "tableowner", e.User, "hasindexes", len(t.PrimaryKey) > 0)
	}
}

func fillViews(e *Env, b *builder) {
	for _, t := range All() {
		if t.Kind == 'v' {
			b.add("schemaname", t.Schema, "viewname", t.Relname, "viewowner", e.User)
		}
	}
}

func fillIndexes(e *Env, b *builder) {
	for _, t := range e.tables() {
		if len(t.PrimaryKey) > 0 {
			b.add("schemaname", t.Schema, "tablename", t.Name, "indexname", keyName(t), "indexdef", indexDef(t))
		}
	}
}

func indexDef(t *catalog.Table) string {
	return "CREATE UNIQUE INDEX " + quoteIdent(keyName(t)) + " ON " + quoteIdent(t.Schema) + "." + quoteIdent(t.Name) +
		" USING btree (" + keyColumns(t) + ")"
}

func keyColumns(t *catalog.Table) string {
	var cols []string
	for _, k := range t.PrimaryKey {
		cols = append(cols, quoteIdent(t.Columns[k].Name))
	}
	return strings.Join(cols, ", ")
}

func fillStatTables(e *Env, b *builder) {
	for _, t := range e.tables() {
		n := e.rowCount(t)
		b.add("relid", t.OID, "schemaname", t.Schema, "relname", t.Name, "n_live_tup", n, "n_dead_tup", 0,
			"n_tup_ins", n, "n_tup_upd", 0, "n_tup_del", 0)
	}
}
