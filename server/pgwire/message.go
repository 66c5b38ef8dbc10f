package pgwire

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// cursor reads the body of a message. The first thing that is not there sets bad; everything after it is zero, so that
// a decoder checks once, at its end.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.bad, c.rest = true, nil
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) int16() int16 {
	if b := c.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// cstring reads bytes up to a zero byte.
func (c *cursor) cstring() []byte {
	n := bytes.IndexByte(c.rest, 0)
	if n < 0 {
		c.bad, c.rest = true, nil
		return nil
	}
	s := c.rest[:n]
	c.rest = c.rest[n+1:]
	return s
}

// end returns 08P01 unless the whole body was read, and nothing more was wanted.
func (c *cursor) end() error {
	if c.bad || len(c.rest) > 0 {
		return errs.New(errs.ProtocolViolation, "invalid message format")
	}
	return nil
}

// text checks the encoding of what the client calls text.
func text(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", invalidUTF8(b)
	}
	return string(b), nil
}

// invalidUTF8 names the first bad byte sequence, as PostgreSQL does.
func invalidUTF8(b []byte) error {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			break
		}
		b = b[n:]
	}
	want := 1
	if len(b) > 0 {
		switch {
		case b[0] >= 0xf0 && b[0] < 0xf8:
			want = 4
		case b[0] >= 0xe0 && b[0] < 0xf0:
			want = 3
		case b[0] >= 0xc0 && b[0] < 0xe0:
			want = 2
		}
	}
	var hex []byte
	for i, x := range b[:min(want, len(b))] {
		if i > 0 {
			hex = append(hex, ' ')
		}
		hex = append(hex, '0', 'x', "0123456789abcdef"[x>>4], "0123456789abcdef"[x&15])
	}
	return errs.New(errs.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", hex)
}

// decodeText decodes a body that is one string: Query, CopyFail.
func decodeText(body []byte) (string, error) {
	c := cursor{rest: body}
	s := c.cstring()
	if err := c.end(); err != nil {
		return "", err
	}
	return text(s)
}

// parse is the Parse message.
type parse struct {
	name, sql string
	oids      []uint32
}

func (m *parse) decode(body []byte) error {
	c := cursor{rest: body}
	name, sql := c.cstring(), c.cstring()
	n := int(uint16(c.int16()))
	m.oids = m.oids[:0]
	for range min(n, len(c.rest)/4) {
		m.oids = append(m.oids, uint32(c.int32()))
	}
	if len(m.oids) != n {
		c.bad = true
	}
	if err := c.end(); err != nil {
		return err
	}
	var err error
	if m.name, err = text(name); err != nil {
		return err
	}
	m.sql, err = text(sql)
	return err
}

// bind is the Bind message. Parameters point into the body.
type bind struct {
	portal, statement string
	params            []session.Parameter
	results           []int16
	codes             []int16
}

func (m *bind) decode(body []byte) error {
	c := cursor{rest: body}
	portal, statement := c.cstring(), c.cstring()
	m.codes = c.formats(m.codes[:0])
	n := int(uint16(c.int16()))
	m.params = m.params[:0]
	for range min(n, len(c.rest)/4) {
		var value []byte
		if size := c.int32(); size != -1 {
			value = c.take(int(size))
		}
		m.params = append(m.params, session.Parameter{Value: value})
	}
	if len(m.params) != n {
		c.bad = true
	}
	m.results = c.formats(m.results[:0])
	if err := c.end(); err != nil {
		return err
	}
	if err := m.setFormats(); err != nil {
		return err
	}
	var err error
	if m.portal, err = text(portal); err != nil {
		return err
	}
	m.statement, err = text(statement)
	return err
}

// formats reads a counted list of format codes.
func (c *cursor) formats(dst []int16) []int16 {
	n := int(uint16(c.int16()))
	for range min(n, len(c.rest)/2) {
		dst = append(dst, c.int16())
	}
	if len(dst) != n {
		c.bad = true
	}
	return dst
}

// setFormats gives every parameter its format code: none means text, one means that one for all.
func (m *bind) setFormats() error {
	if len(m.codes) > 1 && len(m.codes) != len(m.params) {
		return errs.New(errs.ProtocolViolation, "bind message has %d parameter formats but %d parameters", len(m.codes), len(m.params))
	}
	for i := range m.params {
		p := &m.params[i]
		switch len(m.codes) {
		case 0:
		case 1:
			p.Format = m.codes[0]
		default:
			p.Format = m.codes[i]
		}
		switch {
		case p.Format == 0 && !utf8.Valid(p.Value):
			return invalidUTF8(p.Value)
		case p.Format == 0 && bytes.IndexByte(p.Value, 0) >= 0:
			return errs.New(errs.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00")
		}
	}
	return nil
}

// decodeObject decodes Describe and Close: 'S' or 'P', and a name.
func decodeObject(body []byte) (kind byte, name string, err error) {
	c := cursor{rest: body}
	kind = c.byte()
	s := c.cstring()
	if err := c.end(); err != nil {
		return 0, "", err
	}
	name, err = text(s)
	return kind, name, err
}

// decodeExecute decodes Execute. A row limit of zero or less means all rows.
func decodeExecute(body []byte) (portal string, maxRows int, err error) {
	c := cursor{rest: body}
	s := c.cstring()
	maxRows = max(0, int(c.int32()))
	if err := c.end(); err != nil {
		return "", 0, err
	}
	portal, err = text(s)
	return portal, maxRows, err
}

// decodeSASLInitial decodes the first SASL message: a mechanism and, unless its length is -1, the client's first data.
func decodeSASLInitial(body []byte) (mechanism string, data []byte, err error) {
	c := cursor{rest: body}
	mechanism = string(c.cstring())
	if n := c.int32(); n != -1 {
		data = c.take(int(n))
	}
	return mechanism, data, c.end()
}
