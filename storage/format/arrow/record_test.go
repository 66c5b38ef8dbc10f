package arrow

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestRoundTrip writes a batch with every physical form, NULLs included, and reads the stream with Arrow's own reader.
func TestRoundTrip(t *testing.T) {
	ts := []types.Type{
		types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
		types.T(types.Float8), types.NumericOf(10, 2), types.NumericOf(30, 3), types.T(types.Text), types.T(types.Bytea),
		types.T(types.Date), types.T(types.Time), types.T(types.Timestamp), types.T(types.Timestamptz),
		types.T(types.Interval), types.T(types.UUID),
	}
	names := make([]string, len(ts))
	b := batch.New(ts)
	const rows = 100
	for c, typ := range ts {
		names[c] = typ.String()
		b.Cols[c].Reset(typ, 0)
		for i := range rows {
			d := types.Datum{Type: typ, Null: i%7 == c%7, I: int64(i % 2 * i), F: float64(i) / 4, S: "0123456789abcdef"}
			if typ.Physical() == types.PhysBool {
				d.I = int64(i % 2)
			}
			b.Cols[c].AppendDatum(d)
		}
	}
	b.Len = rows

	var out bytes.Buffer
	w := NewWriter(&out, names, ts)
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := ipc.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatalf("no record: %v", r.Err())
	}
	rec := r.Record()
	if rec.NumRows() != rows || rec.NumCols() != int64(len(ts)) {
		t.Fatalf("got %d rows, %d columns", rec.NumRows(), rec.NumCols())
	}
	for c := range ts {
		col := rec.Column(c)
		for i := range rows {
			if want := i%7 == c%7; col.IsNull(i) != want {
				t.Fatalf("%s row %d: null %v, want %v", ts[c], i, col.IsNull(i), want)
			}
		}
	}
	for i := range rows {
		if x := rec.Column(3).(*array.Int64); x.IsValid(i) && x.Value(i) != int64(i%2*i) {
			t.Fatalf("int8 row %d: got %d", i, x.Value(i))
		}
		if x := rec.Column(6).(*array.Decimal128); x.IsValid(i) && x.Value(i).LowBits() != uint64(i%2*i) {
			t.Fatalf("numeric row %d: got %v", i, x.Value(i))
		}
		if x := rec.Column(8).(*array.String); x.IsValid(i) && x.Value(i) != "0123456789abcdef" {
			t.Fatalf("text row %d: got %q", i, x.Value(i))
		}
	}
}

// TestRecordIsNotCopied holds the promise of the batch contract: a flat column becomes an Arrow array in place.
func TestRecordIsNotCopied(t *testing.T) {
	b := batch.New([]types.Type{types.T(types.Int8)})
	for i := range 10 {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), int64(i)))
	}
	b.Len = 10
	rec, err := Record(Schema([]string{"x"}, b.Types()), b)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if &rec.Column(0).(*array.Int64).Int64Values()[0] != &batch.Values[int64](b.Cols[0])[0] {
		t.Error("the array has a buffer of its own")
	}
}
