package field

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

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

// A record inside has the shortest form of its length, and what stands before it stays.
func TestAppends(t *testing.T) {
	for _, n := range []int{0, 1, 123, 124, 125, 126, 16376, 16377, 16378, 16379, 16380, 2097140, 2097145, 2097150} {
		inner := encoded(&sample{bytes: bytes.Repeat([]byte{7}, n)})
		w := NewWriter([]byte("head"))
		m := w.Begin(2)
		w.Bytes(10, bytes.Repeat([]byte{7}, n))
		w.End(m)
		want := protowire.AppendBytes(protowire.AppendTag([]byte("head"), 2, protowire.BytesType), inner)
		if !bytes.Equal(w.Record(), want) {
			t.Errorf("%d bytes: %x, want %x", n, w.Record()[:min(len(w.Record()), 20)], want[:min(len(want), 20)])
		}
	}
}

func TestEnclose(t *testing.T) {
	for _, n := range []int{1, 127, 128, 1 << 20} {
		var head, w, want Writer
		head.Uint(2, 7)
		v := bytes.Repeat([]byte{5}, n)
		w.Enclose(4, head.Record(), 6, v)
		m := want.Begin(4)
		want.Uint(2, 7)
		want.Bytes(6, v)
		want.End(m)
		if !bytes.Equal(w.Record(), want.Record()) {
			t.Errorf("%d bytes: %x", n, w.Record()[:20])
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
	for _, c := range []struct{ name, b, want string }{
		{"cut key", "80", "sample: malformed before byte 0 of 1: a field's key"},
		{"number 0", "100100", "sample: malformed before byte 2 of 3: a field's key"},
		{"cut number", "10ff", "sample: malformed before byte 0 of 2: field 2"},
		{"long number", "10ffffffffffffffffffff7f", "sample: malformed before byte 0 of 12: field 2"},
		{"long text", "22ffffffff0f61", "sample: malformed before byte 0 of 7: field 4"},
		{"32 bits", "1500000000", "sample: malformed before byte 0 of 5: field 2"},
		{"group", "1314", "sample: malformed before byte 0 of 2: field 2"},
		{"another form", "1201611001", "sample: malformed before byte 3 of 5: field 2 has form 2, want 0"},
		{"no 64 bits", "4001", "sample: malformed before byte 2 of 2: field 8 has form 0, want 1"},
		{"no text", "6001", "sample: malformed before byte 2 of 2: field 12 has form 0, want 2"},
		{"list cut", "720180", "sample: malformed before byte 3 of 3: list of field 14"},
		{"inside cut", "8201021080", "inner sample: malformed before byte 0 of 2: field 2"},
		{"inside number", "820103120161", "inner sample: malformed before byte 3 of 3: field 2 has form 2, want 0"},
	} {
		raw, err := hex.DecodeString(c.b)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader("sample", raw)
		readSample(r)
		if err := r.Err(); !errs.Is(err, errs.DataCorrupted) || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
		}
		if r.Next() {
			t.Errorf("%s: reading goes on", c.name)
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
