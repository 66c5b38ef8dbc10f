package pgcatalog

import (
	"context"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func testEnv() *Env {
	hits := catalog.NewTable("public", "hits",
		catalog.Column{Name: "id", Type: types.T(types.Int8), NotNull: true},
		catalog.Column{Name: "name", Type: types.Type{Kind: types.Varchar, Width: 20}, Default: "'x'::character varying"},
		catalog.Column{Name: "price", Type: types.NumericOf(12, 2)})
	hits.Constraints = []catalog.Constraint{{Kind: catalog.PrimaryKey, Name: "hits_pkey", Columns: []uint32{1}}}
	stored, _, err := catalog.Empty().Apply(catalog.Create(hits), catalog.Create(&catalog.Schema{Head: catalog.Head{Name: "other"}}))
	if err != nil {
		panic(err)
	}
	return &Env{Database: "siltstone", User: "ann", PID: 7,
		Catalog: func() *catalog.Snapshot { return stored },
		Rows:    func(catalog.TableID) int64 { return 42 },
		Sessions: func() []Session {
			return []Session{{PID: 7, User: "ann", Database: "siltstone", State: "active", BackendStart: 1}}
		},
		Settings: func() []Setting { return []Setting{{Name: "siltstone.cache", Value: "on", Vartype: "bool"}} },
		Segments: func() []Segment { return []Segment{{Schema: "public", Table: "hits", Rows: 42, State: "sealed"}} },
		Prepared: func() []Prepared { return []Prepared{{Name: "p", Parameters: []types.Type{types.T(types.Int4)}}} },
	}
}

// rows reads all columns of a relation with some terms.
func rows(t *testing.T, rel scan.Relation, batchRows int, terms ...scan.Term) [][]types.Datum {
	t.Helper()
	req := &scan.Request{Terms: terms, BatchRows: batchRows}
	for i := range rel.Types() {
		req.Columns = append(req.Columns, i)
	}
	s, err := rel.Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := s.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out [][]types.Datum
	b := batch.New(rel.Types())
	for {
		ok, err := r.Next(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return out
		}
		for i := range b.Len {
			row := make([]types.Datum, len(b.Cols))
			for c, v := range b.Cols {
				row[c] = v.Datum(i)
			}
			out = append(out, row)
		}
	}
}

// Every relation has a number of its own.
func TestRelationNumbers(t *testing.T) {
	owner := map[uint32]string{}
	for _, tab := range All() {
		if other := owner[tab.OID]; other != "" {
			t.Errorf("%s and %s have the number %d", other, tab.Name(), tab.OID)
		}
		owner[tab.OID] = tab.Name()
	}
}

// Every relation can be read, and no column that is never NULL is.
func TestAllRelations(t *testing.T) {
	env := testEnv()
	filled := 0
	for _, tab := range All() {
		rel := tab.Relation(env)
		all := rows(t, rel, 0)
		if len(all) > 0 {
			filled++
		}
		if int64(len(all)) != rel.Rows() {
			t.Errorf("%s: %d rows, says %d", tab.Name(), len(all), rel.Rows())
		}
		for _, r := range all {
			for c, d := range r {
				if d.Null && tab.Columns[c].NotNull {
					t.Errorf("%s.%s is NULL", tab.Name(), tab.Columns[c].Name)
				}
			}
		}
	}
	for name := range fillers {
		if schema, rel, _ := strings.Cut(name, "."); Lookup(schema, rel) == nil {
			t.Errorf("rows for %s, which does not exist", name)
		}
	}
	if filled < 25 {
		t.Errorf("only %d relations have rows", filled)
	}
}

func TestTerms(t *testing.T) {
	rel := Lookup("", "pg_attribute").Relation(testEnv())
	oid := types.T(types.Oid)
	term := scan.Term{Column: 0, Op: scan.Eq, Values: []types.Datum{types.IntOf(oid, 16384)}}
	for _, n := range []int{0, 1, 3} {
		if got := rows(t, rel, n, term); len(got) != 5 { // and two system columns
			t.Errorf("batches of %d: %d columns of hits, want 5", n, len(got))
		}
	}
}

// TestTypes compares the rows of pg_type with what the protocol says of the same types.
func TestTypes(t *testing.T) {
	n := 0
	for _, r := range typeRows().all {
		i, ok := pgtype.ByOID(r.oid)
		if !ok {
			continue
		}
		if n++; i.Name != r.name || int(i.Len) != r.len {
			t.Errorf("%d is %s of %d bytes, in the protocol %s of %d", r.oid, r.name, r.len, i.Name, i.Len)
		}
		if r.array != 0 && pgtype.OID(types.ArrayOf(i.Type.Kind)) != r.array {
			t.Errorf("the array of %s is %d", r.name, r.array)
		}
	}
	if n < 40 {
		t.Errorf("only %d types are in both", n)
	}
}

func TestLookup(t *testing.T) {
	env := testEnv()
	oid := func(n int64) types.Datum { return types.IntOf(types.T(types.Oid), n) }
	num := func(n int64) types.Datum { return types.IntOf(types.T(types.Int4), n) }
	text := types.TextOf
	cases := []struct {
		question string
		args     []types.Datum
		want     string
	}{
		{"format_type", []types.Datum{oid(23), num(-1)}, "integer"},
		{"format_type", []types.Datum{oid(1043), num(24)}, "character varying(20)"},
		{"format_type", []types.Datum{oid(1700), num(786438)}, "numeric(12,2)"},
		{"format_type", []types.Datum{oid(1700), num(198650)}, "numeric(3,-10)"},
		{"format_type", []types.Datum{oid(1009), num(-1)}, "text[]"},
		{"format_type", []types.Datum{oid(1042), num(-1)}, "bpchar"},
		{"format_type", []types.Datum{oid(1042), types.NullOf(types.T(types.Int4))}, "character"},
		{"format_type", []types.Datum{oid(18), num(-1)}, `"char"`},
		{"format_type", []types.Datum{oid(1), num(-1)}, "???"},
		{"pg_get_userbyid", []types.Datum{oid(10)}, "ann"},
		{"pg_get_constraintdef", []types.Datum{oid(16385)}, "PRIMARY KEY (id)"},
		{"pg_get_indexdef", []types.Datum{oid(16386)}, "CREATE UNIQUE INDEX hits_pkey ON public.hits USING btree (id)"},
		{"pg_get_indexdef", []types.Datum{oid(16386), num(1), types.BoolOf(true)}, "id"},
		{"reg_out", []types.Datum{types.IntOf(types.T(types.Regclass), 16384)}, "hits"},
		{"reg_out", []types.Datum{types.IntOf(types.T(types.Regclass), 1259)}, "pg_class"},
		{"reg_out", []types.Datum{types.IntOf(types.T(types.Regtype), 1700)}, "numeric"},
		{"reg_out", []types.Datum{types.IntOf(types.T(types.Regnamespace), 2200)}, "public"},
		{"reg_out", []types.Datum{types.IntOf(types.T(types.Regclass), 0)}, "-"},
		{"current_schema", nil, "public"},
		{"pg_encoding_to_char", []types.Datum{num(6)}, "UTF8"},
	}
	for _, c := range cases {
		d, ok, err := env.Lookup(c.question, c.args...)
		if err != nil || !ok || d.S != c.want {
			t.Errorf("%s(%v) = %q, %v, %v; want %q", c.question, c.args, d.S, ok, err, c.want)
		}
	}
	for name, want := range map[string]int64{"hits": 16384, "PG_CLASS": 1259, "public.hits": 16384, `"hits"`: 16384, "hits_pkey": 16386} {
		d, _, err := env.Lookup("reg_in", text(name), text("regclass"))
		if err != nil || d.I != want {
			t.Errorf("regclass %s = %d, %v; want %d", name, d.I, err, want)
		}
	}
	if _, _, err := env.Lookup("reg_in", text("nope"), text("regclass")); err == nil {
		t.Error("regclass of nothing")
	}
	for name, want := range map[string]int64{"int": 23, "char": 1042, "character varying(10)": 1043, "text[]": 1009, `"char"`: 18, "timestamp with time zone": 1184} {
		d, _, err := env.Lookup("reg_in", text(name), text("regtype"))
		if err != nil || d.I != want {
			t.Errorf("regtype %s = %d, %v; want %d", name, d.I, err, want)
		}
	}
}
