package format

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// Builder parses the fields of rows into the vectors of a batch: Begin, then for each row one call of Text, Binary,
// Null or Datum per column and EndRow (or DropRow), then Finish. It writes values straight into the vectors' memory.
// Values are valid batches only after Finish.
type Builder struct {
	cols  []column
	set   types.Settings
	out   *batch.Batch
	row   int
	max   int
	bytes int // of strings, since Begin
	json  jsonb.Builder
	// nulled says that the row at hand has a NULL where there may be none.
	nulled bool
}

// column is a Column with the memory of its vector.
type column struct {
	Column
	phys types.Physical
	v    *batch.Vector
	last int // bytes of strings in the batch before this one
	i16  []int16
	i32  []int32
	i64  []int64
	f32  []float32
	f64  []float64
	i128 []decimal.Int128
	span []datetime.Interval
}

// NewBuilder returns a Builder for columns. set may be nil.
func NewBuilder(cols []Column, set *types.Settings) *Builder {
	b := &Builder{cols: make([]column, len(cols))}
	if set != nil {
		b.set = *set
	}
	for i, c := range cols {
		b.cols[i] = column{Column: c, phys: c.Type.Physical()}
	}
	return b
}

// Begin empties out, whose vectors become those of the builder's columns, for at most maxRows rows.
func (b *Builder) Begin(out *batch.Batch, maxRows int) {
	maxRows = min(max(maxRows, 1), batch.MaxAppendRows)
	b.out, b.row, b.max, b.bytes, b.nulled = out, 0, maxRows, 0, false
	for len(out.Cols) < len(b.cols) {
		out.Cols = append(out.Cols, &batch.Vector{})
	}
	out.Cols = out.Cols[:len(b.cols)]
	out.Len, out.Sel = 0, batch.Selection{}
	for i := range b.cols {
		c := &b.cols[i]
		c.v = out.Cols[i]
		c.v.Reset(c.Type, maxRows)
		switch c.phys {
		case types.PhysInt16:
			c.i16 = batch.Values[int16](c.v)
		case types.PhysInt32:
			c.i32 = batch.Values[int32](c.v)
		case types.PhysInt64:
			c.i64 = batch.Values[int64](c.v)
		case types.PhysFloat32:
			c.f32 = batch.Values[float32](c.v)
		case types.PhysFloat64:
			c.f64 = batch.Values[float64](c.v)
		case types.PhysInt128:
			c.i128 = batch.Values[decimal.Int128](c.v)
		case types.PhysInterval:
			c.span = batch.Values[datetime.Interval](c.v)
		case types.PhysBytes:
			c.v.Grow(c.last + c.last/8) // most batches of a stream are alike
		}
	}
}

// Full tells that the batch should end: it has its rows or its bytes.
func (b *Builder) Full() bool { return b.row >= b.max || b.bytes >= BatchBytes }

// Rows returns the rows since Begin.
func (b *Builder) Rows() int { return b.row }

// EndRow keeps the row, and tells whether it has a NULL in a column that takes none.
func (b *Builder) EndRow() (nulled bool) {
	nulled = b.nulled
	b.nulled = false
	b.row++
	return nulled
}

// DropRow gives up what was appended of the current row.
func (b *Builder) DropRow() {
	b.nulled = false
	for i := range b.cols {
		c := &b.cols[i]
		switch c.phys {
		case types.PhysBytes:
			c.v.Offsets = c.v.Offsets[:b.row+1]
			c.v.Data = c.v.Data[:c.v.Offsets[b.row]]
			c.v.Len = b.row
		case types.PhysBool:
			c.v.Bools().Clear(b.row)
		}
		if c.v.Valid != nil {
			c.v.Valid.Set(b.row)
		}
	}
}

// Finish makes the batch as long as the rows that were kept.
func (b *Builder) Finish() {
	for i := range b.cols {
		c := &b.cols[i]
		c.v.Truncate(b.row)
		if c.phys == types.PhysBytes {
			c.last = len(c.v.Data)
		}
	}
	b.out.Len = b.row
}

// Null makes the column NULL in this row.
func (b *Builder) Null(col int) {
	b.nulled = b.nulled || b.cols[col].NotNull
	b.blank(col)
}

func (b *Builder) blank(col int) {
	c := &b.cols[col]
	c.v.Nulls(b.max).Clear(b.row)
	switch c.phys {
	case types.PhysBool:
	case types.PhysBytes:
		c.v.AppendBytes(nil)
	default:
		w := c.phys.Width()
		clear(c.v.Data[b.row*w : b.row*w+w])
	}
}

// Default gives the column its default, or NULL. One that others compute is NULL so far, and computed is true.
func (b *Builder) Default(col int) (computed bool) {
	c := &b.cols[col].Column
	switch {
	case c.Computed:
		b.blank(col)
	case c.Default != nil:
		b.Datum(col, *c.Default)
	default:
		b.Null(col)
	}
	return c.Computed
}

// Datum gives the column a value of its physical form.
func (b *Builder) Datum(col int, d types.Datum) {
	c := &b.cols[col]
	if d.Null {
		b.Null(col)
		return
	}
	switch c.phys {
	case types.PhysBool:
		c.v.Bools().SetTo(b.row, d.I != 0)
	case types.PhysInt16:
		c.i16[b.row] = int16(d.I)
	case types.PhysInt32:
		c.i32[b.row] = int32(d.I)
	case types.PhysInt64:
		c.i64[b.row] = d.I
	case types.PhysFloat32:
		c.f32[b.row] = float32(d.F)
	case types.PhysFloat64:
		c.f64[b.row] = d.F
	case types.PhysInt128:
		c.i128[b.row] = d.Int128()
	case types.PhysInterval:
		c.span[b.row] = d.IntervalValue()
	case types.PhysUUID:
		copy(c.v.Data[b.row*16:b.row*16+16], d.S)
	case types.PhysBytes:
		b.bytes += len(d.S)
		c.v.AppendString(d.S)
	}
}
