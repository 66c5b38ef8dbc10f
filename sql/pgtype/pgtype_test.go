package pgtype_test

import (
	"testing"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestCatalogRows compares with rows of PostgreSQL 15's pg_type.
func TestCatalogRows(t *testing.T) {
	for _, w := range []pgtype.Info{
		{OID: 16, ArrayOID: 1000, Name: "bool", Len: 1, Category: 'B', Preferred: true, ByVal: true, Align: 'c', Kind: 'b'},
		{OID: 18, ArrayOID: 1002, Name: "char", Len: 1, Category: 'Z', ByVal: true, Align: 'c', Kind: 'b'},
		{OID: 19, ArrayOID: 1003, Name: "name", Len: 64, Category: 'S', Align: 'c', Kind: 'b'},
		{OID: 20, ArrayOID: 1016, Name: "int8", Len: 8, Category: 'N', ByVal: true, Align: 'd', Kind: 'b'},
		{OID: 25, ArrayOID: 1009, Name: "text", Len: -1, Category: 'S', Preferred: true, Align: 'i', Kind: 'b'},
		{OID: 26, ArrayOID: 1028, Name: "oid", Len: 4, Category: 'N', Preferred: true, ByVal: true, Align: 'i', Kind: 'b'},
		{OID: 701, ArrayOID: 1022, Name: "float8", Len: 8, Category: 'N', Preferred: true, ByVal: true, Align: 'd', Kind: 'b'},
		{OID: 1042, ArrayOID: 1014, Name: "bpchar", Len: -1, Category: 'S', Align: 'i', Kind: 'b'},
		{OID: 1184, ArrayOID: 1185, Name: "timestamptz", Len: 8, Category: 'D', Preferred: true, ByVal: true, Align: 'd', Kind: 'b'},
		{OID: 1186, ArrayOID: 1187, Name: "interval", Len: 16, Category: 'T', Preferred: true, Align: 'd', Kind: 'b'},
		{OID: 1700, ArrayOID: 1231, Name: "numeric", Len: -1, Category: 'N', Align: 'i', Kind: 'b'},
		{OID: 2950, ArrayOID: 2951, Name: "uuid", Len: 16, Category: 'U', Align: 'c', Kind: 'b'},
		{OID: 1009, ElemOID: 25, Name: "_text", Len: -1, Category: 'A', Align: 'i', Kind: 'b'},
		{OID: 1016, ElemOID: 20, Name: "_int8", Len: -1, Category: 'A', Align: 'd', Kind: 'b'},
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
	for _, i := range pgtype.All() {
		if typ, ok := pgtype.ByName(i.Name); !ok || typ != i.Type {
			t.Errorf("%s is not found by name", i.Name)
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
	for _, name := range []string{"", "jsonb", "text[][]", "void[]"} {
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
	for _, c := range []struct {
		oid  uint32
		mod  int32
		want string
	}{
		{1043, 14, "character varying(10)"}, {1043, -1, "character varying"}, {1042, 5, "character(1)"}, {1042, -1, "bpchar"},
		{1700, 655366, "numeric(10,2)"}, {1009, -1, "text[]"}, {1015, 14, "character varying(10)[]"}, {0, -1, "-"}, {99, -1, "???"},
		{18, -1, `"char"`}, {1184, -1, "timestamp with time zone"},
	} {
		if got := pgtype.FormatType(c.oid, c.mod); got != c.want {
			t.Errorf("%d, %d: got %s, want %s", c.oid, c.mod, got, c.want)
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
	if _, err = pgtype.DecodeText(typ, []byte("\xff")); !errs.Is(err, "22021") {
		t.Error(err)
	}
	if _, err = pgtype.Decode(typ, 2, []byte("1"), nil); !errs.Is(err, "22023") {
		t.Error(err)
	}
	var v batch.Vector
	v.ResetConstant(types.IntOf(typ, 7), 1)
	e, err := pgtype.EncoderFor(typ, pgtype.FormatText, nil)
	if err != nil || string(e(nil, &v, 0)) != "7" {
		t.Error(err)
	}
	if _, err = pgtype.EncoderFor(typ, 3, nil); !errs.Is(err, "22023") {
		t.Error(err)
	}
}
