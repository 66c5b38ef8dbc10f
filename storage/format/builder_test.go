package format_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/wire"
	"github.com/siltstone-db/siltstone/storage/types"
)

// samples has a value of each type in its canonical text form.
var samples = []struct {
	typ  types.Type
	text string
}{
	{types.T(types.Bool), "t"}, {types.T(types.Int2), "-7"}, {types.T(types.Int4), "70000"}, {types.T(types.Int8), "-5000000000"},
	{types.T(types.Float4), "1.5"}, {types.T(types.Float8), "-2.25"}, {types.NumericOf(10, 2), "12.50"},
	{types.NumericOf(30, 5), "-12345678901234567.12345"}, {types.T(types.Numeric), "1e3"}, {types.T(types.Text), "é"},
	{types.Type{Kind: types.Varchar, Width: 3}, "abc"}, {types.Type{Kind: types.Char, Width: 3}, "a  "}, {types.T(types.Bytea), `\x00ff`},
	{types.T(types.Date), "2024-02-29"}, {types.T(types.Time), "01:02:03"}, {types.T(types.Timestamp), "2024-02-29 01:02:03.4"},
	{types.T(types.Timestamptz), "2024-02-29 01:02:03.4+00"}, {types.T(types.Interval), "1 mon -2 days"},
	{types.T(types.UUID), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {types.T(types.Oid), "4000000000"}, {types.ArrayOf(types.Int4), "{1,NULL}"},
}

// TestBuilder fills each type by text, by binary, by datum and with NULL, giving up a row between, and reads the same
// values back; twice, since a batch is used again.
func TestBuilder(t *testing.T) {
	var cols []format.Column
	for _, s := range samples {
		cols = append(cols, format.Column{Name: "c", Type: s.typ})
	}
	b := format.NewBuilder(cols, nil)
	out := &batch.Batch{}
	for range 2 {
		b.Begin(out, 10)
		for row := range 4 {
			for drop := 0; drop < 2; drop++ {
				for i, s := range samples {
					d, err := types.Parse(s.typ, s.text)
					if err != nil {
						t.Fatal(err)
					}
					switch {
					case drop == 0 && i > len(samples)/2:
						continue // half a row, then DropRow
					case row == 0:
						err = b.Text(i, []byte(s.text))
					case row == 1:
						err = b.Binary(i, wire.AppendBinary(nil, d))
					case row == 2:
						b.Datum(i, d)
					default:
						b.Null(i)
					}
					if err != nil {
						t.Fatalf("%s: %v", s.typ, err)
					}
				}
				if drop == 0 {
					b.DropRow()
				} else {
					b.EndRow()
				}
			}
		}
		b.Finish()
		for i, s := range samples {
			want, _ := types.Parse(s.typ, s.text)
			for row := range 4 {
				got := out.Cols[i].Datum(row)
				if got.Null != (row == 3) || !got.Null && types.Compare(got, want) != 0 {
					t.Errorf("%s, row %d: got %s, want %s", s.typ, row, got, want)
				}
			}
			if out.Len != 4 || out.Cols[i].Len != 4 {
				t.Errorf("%s: %d rows", s.typ, out.Cols[i].Len)
			}
		}
	}
}

func TestBuilderErrors(t *testing.T) {
	b := format.NewBuilder([]format.Column{{Name: "a", Type: types.T(types.Int4), NotNull: true}}, nil)
	b.Begin(&batch.Batch{}, 1)
	b.Null(0)
	if b.DropRow(); b.EndRow() {
		t.Error("a row is nulled that is not the one with the NULL")
	}
	b.Begin(&batch.Batch{}, 1)
	if computed := b.Default(0); computed || !b.EndRow() {
		t.Error("a row with a NULL where there may be none is not told")
	}
	b.Begin(&batch.Batch{}, 1)
	if err := b.Binary(0, []byte{1}); !errs.Is(err, errs.ProtocolViolation) {
		t.Error(err)
	}
	if err := b.Text(0, []byte("x")); !errs.Is(err, errs.InvalidTextRepresentation) {
		t.Error(err)
	}
}

func TestInput(t *testing.T) {
	in := format.NewInput(io.MultiReader(strings.NewReader("ab"), strings.NewReader("cde")), format.Limits{RowBytes: 3})
	if ok, err := in.Fill(); !ok || err != nil || string(in.Window()) != "ab" {
		t.Fatalf("%q, %v", in.Window(), err)
	}
	in.Advance(1)
	if ok, err := in.Fill(); !ok || err != nil || string(in.Window()) != "bcd" || in.Taken != 1 {
		t.Fatalf("%q, %v", in.Window(), err)
	}
	if _, err := in.Fill(); !errs.Is(err, errs.ProgramLimitExceeded) {
		t.Error(err)
	}
	in.Advance(3)
	if ok, err := in.Fill(); ok || err != nil {
		t.Error(ok, err)
	}
}

func TestContexts(t *testing.T) {
	inner := errs.New(errs.BadCopyFileFormat, "bad")
	err := format.FieldError(inner, "t", 3, "c", []byte(strings.Repeat("é", 80)))
	if e := errs.From(err); e.Context != `COPY t, line 3, column c: "`+strings.Repeat("é", 50)+`..."` || inner.Context != "" {
		t.Errorf("%q, %q", e.Context, inner.Context)
	}
	if e := errs.From(format.FieldError(inner, "t", 3, "c", nil)); e.Context != "COPY t, line 3, column c: null input" {
		t.Error(e.Context)
	}
	boom := errors.New("boom")
	if err := format.LineError(boom, "t", 1); !errors.Is(err, boom) {
		t.Error("the cause is lost")
	}
}
