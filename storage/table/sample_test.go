package table

import (
	"math"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// numbered is a part whose only column has its number in all rows.
type numbered struct {
	scan.Part
	number, rows int
	asked        *int // how often for a sample
}

func (p numbered) Rows() int { return p.rows }

func (p numbered) Sample(_, rows, _ int, out *batch.Vector) error {
	if p.asked != nil {
		*p.asked++
	}
	for range rows {
		out.AppendDatum(types.IntOf(out.Type, int64(p.number)))
	}
	return nil
}

func (p numbered) Common(int) []scan.Common {
	return []scan.Common{{Value: types.IntOf(types.T(types.Int4), int64(p.number%2)), Rows: int64(p.rows)}}
}

func view(parts ...int) *View {
	v := &View{layout: &scan.Layout{IDs: []uint32{1}, Types: []types.Type{types.T(types.Int4)}}}
	for i, rows := range parts {
		v.add(numbered{number: i, rows: rows}, nil, partID{}, 0)
	}
	return v
}

// Each part has the share of the sample that it has of the rows, small ones among large ones, too.
func TestViewSample(t *testing.T) {
	for _, parts := range [][]int{{5}, {1 << 20}, {1 << 20, 1 << 20, 1000}, {1000, 500_000, 3}, {10, 20, 30}} {
		v := view(parts...)
		b, err := v.Sample([]int{0, 0})
		if err != nil || b.Len != scan.SampleRows(int(v.rows)) || b.Cols[0].Len != b.Len || b.Cols[1].Len != b.Len {
			t.Fatalf("%d: %d rows: %v", parts, b.Len, err)
		}
		seen := make([]int, len(parts))
		for i := range b.Len {
			seen[b.Cols[0].Datum(i).I]++
		}
		for i, rows := range parts {
			if want := float64(b.Len) * float64(rows) / float64(v.rows); math.Abs(float64(seen[i])-want) > 1 {
				t.Errorf("%d: part %d has %d rows of %d, want %.1f", parts, i, seen[i], b.Len, want)
			}
		}
	}
	if b, err := view().Sample([]int{0}); err != nil || b.Len != 0 {
		t.Errorf("no parts: %d rows, %v", b.Len, err)
	}
}

// Of very many parts some stand for all: those in which most rows are come most often.
func TestViewSampleOfManyParts(t *testing.T) {
	parts := make([]int, 10_000)
	for i := range parts {
		parts[i] = 100
	}
	parts[7000] = 1_000_000 // half of all rows
	v := view(parts...)
	b, err := v.Sample([]int{0})
	if err != nil || b.Len != scan.SampleMax {
		t.Fatalf("%d rows: %v", b.Len, err)
	}
	large, others := 0, map[int64]bool{}
	for i := range b.Len {
		if n := b.Cols[0].Datum(i).I; n == 7000 {
			large++
		} else {
			others[n] = true
		}
	}
	if large != scan.SampleMax/2 || len(others) != sampleParts/2 {
		t.Errorf("%d of %d rows come from the part that has half of them, the others from %d parts", large, b.Len, len(others))
	}
	total := int64(0)
	for _, c := range v.Common(0) {
		total += c.Rows
	}
	if math.Abs(float64(total-v.rows)) > float64(v.rows)/100 {
		t.Errorf("common values of %d rows, there are %d", total, v.rows)
	}
}

// Rows that were deleted do not hide what a part can tell.
func TestViewSampleBehindDeletes(t *testing.T) {
	v := &View{layout: &scan.Layout{IDs: []uint32{1}, Types: []types.Type{types.T(types.Int4)}}}
	v.add(numbered{number: 1, rows: 1000}, nil, partID{}, 900)
	v.add(numbered{number: 2, rows: 100}, nil, partID{}, 0)
	b, err := v.Sample([]int{0})
	if err != nil || b.Len != scan.SampleRows(200) || b.Cols[0].Datum(0).I != 1 || b.Cols[0].Datum(b.Len-1).I != 2 {
		t.Fatalf("%d rows: %v", b.Len, err)
	}
	if c := v.Common(0); len(c) != 2 || c[0].Rows != 100 || c[1].Rows != 100 {
		t.Errorf("common values %+v", c)
	}
}

// A column is sampled once, however many estimators of a statement ask, and at once.
func TestViewSamplesOnce(t *testing.T) {
	asked := 0
	v := &View{layout: &scan.Layout{IDs: []uint32{1, 2}, Types: []types.Type{types.T(types.Int4), types.T(types.Int8)}}}
	for i := range 3 {
		v.add(numbered{number: i, rows: 1000, asked: &asked}, nil, partID{}, 0)
	}
	var all sync.WaitGroup
	for _, columns := range [][]int{{0}, {0}, {1, 0}, {0, 1}} {
		all.Go(func() {
			b, err := v.Sample(columns)
			if err != nil || len(b.Cols) != len(columns) {
				t.Error(err)
				return
			}
			for i, c := range columns {
				if b.Cols[i].Type != v.layout.Types[c] || b.Cols[i].Len != b.Len || b.Cols[i].Datum(b.Len-1).I != 2 {
					t.Errorf("column %d of %v is another one", c, columns)
				}
			}
		})
	}
	all.Wait()
	if asked != 2*3 {
		t.Errorf("parts were asked %d times, want once for each column", asked)
	}
}
