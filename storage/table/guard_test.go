package table

import (
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The first bad row counts, whatever it violates; of one row NOT NULL comes first, and then conditions in their order.
func TestGuard(t *testing.T) {
	def := catalog.NewTable("public", "t", catalog.Column{Name: "a", Type: types.T(types.Int4), NotNull: true},
		catalog.Column{Name: "b", Type: types.T(types.Text), NotNull: true})
	over := func(limit int64) Condition {
		return Condition{"over", func(b *batch.Batch, bits batch.Bitmap) error {
			for i := range b.Len {
				if d := b.Cols[0].Datum(i); !d.Null && d.I > limit {
					bits.Set(i)
				}
			}
			return nil
		}}
	}
	second := over(8)
	second.Name = "second"
	g := NewGuard(def, &Terms{Conditions: []Condition{over(9), second}})
	null := types.NullOf(types.T(types.Int4))
	num := func(i int64) types.Datum { return types.IntOf(types.T(types.Int4), i) }
	for _, c := range []struct {
		rows []types.Datum // of a; b is "x" and NULL where a is 100
		row  int
		want string
	}{
		{[]types.Datum{num(1), num(8)}, -1, ""},
		{nil, -1, ""},
		{[]types.Datum{num(1), num(10), null}, 1, `new row for relation "t" violates check constraint "over": (10, x)`},
		{[]types.Datum{num(9), num(10)}, 0, `new row for relation "t" violates check constraint "second": (9, x)`},
		{[]types.Datum{null, num(10)}, 0, `null value in column "a" of relation "t" violates not-null constraint: (null, x)`},
		{[]types.Datum{num(1), num(100)}, 1, `null value in column "b" of relation "t" violates not-null constraint: (100, null)`},
	} {
		for _, pad := range []int{0, 63, 64, 200} { // rows before that are good
			b := batch.New(def.Types())
			b.Reset()
			for i := range pad + len(c.rows) {
				d := num(1)
				if i >= pad {
					d = c.rows[i-pad]
				}
				b.Cols[0].AppendDatum(d)
				if d.I == 100 {
					b.Cols[1].AppendDatum(types.NullOf(types.T(types.Text)))
				} else {
					b.Cols[1].AppendDatum(types.TextOf("x"))
				}
				b.Len++
			}
			err := g.Check(b)
			row := allBad(t, g, b, err)
			want := c.row
			if want >= 0 {
				want += pad
			}
			text := ""
			if err != nil {
				text = errs.From(err).Message + ": " + strings.TrimSuffix(strings.TrimPrefix(errs.From(err).Detail, "Failing row contains "), ".")
			}
			if row != want || text != c.want {
				t.Errorf("row %d, %s; want row %d, %s", row, text, want, c.want)
			}
		}
	}
}

// allBad returns the first row that is not good, whose fault must be the error of Check; -1: none.
func allBad(t *testing.T, g *Guard, b *batch.Batch, first error) int {
	t.Helper()
	good, err := g.Good(b)
	if err != nil {
		t.Fatal(err)
	}
	for r := range b.Len {
		if good.Get(r) {
			continue
		}
		column, fault := g.Fault(b, r)
		if first == nil || fault.Error() != first.Error() || errs.From(fault).Detail != errs.From(first).Detail {
			t.Errorf("row %d: %v, want %v", r, fault, first)
		}
		if is := errs.Is(fault, errs.NotNullViolation); is != (column >= 0) || is && !b.Cols[column].IsNull(r) {
			t.Errorf("row %d: column %d is to blame for %v", r, column, fault)
		}
		return r
	}
	return -1
}

// Values in the detail are cut as PostgreSQL cuts them, never inside a character.
func TestRowText(t *testing.T) {
	b := batch.New([]types.Type{types.T(types.Int4), types.T(types.Text), types.T(types.Text)})
	b.Reset()
	b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int4), 7))
	b.Cols[1].AppendDatum(types.NullOf(types.T(types.Text)))
	b.Cols[2].AppendDatum(types.TextOf(strings.Repeat("x", 63) + "ééé"))
	b.Len = 1
	g := NewGuard(catalog.NewTable("public", "t", make([]catalog.Column, 3)...), &Terms{Text: func(d types.Datum) string {
		if d.S != "" {
			return d.S
		}
		return "7"
	}})
	if got, want := g.rowText(b, 0), "(7, null, "+strings.Repeat("x", 63)+"...)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
