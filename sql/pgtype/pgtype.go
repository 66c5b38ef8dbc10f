// Package pgtype knows the types as PostgreSQL's catalog and wire protocol name them: numbers, names, lengths,
// modifiers, and the text and binary forms of their values (package wire of storage/format has the loops).
//
// Info is one row of pg_type; tables of this package are immutable and safe for concurrent use. It refuses to invent:
// a number or name that is not a type of ours is not found.
package pgtype

import (
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Info is what pg_type says of a type, as far as the protocol needs it; package pgcatalog has whole rows.
type Info struct {
	Type types.Type
	OID  uint32
	Name string // typname
	Len  int16  // typlen: bytes, -1 for variable length, -2 for a C string
}

// infos are the rows for the kinds, as in PostgreSQL's pg_type.dat.
var infos = []Info{
	base(types.Unknown, "unknown", -2),
	base(types.Bool, "bool", 1),
	base(types.Int2, "int2", 2),
	base(types.Int4, "int4", 4),
	base(types.Int8, "int8", 8),
	base(types.Float4, "float4", 4),
	base(types.Float8, "float8", 8),
	base(types.Numeric, "numeric", -1),
	base(types.Text, "text", -1),
	base(types.Varchar, "varchar", -1),
	base(types.Char, "bpchar", -1),
	base(types.Bytea, "bytea", -1),
	base(types.Date, "date", 4),
	base(types.Time, "time", 8),
	base(types.Timestamp, "timestamp", 8),
	base(types.Timestamptz, "timestamptz", 8),
	base(types.Interval, "interval", 16),
	base(types.UUID, "uuid", 16),
	base(types.JSON, "json", -1),
	base(types.JSONB, "jsonb", -1),
	base(types.JSONPath, "jsonpath", -1),
	base(types.Oid, "oid", 4),
	base(types.Name, "name", 64),
	base(types.InternalChar, "char", 1),
	base(types.Regclass, "regclass", 4),
	base(types.Regtype, "regtype", 4),
	base(types.Regproc, "regproc", 4),
	base(types.Regnamespace, "regnamespace", 4),
	base(types.Void, "void", 4),
}

func base(k types.Kind, name string, length int16) Info {
	return Info{Type: types.T(k), OID: wire.OID(types.T(k)), Name: name, Len: length}
}

// all holds infos and the arrays of them, sorted by OID.
var all = func() []Info {
	out := slices.Clone(infos)
	for _, i := range infos {
		if oid := wire.ArrayOID(i.Type.Kind); oid != 0 {
			out = append(out, Info{Type: types.ArrayOf(i.Type.Kind), OID: oid, Name: "_" + i.Name, Len: -1})
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return int(a.OID) - int(b.OID) })
	return out
}()

// Of returns the row of a type, whose modifiers do not matter.
func Of(t types.Type) (Info, bool) { return ByOID(wire.OID(t)) }

// OID returns the number of a type, 0 when it has none.
func OID(t types.Type) uint32 { return wire.OID(t) }

// ByOID returns the row with a number.
func ByOID(oid uint32) (Info, bool) {
	i, ok := slices.BinarySearchFunc(all, oid, func(i Info, oid uint32) int { return int(int64(i.OID) - int64(oid)) })
	if !ok || oid == 0 {
		return Info{}, false
	}
	return all[i], true
}

// TypeByOID returns the type with a number, without modifiers.
func TypeByOID(oid uint32) (types.Type, bool) {
	i, ok := ByOID(oid)
	return i.Type, ok
}

// Len returns the bytes of a value as RowDescription and pg_type tell them: -1 for variable length.
func Len(t types.Type) int16 {
	i, ok := Of(t)
	if !ok {
		return -1
	}
	return i.Len
}

// aliases are SQL's names and PostgreSQL's spellings that are no typname.
var aliases = map[string]types.Kind{
	"boolean": types.Bool, "smallint": types.Int2, "int": types.Int4, "integer": types.Int4, "bigint": types.Int8,
	"real": types.Float4, "float": types.Float8, "double precision": types.Float8, "decimal": types.Numeric,
	"dec": types.Numeric, "character varying": types.Varchar, "character": types.Char,
	"time without time zone": types.Time, "timestamp without time zone": types.Timestamp,
	"timestamp with time zone": types.Timestamptz,
}

var byName = func() map[string]types.Type {
	m := make(map[string]types.Type, len(all)+len(aliases))
	for _, i := range all {
		m[i.Name] = i.Type
	}
	for n, k := range aliases {
		m[n] = types.T(k)
	}
	return m
}()

// ByName returns the type of a name without modifiers: a typname, an SQL name, or either with [] behind it; pg_catalog
// in front is allowed. "char" in double quotes is the one-byte type, as is typname char; char alone, the SQL keyword,
// is character(1) and known to the grammar.
func ByName(name string) (types.Type, bool) {
	name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "pg_catalog.")
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		t, ok := ByName(elem)
		if !ok || t.Kind == types.Array || wire.ArrayOID(t.Kind) == 0 {
			return types.Type{}, false
		}
		return types.ArrayOf(t.Kind), true
	}
	if len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	t, ok := byName[name]
	return t, ok
}
