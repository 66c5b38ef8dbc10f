package table

import (
	"bytes"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Rows that are read back find their columns by id, whatever the table has become since.
func TestFit(t *testing.T) {
	col := func(id uint32, typ types.Type) catalog.Column { return catalog.Column{ID: id, Name: "c", Type: typ} }
	old := &catalog.Table{Head: catalog.Head{ID: 7, Name: "t"}, Columns: []catalog.Column{
		col(1, types.T(types.Int2)), col(2, types.T(types.Text)), col(3, types.T(types.Float4)), col(4, types.NumericOf(9, 2)),
	}}
	rows := &batch.Batch{Len: 2}
	for _, c := range old.Columns {
		v := &batch.Vector{}
		v.Reset(c.Type, 0)
		v.AppendDatum(types.Datum{Type: c.Type, I: -7, F: 1.5, S: "x"})
		v.AppendDatum(types.NullOf(c.Type))
		rows.Cols = append(rows.Cols, v)
	}
	ids := &batch.Vector{}
	ids.Reset(types.T(types.Int8), 0)
	ids.AppendDatum(types.NullOf(ids.Type))
	ids.AppendDatum(types.IntOf(ids.Type, 99))
	rows.Cols = append(rows.Cols, ids)
	var e Encoder
	e.Begin()
	e.Add(old, rows)
	e.End(&Head{})
	var d Decoder
	if err := d.Begin(bytes.Join(e.Payload(), nil)); err != nil {
		t.Fatal(err)
	}
	s, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	var f Fitter
	if got, err := f.Fit(old, s); err != nil || got != s.Batch {
		t.Fatalf("the same columns are copied: %v", err)
	}
	now := &catalog.Table{Head: catalog.Head{ID: 7, Name: "t"}, Columns: []catalog.Column{
		col(5, types.T(types.Int2)), col(4, types.NumericOf(30, 2)), col(1, types.T(types.Int8)), col(3, types.T(types.Float8)), col(6, types.T(types.Text)),
	}}
	missing := types.TextOf("older")
	now.Columns[4].Missing = &missing
	for range 2 { // buffers are used again
		got, err := f.Fit(now, s)
		if err != nil {
			t.Fatal(err)
		}
		columns := append(now.Columns, catalog.Column{Type: ids.Type}) // identities go along
		for i, want := range []string{"NULL NULL", "-0.07 NULL", "-7 NULL", "1.5 NULL", "older older", "NULL 99"} {
			v := got.Cols[i]
			if text := v.Datum(0).String() + " " + v.Datum(1).String(); text != want || v.Type != columns[i].Type || v.Form != batch.Flat || v.Len != 2 {
				t.Errorf("column %d: %s of %s, want %s", i, text, v.Type, want)
			}
		}
	}
	now.Columns[2].Type = types.T(types.Date)
	if _, err := f.Fit(now, s); !errs.Is(err, errs.DataCorrupted) || !strings.Contains(err.Error(), `smallint in column "c" of table "t", which has type date`) {
		t.Fatalf("a column of another type: %v", err)
	}
}
