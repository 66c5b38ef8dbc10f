package pgwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func frame(typ byte, body string) []byte {
	dst, at := begin(nil, typ)
	return end(append(dst, body...), at)
}

// TestFrameReader cuts one stream delivered in several ways.
func TestFrameReader(t *testing.T) {
	long := string(bytes.Repeat([]byte("0123456789"), 30000)) // above readBufferKeepBytes
	bodies := []string{"", "a", long, "", string(bytes.Repeat([]byte("y"), readBufferBytes-5)), "end"}
	var stream []byte
	for _, b := range bodies {
		stream = append(stream, frame('Q', b)...)
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves": iotest.HalfReader(bytes.NewReader(stream)), "end with data": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		f := newFrameReader(r)
		for i, want := range bodies {
			typ, body, err := f.next(&readyPhase)
			if err != nil || typ != 'Q' || string(body) != want {
				t.Fatalf("%s: message %d: %q of %d bytes, %v", name, i, typ, len(body), err)
			}
		}
		if _, _, err := f.next(&readyPhase); !errors.Is(err, io.EOF) {
			t.Errorf("%s: got %v at the end", name, err)
		}
		if len(f.buf) > readBufferKeepBytes {
			t.Errorf("%s: the buffer stays at %d bytes", name, len(f.buf))
		}
	}
}

func TestFrameReaderTimeout(t *testing.T) {
	stream := frame('Q', "hello")
	f := newFrameReader(io.MultiReader(bytes.NewReader(stream[:7]), iotest.ErrReader(iotest.ErrTimeout)))
	if _, _, err := f.next(&readyPhase); !errors.Is(err, iotest.ErrTimeout) {
		t.Fatal(err)
	}
	f.src = bytes.NewReader(stream[7:])
	if _, body, err := f.next(&readyPhase); err != nil || string(body) != "hello" {
		t.Errorf("after a timeout: %q, %v", body, err)
	}
}

// TestFrameLengths tries the edges of the length of every type in every phase.
func TestFrameLengths(t *testing.T) {
	for name, p := range map[string]*phase{"login": &loginPhase, "ready": &readyPhase, "copy": &copyPhase} {
		for typ := range 256 {
			for _, n := range []uint32{0, 3, 4, p[typ], p[typ] + 1, 1 << 30, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
				head := binary.BigEndian.AppendUint32([]byte{byte(typ)}, n)
				f := newFrameReader(bytes.NewReader(head))
				_, body, err := f.next(p)
				legal := p[typ] > 0 && n >= 4 && n <= p[typ]
				switch {
				case legal && n == 4:
					if err != nil || len(body) != 0 {
						t.Errorf("%s, %q, %d: %v", name, rune(typ), n, err)
					}
				case legal:
					if !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%s, %q, %d: %v, want an unexpected end", name, rune(typ), n, err)
					}
				default:
					// During COPY the wrong type is the statement's error, and the reader is of no use any more.
					inCopy := p == &copyPhase && p[typ] == 0
					if !errs.Is(err, errs.ProtocolViolation) || (errs.From(err).Severity == severityFatal) == inCopy || f.lost != inCopy {
						t.Errorf("%s, %q, %d: %v, want 08P01", name, rune(typ), n, err)
					}
				}
				if len(f.buf) > readBufferBytes*2 {
					t.Errorf("%s, %q, %d: the buffer grew to %d bytes for a header", name, rune(typ), n, len(f.buf))
				}
			}
		}
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x0dselect 1\x00S\x00\x00\x00\x04"), byte(1))
	f.Add([]byte("p\x00\x00\x00\x04"), byte(0))
	f.Add([]byte("d\xff\xff\xff\xff"), byte(2))
	f.Fuzz(func(t *testing.T, stream []byte, state byte) {
		p := []*phase{&loginPhase, &readyPhase, &copyPhase}[state%3]
		r := newFrameReader(iotest.HalfReader(bytes.NewReader(stream)))
		total := 0
		for {
			typ, body, err := r.next(p)
			if err != nil {
				break
			}
			if p[typ] == 0 || len(body)+4 > int(p[typ]) {
				t.Fatalf("type %q with %d bytes passed", typ, len(body))
			}
			total += 5 + len(body)
		}
		if total > len(stream) || len(r.buf) > 2*len(stream)+2*readBufferBytes {
			t.Fatalf("%d bytes of %d, buffer %d", total, len(stream), len(r.buf))
		}
	})
}

func FuzzStartup(f *testing.F) {
	f.Add(startupPacket[8:])
	f.Add([]byte("user\x00a\x00options\x00-c a=b --x-y=z \\ \x00_pq_.x\x001\x00\x00"))
	f.Add([]byte("user\x00a\x00replication\x00database\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, _, err := parseStartup(body)
		if err == nil && (s.User == "" || s.Database == "") {
			t.Fatalf("%q passed without a user", body)
		}
		if err != nil && errs.From(err).Severity != severityFatal {
			t.Fatalf("%v does not end the session", err)
		}
	})
}

// FuzzMessage decodes a body as every message there is.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{"", "\x00", "select 1\x00", "s\x00select $1\x00\x00\x01\x00\x00\x00\x17",
		"\x00\x00\x00\x01\x00\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00\x01x\x00\x01\x00\x01", "S\x00", "Pname\x00", "\x00\x00\x00\x00\x64",
		"SCRAM-SHA-256\x00\x00\x00\x00\x01n"} {
		f.Add([]byte(s))
	}
	var p parse
	var b bind
	f.Fuzz(func(t *testing.T, body []byte) {
		decodeText(body)
		decodeObject(body)
		decodeExecute(body)
		decodeSASLInitial(body)
		if p.decode(body) == nil && len(p.oids)*4 > len(body) {
			t.Fatal("more types than bytes")
		}
		if b.decode(body) == nil {
			n := 0
			for _, q := range b.params {
				n += 4 + len(q.Value)
			}
			if n+2*len(b.codes)+2*len(b.results) > len(body) {
				t.Fatal("more values than bytes")
			}
		}
	})
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("P\x00\x00\x00\x0e\x00rows 1\x00\x00\x00B\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00E\x00\x00\x00\x09\x00\x00\x00\x00\x00S\x00\x00\x00\x04"))
	f.Add(append(query("copyin"), "d\x00\x00\x00\x05xc\x00\x00\x00\x04"...))
	s, dial := start(f, func(o *Options) { o.PendingMax = 1000 })
	f.Fuzz(func(t *testing.T, messages []byte) {
		if bytes.Contains(messages, []byte("panic")) || bytes.Contains(messages, []byte("rows")) && len(messages) > 60 || bytes.Contains(messages, []byte("big")) {
			return // what the fake session does by wish
		}
		nc, err := dial()
		if err != nil {
			t.Skip(err)
		}
		defer nc.Close()
		nc.Write(startupPacket)
		if _, err := readUntil(nc, 'Z'); err != nil {
			t.Fatal(err)
		}
		nc.Write(messages)
		nc.(interface{ CloseWrite() error }).CloseWrite()
		readUntil(nc, 0)
		if s.metrics.Panics.Value() != 0 {
			t.Fatal("a session panicked")
		}
	})
}
