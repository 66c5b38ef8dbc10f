package field

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// The example of the package comment.
func TestGolden(t *testing.T) {
	var w Writer
	w.Uint(2, 300)
	w.String(4, "ab")
	m := w.Begin(6)
	w.Uint(2, 1)
	w.End(m)
	if got := hex.EncodeToString(w.Record()); got != "10ac022202616232021001" {
		t.Fatalf("the format changed: %s", got)
	}
}

type sample struct {
	u     uint64
	i     int64
	b     bool
	x     uint64
	bytes []byte
	s     string
	list  []uint64
	inner []*sample
	kept  []byte
}

func (s *sample) write(w *Writer) {
	w.Uint(2, s.u)
	w.Int(4, s.i)
	w.Bool(6, s.b)
	w.Fixed(8, s.x)
	w.Bytes(10, s.bytes)
	w.String(12, s.s)
	w.Uints(14, s.list)
	for _, in := range s.inner {
		m := w.Begin(16)
		in.write(w)
		w.End(m)
	}
	w.Keep(s.kept)
}

func readSample(r *Reader) *sample {
	s := &sample{}
	for r.Next() {
		switch r.Number() {
		case 2:
			s.u = r.Uint()
		case 4:
			s.i = r.Int()
		case 6:
			s.b = r.Bool()
		case 8:
			s.x = r.Fixed()
		case 10:
			s.bytes = bytes.Clone(r.Bytes())
		case 12:
			s.s = r.String()
		case 14:
			s.list = r.Uints(nil)
		case 16:
			s.inner = append(s.inner, readSample(r.Record("inner sample")))
		default:
			r.Unknown()
		}
	}
	s.kept = r.Kept()
	return s
}

func encoded(s *sample) []byte {
	w := NewWriter(nil)
	s.write(w)
	return w.Record()
}

func full() *sample {
	return &sample{
		u: math.MaxUint64, i: math.MinInt64, b: true, x: 1 << 63, bytes: []byte{0, 255}, s: "text", list: []uint64{0, 1, 1 << 40},
		inner: []*sample{{}, {s: strings.Repeat("x", 127)}, {s: strings.Repeat("y", 200), inner: []*sample{{u: 1}}}, {s: strings.Repeat("z", 70000)}},
	}
}

func TestRoundTrip(t *testing.T) {
	b := encoded(full())
	r := NewReader("sample", b)
	back := readSample(r)
	if err := r.Err(); err != nil || !bytes.Equal(encoded(back), b) {
		t.Fatalf("a record does not survive: %v", err)
	}
	if back.u != math.MaxUint64 || back.i != math.MinInt64 || !back.b || back.x != 1<<63 || back.s != "text" || !slices.Equal(back.list, []uint64{0, 1, 1 << 40}) ||
		len(back.inner) != 4 || len(back.inner[3].s) != 70000 || back.inner[2].inner[0].u != 1 {
		t.Fatalf("values differ: %+v", back)
	}
	if len(encoded(&sample{})) != 0 {
		t.Error("zero values are written")
	}
}

// A Writer behind other bytes leaves them alone, whatever the length of a record inside.
func TestAppends(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384} {
		w := NewWriter([]byte("head"))
		m := w.Begin(2)
		w.Bytes(2, make([]byte, n))
		w.End(m)
		rest, ok := bytes.CutPrefix(w.Record(), []byte("head"))
		r := NewReader("record", rest)
		if !ok || !r.Next() || len(r.Record("inner").b) != len(encoded(&sample{bytes: make([]byte, n)})) || r.Next() || r.Err() != nil {
			t.Errorf("%d bytes: %x: %v", n, rest[:min(len(rest), 20)], r.Err())
		}
	}
}

func TestUnknown(t *testing.T) {
	w := NewWriter(nil)
	w.Uint(2, 7)
	m := w.Begin(16)
	w.String(101, "of a newer version")
	w.End(m)
	w.Fixed(103, 5)
	r := NewReader("sample", w.Record())
	s := readSample(r)
	if err := r.Err(); err != nil || !bytes.Equal(encoded(s), w.Record()) {
		t.Fatalf("odd fields are not kept: %v", err)
	}
	w.Uint(102, 1)
	r = NewReader("sample", w.Record())
	readSample(r)
	if err := r.Err(); !errs.Is(err, errs.FeatureNotSupported) || !strings.Contains(err.Error(), "field 102 of sample") {
		t.Fatalf("an even field: %v", err)
	}
	inner := NewWriter(nil)
	m = inner.Begin(16)
	inner.Uint(18, 1)
	inner.End(m)
	r = NewReader("sample", inner.Record())
	readSample(r)
	if err := r.Err(); !errs.Is(err, errs.FeatureNotSupported) || !strings.Contains(err.Error(), "field 18 of inner sample") {
		t.Fatalf("an even field of a record inside: %v", err)
	}
}

func TestDamage(t *testing.T) {
	for name, b := range map[string]string{
		"cut key":       "80",
		"number 0":      "00",
		"cut number":    "10ff",
		"long number":   "10ffffffffffffffffffff7f",
		"long text":     "22ffffffff0f61",
		"32 bits":       "1500000000",
		"group":         "1314",
		"another form":  "120161",
		"list cut":      "720180",
		"inside cut":    "8201021080",
		"inside number": "820103120161",
	} {
		raw, err := hex.DecodeString(b)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader("sample", raw)
		readSample(r)
		if !errs.Is(r.Err(), errs.DataCorrupted) {
			t.Errorf("%s: %v", name, r.Err())
		}
		if r.Next() {
			t.Errorf("%s: reading goes on", name)
		}
	}
}

// What can be read is written again with the same meaning, and from then on byte for byte.
func FuzzReader(f *testing.F) {
	f.Add(encoded(full()))
	f.Add([]byte{0x10, 0xac, 0x02, 0x08, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader("sample", b)
		s := readSample(r)
		if r.Err() != nil {
			return
		}
		once := encoded(s)
		again := NewReader("sample", once)
		if twice := encoded(readSample(again)); again.Err() != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x is written as %x and then as %x: %v", b, once, twice, again.Err())
		}
	})
}
