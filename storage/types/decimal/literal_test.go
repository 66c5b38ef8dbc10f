package decimal

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// slowText is the text of an encoding by way of the number.
func slowText(enc []byte) string {
	d, err := Decode(enc)
	if err != nil {
		d = NaN
	}
	return d.String()
}

func checkLiteral(t *testing.T, s string) {
	t.Helper()
	enc, err := AppendParsed([]byte("x"), []byte(s))
	d, want := Parse([]byte(s))
	if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
		t.Fatalf("%.60q: got %v, want %v", s, err, want)
	}
	if err != nil {
		return
	}
	if w := AppendEncoded([]byte("x"), d); !bytes.Equal(enc, w) {
		t.Fatalf("%.60q: got %x, want %x", s, enc, w)
	}
	if got, w := string(AppendText(nil, enc[1:])), slowText(enc[1:]); got != w || w != d.String() {
		t.Fatalf("%.60q: prints as %.80s, want %.80s", s, got, w)
	}
}

// TestLiterals compares reading and printing by digits with the way by numbers.
func TestLiterals(t *testing.T) {
	for _, s := range []string{"0", "-0", "0e5", "0e-5", "0.000", "1e131071", "-1e131071", "1e131072", "1e-16383", "1e-16384", "9e4", "90000e-4", "12345678901234567890123456789012345678901.5",
		"1e40", "-1.5e40", "100000000000000000000000000000000000000000000", "0.00000000000000000000000000000000000000000000000000123", "1e-50", "123e-52", "NaN", "-Infinity", "inf",
		"-NaN", "1e", "1e+", "e5", ".", "1.", ".5", "+.5e3", "1e99999999999", "1e-99999999999", "1.5.5", strings.Repeat("9", 131072), strings.Repeat("9", 131073), strings.Repeat("12345", 9000) + "." + strings.Repeat("67890", 3000)} {
		checkLiteral(t, s)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		b := []byte{}
		if r.IntN(3) == 0 {
			b = append(b, '-')
		}
		for range r.IntN(60) {
			b = append(b, "0000123456789."[r.IntN(14)])
		}
		if r.IntN(2) == 0 {
			b = append(b, "e-"[:1+r.IntN(2)]...)
			b = append(b, byte('0'+r.IntN(10)), byte('0'+r.IntN(10)))
		}
		checkLiteral(t, string(b))
	}
}

// TestAppendTextOfDamage: bytes that are no encoding print as NaN by either way.
func TestAppendTextOfDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50_000 {
		enc, _ := AppendParsed(nil, []byte("-123456789012345678901234567890123456789012345678.5e20"))
		if r.IntN(2) == 0 {
			enc, _ = AppendParsed(nil, []byte("1e100"))
		}
		for range 1 + r.IntN(3) {
			enc[r.IntN(len(enc))] = byte(r.IntN(256))
		}
		enc = enc[:len(enc)-r.IntN(4)]
		if got, want := string(AppendText(nil, enc)), slowText(enc); got != want {
			t.Fatalf("%x prints as %.100s, want %.100s", enc, got, want)
		}
	}
}

// TestLittleInput reads numbers that are short to write and long to compute.
func TestLittleInput(t *testing.T) {
	start := time.Now()
	var enc []byte
	for range 20_000 {
		var err error
		if enc, err = AppendParsed(enc[:0], []byte("1e131071")); err != nil || len(enc) != 9 {
			t.Fatal(enc, err)
		}
	}
	if d := time.Since(start); d > 2*time.Second { // some milliseconds; 400 s by numbers
		t.Errorf("20,000 numbers took %v", d)
	}
}
