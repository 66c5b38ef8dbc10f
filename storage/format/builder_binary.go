package format

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Binary parses a field in its type's binary form. Nothing of s is kept. Wrong widths are PostgreSQL's errors of package wire.
func (b *Builder) Binary(col int, s []byte) error {
	c := &b.cols[col]
	row := b.row
	switch k := c.Type.Kind; {
	case k == types.Int4 && len(s) == 4:
		c.i32[row] = int32(binary.BigEndian.Uint32(s))
	case k == types.Int8 && len(s) == 8:
		c.i64[row] = int64(binary.BigEndian.Uint64(s))
	case k == types.Int2 && len(s) == 2:
		c.i16[row] = int16(binary.BigEndian.Uint16(s))
	case k == types.Float8 && len(s) == 8:
		c.f64[row] = math.Float64frombits(binary.BigEndian.Uint64(s))
	case k == types.Float4 && len(s) == 4:
		c.f32[row] = math.Float32frombits(binary.BigEndian.Uint32(s))
	case k == types.Bool && len(s) == 1:
		c.v.Bools().SetTo(row, s[0] != 0)
	case k == types.UUID && len(s) == 16:
		copy(c.v.Data[row*16:row*16+16], s)
	case k == types.Interval && len(s) == 16:
		c.span[row] = wire.DecodeInterval(s)
	case k == types.Date:
		v, err := wire.DecodeClock(c.Type, s)
		c.i32[row] = int32(v)
		return err
	case k == types.Time || k == types.Timestamp || k == types.Timestamptz:
		v, err := wire.DecodeClock(c.Type, s)
		c.i64[row] = v
		return err
	case k == types.Bytea:
		b.bytes += len(s)
		c.v.AppendBytes(s)
	case k == types.Text || k == types.Varchar || k == types.Char:
		if err := types.CheckUTF8(s); err != nil {
			return err
		}
		return b.text(c, s)
	default:
		d, err := wire.DecodeBinary(c.Type, s)
		if err != nil {
			return err
		}
		b.Datum(col, d)
	}
	return nil
}
