package live

import (
	"math"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Floats have a range until there is a NaN, in whichever zone it is, and whatever comes behind it.
func TestNaNHasNoRange(t *testing.T) {
	const rows = 2*scan.ZoneRows + 100
	for _, at := range []int{-1, 0, 7, scan.ZoneRows - 1, scan.ZoneRows + 5, 2 * scan.ZoneRows, rows - 1} {
		pool := memtest.Pool(t, 0)
		account := pool.Overdraft("test")
		s := New([]Column{{Type: types.T(types.Float8), Nullable: true}}, account, 0, time.Now())
		b := batch.New([]types.Type{types.T(types.Float8)})
		for i := range rows {
			d := types.FloatOf(types.T(types.Float8), float64(i-50))
			switch {
			case i == at:
				d.F = math.NaN()
			case i%11 == 3:
				d = types.NullOf(d.Type)
			}
			b.Cols[0].AppendDatum(d)
		}
		b.Len = rows
		for from := 0; from < rows; from += 1000 {
			if err := s.Append(b, from, min(rows, from+1000)); err != nil {
				t.Fatal(err)
			}
		}
		s.Mark(1)
		st := s.Prefix(rows, s.Layout()).Stats(0)
		if st.HasRange != (at < 0) || at < 0 && (st.Min.F != -50 || st.Max.F != rows-51) {
			t.Errorf("NaN at %d: %+v", at, st)
		}
		if st.Nulls != countNulls(b.Cols[0]) {
			t.Errorf("NaN at %d: %d NULLs", at, st.Nulls)
		}
		s.Release()
	}
}

func countNulls(v *batch.Vector) (n int64) {
	for i := range v.Len {
		if v.IsNull(i) {
			n++
		}
	}
	return n
}
