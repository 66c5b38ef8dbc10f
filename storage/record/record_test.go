package record

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
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
		_, _, _ = readAll(b)
	})
}

// golden is a file with one record of three bytes, format 2.
const golden = "534c545257414c2002000000313578c7070000000000000001000000000000004000000000000000000000000000000057ca7ba803000000300000000100000001000000000000000101010000000000"
