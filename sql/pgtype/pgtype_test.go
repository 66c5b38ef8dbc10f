package pgtype_test

import (
	"testing"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestCatalogRows compares with rows of PostgreSQL 15's pg_type.
func TestCatalogRows(t *testing.T) {
	for _, w := range []pgtype.Info{
		{OID: 16, Name: "bool", Len: 1},
		{OID: 18, Name: "char", Len: 1},
		{OID: 19, Name: "name", Len: 64},
		{OID: 20, Name: "int8", Len: 8},
		{OID: 25, Name: "text", Len: -1},
		{OID: 26, Name: "oid", Len: 4},
		{OID: 701, Name: "float8", Len: 8},
		{OID: 1042, Name: "bpchar", Len: -1},
		{OID: 1184, Name: "timestamptz", Len: 8},
		{OID: 1186, Name: "interval", Len: 16},
		{OID: 1700, Name: "numeric", Len: -1},
		{OID: 2950, Name: "uuid", Len: 16},
		{OID: 1009, Name: "_text", Len: -1},
		{OID: 1016, Name: "_int8", Len: -1},
	} {
		got, ok := pgtype.ByOID(w.OID)
		w.Type = got.Type
		if !ok || got != w {
			t.Errorf("got %+v, want %+v", got, w)
		}
		if back, ok := pgtype.Of(got.Type); !ok || back != got {
			t.Errorf("type %s comes back as %+v", got.Type, back)
		}
	}
	for k := types.Bool; k <= types.UUID; k++ {
		if k == types.Array {
			continue
		}
		i, ok := pgtype.Of(types.T(k))
		if typ, found := pgtype.ByName(i.Name); !ok || !found || typ != types.T(k) {
			t.Errorf("%s is %+v, which gives %s by name", types.T(k), i, typ)
		}
	}
}

func TestByName(t *testing.T) {
	for name, want := range map[string]types.Type{
		"int": types.T(types.Int4), "INTEGER": types.T(types.Int4), "pg_catalog.int4": types.T(types.Int4),
		"double precision": types.T(types.Float8), "decimal": types.T(types.Numeric), "text[]": types.ArrayOf(types.Text),
		"character varying": types.T(types.Varchar), "timestamp with time zone": types.T(types.Timestamptz),
		`"char"`: types.T(types.InternalChar), "_int4": types.ArrayOf(types.Int4),
	} {
		if got, ok := pgtype.ByName(name); !ok || got != want {
			t.Errorf("%s: got %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "xml", "text[][]", "void[]"} {
		if got, ok := pgtype.ByName(name); ok {
			t.Errorf("%q is %v", name, got)
		}
	}
	if _, ok := pgtype.ByOID(0); ok {
		t.Error("0 is a type")
	}
}

func TestModifiers(t *testing.T) {
	for mod, w := range map[int32]types.Type{
		-1: types.T(types.Numeric), 655366: types.NumericOf(10, 2), 2490372: types.NumericOf(38, 0),
		198650: types.NumericOf(3, -10),
	} {
		if got := pgtype.WithModifier(types.T(types.Numeric), mod); got != w {
			t.Errorf("%d: got %v, want %v", mod, got, w)
		}
		if got := pgtype.Modifier(w); got != mod {
			t.Errorf("%v: got %d, want %d", w, got, mod)
		}
	}
}

func TestCodecs(t *testing.T) {
	typ := types.T(types.Int4)
	d, err := pgtype.Decode(typ, pgtype.FormatBinary, []byte{0, 0, 0, 7}, nil)
	if err != nil || d.I != 7 {
		t.Error(d, err)
	}
	if d, err = pgtype.Decode(typ, pgtype.FormatText, nil, nil); err != nil || !d.Null {
		t.Error(d, err)
	}
	if _, err = pgtype.DecodeBinary(typ, []byte{1}); !errs.Is(err, "08P01") {
		t.Error(err)
	}
	if _, err = pgtype.DecodeBinary(typ, []byte{0, 0, 0, 0, 0}); !errs.Is(err, "22P03") {
		t.Error(err)
	}
	if _, err = pgtype.DecodeText(typ, []byte("\xff"), nil); !errs.Is(err, "22021") {
		t.Error(err)
	}
	if _, err = pgtype.Decode(typ, 2, []byte("1"), nil); !errs.Is(err, "22023") {
		t.Error(err)
	}
}
