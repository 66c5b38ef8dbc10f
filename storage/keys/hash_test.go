package keys

import (
	"fmt"
	"math"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// values are some of each type, with equal ones that differ in form.
func values(t *testing.T) map[types.Type][]types.Datum {
	t.Helper()
	list := map[types.Type][]string{
		types.T(types.Bool):          {"t", "f"},
		types.T(types.Int2):          {"0", "-1", "32767"},
		types.T(types.Int4):          {"0", "-1", "2147483647"},
		types.T(types.Int8):          {"0", "-1", "9223372036854775807"},
		types.T(types.Float4):        {"0", "-0", "NaN", "1.5", "Infinity"},
		types.T(types.Float8):        {"0", "-0", "NaN", "1e300", "-Infinity"},
		types.T(types.Numeric):       {"0", "0.00", "1", "1.0", "1.00", "-1", "NaN", "1e100", "0.001"},
		types.NumericOf(10, 2):       {"0", "1", "1.00", "-1.5"},
		types.NumericOf(30, 4):       {"0", "1", "1.0000", "-1", "99999999999999999999.5"},
		types.T(types.Text):          {"", "a", "a ", "ab"},
		types.T(types.Varchar):       {"", "a", "a "},
		{Kind: types.Char, Width: 3}: {"", " ", "a", "a  ", "ab"},
		{Kind: types.Char}:           {"", "  ", "a", "a  ", "ab", "b", "bb", " a"},
		types.T(types.Bytea):         {`\x`, `\x00`, `\x0000`},
		types.T(types.Date):          {"2020-01-01", "1969-12-31", "infinity"},
		types.T(types.Time):          {"00:00", "23:59:59.999999"},
		types.T(types.Timestamp):     {"2020-01-01 00:00", "-infinity"},
		types.T(types.Timestamptz):   {"2020-01-01 00:00+00", "2020-01-01 01:00+01"},
		types.T(types.Interval):      {"1 month", "30 days", "720:00", "1 day", "0", "-1 day"},
		types.T(types.UUID):          {"00000000-0000-0000-0000-000000000001", "00000000-0000-0001-0000-000000000000"},
	}
	out := map[types.Type][]types.Datum{}
	for typ, texts := range list {
		for _, s := range texts {
			d, err := types.Parse(typ, s)
			if err != nil {
				t.Fatal(typ, s, err)
			}
			out[typ] = append(out[typ], d)
		}
		out[typ] = append(out[typ], types.NullOf(typ))
	}
	return out
}

func vectorOf(typ types.Type, list []types.Datum) *batch.Vector {
	v := new(batch.Vector)
	v.Reset(typ, 0)
	for _, d := range list {
		v.AppendDatum(d)
	}
	return v
}

// TestEqualHashes compares each pair of values by types.Compare: equal ones have equal hashes, others others.
func TestEqualHashes(t *testing.T) {
	for typ, list := range values(t) {
		for _, k := range []Key{{Columns: []int{0}}, {Columns: []int{0}, NullsEqual: true}} {
			cols := []*batch.Vector{vectorOf(typ, list)}
			hashes := k.Hash(nil, cols, len(list))
			for i, a := range list {
				if (hashes[i] == None) != (a.Null && !k.NullsEqual) {
					t.Errorf("%s %v: hash %x", typ, a, hashes[i])
				}
				for j, b := range list {
					want := a.Null == b.Null && (a.Null || types.Compare(a, b) == 0)
					if got := k.Equal(cols, i, cols, j); got != want {
						t.Errorf("%s: %v and %v are equal: %v", typ, a, b, got)
					}
					if hashes[i] != None && (hashes[i] == hashes[j]) != want {
						t.Errorf("%s: %v and %v have hashes %x and %x", typ, a, b, hashes[i], hashes[j])
					}
				}
			}
		}
	}
}

// TestForms gives the same values in each form that vectors have.
func TestForms(t *testing.T) {
	k := Key{NullsEqual: true}
	for typ, list := range values(t) {
		flat := vectorOf(typ, list)
		want := k.Hash(nil, []*batch.Vector{flat}, flat.Len)
		for i, d := range list {
			c := new(batch.Vector)
			c.ResetConstant(d, 3)
			if got := k.Hash(nil, []*batch.Vector{c}, 3); got[0] != want[i] || got[2] != want[i] {
				t.Errorf("%s: constant %v has hash %x, want %x", typ, d, got[0], want[i])
			}
			if !k.Equal([]*batch.Vector{c}, 2, []*batch.Vector{flat}, i) {
				t.Errorf("%s: constant %v is not equal to itself", typ, d)
			}
		}
		if typ.Physical() != types.PhysBytes {
			continue
		}
		d := &batch.Dictionary{Offsets: []uint32{0}}
		v := &batch.Vector{Type: typ, Form: batch.Dict, Len: len(list), Valid: flat.Valid, Dict: d}
		for i := range list {
			d.Heap = append(d.Heap, flat.BytesAt(i)...)
			d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
			d.Hashes = append(d.Hashes, kernel.HashBytes(flat.BytesAt(i)))
			d.Len++
			v.Codes = append(v.Codes, uint32(i))
		}
		if got := k.Hash(nil, []*batch.Vector{v}, v.Len); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: codes have hashes %x, want %x", typ, got, want)
		}
	}
	packed := new(batch.Vector)
	packed.ResetPacked(types.T(types.Int4), -2, 2, []byte{0b11100100}, 4)
	flat := vectorOf(packed.Type, []types.Datum{packed.Datum(0), packed.Datum(1), packed.Datum(2), packed.Datum(3)})
	if a, b := k.Hash(nil, []*batch.Vector{packed}, 4), k.Hash(nil, []*batch.Vector{flat}, 4); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("packed integers have hashes %x, want %x", a, b)
	}
}

// TestWidening: what ALTER TABLE need not rewrite keeps its hash.
func TestWidening(t *testing.T) {
	var k Key
	same := func(ds ...types.Datum) {
		t.Helper()
		first := vectorOf(ds[0].Type, ds[:1])
		for _, d := range ds[1:] {
			v := vectorOf(d.Type, []types.Datum{d})
			if k.Hash(nil, []*batch.Vector{first}, 1)[0] != k.Hash(nil, []*batch.Vector{v}, 1)[0] ||
				d.Type.Physical() != types.PhysInt128 && !k.Equal([]*batch.Vector{first}, 0, []*batch.Vector{v}, 0) {
				t.Errorf("%s and %s differ", ds[0].Type, d.Type)
			}
		}
	}
	same(types.IntOf(types.T(types.Int2), -7), types.IntOf(types.T(types.Int4), -7), types.IntOf(types.T(types.Int8), -7))
	same(types.IntOf(types.NumericOf(10, 2), -750), types.IntOf(types.NumericOf(18, 2), -750), types.Int128Of(types.NumericOf(30, 2), ^uint64(749), -1))
	same(types.FloatOf(types.T(types.Float4), 0.5), types.FloatOf(types.T(types.Float8), 0.5))
	same(types.StringOf(types.T(types.Varchar), "a "), types.StringOf(types.T(types.Text), "a "))
}

// TestFrozen pins hashes: files hold them.
func TestFrozen(t *testing.T) {
	k := Key{Columns: []int{0, 1}}
	cols := []*batch.Vector{
		vectorOf(types.T(types.Int8), []types.Datum{types.IntOf(types.T(types.Int8), 1), types.IntOf(types.T(types.Int8), math.MinInt64)}),
		vectorOf(types.T(types.Text), []types.Datum{types.TextOf("x"), types.TextOf("")}),
	}
	if got, want := fmt.Sprintf("%x", k.Hash(nil, cols, 2)), frozen; got != want {
		t.Errorf("hashes %s, want %s", got, want)
	}
	if got, want := Text([]string{"a", "b"}, cols, 0), "(a, b)=(1, x)"; got != want {
		t.Errorf("text %s, want %s", got, want)
	}
}

const frozen = "[be5d7d009318dfe9 567481665c0dd26b]"

// TestOrderOfColumns: (a, b) is another key than (b, a), and ("ab", "") than ("a", "b").
func TestOrderOfColumns(t *testing.T) {
	text := func(s string) *batch.Vector { return vectorOf(types.T(types.Text), []types.Datum{types.TextOf(s)}) }
	var k Key
	seen := map[uint64]string{}
	for _, pair := range [][2]string{{"ab", ""}, {"a", "b"}, {"b", "a"}, {"", "ab"}, {"", ""}, {"ab", "ab"}} {
		h := k.Hash(nil, []*batch.Vector{text(pair[0]), text(pair[1])}, 1)[0]
		if other, ok := seen[h]; ok {
			t.Errorf("%q has the hash of %s", pair, other)
		}
		seen[h] = fmt.Sprint(pair)
	}
}

// TestWeaken gives different keys equal hashes, and none the one that says no key.
func TestWeaken(t *testing.T) {
	defer Weaken(2)()
	var list []types.Datum
	for i := range int64(100) {
		list = append(list, types.IntOf(types.T(types.Int8), i))
	}
	var k Key
	seen := map[uint64]bool{}
	for _, h := range k.Hash(nil, []*batch.Vector{vectorOf(types.T(types.Int8), list)}, 100) {
		if h == None {
			t.Fatal("a key has no hash")
		}
		seen[h] = true
	}
	if len(seen) > 4 {
		t.Fatalf("%d different hashes", len(seen))
	}
}

func BenchmarkHash(b *testing.B) {
	const n = 2048
	ints, texts := make([]types.Datum, n), make([]types.Datum, n)
	for i := range ints {
		ints[i] = types.IntOf(types.T(types.Int8), int64(i)*7919)
		texts[i] = types.TextOf(fmt.Sprintf("key-%012d", i))
	}
	var k Key
	for name, cols := range map[string][]*batch.Vector{
		"int8":      {vectorOf(types.T(types.Int8), ints)},
		"text":      {vectorOf(types.T(types.Text), texts)},
		"int8,text": {vectorOf(types.T(types.Int8), ints), vectorOf(types.T(types.Text), texts)},
	} {
		b.Run(name, func(b *testing.B) {
			var hashes []uint64
			b.ReportAllocs()
			for b.Loop() {
				hashes = k.Hash(hashes, cols, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
		})
	}
}
