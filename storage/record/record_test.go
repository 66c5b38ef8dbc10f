package record

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// memory is a file in a slice.
type memory []byte

func (m memory) Size() (int64, error) { return int64(len(m)), nil }
func (m memory) Name() string         { return "memory" }
func (m memory) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(m).ReadAt(b, off)
}

// build writes groups of records with the given payload sizes.
func build(groups ...[]int) []byte {
	b := AppendHeader(nil, Header{Kind: WAL, Number: 7, First: 1, Bytes: 64})
	a := Appender{Number: 7, Offset: HeaderBytes}
	seq := uint64(0)
	for _, g := range groups {
		for _, n := range g {
			seq++
			b = a.Append(b, 1, seq, bytes.Repeat([]byte{byte(seq)}, n))
		}
		a.Group = a.Offset
	}
	return b
}

func readAll(b []byte) (seqs []uint64, sizes []int, err error) {
	r, err := NewReader(memory(b), WAL, 7, 64<<20)
	if err != nil {
		return nil, nil, err
	}
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return seqs, sizes, nil
		}
		if err != nil {
			return seqs, sizes, err
		}
		seqs, sizes = append(seqs, f.Sequence), append(sizes, len(f.Payload))
		for _, x := range f.Payload {
			if x != byte(f.Sequence) {
				return seqs, sizes, errors.New("wrong payload")
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	b := build([]int{0, 1, 7, 8, 9}, []int{MaxPayload - 1, MaxPayload, MaxPayload + 1}, []int{3*MaxPayload + 5})
	seqs, sizes, err := readAll(append(b, make([]byte, 5<<20)...))
	if err != nil || len(seqs) != 9 || sizes[8] != 3*MaxPayload+5 {
		t.Fatalf("%v %v %v", seqs, sizes, err)
	}
	want := int64(HeaderBytes)
	for _, n := range sizes {
		want += Size(n)
	}
	if want != int64(len(b)) {
		t.Fatalf("Size says %d, written %d", want, len(b))
	}
}

// Every truncation gives a prefix; every flipped byte gives a prefix of the last group or an error.
func TestTornAndDamaged(t *testing.T) {
	b := build([]int{10, 20}, []int{30, 5}, []int{40, 8, 9})
	for n := range b {
		seqs, _, err := readAll(b[:n])
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		for i, s := range seqs {
			if s != uint64(i+1) {
				t.Fatalf("cut at %d: sequences %v", n, seqs)
			}
		}
	}
	lastGroup := len(b) - int(Size(40)+Size(8)+Size(9))
	for i := range b {
		for _, bit := range []byte{1, 0x80} {
			c := bytes.Clone(b)
			c[i] ^= bit
			seqs, _, err := readAll(c)
			switch {
			case i < lastGroup && err == nil && len(seqs) < 7 && i >= HeaderBytes:
				t.Fatalf("byte %d: damage in the middle was skipped: %v", i, seqs)
			case i >= lastGroup && err != nil:
				t.Fatalf("byte %d: torn last group is an error: %v", i, err)
			case err != nil && !errs.Is(err, errs.DataCorrupted) && !errs.Is(err, errs.FeatureNotSupported):
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
}

func TestHeaderDamageIsAnError(t *testing.T) {
	b := build([]int{10}, []int{20})
	for i := range HeaderBytes {
		c := bytes.Clone(b)
		c[i] ^= 4
		if _, _, err := readAll(c); err == nil {
			t.Fatalf("byte %d of the header: no error", i)
		}
	}
}

// What follows the last whole record is told: where, how much, and whether the frame there was whole.
func TestTail(t *testing.T) {
	b := build([]int{10}, []int{30, 5})
	last := len(b) - int(Size(5))
	flipped := bytes.Clone(b)
	flipped[last+FrameBytes] ^= 1
	long := build([]int{10}, []int{2 * MaxPayload})
	second := len(long) - int(Size(MaxPayload))
	zeros := make([]byte, 4096)
	for name, c := range map[string]struct {
		b    []byte
		want Tail
	}{
		"nothing":           {b, Tail{Offset: int64(len(b))}},
		"zeros":             {append(bytes.Clone(b), zeros...), Tail{Offset: int64(len(b))}},
		"flipped":           {flipped, Tail{int64(last), int64(len(b) - last), true}},
		"flipped and zeros": {append(bytes.Clone(flipped), zeros...), Tail{int64(last), int64(len(b) - last), true}},
		"cut":               {append(bytes.Clone(b[:last+8]), zeros...), Tail{int64(last), 8, false}},
		"cut in a record":   {append(bytes.Clone(long[:second]), zeros...), Tail{HeaderBytes + Size(10), Size(MaxPayload), false}},
		"bytes at the end":  {append(append(bytes.Clone(b), zeros...), 1), Tail{int64(len(b)), int64(len(zeros)) + 1, false}},
	} {
		r, err := NewReader(memory(c.b), WAL, 7, 64<<20)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) || r.Tail() != c.want {
			t.Errorf("%s: %+v, want %+v: %v", name, r.Tail(), c.want, err)
		}
	}
}

func TestGolden(t *testing.T) {
	got := hex.EncodeToString(build([]int{3}))
	if got != golden {
		t.Errorf("the format changed:\n got %s\nwant %s", got, golden)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(build([]int{10, 20}, []int{30, 5}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		seqs, sizes, _ := readAll(b)
		total := int64(HeaderBytes)
		for i, n := range sizes {
			total += Size(n)
			if i > 0 && seqs[i] != seqs[i-1]+1 {
				t.Fatalf("record %d follows %d", seqs[i], seqs[i-1])
			}
		}
		if len(sizes) > 0 && total > int64(len(b))+7 {
			t.Fatalf("records of %d bytes out of %d", total, len(b))
		}
	})
}

// golden is a file with one record of three bytes, format 2.
const golden = "534c545257414c2002000000313578c7070000000000000001000000000000004000000000000000000000000000000057ca7ba803000000300000000100000001000000000000000101010000000000"

// TestLongest: a record of several frames may be as long as the reader takes, and no byte longer.
func TestLongest(t *testing.T) {
	const n = 2*MaxPayload + 100
	for _, c := range []struct {
		most int64
		good bool
	}{{n, true}, {n - 1, false}, {n - MaxPayload, false}} {
		r, err := NewReader(memory(build([]int{5, n, 7})), WAL, 7, c.most)
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for err == nil {
			var f Frame
			if f, err = r.Next(); err == nil {
				sizes = append(sizes, len(f.Payload))
				if f.Sequence != uint64(len(sizes)) || bytes.Count(f.Payload, []byte{byte(len(sizes))}) != len(f.Payload) {
					t.Errorf("record %d is not what was written", len(sizes))
				}
			}
		}
		if c.good != errors.Is(err, io.EOF) || c.good && !slices.Equal(sizes, []int{5, n, 7}) || !c.good && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("at most %d bytes: %d, %v", c.most, sizes, err)
		}
	}
}

// TestTailWhole: of a frame that does not verify all bytes are there when less than a word of zeros is missing.
func TestTailWhole(t *testing.T) {
	for _, c := range []struct {
		payload, zeros int
		want           bool
	}{{16, 0, true}, {16, 7, true}, {16, 8, false}, {5, 4, true}, {5, 5, false}, {MaxPayload, 0, true}, {MaxPayload, 7, true}, {MaxPayload, 8, false}} {
		b := build([]int{10}, []int{c.payload})
		last := len(b) - int(Size(c.payload))
		for i := range c.zeros {
			b[last+FrameBytes+c.payload-1-i] = 0
		}
		b[last] ^= 1 // of its checksum
		r, err := NewReader(memory(b), WAL, 7, 64<<20)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) || r.Tail().Whole != c.want {
			t.Errorf("%d bytes, %d zeros at their end: %+v, %v", c.payload, c.zeros, r.Tail(), err)
		}
	}
}

// TestEveryLength: a file that is cut anywhere has the records before the cut, whichever window they are read through.
func TestEveryLength(t *testing.T) {
	b := build([]int{10, 3}, []int{700, 0}, []int{64, 1, 2})
	whole, _, err := readAll(b)
	if err != nil || len(whole) != 7 {
		t.Fatalf("%d, %v", whole, err)
	}
	var ends []int64 // without what fills the last word
	at := int64(HeaderBytes)
	for _, n := range []int{10, 3, 700, 0, 64, 1, 2} {
		ends = append(ends, at+FrameBytes+int64(n))
		at += Size(n)
	}
	for cut := HeaderBytes; cut <= len(b); cut++ {
		want := 0
		for want < 7 && ends[want] <= int64(cut) {
			want++
		}
		got, _, err := readAll(b[:cut])
		if err != nil || !slices.Equal(got, whole[:want]) && len(got)+len(whole[:want]) > 0 {
			t.Errorf("%d of %d bytes: records %d, want %d: %v", cut, len(b), got, want, err)
		}
	}
}
