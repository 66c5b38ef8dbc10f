package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestRangeOf: a comparison with a constant is a range, or what lies outside of one.
func TestRangeOf(t *testing.T) {
	values := []int64{math.MinInt64, math.MinInt64 + 1, -2, -1, 0, 1, 2, math.MaxInt64 - 1, math.MaxInt64}
	floats := []float64{math.NaN(), math.Inf(-1), -1.5, math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64, 1.5, math.MaxFloat64, math.Inf(1)}
	for _, op := range cmps {
		for _, c := range values {
			lo, hi, not := RangeOf(op, c)
			for _, x := range values {
				if got := (x >= lo && x <= hi) != not; got != holds(op, order(x, c)) {
					t.Errorf("%d %v %d: %v", x, op, c, got)
				}
			}
		}
		for _, c := range floats {
			r, not := FloatRangeOf(op, c)
			for _, x := range floats {
				if got := r.Contains(x) != not; got != holds(op, order(x, c)) {
					t.Errorf("%g %v %g: %v", x, op, c, got)
				}
			}
		}
	}
}

// TestPackedBounds: the range in the packed domain holds the same values.
func TestPackedBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 20000 {
		width := uint8(r.IntN(65))
		top := ^uint64(0)
		if width < 64 {
			top = 1<<width - 1
		}
		base := int64(r.Uint64()) >> r.IntN(64)
		near := func() int64 {
			code := min(r.Uint64()&top, uint64(math.MaxInt64)-uint64(base))
			return base + int64(code)
		}
		lo, hi := near(), near()
		if r.IntN(4) == 0 {
			lo = int64(r.Uint64())
		}
		from, span, v := PackedBounds(width, base, lo, hi)
		for range 20 {
			code := r.Uint64() & top
			if code > uint64(math.MaxInt64)-uint64(base) { // values never pass the largest integer
				continue
			}
			x := base + int64(code)
			got := v == All || v == Some && code-uint64(from) <= span
			if want := x >= lo && x <= hi; got != want {
				t.Fatalf("width %d, base %d, [%d, %d]: %d is %v (verdict %d)", width, base, lo, hi, x, got, v)
			}
		}
	}
}

// TestOneByOne compares the loops with their definitions, one value after the other.
func TestOneByOne(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, n := range lengths {
		set := make([]uint64, 4)
		for i := range set {
			set[i] = r.Uint64()
		}
		codes, idx, src := make([]uint32, n), make([]uint16, n), make([]int64, 300)
		for i := range codes {
			codes[i], idx[i] = uint32(r.IntN(256)), uint16(r.IntN(len(src)))
		}
		for i := range src {
			src[i] = int64(r.Uint64())
		}
		out, dst := make([]uint64, words(n)), make([]int64, n)
		CodeBits(codes, set, out)
		Gather(dst, src, idx)
		for i := range n {
			if out[i>>6]>>(i&63)&1 != set[codes[i]>>6]>>(codes[i]&63)&1 {
				t.Fatalf("CodeBits of %d codes differs at %d", n, i)
			}
			if dst[i] != src[idx[i]] {
				t.Fatalf("Gather of %d values differs at %d", n, i)
			}
		}
		before := append([]uint64(nil), out...)
		Not(out, n)
		for i := range 64 * len(out) {
			if want := i < n && before[i>>6]>>(i&63)&1 == 0; (out[i>>6]>>(i&63)&1 == 1) != want {
				t.Fatalf("Not of %d bits differs at %d", n, i)
			}
		}
	}
	for width := uint8(0); width <= 64; width++ {
		v := make([]uint64, 130)
		for i := range v {
			if width > 0 {
				v[i] = r.Uint64() >> (64 - width)
			}
			if w := Width(v[i]); w > width {
				t.Fatalf("Width of %d is %d", v[i], w)
			}
		}
		b := make([]byte, PackedBytes(len(v), width))
		Pack64(b, v, width)
		for i := range v {
			if got := UnpackAt(b, i, width); got != v[i] {
				t.Fatalf("UnpackAt %d of width %d: %d, want %d", i, width, got, v[i])
			}
		}
	}
	if Bit(true) != 1 || Bit(false) != 0 {
		t.Error("Bit")
	}
}
