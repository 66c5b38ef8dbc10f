package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

var lengths = []int{0, 1, 2, 63, 64, 65, 127, 128, 200, 2047, 2048}

var cmps = []Cmp{Eq, Ne, Lt, Le, Gt, Ge}

func holds(op Cmp, c int) bool {
	switch op {
	case Eq:
		return c == 0
	case Ne:
		return c != 0
	case Lt:
		return c < 0
	case Le:
		return c <= 0
	case Gt:
		return c > 0
	}
	return c >= 0
}

func order[T Integer | Float](a, b T) int {
	an, bn := a != a, b != b
	switch {
	case an && bn, a == b:
		return 0
	case an:
		return 1
	case bn, a < b:
		return -1
	}
	return 1
}

func randomInts[T Integer](r *rand.Rand, n int) []T {
	v := make([]T, n)
	small := r.IntN(2) == 0
	for i := range v {
		v[i] = T(r.Uint64())
		if small {
			v[i] = T(r.IntN(7) - 3)
		}
		if r.IntN(50) == 0 {
			lowest := int64(math.MinInt64)
			v[i] = T(lowest)
		}
	}
	return v
}

// dirty returns a bitmap for n bits full of ones, so that a kernel that forgets a word is caught.
func dirty(n int) []uint64 {
	b := make([]uint64, words(n))
	for i := range b {
		b[i] = ^uint64(0)
	}
	return b
}

func checkBits(t *testing.T, what string, got []uint64, n int, want func(i int) bool) {
	t.Helper()
	for i := range len(got) << 6 {
		w := i < n && want(i)
		if g := got[i>>6]>>(uint(i)&63)&1 == 1; g != w {
			t.Fatalf("%s: bit %d of %d is %v", what, i, n, g)
		}
	}
}

func testCompare[T Integer](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range lengths {
		a, b := randomInts[T](r, n), randomInts[T](r, n)
		for _, op := range cmps {
			cs := []int64{0, 1, -1, 3, math.MinInt64, math.MaxInt64, int64(T(r.Uint64()))}
			if n > 0 {
				cs = append(cs, int64(a[r.IntN(n)]))
			}
			for _, c := range cs {
				out := dirty(n)
				CompareConst(op, a, c, out)
				checkBits(t, fmt.Sprint("const ", op, c), out, n, func(i int) bool { return holds(op, order(int64(a[i]), c)) })
			}
			out := dirty(n)
			Compare(op, a, b, out)
			checkBits(t, fmt.Sprint("columns ", op), out, n, func(i int) bool { return holds(op, order(a[i], b[i])) })
		}
		lo, hi := int64(-2), int64(2)
		out := dirty(n)
		Between(a, lo, hi, out)
		checkBits(t, "between", out, n, func(i int) bool { return int64(a[i]) >= lo && int64(a[i]) <= hi })
		Between(a, 2, -2, out)
		checkBits(t, "empty between", out, n, func(int) bool { return false })
	}
}

func TestCompare(t *testing.T) {
	t.Run("int16", testCompare[int16])
	t.Run("int32", testCompare[int32])
	t.Run("int64", testCompare[int64])
}

func testFloat[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	special := []T{0, T(math.Copysign(0, -1)), 1, -1, T(math.Inf(1)), T(math.Inf(-1)), T(math.NaN()), 1e-30, T(math.MaxFloat32)}
	for _, n := range lengths {
		a, b := make([]T, n), make([]T, n)
		for i := range a {
			a[i], b[i] = special[r.IntN(len(special))], special[r.IntN(len(special))]
			if r.IntN(3) == 0 {
				a[i] = T(r.NormFloat64())
			}
		}
		for _, op := range cmps {
			for _, c := range special {
				out := dirty(n)
				CompareFloatConst(op, a, float64(c), out)
				checkBits(t, fmt.Sprint("const ", op, c), out, n, func(i int) bool { return holds(op, order(a[i], c)) })
			}
			out := dirty(n)
			CompareFloat(op, a, b, out)
			checkBits(t, fmt.Sprint("columns ", op), out, n, func(i int) bool { return holds(op, order(a[i], b[i])) })
		}
	}
}

func TestFloat(t *testing.T) {
	t.Run("float32", testFloat[float32])
	t.Run("float64", testFloat[float64])
}

func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for width := uint8(0); width <= 64; width++ {
		mask := uint64(0)
		if width > 0 {
			mask = ^uint64(0) >> (64 - width)
		}
		for _, n := range lengths {
			for _, pad := range []int{0, 7, PackPadding} {
				v := make([]uint64, n)
				for i := range v {
					v[i] = r.Uint64() & mask
				}
				b := make([]byte, PackedBytes(n, width), PackedBytes(n, width)+pad)
				Pack64(b, v, width)
				b = b[:cap(b)]
				got := make([]uint64, n)
				Unpack64(got, b, width)
				if !slices.Equal(got, v) {
					t.Fatalf("width %d, %d values, padding %d: Unpack64 differs", width, n, pad)
				}
				if width <= 32 {
					got32 := make([]uint32, n)
					Unpack32(got32, b, width)
					for i := range got32 {
						if uint64(got32[i]) != v[i] {
							t.Fatalf("width %d, %d values, padding %d: Unpack32 differs at %d", width, n, pad, i)
						}
					}
				}
				base := int64(r.Uint64())
				ints := make([]int64, n)
				UnpackInts(ints, b, width, base)
				i32 := make([]int32, n)
				UnpackInts(i32, b, width, base)
				i16 := make([]int16, n)
				UnpackInts(i16, b, width, base)
				for i := range ints {
					want := base + int64(v[i])
					if ints[i] != want || i32[i] != int32(want) || i16[i] != int16(want) {
						t.Fatalf("width %d, %d values, padding %d: UnpackInts differs at %d", width, n, pad, i)
					}
				}
				if n == 0 {
					continue
				}
				idx := make([]uint16, 20)
				for i := range idx {
					idx[i] = uint16(r.IntN(n))
				}
				g := make([]int64, len(idx))
				GatherPacked(g, b, width, base, idx)
				for i, j := range idx {
					if g[i] != base+int64(v[j]) {
						t.Fatalf("width %d: GatherPacked differs", width)
					}
				}
				testPackedRange(t, r, b, width, v)
			}
		}
	}
}

func testPackedRange(t *testing.T, r *rand.Rand, b []byte, width uint8, v []uint64) {
	t.Helper()
	base := int64(r.IntN(1000) - 500)
	if width == 64 {
		base = math.MinInt64
	}
	at := func() int64 { return base + int64(v[r.IntN(len(v))]) + int64(r.IntN(3)-1) }
	for range 4 {
		lo, hi := at(), at()
		out := dirty(len(v))
		PackedRange(b, width, len(v), base, lo, hi, out)
		checkBits(t, fmt.Sprintf("width %d [%d,%d]", width, lo, hi), out, len(v), func(i int) bool {
			x := base + int64(v[i])
			return x >= lo && x <= hi
		})
	}
	if width > 0 && width <= 12 {
		set := make([]uint64, words(1<<width+7)+1)
		for i := range set {
			set[i] = r.Uint64()
		}
		out := dirty(len(v))
		PackedCodeBits(b, width, len(v), 7, set, out)
		checkBits(t, "codes", out, len(v), func(i int) bool { c := v[i] + 7; return set[c>>6]>>(c&63)&1 == 1 })
	}
}

func TestSum(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range append(lengths, sumChunk+3) {
		v := randomInts[int64](r, n)
		want := new(big.Int)
		for _, x := range v {
			want.Add(want, big.NewInt(x))
		}
		lo, hi := Sum64(v)
		got := new(big.Int).Lsh(big.NewInt(hi), 64)
		got.Add(got, new(big.Int).SetUint64(lo))
		if got.Cmp(want) != 0 {
			t.Fatalf("%d values: sum %v, want %v", n, got, want)
		}
	}
	v32 := randomInts[int32](r, 1001)
	if lo, hi := MinMax(v32); lo != slices.Min(v32) || hi != slices.Max(v32) {
		t.Fatal("MinMax differs")
	}
	lo, hi := Add128(math.MaxUint64, -1, 2, 0)
	if lo != 1 || hi != 0 {
		t.Fatal("Add128 loses the carry")
	}
}

func TestBits(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	src := make([]uint64, 40)
	for i := range src {
		src[i] = r.Uint64()
	}
	get := func(b []uint64, i int) bool { return b[i>>6]>>(uint(i)&63)&1 == 1 }
	for range 2000 {
		n := r.IntN(300)
		from, at := r.IntN(len(src)*64-n), r.IntN(200)
		dst := make([]uint64, 10)
		CopyBits(dst, at, src, from, n)
		checkBits(t, fmt.Sprint("CopyBits ", at, from, n), dst, at+n, func(i int) bool { return i >= at && get(src, from+i-at) })
		clear(dst)
		SetRange(dst, at, n)
		checkBits(t, "SetRange", dst, at+n, func(i int) bool { return i >= at })
		clear(dst)
		idx := make([]uint16, n)
		for i := range idx {
			idx[i] = uint16(r.IntN(len(src) * 64))
		}
		GatherBits(dst, at, src, idx)
		checkBits(t, "GatherBits", dst, at+n, func(i int) bool { return i >= at && get(src, int(idx[i-at])) })
		want := 0
		for i := range n {
			if get(src, i) {
				want++
			}
		}
		if CountBits(src, n) != want {
			t.Fatal("CountBits differs")
		}
	}
}

func TestIntSet(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, span := range []int64{10, 1000, setSpan * 4, math.MaxInt64} {
		for _, size := range []int{0, 1, 2, 5, 100} {
			m := map[int64]bool{}
			for len(m) < min(size, int(span)) {
				m[r.Int64N(span)-span/2] = true
			}
			var sorted []int64
			for x := range m {
				sorted = append(sorted, x)
			}
			slices.Sort(sorted)
			s := NewIntSet(sorted)
			v := make([]int64, 300)
			for i := range v {
				v[i] = r.Int64N(span) - span/2
				if len(sorted) > 0 && r.IntN(2) == 0 {
					v[i] = sorted[r.IntN(len(sorted))]
				}
			}
			out := dirty(len(v))
			SetBits(v, s, out)
			checkBits(t, "SetBits", out, len(v), func(i int) bool { return m[v[i]] })
			for range 50 {
				lo := r.Int64N(span) - span/2
				hi := lo + r.Int64N(5)
				want := slices.ContainsFunc(sorted, func(x int64) bool { return x >= lo && x <= hi })
				if s.Overlaps(lo, hi) != want {
					t.Fatal("Overlaps differs")
				}
			}
		}
	}
}

// TestHash pins the hashes: files are ordered by them.
func TestHash(t *testing.T) {
	for _, c := range []struct {
		got, want uint64
	}{
		{HashBytes(nil), 0x2d06800538d394c2},
		{HashBytes([]byte("siltstone")), 0xe4f406f548873481},
		{HashUint64(0), 0},
		{HashUint64(1), 0x5692161d100b05e5},
		{HashUint128(1, 2), 0x31795d627f0b22ac},
	} {
		if c.got != c.want {
			t.Errorf("hash %#x, want %#x", c.got, c.want)
		}
	}
	if HashUint128(1, 2) == HashUint128(2, 1) {
		t.Error("the order of the parts does not matter")
	}
	// Every input bit flips about half of the output bits.
	for bit := range 64 {
		flips := 0
		for x := range uint64(256) {
			flips += bits.OnesCount64(HashUint64(x) ^ HashUint64(x^1<<bit))
		}
		if flips < 256*26 || flips > 256*38 {
			t.Errorf("bit %d flips %d of %d bits", bit, flips, 256*64)
		}
	}
}

var sink uint64

func BenchmarkRange(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	out := make([]uint64, 32)
	v16, v32, v64 := randomInts[int16](r, 2048), randomInts[int32](r, 2048), randomInts[int64](r, 2048)
	b.Run("int16", func(b *testing.B) { perRow(b, func() { Range(v16, 1, 100, out) }) })
	b.Run("int32", func(b *testing.B) { perRow(b, func() { Range(v32, 1, 100, out) }) })
	b.Run("int64", func(b *testing.B) { perRow(b, func() { Range(v64, 1, 100, out) }) })
	f := make([]float64, 2048)
	b.Run("float64", func(b *testing.B) { perRow(b, func() { FloatBits(f, FloatRange{Lo: 1, Hi: 2}, out) }) })
	b.Run("columns32", func(b *testing.B) { perRow(b, func() { Compare(Lt, v32, v32, out) }) })
}

func BenchmarkPacked(b *testing.B) {
	for _, width := range []uint8{1, 4, 7, 11, 17, 24, 40} {
		src := make([]byte, PackedBytes(2048, width)+PackPadding)
		for i := range src {
			src[i] = byte(i * 37)
		}
		out := make([]uint64, 32)
		d16, d32, d64 := make([]int16, 2048), make([]int32, 2048), make([]int64, 2048)
		b.Run(fmt.Sprintf("range/%d", width), func(b *testing.B) { perRow(b, func() { PackedRange(src, width, 2048, 0, 1, 1, out) }) })
		b.Run(fmt.Sprintf("unpack16/%d", width), func(b *testing.B) { perRow(b, func() { UnpackInts(d16, src, width, 5) }) })
		b.Run(fmt.Sprintf("unpack32/%d", width), func(b *testing.B) { perRow(b, func() { UnpackInts(d32, src, width, 5) }) })
		b.Run(fmt.Sprintf("unpack64/%d", width), func(b *testing.B) { perRow(b, func() { UnpackInts(d64, src, width, 5) }) })
		vals := make([]uint64, 2048)
		b.Run(fmt.Sprintf("pack/%d", width), func(b *testing.B) { perRow(b, func() { clear(src); Pack64(src, vals, width) }) })
	}
}

func BenchmarkSum(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	v64 := randomInts[int64](r, 2048)
	b.Run("int64", func(b *testing.B) { perRow(b, func() { lo, _ := Sum64(v64); sink += lo }) })
}

func perRow(b *testing.B, f func()) {
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/row")
}
