package batch

import (
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/types"
)

var allTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
	types.T(types.Float8), types.NumericOf(30, 2), types.T(types.Text), types.T(types.Interval), types.T(types.UUID),
}

// random returns n values of a type, every fifth NULL when nulls.
func random(r *rand.Rand, t types.Type, n int, nulls bool) []types.Datum {
	ds := make([]types.Datum, n)
	for i := range ds {
		if nulls && r.IntN(5) == 0 {
			ds[i] = types.NullOf(t)
			continue
		}
		d := types.Datum{Type: t}
		switch t.Physical() {
		case types.PhysBool:
			d.I = int64(r.IntN(2))
		case types.PhysFloat32, types.PhysFloat64:
			d.F = float64(r.IntN(1000)) / 8
		case types.PhysInt128:
			d.I, d.Hi = int64(r.Uint64()), int64(r.Uint64())
		case types.PhysInterval:
			d = types.IntervalOf(int32(r.IntN(99)-50), int32(r.IntN(99)-50), int64(r.Uint64()>>1))
		case types.PhysUUID:
			d.S = "abcdefghijklmno" + string(rune('a'+r.IntN(26)))
		case types.PhysBytes:
			d.S = "some text of any length"[:r.IntN(23)]
		default:
			d.I = int64(r.IntN(60000) - 30000)
		}
		ds[i] = d
	}
	return ds
}

func build(t types.Type, ds []types.Datum) *Vector {
	v := &Vector{}
	v.Reset(t, 0)
	for _, d := range ds {
		v.AppendDatum(d)
	}
	return v
}

func check(t *testing.T, what string, v *Vector, want []types.Datum) {
	t.Helper()
	if v.Len != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, v.Len, len(want))
	}
	for i, w := range want {
		if got := v.Datum(i); got != w {
			t.Fatalf("%s: row %d: got %+v, want %+v", what, i, got, w)
		}
	}
}

// TestVectorOperations holds Gather, Flatten and Slice to the values as Datums, for every physical form, with and
// without NULLs.
func TestVectorOperations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range allTypes {
		for _, n := range []int{1, 63, 64, 65, 200, MaxRows} {
			for _, nulls := range []bool{false, true} {
				ds := random(r, typ, n, nulls)
				v := build(typ, ds)
				check(t, typ.String(), v, ds)

				var idx []uint16
				var picked []types.Datum
				for i := range n {
					if r.IntN(3) == 0 {
						idx, picked = append(idx, uint16(i)), append(picked, ds[i])
					}
				}
				var g Vector
				g.Gather(v, idx)
				check(t, "gather "+typ.String(), &g, picked)

				var f Vector
				f.Flatten(v)
				check(t, "flatten "+typ.String(), &f, ds)

				if n > 128 {
					var s Vector
					s.Slice(v, 64, 70)
					check(t, "slice "+typ.String(), &s, ds[64:134])
				}
			}
		}
	}
}

// TestConstant holds a constant to the rows that it stands for.
func TestConstant(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, typ := range allTypes {
		for _, d := range []types.Datum{random(r, typ, 1, false)[0], types.NullOf(typ)} {
			var c, f Vector
			c.ResetConstant(d, 100)
			want := make([]types.Datum, 100)
			for i := range want {
				want[i] = d
			}
			check(t, "constant "+typ.String(), &c, want)
			f.Flatten(&c)
			check(t, "flattened constant "+typ.String(), &f, want)
			f.Gather(&c, []uint16{1, 5, 99})
			check(t, "gathered constant "+typ.String(), &f, want[:3])
		}
	}
}

// TestEncoded holds dictionary and packed vectors to their flat twins.
func TestEncoded(t *testing.T) {
	text := types.T(types.Text)
	d := &Dictionary{ID: 1, Len: 3, Heap: []byte("abccc"), Offsets: []uint32{0, 1, 2, 5}}
	var v, f Vector
	v.ResetDict(text, d, 5)
	copy(v.Codes, []uint32{2, 0, 1, 1, 2})
	v.Nulls(5).Clear(3)
	want := []types.Datum{
		types.StringOf(text, "ccc"), types.StringOf(text, "a"), types.StringOf(text, "b"), types.NullOf(text), types.StringOf(text, "ccc"),
	}
	check(t, "dict", &v, want)
	f.Flatten(&v)
	check(t, "flattened dict", &f, want)

	for width := uint8(0); width <= 33; width++ {
		words := make([]byte, (int(width)*100+63)/64*8+8)
		typ := types.T(types.Int8)
		var wantInts []types.Datum
		for i := range 100 {
			x := uint64(i*7919) & (1<<width - 1)
			for b := range int(width) {
				if x>>b&1 != 0 {
					bit := i*int(width) + b
					words[bit/8] |= 1 << (bit % 8)
				}
			}
			wantInts = append(wantInts, types.IntOf(typ, int64(x)-5))
		}
		v.ResetPacked(typ, -5, width, words, 100)
		check(t, "packed", &v, wantInts)
		f.Flatten(&v)
		check(t, "flattened packed", &f, wantInts)
	}
}

// TestReuseAllocatesNothing: a pipeline in steady state resets and fills the same vectors.
func TestReuseAllocatesNothing(t *testing.T) {
	src := build(types.T(types.Text), random(rand.New(rand.NewPCG(5, 6)), types.T(types.Text), MaxRows, true))
	idx := make([]uint16, 0, MaxRows)
	for i := range MaxRows / 2 {
		idx = append(idx, uint16(2*i))
	}
	var v Vector
	if n := testing.AllocsPerRun(100, func() { v.Gather(src, idx) }); n != 0 {
		t.Errorf("Gather: %v allocations per batch", n)
	}
}

func TestBitmap(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 130} {
		b := make(Bitmap, Words(n))
		b.Fill(n)
		if b.Count() != n {
			t.Fatalf("Fill(%d): %d bits", n, b.Count())
		}
		b.Clear(n - 1)
		b.Not(n)
		if b.Count() != 1 || !b.Get(n-1) {
			t.Fatalf("Not(%d): %d bits", n, b.Count())
		}
		if idx := b.AppendIndexes(nil); len(idx) != 1 || int(idx[0]) != n-1 {
			t.Fatalf("AppendIndexes: %v", idx)
		}
	}
}
