package pgwire

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// formatsMax bounds the portals of one transaction whose formats are kept; sessions bound portals themselves.
const formatsMax = 10000

// handleExtended runs a message of the extended query protocol. Answers wait in the write buffer until Flush or Sync.
func (c *conn) handleExtended(typ byte, body []byte) error {
	switch typ {
	case 'P':
		if err := c.parse.decode(body); err != nil {
			return err
		}
		if err := c.sess.Parse(c.srv.ctx, c.parse.name, c.parse.sql, c.parse.oids); err != nil {
			return err
		}
		c.out.buf = appendEmpty(c.out.buf, '1')
		return c.out.spill()
	case 'B':
		return c.runBind(body)
	case 'D':
		return c.describe(body)
	case 'E':
		c.srv.metrics.Statements.Add(1)
		return c.execute(body)
	case 'C':
		return c.closeObject(body)
	case 'H':
		return c.out.flush()
	}
	return violation("invalid frontend message type %d", typ)
}

func (c *conn) runBind(body []byte) error {
	m := &c.bind
	if err := m.decode(body); err != nil {
		return err
	}
	if err := c.sess.Bind(c.srv.ctx, m.portal, m.statement, m.params); err != nil {
		return err
	}
	if err := c.checkBind(); err != nil {
		return err
	}
	switch kept, has := c.formats[m.portal]; {
	case len(m.results) == 0 && !has: // all text, the default
	case !has && len(c.formats) >= formatsMax:
		return errs.New(errs.ProgramLimitExceeded, "too many portals in one transaction")
	default:
		c.formats[m.portal] = append(kept[:0], m.results...)
	}
	c.out.buf = appendEmpty(c.out.buf, '2')
	return c.out.spill()
}

// checkBind refuses a wrong number of result formats; then there is no portal.
func (c *conn) checkBind() error {
	m := &c.bind
	if len(m.results) < 2 {
		return nil
	}
	cols, err := c.sess.DescribePortal(c.srv.ctx, m.portal)
	if err == nil && cols != nil {
		err = checkFormats(m.results, len(cols))
	}
	if err != nil {
		_ = c.sess.ClosePortal(m.portal)
	}
	return err
}

func (c *conn) describe(body []byte) error {
	kind, name, err := decodeObject(body)
	if err != nil {
		return err
	}
	var cols []session.Column
	var formats []int16
	switch kind {
	case 'S':
		var params []types.Type
		if params, cols, err = c.sess.DescribeStatement(c.srv.ctx, name); err != nil {
			return err
		}
		c.out.buf = appendParameters(c.out.buf, params)
	case 'P':
		if cols, err = c.sess.DescribePortal(c.srv.ctx, name); err != nil {
			return err
		}
		formats = c.formats[name]
		if err := checkFormats(formats, len(cols)); err != nil {
			return err
		}
	default:
		return errs.New(errs.ProtocolViolation, "invalid DESCRIBE message subtype %d", kind)
	}
	if cols == nil {
		c.out.buf = appendEmpty(c.out.buf, 'n')
	} else {
		c.out.buf = appendColumns(c.out.buf, cols, formats)
	}
	return c.out.spill()
}

func (c *conn) execute(body []byte) error {
	portal, maxRows, err := decodeExecute(body)
	if err != nil {
		return err
	}
	for _, f := range c.formats[portal] {
		if f != 0 && f != 1 {
			return errs.New(errs.InvalidParameterValue, "unsupported format code: %d", f)
		}
	}
	c.result.start(c.formats[portal], false)
	suspended, err := c.sess.Execute(c.srv.ctx, portal, maxRows, &c.result)
	if err != nil {
		return err
	}
	if suspended {
		c.out.buf = appendEmpty(c.out.buf, 's')
	}
	return c.out.spill()
}

func (c *conn) closeObject(body []byte) error {
	kind, name, err := decodeObject(body)
	if err != nil {
		return err
	}
	switch kind {
	case 'S':
		err = c.sess.CloseStatement(name)
	case 'P':
		delete(c.formats, name)
		err = c.sess.ClosePortal(name)
	default:
		err = errs.New(errs.ProtocolViolation, "invalid CLOSE message subtype %d", kind)
	}
	if err != nil {
		return err
	}
	c.out.buf = appendEmpty(c.out.buf, '3')
	return c.out.spill()
}

// appendParameters appends ParameterDescription.
func appendParameters(dst []byte, params []types.Type) []byte {
	dst, at := begin(dst, 't')
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(params)))
	for _, t := range params {
		dst = binary.BigEndian.AppendUint32(dst, pgtype.OID(t))
	}
	return end(dst, at)
}

// appendColumns appends RowDescription.
func appendColumns(dst []byte, cols []session.Column, formats []int16) []byte {
	dst, at := begin(dst, 'T')
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(cols)))
	for i := range cols {
		col := &cols[i]
		dst = append(append(dst, col.Name...), 0)
		dst = binary.BigEndian.AppendUint32(dst, col.TableOID)
		dst = binary.BigEndian.AppendUint16(dst, uint16(col.Attnum))
		dst = binary.BigEndian.AppendUint32(dst, pgtype.OID(col.Type))
		dst = binary.BigEndian.AppendUint16(dst, uint16(pgtype.Len(col.Type)))
		mod := pgtype.Modifier(col.Type)
		if col.Bare {
			mod = -1
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(mod))
		dst = binary.BigEndian.AppendUint16(dst, uint16(formatOf(formats, i)))
	}
	return end(dst, at)
}

// formatOf returns the format of column i: no code means text, one code means that for all.
func formatOf(formats []int16, i int) int16 {
	switch len(formats) {
	case 0:
		return 0
	case 1:
		return formats[0]
	}
	return formats[i]
}

func checkFormats(formats []int16, columns int) error {
	if len(formats) > 1 && len(formats) != columns {
		return errs.New(errs.ProtocolViolation, "bind message has %d result formats but query has %d columns", len(formats), columns)
	}
	return nil
}
