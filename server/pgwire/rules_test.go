package pgwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// TestStartupParameters: what a start-up packet says, and what it may not say.
func TestStartupParameters(t *testing.T) {
	for _, c := range []struct {
		body string
		want string // user database settings unknown, or the beginning of the error
		code errs.Code
	}{
		{"user\x00ann\x00\x00", "ann ann [] []", ""},
		{"user\x00ann\x00database\x00d\x00\x00", "ann d [] []", ""},
		{"database\x00d\x00user\x00ann\x00a\x00b\x00_pq_.x\x001\x00_pq_.y\x00\x00\x00", "ann d [{a b}] [_pq_.x _pq_.y]", ""},
		{"user\x00ann\x00a\x00b\x00options\x00-c c=d --e-f=g\x00\x00", "ann ann [{c d} {e_f g} {a b}] []", ""},
		{"", "", errs.ProtocolViolation},
		{"\x00", "", errs.InvalidAuthorization},
		{"user\x00\x00\x00", "", errs.InvalidAuthorization},
		{"database\x00d\x00\x00", "", errs.InvalidAuthorization},
		{"user\x00ann\x00", "", errs.ProtocolViolation},
		{"user\x00ann", "", errs.ProtocolViolation},
		{"user\x00ann\x00\x00x", "", errs.ProtocolViolation},
		{"user\x00\xff\x00\x00", "", errs.CharacterNotInRepertoire},
		{"us\xffer\x00ann\x00\x00", "", errs.CharacterNotInRepertoire},
		{"user\x00ann\x00replication\x00\x00\x00", "ann ann [] []", ""},
		{"user\x00ann\x00replication\x00false\x00\x00", "ann ann [] []", ""},
		{"user\x00ann\x00replication\x00off\x00\x00", "ann ann [] []", ""},
		{"user\x00ann\x00replication\x00no\x00\x00", "ann ann [] []", ""},
		{"user\x00ann\x00replication\x000\x00\x00", "ann ann [] []", ""},
		{"user\x00ann\x00replication\x00true\x00\x00", "", errs.FeatureNotSupported},
		{"user\x00ann\x00replication\x00database\x00\x00", "", errs.FeatureNotSupported},
	} {
		s, unknown, err := parseStartup([]byte(c.body))
		if c.code != "" {
			if e := errs.From(err); err == nil || e.Code != c.code || e.Severity != severityFatal {
				t.Errorf("%q: %v, want %s", c.body, err, c.code)
			}
			continue
		}
		if got := fmt.Sprint(s.User, " ", s.Database, " ", s.Settings, " ", unknown); err != nil || got != c.want {
			t.Errorf("%q: %s, %v, want %s", c.body, got, err, c.want)
		}
	}
}

// TestCommandLine: settings in the form of a command line, and what is none.
func TestCommandLine(t *testing.T) {
	for in, want := range map[string]string{
		"": "[]", " \t\n\r\v\f ": "[]", "-c a=b": "[{a b}]", "-ca=b": "[{a b}]", "--a=b": "[{a b}]", "--a-b-c=d-e": "[{a_b_c d-e}]", "-c a=": "[{a }]", "-c a=b=c": "[{a b=c}]",
		"-c a=x\\ y": "[{a x y}]", "-c a=x\\\\y": "[{a x\\y}]", "-c a=x\\": "[{a x\\}]", "-c\ta=b\n--c=d": "[{a b} {c d}]", "-c\va=b\f--c=d\r": "[{a b} {c d}]",
	} {
		got, err := parseOptions(in)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"a", "-c", "-c a", "-c =b", "--", "--=b", "-x a=b", "a=b", "-", "-c a=b -c", "\\"} {
		if got, err := parseOptions(in); !errs.Is(err, errs.SyntaxError) {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

// TestInvalidUTF8: the bytes that are no character are named as PostgreSQL names them: as many as the first says, or there are.
func TestInvalidUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"\x80": "0x80", "\xbf": "0xbf", "abc\xff": "0xff", "\xf8abc": "0xf8", "\xc0\x80": "0xc0 0x80", "\xdfx": "0xdf 0x78", "\xc3": "0xc3", "é\xc3": "0xc3",
		"\xe0\x80\x80": "0xe0 0x80 0x80", "\xefab": "0xef 0x61 0x62", "\xe2\x82": "0xe2 0x82", "\xf0\x80\x80\x80": "0xf0 0x80 0x80 0x80", "\xf7abcd": "0xf7 0x61 0x62 0x63",
		"\x80abc": "0x80", "\xbfabc": "0xbf", "\xc0\x80xy": "0xc0 0x80", "\xdfxyz": "0xdf 0x78", "\xe0xyz": "0xe0 0x78 0x79", "\xf0wxyz": "0xf0 0x77 0x78 0x79", "\xf8wxyz": "0xf8", "\xffwxyz": "0xff",
		"\xf4\x90\x80\x80": "0xf4 0x90 0x80 0x80", "\ufffd\xfe": "0xfe", "\ufffdx\xed\xa0\x80": "0xed 0xa0 0x80",
	} {
		_, err := text([]byte(in))
		if !errs.Is(err, errs.CharacterNotInRepertoire) || err.Error() != `invalid byte sequence for encoding "UTF8": `+want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
	if s, err := text([]byte("\ufffd é")); err != nil || s != "\ufffd é" {
		t.Errorf("%q, %v", s, err)
	}
}

// TestSASLInitial: the first data may be missing, and have just as many bytes as they say.
func TestSASLInitial(t *testing.T) {
	message := func(n int32, data string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte("SCRAM-SHA-256\x00"), uint32(n)), data...)
	}
	for _, c := range []struct {
		n    int32
		data string
		good bool
	}{{-1, "", true}, {-1, "x", false}, {0, "", true}, {3, "abc", true}, {2, "abc", false}, {4, "abc", false}, {-2, "", false}, {1<<31 - 1, "abc", false}} {
		mechanism, data, err := decodeSASLInitial(message(c.n, c.data))
		if c.good != (err == nil) || c.good && (mechanism != "SCRAM-SHA-256" || string(data) != c.data || (data == nil) != (c.n < 0)) {
			t.Errorf("%+v: %q, %q, %v", c, mechanism, data, err)
		}
	}
}

// TestFormats: one format is for all parameters, several are for as many; text has no zero byte, wherever.
func TestFormats(t *testing.T) {
	param := func(values ...string) (list []session.Parameter) {
		for _, v := range values {
			list = append(list, session.Parameter{Value: []byte(v)})
		}
		return list
	}
	for _, c := range []struct {
		codes []int16
		in    []session.Parameter
		code  errs.Code
		want  []int16
	}{
		{nil, param("a", "b"), "", []int16{0, 0}},
		{[]int16{1}, param("a", "\x00"), "", []int16{1, 1}},
		{[]int16{0, 1}, param("a", "\xff\x00"), "", []int16{0, 1}},
		{[]int16{0, 1}, param("a"), errs.ProtocolViolation, nil},
		{[]int16{0, 1, 1}, param("a", "b"), errs.ProtocolViolation, nil},
		{nil, nil, "", nil},
		{[]int16{1}, nil, "", nil},
		{[]int16{1, 1}, nil, errs.ProtocolViolation, nil},
		{nil, param("\x00"), errs.CharacterNotInRepertoire, nil},
		{nil, param("ab\x00"), errs.CharacterNotInRepertoire, nil},
		{nil, param("a", "\x00b"), errs.CharacterNotInRepertoire, nil},
		{nil, param("\xff"), errs.CharacterNotInRepertoire, nil},
	} {
		b := bind{codes: c.codes, params: slices.Clone(c.in)}
		err := b.setFormats()
		if (err == nil) != (c.code == "") || err != nil && errs.From(err).Code != c.code {
			t.Errorf("%d for %d parameters: %v", c.codes, len(c.in), err)
		}
		for i, want := range c.want {
			if got := b.params[i].Format; got != want {
				t.Errorf("%d for %d parameters: parameter %d has %d", c.codes, len(c.in), i, got)
			}
		}
	}
}

// TestReady: a message is ready when its last byte has come, and not before; of a long CopyData any piece is.
func TestReady(t *testing.T) {
	message := frame('S', "body")
	for n := range len(message) + 3 {
		f := newFrameReader(nil)
		f.w = copy(f.buf[:min(n, len(f.buf))], append(slices.Clone(message), 'S', 0, 0))
		for _, typ := range []byte{'S', 'd'} {
			if got, want := f.ready(typ), typ == 'S' && n >= len(message); got != want {
				t.Errorf("%d of %d bytes, type %q: %v", n, len(message), typ, got)
			}
		}
		f.left = 10
		for _, typ := range []byte{'S', 'd'} {
			if got, want := f.ready(typ), typ == 'd' && n > 0; got != want {
				t.Errorf("a piece of %d bytes, type %q: %v", n, typ, got)
			}
		}
	}
}

// TestWiden: a wider buffer has what was there, and a narrower one is not made.
func TestWiden(t *testing.T) {
	f := newFrameReader(strings.NewReader("0123456789"))
	if b, err := f.peek(); err != nil || b != '0' {
		t.Fatal(b, err)
	}
	f.r += 3
	for _, n := range []int{1, readBufferBytes, readBufferBytes + 1, copyBufferBytes} {
		before := len(f.buf)
		f.widen(n)
		if len(f.buf) != max(before, n) || string(f.buf[f.r:f.w]) != "3456789" {
			t.Errorf("%d bytes wide, asked for %d: %q", len(f.buf), n, f.buf[f.r:f.w])
		}
	}
}

// TestLongCopyDataBoundary: CopyData comes whole up to a buffer's length, and in pieces beyond it, with no byte lost.
func TestLongCopyDataBoundary(t *testing.T) {
	for _, n := range []int{0, 1, copyBufferBytes - 5, copyBufferBytes - 4, copyBufferBytes - 3, 3 * copyBufferBytes} {
		want := bytes.Repeat([]byte("0123456789abcdef!"), n/17+1)[:n]
		stream := append(frame('d', string(want)), frame('c', "")...)
		f := newFrameReader(iotest.HalfReader(bytes.NewReader(stream)))
		var got []byte
		messages := 0
		for {
			typ, body, err := f.next(&copyPhase)
			if err != nil {
				t.Fatalf("%d bytes: %v after %d", n, err, len(got))
			}
			if typ == 'c' {
				break
			}
			messages++
			got = append(got, body...)
		}
		if !bytes.Equal(got, want) || (messages == 1) != (n+4 <= copyBufferBytes) {
			t.Errorf("%d bytes came as %d in %d messages", n, len(got), messages)
		}
		if n == 0 {
			continue
		}
		// An end in the middle is none of the message's.
		f = newFrameReader(bytes.NewReader(stream[:len(stream)/2]))
		var err error
		for err == nil {
			_, _, err = f.next(&copyPhase)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes, cut: %v", n, err)
		}
	}
}

// TestBufferShrinks: a buffer that a long message has made long is given up with the next short one, and is kept by one that
// needs it.
func TestBufferShrinks(t *testing.T) {
	for _, c := range []struct {
		first, second int
		kept          bool
	}{{readBufferKeepBytes + 100, 10, false}, {readBufferKeepBytes - 5, 10, true}, {readBufferKeepBytes + 100, readBufferKeepBytes + 50, true}} {
		f := newFrameReader(iotest.HalfReader(bytes.NewReader(append(frame('Q', strings.Repeat("x", c.first)), frame('Q', strings.Repeat("y", c.second))...))))
		for range 2 {
			if _, _, err := f.next(&readyPhase); err != nil {
				t.Fatal(err)
			}
		}
		if kept := len(f.buf) >= min(c.first, readBufferKeepBytes); kept != c.kept {
			t.Errorf("%d bytes, then %d: the buffer has %d", c.first, c.second, len(f.buf))
		}
	}
}

// TestFirstByte: a byte that begins no message is told at once, and one that may begin one is waited for.
func TestFirstByte(t *testing.T) {
	for in, want := range map[string]func(error) bool{
		"":              func(err error) bool { return errors.Is(err, io.EOF) },
		"Q":             func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) },
		"Q\x00\x00\x00": func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) },
		"\x00":          func(err error) bool { return errs.Is(err, errs.ProtocolViolation) },
		"!\x00\x00":     func(err error) bool { return errs.Is(err, errs.ProtocolViolation) },
	} {
		if _, _, err := newFrameReader(strings.NewReader(in)).next(&readyPhase); !want(err) {
			t.Errorf("%q: %v", in, err)
		}
	}
	for n := range uint32(12) { // of a start-up packet
		f := newFrameReader(bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, n), make([]byte, 20)...)))
		if _, body, err := f.startup(); (err == nil) != (n >= 8) || err == nil && len(body) != int(n)-8 {
			t.Errorf("a start-up packet of %d bytes: %d, %v", n, len(body), err)
		}
	}
	for n, good := range map[uint32]bool{startupMaxBytes: true, startupMaxBytes + 1: false, 1<<32 - 1: false} {
		f := newFrameReader(io.MultiReader(bytes.NewReader(binary.BigEndian.AppendUint32(nil, n)), bytes.NewReader(make([]byte, startupMaxBytes))))
		if _, _, err := f.startup(); good != (err == nil) {
			t.Errorf("a start-up packet of %d bytes: %v", n, err)
		}
	}
}

// TestLoginError: a client that goes away gets no answer, one that waited too long or said something wrong does.
func TestLoginError(t *testing.T) {
	for err, told := range map[error]bool{io.EOF: false, io.ErrUnexpectedEOF: false, os.ErrDeadlineExceeded: true, violation("no"): true, errors.New("reset"): false} {
		if got := loginError(err); errors.Is(got, err) != told || !told && !errors.Is(got, errDone) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestCancelKeys: a cancel request of any length is read without harm, and only the whole key of the session is its key.
func TestCancelKeys(t *testing.T) {
	for n := range 300 {
		s := &Server{}
		s.cancelFrom(make([]byte, n)) // nobody has this number
	}
}

// TestOversizedCounts: a message that claims more parameters than it has bytes for is refused without room made for them.
func TestOversizedCounts(t *testing.T) {
	var p parse
	if err := p.decode([]byte("\x00s\x00\xff\xff\x00\x00\x00\x17")); !errs.Is(err, errs.ProtocolViolation) || cap(p.oids) > 16 {
		t.Errorf("%v, room for %d types", err, cap(p.oids))
	}
	if err := p.decode([]byte("\x00s\x00\x00\x02\x00\x00\x00\x17\x00\x00\x00\x14")); err != nil || !slices.Equal(p.oids, []uint32{23, 20}) {
		t.Errorf("%v, %d", err, p.oids)
	}
	var b bind
	if err := b.decode([]byte("\x00\x00\xff\xff\x00\x01")); !errs.Is(err, errs.ProtocolViolation) || cap(b.codes) > 16 {
		t.Errorf("%v, room for %d formats", err, cap(b.codes))
	}
	if err := b.decode([]byte("\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff")); !errs.Is(err, errs.ProtocolViolation) || cap(b.params) > 16 {
		t.Errorf("%v, room for %d parameters", err, cap(b.params))
	}
	if err := b.decode([]byte("\x00\x00\x00\x00\x00\x00\xff\xff\x00\x01")); !errs.Is(err, errs.ProtocolViolation) {
		t.Error(err)
	}
}
