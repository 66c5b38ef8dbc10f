package format

import (
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Text parses a field in its type's text form. The bytes are valid UTF-8 without zero bytes; nothing of them is kept.
// Errors are the input function's, without context.
func (b *Builder) Text(col int, s []byte) (err error) {
	c := &b.cols[col]
	row := b.row
	switch c.phys {
	case types.PhysInt32:
		if c.Type.Kind == types.Date {
			c.i32[row], err = datetime.ParseDate(s, &b.set.Settings)
		} else {
			c.i32[row], err = types.ParseInt32(s)
		}
	case types.PhysInt64:
		c.i64[row], err = b.int64(c, s)
	case types.PhysInt16:
		c.i16[row], err = types.ParseInt16(s)
	case types.PhysBytes:
		return b.text(c, s)
	case types.PhysFloat64:
		c.f64[row], err = types.ParseFloat64(s)
	case types.PhysFloat32:
		c.f32[row], err = types.ParseFloat32(s)
	case types.PhysBool:
		v := false
		v, err = types.ParseBool(s)
		c.v.Bools().SetTo(row, v)
	case types.PhysInt128:
		c.i128[row], err = decimal.Parse128(s, int(c.Type.Precision), int(c.Type.Scale))
	case types.PhysInterval:
		c.span[row], err = datetime.ParseInterval(s)
	case types.PhysUUID:
		var u [16]byte
		u, err = types.ParseUUID(s)
		copy(c.v.Data[row*16:row*16+16], u[:])
	}
	return err
}

func (b *Builder) int64(c *column, s []byte) (int64, error) {
	switch c.Type.Kind {
	case types.Int8:
		return types.ParseInt64(s)
	case types.Timestamp:
		return datetime.ParseTimestamp(s, &b.set.Settings)
	case types.Timestamptz:
		return datetime.ParseTimestamptz(s, &b.set.Settings)
	case types.Time:
		return datetime.ParseTime(s, &b.set.Settings)
	case types.Numeric:
		return decimal.Parse64(s, int(c.Type.Precision), int(c.Type.Scale))
	}
	v, err := types.ParseOid(s)
	return int64(v), err
}

// text appends to a column of variable length.
func (b *Builder) text(c *column, s []byte) error {
	b.bytes += len(s)
	switch c.Type.Kind {
	case types.Text:
		c.v.AppendBytes(s)
		return nil
	case types.Varchar, types.Char:
		fit, pad, err := types.FitChars(s, c.Type.Kind, int(c.Type.Width))
		if err != nil {
			return err
		}
		if pad == 0 {
			c.v.AppendBytes(fit)
			return nil
		}
		c.v.Data = append(c.v.Data, fit...)
		for range pad {
			c.v.Data = append(c.v.Data, ' ')
		}
		c.v.EndString()
		return nil
	case types.Bytea:
		data, err := types.ParseBytea(c.v.Data, s)
		if err != nil {
			return err
		}
		c.v.Data = data
		c.v.EndString()
		return nil
	case types.Numeric:
		if c.Type.Precision <= 0 {
			data, err := decimal.AppendParsed(c.v.Data, s)
			if err != nil {
				return err
			}
			c.v.Data = data
			c.v.EndString()
			return nil
		}
		d, err := decimal.Parse(s)
		if err == nil {
			d, err = d.Constrain(int(c.Type.Precision), int(c.Type.Scale))
		}
		if err != nil {
			return err
		}
		c.v.Data = decimal.AppendEncoded(c.v.Data, d)
		c.v.EndString()
		return nil
	}
	if c.Type.Kind == types.JSONB {
		return b.jsonb(c, s)
	}
	d, err := types.ParseWith(c.Type, s, &b.set)
	if err != nil {
		return err
	}
	c.v.AppendString(d.S)
	return nil
}

// jsonKeep is what the builder of jsonb values may keep for the next one.
const jsonKeep = 1 << 20

// jsonb parses a field of a jsonb column.
func (b *Builder) jsonb(c *column, s []byte) error {
	data, err := b.json.AppendParsed(c.v.Data, s)
	b.json.Trim(jsonKeep)
	if err != nil {
		return err
	}
	c.v.Data = data
	c.v.EndString()
	return nil
}
