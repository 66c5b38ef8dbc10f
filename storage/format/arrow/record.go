// Package arrow turns batches into Arrow records and back without copying, and writes results as Arrow IPC streams
// (Apache Arrow columnar format, version 1.5): what dataframe libraries and other engines read fastest.
//
// It only writes streams. Reading Arrow IPC from strangers is refused on purpose: the decoder at hand can be made to
// allocate without bound.
package arrow

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// DataType returns the Arrow type of a column type. Dictionary-coded strings are plain utf8 in a schema: see Record.
// Unconstrained numeric and the catalogs' types travel as utf8, in their text form.
func DataType(t types.Type) arrow.DataType {
	switch t.Physical() {
	case types.PhysBool:
		return arrow.FixedWidthTypes.Boolean
	case types.PhysInt16:
		return arrow.PrimitiveTypes.Int16
	case types.PhysFloat32:
		return arrow.PrimitiveTypes.Float32
	case types.PhysFloat64:
		return arrow.PrimitiveTypes.Float64
	case types.PhysInt128:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case types.PhysUUID:
		return &arrow.FixedSizeBinaryType{ByteWidth: 16}
	case types.PhysInterval:
		return arrow.FixedWidthTypes.MonthDayNanoInterval
	case types.PhysInt32:
		if t.Kind == types.Date {
			return arrow.FixedWidthTypes.Date32
		}
		return arrow.PrimitiveTypes.Int32
	case types.PhysInt64:
		return int64Type(t)
	}
	if t.Kind == types.Bytea {
		return arrow.BinaryTypes.Binary
	}
	return arrow.BinaryTypes.String
}

func int64Type(t types.Type) arrow.DataType {
	switch t.Kind {
	case types.Time:
		return arrow.FixedWidthTypes.Time64us
	case types.Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case types.Timestamptz:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case types.Numeric:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	}
	return arrow.PrimitiveTypes.Int64
}

// Schema returns the schema of columns with these names and types; every field may be NULL.
func Schema(names []string, ts []types.Type) *arrow.Schema {
	fields := make([]arrow.Field, len(ts))
	for i, t := range ts {
		fields[i] = arrow.Field{Name: names[i], Type: DataType(t), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// Record sees a batch without a selection as an Arrow record. Flat vectors are not copied: the record is valid as long
// as the batch is. Other forms, numeric(p<=18) (Arrow's decimals have 128 bits), intervals and unconstrained numerics
// are converted into memory of the garbage collector. The caller releases the record.
func Record(schema *arrow.Schema, b *batch.Batch) (arrow.Record, error) {
	cols := make([]arrow.Array, len(b.Cols))
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, v := range b.Cols {
		data, err := column(schema.Field(i).Type, v, b.Len)
		if err != nil {
			return nil, err
		}
		cols[i] = array.MakeFromData(data)
		data.Release()
	}
	return array.NewRecord(schema, cols, int64(b.Len)), nil
}

func column(t arrow.DataType, v *batch.Vector, n int) (*array.Data, error) {
	if v.Form != batch.Flat {
		var flat batch.Vector
		flat.Flatten(v)
		v = &flat
	}
	if len(v.Data) > 1<<31-1 {
		return nil, errs.New(errs.ProgramLimitExceeded, "a column of %d bytes does not fit into an Arrow array", len(v.Data))
	}
	v, err := convert(v, n)
	if err != nil {
		return nil, err
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(v.Data)}
	if v.Offsets != nil {
		buffers = []*memory.Buffer{nil, memory.NewBufferBytes(mem.Bytes(v.Offsets)), memory.NewBufferBytes(v.Data)}
	}
	nulls := 0
	if v.Valid != nil {
		buffers[0] = memory.NewBufferBytes(mem.Bytes(v.Valid))
		nulls = n - v.Valid.Count()
	}
	return array.NewData(t, n, buffers, nil, nulls, 0), nil
}

// convert changes the values whose physical form is not Arrow's.
func convert(v *batch.Vector, n int) (*batch.Vector, error) {
	phys := v.Type.Physical()
	switch {
	case v.Type.Kind == types.Numeric && phys == types.PhysInt64:
		out := &batch.Vector{Type: v.Type, Len: n, Valid: v.Valid}
		wide := make([]batch.Int128, n)
		for i, x := range batch.Values[int64](v)[:n] {
			wide[i] = batch.Int128{Lo: uint64(x), Hi: x >> 63}
		}
		out.Data = mem.Bytes(wide)
		return out, nil
	case phys == types.PhysInterval:
		out := &batch.Vector{Type: v.Type, Len: n, Valid: v.Valid}
		nanos := append([]batch.Interval(nil), batch.Values[batch.Interval](v)[:n]...)
		for i := range nanos {
			if (v.Valid == nil || v.Valid.Get(i)) && (nanos[i].Micros > 1<<63/1000-1 || nanos[i].Micros < -(1<<63/1000-1)) {
				return nil, errs.New(errs.DatetimeFieldOverflow, "interval out of range")
			}
			nanos[i].Micros *= 1000
		}
		out.Data = mem.Bytes(nanos)
		return out, nil
	case phys == types.PhysBytes && (v.Type.Kind == types.Numeric || v.Type.Kind == types.JSONB):
		out := &batch.Vector{}
		out.Reset(types.T(types.Text), n)
		for i := range n {
			if v.IsNull(i) {
				out.AppendBytes(nil)
				continue
			}
			out.AppendBytes(types.Append(nil, v.Datum(i)))
		}
		out.Valid = v.Valid
		return out, nil
	}
	return v, nil
}
