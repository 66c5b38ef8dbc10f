package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// sealed puts the checksum of what its fields say now into the frame at the start of b, which lies at off of file 7.
func sealed(b []byte, off int64) []byte {
	n := int(binary.LittleEndian.Uint32(b[4:]))
	binary.LittleEndian.PutUint32(b, frameCRC(7, off, b[:FrameBytes+n]))
	return b
}

// TestFrameFields: a frame of which a field is not what one may be is none, though its checksum is right.
func TestFrameFields(t *testing.T) {
	const off = 64
	frame := func(change func(b []byte)) []byte {
		a := Appender{Number: 7, Group: off - 16, Offset: off}
		b := a.Append(nil, 1, 5, []byte("12345678"))
		change(b)
		return sealed(b, off)
	}
	for name, c := range map[string]struct {
		change func(b []byte)
		good   bool
	}{
		"as it is":                    {func([]byte) {}, true},
		"goes on":                     {func(b []byte) { b[13] = 1 }, true},
		"type 255":                    {func(b []byte) { b[12] = 255 }, true},
		"type 0":                      {func(b []byte) { b[12] = 0 }, false},
		"unknown flag":                {func(b []byte) { b[13] = 2 }, false},
		"unknown flag, goes on":       {func(b []byte) { b[13] = 0x81 }, false},
		"not zero at 14":              {func(b []byte) { b[14] = 1 }, false},
		"not zero at 15":              {func(b []byte) { b[15] = 1 }, false},
		"group at the start":          {func(b []byte) { binary.LittleEndian.PutUint32(b[8:], off) }, true},
		"group in front of the start": {func(b []byte) { binary.LittleEndian.PutUint32(b[8:], off+1) }, false},
	} {
		f, ok := parse(frame(c.change), 7, off)
		if ok != c.good || ok && string(f.Payload) != "12345678" {
			t.Errorf("%s: %+v, %t", name, f, ok)
		}
	}
	whole := frame(func([]byte) {})
	for n := range len(whole) {
		if _, ok := parse(whole[:n], 7, off); ok {
			t.Errorf("%d of %d bytes are a frame", n, len(whole))
		}
	}
	long := append(frame(func([]byte) {}), make([]byte, MaxPayload)...)
	binary.LittleEndian.PutUint32(long[4:], MaxPayload)
	if _, ok := parse(sealed(long, off), 7, off); !ok {
		t.Error("the largest payload is refused")
	}
	binary.LittleEndian.PutUint32(long[4:], MaxPayload+1)
	if _, ok := parse(sealed(long, off), 7, off); ok {
		t.Error("a payload of one byte more is taken")
	}
}

// TestHeaderFields: so it is with a header.
func TestHeaderFields(t *testing.T) {
	good := Header{Kind: WAL, Number: 1, First: 2, Bytes: 3, After: 4}
	b := AppendHeader(nil, good)
	if h, ok, err := ParseHeader(b, WAL); !ok || err != nil || h != good {
		t.Errorf("%+v, %t, %v", h, ok, err)
	}
	if _, ok, err := ParseHeader(b, Manifest); ok || err != nil {
		t.Errorf("another kind of file: %t, %v", ok, err)
	}
	for n := range len(b) {
		if _, ok, err := ParseHeader(b[:n], WAL); ok || err != nil {
			t.Errorf("%d bytes: %t, %v", n, ok, err)
		}
	}
	for i := range 4 {
		c := bytes.Clone(b)
		c[i]++
		binary.LittleEndian.PutUint32(c[12:], headerCRC(c))
		if _, ok, err := ParseHeader(c, WAL); ok || err != nil {
			t.Errorf("another magic: %t, %v", ok, err)
		}
	}
	for _, v := range []byte{0, 1, 3, 255} {
		c := bytes.Clone(b)
		c[8] = v
		binary.LittleEndian.PutUint32(c[12:], headerCRC(c))
		if _, _, err := ParseHeader(c, WAL); !errs.Is(err, errs.FeatureNotSupported) {
			t.Errorf("version %d: %v", v, err)
		}
	}
}

// TestGoesOnAsAnother: a record that begins as one and goes on as another is damage, wherever it is.
func TestGoesOnAsAnother(t *testing.T) {
	for name, c := range map[string]struct {
		kind Type
		seq  uint64
		good bool
	}{"itself": {1, 1, true}, "another sequence": {1, 2, false}, "another type": {2, 1, false}, "an end": {End, 1, false}} {
		b := AppendHeader(nil, Header{Kind: WAL, Number: 7, First: 1})
		a := Appender{Number: 7, Group: HeaderBytes, Offset: HeaderBytes}
		b, pieces, left := a.AppendFrame(b, 1, 1, [][]byte{make([]byte, MaxPayload+8)}, MaxPayload+8)
		b, _, left = a.AppendFrame(b, c.kind, c.seq, pieces, left)
		if left != 0 {
			t.Fatal("a third frame")
		}
		r, err := NewReader(memory(b), WAL, 7, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		f, err := r.Next()
		if c.good != (err == nil) || err == nil && len(f.Payload) != MaxPayload+8 || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%s: %d bytes, %v", name, len(f.Payload), err)
		}
	}
}

// TestBehindTheEnd: nothing is read behind an End frame, which may name the file that goes on, nor from a file that was
// never begun.
func TestBehindTheEnd(t *testing.T) {
	for _, next := range []uint64{0, 8} {
		b := AppendHeader(nil, Header{Kind: WAL, Number: 7, First: 1})
		a := Appender{Number: 7, Group: HeaderBytes, Offset: HeaderBytes}
		b = a.Append(b, 1, 1, []byte{1})
		at := len(b)
		b = a.AppendEnd(b, 2, next)
		if n := len(b) - at; n > EndBytes || (n == EndBytes) != (next != 0) {
			t.Errorf("an End frame of %d bytes that names file %d", n, next)
		}
		b = a.Append(b, 1, 3, []byte{3})
		r, err := NewReader(memory(b), WAL, 7, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := r.Next(); err != nil || f.Sequence != 1 {
			t.Fatalf("%+v, %v", f, err)
		}
		for range 3 {
			if f, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("behind the end: %+v, %v", f, err)
			}
		}
		if !r.Ended() || r.GoesOn() != next || r.Short() || r.Tail() != (Tail{}) {
			t.Errorf("ended %t, goes on in %d, want %d; %+v", r.Ended(), r.GoesOn(), next, r.Tail())
		}
	}

	a := Appender{Number: 7}
	b := append(a.Append(nil, 1, 1, []byte{1}), make([]byte, 100)...)
	r, err := NewReader(memory(b), WAL, 7, 64<<20)
	if err != nil || r.Begun() || r.Short() {
		t.Fatal(r, err)
	}
	for range 2 {
		if f, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("of a file without a header: %+v, %v", f, err)
		}
	}
}

// TestShort: a file is short when it has fewer bytes than its header says.
func TestShort(t *testing.T) {
	for _, c := range []struct {
		says int64
		want bool
	}{{0, false}, {HeaderBytes - 1, false}, {HeaderBytes, false}, {HeaderBytes + 1, true}} {
		r, err := NewReader(memory(AppendHeader(nil, Header{Kind: WAL, Number: 7, Bytes: c.says})), WAL, 7, 1)
		if err != nil || r.Short() != c.want {
			t.Errorf("%d bytes: %v, %v", c.says, r.Short(), err)
		}
	}
}

// TestCharge: memory for a record of several frames is asked for before it is taken, in steps that grow, and never for
// more than the longest record.
func TestCharge(t *testing.T) {
	for _, c := range []struct {
		name  string
		sizes []int
		max   int64
		want  []int64
	}{
		{"one frame", []int{MaxPayload, 5}, 64 << 20, nil},
		{"frames that fit exactly", []int{4 * MaxPayload}, 64 << 20, []int64{1 << 20, 1 << 20, 2 << 20}},
		{"a smaller one after it", []int{4 * MaxPayload, 3 * MaxPayload}, 64 << 20, []int64{1 << 20, 1 << 20, 2 << 20}},
		{"a larger one after it", []int{2 * MaxPayload, 3 * MaxPayload}, 64 << 20, []int64{1 << 20, 1 << 20, 2 << 20}},
		{"up to the longest record", []int{5 * MaxPayload}, 5 << 20, []int64{1 << 20, 1 << 20, 2 << 20, 1 << 20}},
	} {
		r, err := NewReader(memory(build(c.sizes)), WAL, 7, c.max)
		if err != nil {
			t.Fatal(err)
		}
		var asked []int64
		r.Charge(func(n int64) error {
			asked = append(asked, n)
			return nil
		})
		for err == nil {
			_, err = r.Next()
		}
		var sum, want int64
		for _, n := range asked {
			sum += n
		}
		for _, n := range c.want {
			want += n
		}
		if !errors.Is(err, io.EOF) || len(asked) != len(c.want) || sum != want || sum != int64(cap(r.rec)) {
			t.Errorf("%s: asked for %d, want %d, %d bytes in use: %v", c.name, asked, c.want, cap(r.rec), err)
		}
	}
	r, err := NewReader(memory(build([]int{4 * MaxPayload})), WAL, 7, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	r.Charge(func(n int64) error {
		if n > 1<<20 {
			return errs.New(errs.OutOfMemory, "no more")
		}
		return nil
	})
	if _, err := r.Next(); !errs.Is(err, errs.OutOfMemory) || cap(r.rec) != 2<<20 {
		t.Errorf("%d bytes after a refusal: %v", cap(r.rec), err)
	}
}

// TestTailOfNonsense: a frame whose length cannot be one is not said to be whole, whatever follows it.
func TestTailOfNonsense(t *testing.T) {
	b := build([]int{10}, []int{8, MaxPayload, MaxPayload})
	at := HeaderBytes + int(Size(10))
	binary.LittleEndian.PutUint32(b[at+4:], MaxPayload+8)
	r, err := NewReader(memory(b), WAL, 7, 64<<20)
	for err == nil {
		_, err = r.Next()
	}
	if want := (Tail{int64(at), int64(len(b) - at), false}); !errors.Is(err, io.EOF) || r.Tail() != want {
		t.Errorf("%+v, want %+v: %v", r.Tail(), want, err)
	}
}

// TestProofAtTheVeryEnd: a record of no bytes that is the last of the file proves what was in front of it.
func TestProofAtTheVeryEnd(t *testing.T) {
	for _, zeros := range []int{0, 8, 16, 24, 32, 4096} {
		b := AppendHeader(nil, Header{Kind: WAL, Number: 7, First: 1})
		a := Appender{Number: 7, Group: HeaderBytes, Offset: HeaderBytes}
		b = a.Append(b, 1, 1, []byte("12345678"))
		b = append(b, make([]byte, zeros)...)
		a.Group, a.Offset = int64(len(b)), int64(len(b))
		b = a.Append(b, 1, 2)
		b[HeaderBytes+FrameBytes]++
		if _, _, err := readAll(b); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("damage with %d zeros and a record behind it: %v", zeros, err)
		}
	}
}

// failing is a file that cannot be read, or gives too little.
type failing struct {
	memory
	err error
	n   int
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	n, _ := f.memory.ReadAt(b, off)
	return min(n, f.n), f.err
}

// TestReadErrors: what cannot be read is an error of the device and not the end of the log.
func TestReadErrors(t *testing.T) {
	b := build([]int{10, 20})
	for name, f := range map[string]failing{
		"error":                 {b, errors.New("broken"), 0},
		"error, all bytes":      {b, errors.New("broken"), len(b)},
		"too few bytes":         {b, io.EOF, len(b) - 1},
		"too few without error": {b, nil, HeaderBytes},
	} {
		if _, err := NewReader(f, WAL, 7, 64<<20); !errs.Is(err, errs.IOError) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := NewReader(failing{b, io.EOF, len(b)}, WAL, 7, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := r.Next(); err != nil || f.Sequence != 1 {
		t.Errorf("an end that is where it is said to be: %+v, %v", f, err)
	}
}
