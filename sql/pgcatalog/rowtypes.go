package pgcatalog

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
)

// Each stored table has a row type of its name and the array of that, which clients look up by pg_class.reltype and
// regtype. No value has such a type. Their numbers are the table's, moved into ranges that tables never reach.
const (
	rowTypeOIDs  = 0x10000000
	rowArrayOIDs = 0x18000000
	rowTypesEnd  = 0x20000000
)

// fillRowTypes adds the row types to pg_type.
func fillRowTypes(e *Env, b *builder) {
	for _, t := range e.tables() {
		b.add("oid", t.OID+rowTypeOIDs, "typname", t.Name, "typnamespace", e.schemaOID(t.Schema), "typowner", oidOwner,
			"typlen", -1, "typbyval", false, "typtype", "c", "typcategory", "C", "typisdefined", true, "typdelim", ",",
			"typrelid", t.OID, "typarray", t.OID+rowArrayOIDs, "typinput", procOID("record_in"),
			"typoutput", procOID("record_out"), "typreceive", procOID("record_recv"), "typsend", procOID("record_send"),
			"typalign", "d", "typstorage", "x", "typtypmod", -1)
		b.add("oid", t.OID+rowArrayOIDs, "typname", e.rowArrayName(t), "typnamespace", e.schemaOID(t.Schema), "typowner", oidOwner,
			"typlen", -1, "typbyval", false, "typtype", "b", "typcategory", "A", "typisdefined", true, "typdelim", ",",
			"typelem", t.OID+rowTypeOIDs, "typsubscript", procOID("array_subscript_handler"), "typinput", procOID("array_in"),
			"typoutput", procOID("array_out"), "typreceive", procOID("array_recv"), "typsend", procOID("array_send"),
			"typalign", "d", "typstorage", "x", "typtypmod", -1)
	}
}

// rowArrayName is the name of a row type's array: underscores before the table's, one more for each table that has
// the name already.
func (e *Env) rowArrayName(t *catalog.Table) string {
	name := "_" + t.Name
	for e.Catalog().Relation(t.Schema, name) != nil {
		name = "_" + name
	}
	return name
}

// rowType finds the table whose row type, or the array of it, has a number.
func (e *Env) rowType(oid uint32) (t *catalog.Table, array bool) {
	switch {
	case oid >= rowTypeOIDs && oid < rowArrayOIDs:
		t, _ = e.findTable(oid - rowTypeOIDs)
	case oid >= rowArrayOIDs && oid < rowTypesEnd:
		t, _ = e.findTable(oid - rowArrayOIDs)
		array = true
	}
	return t, array
}

// typeOID finds a type by any of its names: one of PostgreSQL's, or a table's for its row type.
func (e *Env) typeOID(text string) (uint32, bool) {
	if oid, ok := typeOID(text); ok {
		return oid, true
	}
	base := uint32(rowTypeOIDs)
	text, array := strings.CutSuffix(strings.TrimSpace(text), "[]")
	if array {
		base = rowArrayOIDs
	}
	parts := SplitName(text)
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	oid, ok := e.resolve(schema, parts[len(parts)-1])
	if !ok {
		return 0, false
	}
	t, _ := e.findTable(oid)
	return oid + base, t != nil
}

// formatType prints a type as FormatType does, and row types by the names of their tables.
func (e *Env) formatType(oid uint32, typmod int32) (string, bool) {
	t, array := e.rowType(oid)
	if t == nil {
		return FormatType(oid, typmod)
	}
	name, ok := e.className(t.OID)
	if array {
		name += "[]"
	}
	return name, ok
}
