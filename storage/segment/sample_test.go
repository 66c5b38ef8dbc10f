package segment

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The sample has the same rows of every column, whatever the order of the segment, and asking for fewer takes some of them.
func TestSample(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, rows := range []int{1, 100, 129, 5000, 40000} {
		for _, shuffled := range []bool{false, true} {
			d := randomData(r, rows)
			s := open(t, d.write(t, r, shuffled), newCache(t, 0))
			n := scan.SampleRows(rows)
			ids, ts := []uint32{}, []types.Type{}
			for c := range d.cols {
				ids, ts = append(ids, d.cols[c].ID), append(ts, d.cols[c].Type)
			}
			p := s.Part(&scan.Layout{IDs: append(ids, 9999), Types: append(ts, types.T(types.Int4)),
				Missing: map[int]types.Datum{len(ids): types.IntOf(types.T(types.Int4), 12)}}, nil)
			for c, typ := range ts {
				for _, ask := range []int{n, 1, n/2 + 1, 2 * n} {
					var out batch.Vector
					out.Reset(typ, 0)
					if err := p.Sample(c, ask, p.Rows(), &out); err != nil || out.Len != ask {
						t.Fatalf("%d rows, %d of the sample: %d: %v", rows, ask, out.Len, err)
					}
					for i := range ask {
						row := scan.SamplePlace((2*i+1)*n/(2*ask), n, rows)
						if got := out.Datum(i); !same(got, d.value[c][row]) {
							t.Fatalf("%d rows, column %d %s: row %d of the sample is %+v, want %+v", rows, c, typ, i, got, d.value[c][row])
						}
					}
				}
			}
			var none batch.Vector
			none.Reset(types.T(types.Int4), 0)
			if err := p.Sample(len(ts), 3, p.Rows(), &none); err != nil || none.Len != 3 || none.Datum(2).I != 12 {
				t.Fatalf("a column that the segment lacks: %d rows: %v", none.Len, err)
			}
		}
	}
}

// Common values have the exact number of their rows, and no value of many rows is left out.
func TestCommon(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for round := range 6 {
		d := randomData(r, []int{3000, 70000}[round%2])
		s := open(t, d.write(t, r, round%3 == 0), newCache(t, 0))
		p := s.All(nil)
		for c, col := range d.cols {
			rows := map[string]int64{} // by name: NaN is no key, and there are two zeros
			for _, v := range d.value[c] {
				if !v.Null {
					rows[valueName(v)]++
				}
			}
			got := map[string]int64{}
			last := int64(d.rows)
			for _, k := range p.Common(c) {
				got[valueName(k.Value)] = k.Rows
				if k.Rows != rows[valueName(k.Value)] || k.Rows > last || k.Rows == 0 {
					t.Fatalf("column %d %s: %+v has %d rows, want %d, after %d", c, col.Type, k.Value, k.Rows, rows[valueName(k.Value)], last)
				}
				last = k.Rows
			}
			switch col.Type.Physical() {
			case types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysFloat64, types.PhysBytes:
			default:
				continue
			}
			for v, n := range rows {
				if int(n) > d.rows/8 && got[v] == 0 {
					t.Errorf("column %d %s: %s with %d of %d rows is left out", c, col.Type, v, n, d.rows)
				}
			}
		}
	}
}

func valueName(d types.Datum) string { return fmt.Sprint(d.I, d.Hi, d.F+0, d.S) }
