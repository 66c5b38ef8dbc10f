package shelf

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
)

// TestSparsePlaces: of few rows and of many, and of ranges with many more numbers than the file has rows, exactly those are
// found that the file has.
func TestSparsePlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const base = 1000
	ranges := []manifest.Range{{Base: base, Rows: 5000}, {Base: base + 9000, Rows: 400}}
	for range 300 {
		var distances []uint64 // by place
		for _, d := range r.Perm(5400)[:1+r.IntN(200)] {
			if d >= 5000 {
				d += 4000
			}
			distances = append(distances, uint64(d))
		}
		rows := index.NewRowIDs()
		for range []int{1, 5, 300, 20000}[r.IntN(4)] {
			rows.Add(uint64(r.IntN(12000)))
		}
		var want []uint32
		for place, d := range distances {
			if rows.Has(base + d) {
				want = append(want, uint32(place))
			}
		}
		got := SparsePlaces(distances).of(rows, ranges, base)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%d rows of %d: %v, want %v", rows.Len(), len(distances), got, want)
		}
	}
}
