package pgtest

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgproto3/v2"
)

// encode appends a frontend message given by its name and its fields in JSON.
func encode(dst []byte, name, fields string) ([]byte, error) {
	messages := map[string]pgproto3.FrontendMessage{
		"Query": &pgproto3.Query{}, "Parse": &pgproto3.Parse{}, "Bind": &pgproto3.Bind{}, "Describe": nil, "Close": nil,
		"Execute": &pgproto3.Execute{}, "Flush": &pgproto3.Flush{}, "Sync": &pgproto3.Sync{}, "Terminate": &pgproto3.Terminate{},
		"CopyData": nil, "CopyDone": &pgproto3.CopyDone{}, "CopyFail": &pgproto3.CopyFail{},
	}
	m, known := messages[name]
	if !known {
		return nil, fmt.Errorf("unknown message %q", name)
	}
	if fields == "" {
		fields = "{}"
	}
	var short struct {
		ObjectType string // S or P
		Name       string
		Data       string // as text
	}
	if m == nil { // messages whose own JSON is unhandy
		if err := json.Unmarshal([]byte(fields), &short); err != nil {
			return nil, err
		}
		switch name {
		case "CopyData":
			m = &pgproto3.CopyData{Data: []byte(short.Data)}
		case "Describe", "Close":
			if len(short.ObjectType) != 1 {
				return nil, fmt.Errorf("ObjectType is %q, want S or P", short.ObjectType)
			}
			m = &pgproto3.Describe{ObjectType: short.ObjectType[0], Name: short.Name}
			if name == "Close" {
				m = &pgproto3.Close{ObjectType: short.ObjectType[0], Name: short.Name}
			}
		}
	} else if err := json.Unmarshal([]byte(fields), m); err != nil {
		return nil, err
	}
	return m.Encode(dst)
}

// plain are the messages that are shown by their name alone.
var plain = map[byte]string{'1': "ParseComplete", '2': "BindComplete", '3': "CloseComplete", 'I': "EmptyQueryResponse", 'n': "NoData",
	's': "PortalSuspended", 'c': "CopyDone", 'K': "BackendKeyData"}

// Format returns the name of a backend message and a line that shows it.
func Format(typ byte, body []byte) (name, text string) {
	r := &reader{body}
	name, ok := plain[typ]
	rest := ""
	switch {
	case ok:
		if typ == 'K' {
			rest = fmt.Sprintf(" with %d bytes of key", len(body)-4)
		}
	case typ == 'R':
		name = "Authentication"
		rest = fmt.Sprintf(" %d", r.int32())
	case typ == 'S':
		name = "ParameterStatus"
		rest = fmt.Sprintf(" %s=%s", r.string(), r.string())
	case typ == 'Z':
		name = "ReadyForQuery"
		rest = " " + string(body)
	case typ == 'C':
		name = "CommandComplete"
		rest = fmt.Sprintf(" %q", r.string())
	case typ == 'E', typ == 'N':
		name = "ErrorResponse"
		if typ == 'N' {
			name = "NoticeResponse"
		}
		rest = fields(r)
	case typ == 'T':
		name = "RowDescription"
		rest = columns(r)
	case typ == 't':
		name = "ParameterDescription"
		for range r.int16() {
			rest += fmt.Sprintf(" %d", r.int32())
		}
	case typ == 'D':
		name = "DataRow"
		for range r.int16() {
			if n := r.int32(); n == -1 {
				rest += " NULL"
			} else {
				rest += " " + value(r.take(int(n)))
			}
		}
	case typ == 'd':
		name = "CopyData"
		rest = " " + value(body)
	case typ == 'G', typ == 'H':
		name = "CopyInResponse"
		if typ == 'H' {
			name = "CopyOutResponse"
		}
		rest = fmt.Sprintf(" format %d columns", r.take(1)[0])
		for range r.int16() {
			rest += fmt.Sprintf(" %d", r.int16())
		}
	case typ == 'v':
		name = "NegotiateProtocolVersion"
		version := r.int32()
		rest = fmt.Sprintf(" %d.%d", version>>16, version&0xffff)
		for range r.int32() {
			rest += " " + r.string()
		}
	default:
		name = fmt.Sprintf("unknown %q", typ)
		rest = " " + hex.EncodeToString(body)
	}
	return name, name + rest
}

// columns shows what is said of the columns of a result.
func columns(r *reader) (text string) {
	for range r.int16() {
		text += fmt.Sprintf(" %q", r.string())
		table, attnum, oid, size, mod, format := r.int32(), r.int16(), r.int32(), r.int16(), r.int32(), r.int16()
		text += fmt.Sprintf(":%d", oid)
		if table != 0 || attnum != 0 {
			text += fmt.Sprintf(" column %d", attnum)
		}
		text += fmt.Sprintf(" size %d", size)
		if mod != -1 {
			text += fmt.Sprintf(" mod %d", mod)
		}
		if format != 0 {
			text += fmt.Sprintf(" format %d", format)
		}
	}
	return text
}

// fields shows an error or a notice.
func fields(r *reader) string {
	names := map[byte]string{'D': "detail", 'H': "hint", 'P': "position", 'W': "where"}
	var out strings.Builder
	for len(r.rest) > 0 && r.rest[0] != 0 {
		f := r.take(1)[0]
		v := r.string()
		switch f {
		case 'V', 'F', 'L', 'R': // the severity again; where in the server's source it happened
		case 'S', 'C':
			fmt.Fprintf(&out, " %s", v)
		case 'M':
			fmt.Fprintf(&out, " %q", v)
		default:
			name, ok := names[f]
			if !ok {
				name = string(rune(f))
			}
			fmt.Fprintf(&out, " %s=%q", name, v)
		}
	}
	return out.String()
}

// value shows text as a quoted string and anything else in hexadecimal.
func value(b []byte) string {
	for _, x := range b {
		if x < 0x20 && x != '\n' && x != '\t' && x != '\r' || !utf8.Valid(b) {
			return `\x` + hex.EncodeToString(b)
		}
	}
	return fmt.Sprintf("%q", b)
}

// reader takes numbers and strings from a body; past its end everything is zero.
type reader struct{ rest []byte }

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		n = len(r.rest)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) int16() int16 {
	if len(r.rest) < 2 {
		return 0
	}
	return int16(binary.BigEndian.Uint16(r.take(2)))
}

func (r *reader) int32() int32 {
	if len(r.rest) < 4 {
		return 0
	}
	return int32(binary.BigEndian.Uint32(r.take(4)))
}

func (r *reader) string() string {
	s, _, _ := strings.Cut(string(r.rest), "\x00")
	r.take(len(s) + 1)
	return s
}
