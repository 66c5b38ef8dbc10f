package live

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestLate tightens a late term while a scan runs: rows that fail it are dropped as soon as it is known, in whole zones
// and row by row; bounds on strings drop nothing.
func TestLate(t *testing.T) {
	s := New(columns, memtest.Pool(t, 0).Account("live", 0), 1, time.Now())
	defer s.Release()
	if err := s.Append(randomRows(rand.New(rand.NewPCG(3, 4)), 0, 40_000), 0, 40_000); err != nil {
		t.Fatal(err)
	}
	s.Mark(1)
	late, text := new(scan.Late), new(scan.Late)
	text.Set(&scan.Term{Column: 1, Op: scan.Lt, Values: []types.Datum{types.TextOf("string 3")}})
	req := &scan.Request{Columns: []int{0}, Late: []*scan.Late{late, text}, Counters: new(scan.Counters)}
	ps, err := s.Prefix(s.Rows(), s.Layout()).Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	out := batch.New([]types.Type{types.T(types.Int8)})
	limit, rows := int64(40_000), 0
	for m := range ps.Morsels() {
		if err := c.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := c.Next(context.Background(), out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			for i := range out.Len {
				if v := out.Cols[0].Datum(i).I; v > limit {
					t.Fatalf("row %d came after the bound %d", v, limit)
				}
			}
			if rows += out.Len; rows > 3000 {
				limit = 5000
				late.Set(&scan.Term{Column: 0, Op: scan.Le, Values: []types.Datum{types.IntOf(types.T(types.Int8), limit)}})
			}
		}
	}
	if rows != 5001 || req.Counters.ZonesPruned.Load() == 0 {
		t.Errorf("%d rows, %d zones pruned", rows, req.Counters.ZonesPruned.Load())
	}
}
