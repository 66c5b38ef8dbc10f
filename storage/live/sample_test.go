package live

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A prefix shows rows at even distances, the same ones of all columns, over chunks of any size.
func TestSample(t *testing.T) {
	account := memtest.Pool(t, 0).Account("live", 0)
	rnd := rand.New(rand.NewPCG(3, 4))
	columns := slices.Clone(columns)
	for i := range columns {
		columns[i].ID = uint32(i + 1)
	}
	s := New(columns, account, 1, time.Now())
	rows := randomRows(rnd, 0, 20000)
	if err := s.Append(rows, 0, rows.Len); err != nil {
		t.Fatal(err)
	}
	s.Mark(1)
	for _, n := range []int{1, 2047, 2048, 2049, 13000, 20000} {
		p := s.Prefix(n, s.Layout())
		for _, ask := range []int{1, 100, 2048} {
			for c, col := range columns {
				var out batch.Vector
				out.Reset(col.Type, 0)
				if err := p.Sample(c, ask, p.Rows(), &out); err != nil || out.Len != ask {
					t.Fatalf("%d of %d rows: %d: %v", ask, n, out.Len, err)
				}
				for i := range ask {
					row := (2*i + 1) * n / (2 * ask)
					if got, want := out.Datum(i), rows.Cols[c].Datum(row); got != want {
						t.Fatalf("column %d, row %d: %+v, want %+v", c, row, got, want)
					}
				}
			}
		}
	}
	var before, since batch.Vector // which has got more rows
	before.Reset(columns[4].Type, 0)
	since.Reset(columns[4].Type, 0)
	if s.Prefix(13000, s.Layout()).Sample(4, 100, 13000, &before) != nil || s.Prefix(20000, s.Layout()).Sample(4, 100, 13000, &since) != nil {
		t.Fatal("no sample")
	}
	for i := range before.Len {
		if before.Datum(i) != since.Datum(i) {
			t.Fatalf("row %d of the sample is another one since the segment has more rows", i)
		}
	}
	wide := &scan.Layout{IDs: []uint32{columns[4].ID, 77, columns[0].ID}, Types: []types.Type{types.T(types.Int8), types.T(types.Text), types.T(types.Text)},
		Missing: map[int]types.Datum{1: types.TextOf("older")}}
	var grown, missing, unfit batch.Vector
	grown.Reset(wide.Types[0], 0)
	missing.Reset(wide.Types[1], 0)
	unfit.Reset(wide.Types[2], 0)
	p := s.Prefix(10, wide)
	if err := p.Sample(0, 10, p.Rows(), &grown); err != nil || grown.Datum(9) != types.IntOf(types.T(types.Int8), rows.Cols[4].Datum(9).I) {
		t.Errorf("a column that grew: %+v, %v", grown.Datum(9), err)
	}
	if err := p.Sample(1, 10, p.Rows(), &missing); err != nil || missing.Len != 10 || missing.Datum(9).S != "older" {
		t.Errorf("a column that is new: %d rows, %v", missing.Len, err)
	}
	if err := p.Sample(2, 10, p.Rows(), &unfit); err == nil {
		t.Error("a column of another type is shown")
	}
	s.Release()
	if n := account.Close(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}
