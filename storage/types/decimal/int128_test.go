package decimal

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// testInt128s are the edges and some random values of all sizes.
func testInt128s() []Int128 {
	out := []Int128{{}, {1, 0}, {math.MaxUint64, -1}, MaxInt128, MinInt128, {0, 1}, {math.MaxUint64, 0}, {1 << 63, 0}, {1 << 63, -1}, Pow10(38), Pow10(18), Pow10(19).Neg()}
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		v := Int128{r.Uint64(), int64(r.Uint64())}
		s := uint(r.IntN(127))
		b := new(big.Int).Rsh(v.Big(), s)
		out = append(out, fromBigInt(b))
	}
	return out
}

func fromBigInt(b *big.Int) Int128 {
	d := fromBig(b.Sign() < 0, new(big.Int).Abs(b), 0)
	v, _ := d.coef.signed(d.neg)
	return v
}

var bigMin, bigMax = MinInt128.Big(), MaxInt128.Big()

func TestInt128AgainstBig(t *testing.T) {
	vals := testInt128s()
	check := func(what string, a, b, got Int128, ok bool, want *big.Int) {
		t.Helper()
		fits := want.Cmp(bigMin) >= 0 && want.Cmp(bigMax) <= 0
		if ok != fits || ok && got.Big().Cmp(want) != 0 {
			t.Errorf("%v %s %v: got %v, %v, want %v", a.Big(), what, b.Big(), got.Big(), ok, want)
		}
	}
	for _, a := range vals {
		for _, b := range vals {
			x, y := a.Big(), b.Big()
			got, ok := a.Add(b)
			check("+", a, b, got, ok, new(big.Int).Add(x, y))
			got, ok = a.Sub(b)
			check("-", a, b, got, ok, new(big.Int).Sub(x, y))
			got, ok = a.Mul(b)
			check("*", a, b, got, ok, new(big.Int).Mul(x, y))
			if a.Cmp(b) != x.Cmp(y) {
				t.Errorf("cmp %v %v", x, y)
			}
			if b.Sign() != 0 && !(a == MinInt128 && y.IsInt64() && y.Int64() == -1) {
				q, r := a.QuoRem(b)
				wq, wr := new(big.Int).QuoRem(x, y, new(big.Int))
				if q.Big().Cmp(wq) != 0 || r.Big().Cmp(wr) != 0 {
					t.Errorf("%v / %v: got %v, %v, want %v, %v", x, y, q.Big(), r.Big(), wq, wr)
				}
			}
		}
		if s := string(Append128(nil, a, 0)); s != a.Big().String() {
			t.Errorf("%v prints as %s", a.Big(), s)
		}
		if a.Sign() != a.Big().Sign() || a.Neg().Neg() != a {
			t.Errorf("sign of %v", a.Big())
		}
		if f, _ := new(big.Float).SetInt(a.Big()).Float64(); f != a.Float64() {
			t.Errorf("%v as float is %g, want %g", a.Big(), a.Float64(), f)
		}
	}
}

func TestRescale(t *testing.T) {
	for _, c := range []struct {
		v, want  int64
		from, to int
		ok       bool
	}{
		{125, 13, 2, 1, true}, {-125, -13, 2, 1, true}, {124, 12, 2, 1, true}, {1, 100, 0, 2, true}, {0, 0, 0, 40, true},
		{5, 1, 1, 0, true}, {-5, -1, 1, 0, true}, {4, 0, 1, 0, true}, {7, 0, 40, 0, true}, {15, 2, 0, -1, true},
		{math.MaxInt64, 922337203685477581, 1, 0, true}, {1, 0, 0, 19, false}, {2, 0, 0, 40, false},
	} {
		got, ok := RescaleInt64(c.v, c.from, c.to)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%d from %d to %d: got %d, %v", c.v, c.from, c.to, got, ok)
		}
		wide, ok := Int128From64(c.v).Rescale(c.from, c.to)
		if ok && c.ok && wide != Int128From64(c.want) {
			t.Errorf("%d from %d to %d: got %v", c.v, c.from, c.to, wide.Big())
		}
	}
}

// TestNumericEncodingOrder checks that encodings sort as values do, that equal values share their key, and that they
// come back.
func TestNumericEncodingOrder(t *testing.T) {
	var all []Decimal
	for _, s := range []string{"-Infinity", "-1e40", "-10000", "-9999.9999", "-1.5", "-1", "-0.99995", "-0.0001", "-1e-20", "0", "0.00", "1e-20", "0.0001",
		"0.00010", "0.5", "1", "1.0", "1.00005", "1.5", "1.50", "2", "9999", "10000", "10001", "1e8", "123456789012345678901234567890.5", "1e40", "1e400", "Infinity", "NaN"} {
		d, err := Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	for i, a := range all {
		ea := AppendEncoded(nil, a)
		back, err := Decode(ea)
		if err != nil || back.String() != a.String() {
			t.Errorf("%s comes back as %s, %v", a, back, err)
		}
		for j, b := range all {
			eb := AppendEncoded(nil, b)
			want := clampSign(a.Cmp(b))
			if bytes.Equal(Key(ea), Key(eb)) != (want == 0) {
				t.Errorf("keys of %s and %s", a, b)
			}
			if want != 0 && bytes.Compare(ea, eb) != want || (i < j) != (bytes.Compare(ea, eb) < 0) {
				t.Errorf("order of %s and %s", a, b)
			}
		}
	}
	for _, bad := range []string{"", "\x04", "\x04\x80\x00\x00\x00\x00\x00", "\x09\x00\x00", "\x04\x80\x00\x27\x12\x00\x00\x00\x00", "\x03\xff\xff"} {
		if d, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%x reads as %s", bad, d)
		}
	}
}

func TestQuo(t *testing.T) {
	for _, c := range []struct {
		sum   int64
		scale int
		count int64
		want  string
	}{{10, 0, 4, "2.5000000000000000"}, {1000000, 0, 3, "333333.333333333333"}, {0, 0, 7, "0.00000000000000000000"}, {123456, 2, 100, "12.3456000000000000"}} {
		got, err := FromInt128(Int128From64(c.sum), c.scale).Quo(FromInt64(c.count))
		if err != nil || got.String() != c.want {
			t.Errorf("%+v: got %s, %v", c, got, err)
		}
	}
}

func FuzzDecodeNumeric(f *testing.F) {
	for _, s := range []string{"0", "1.50", "-12345678901234567890123456789012345678901234567890.1", "NaN"} {
		d, _ := Parse([]byte(s))
		f.Add(AppendEncoded(nil, d))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Decode(b)
		if err != nil {
			return
		}
		if back, err := Decode(AppendEncoded(nil, d)); err != nil || back.Cmp(d) != 0 {
			t.Errorf("%s comes back as %s, %v", d, back, err)
		}
	})
}
