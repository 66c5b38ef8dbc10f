package segment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// someDeleted picks rows to delete: few or many, at the ends of vectors, whole vectors.
func someDeleted(r *rand.Rand, rows int) []uint32 {
	var list []uint32
	some := func(from, to, of int) {
		for i := from; i < min(to, rows); i++ {
			if r.IntN(of) == 0 {
				list = append(list, uint32(i))
			}
		}
	}
	switch r.IntN(6) {
	case 0:
		list = append(list, uint32(r.IntN(rows)))
	case 1:
		some(0, rows, 100)
	case 2:
		some(0, rows, 5)
	case 3: // the last of each vector, and some in front of them
		for v := 0; v < rows; v += batch.MaxRows {
			some(v, v+batch.MaxRows, 150)
			some(v+batch.MaxRows-30, v+batch.MaxRows, 1+r.IntN(2))
		}
	case 4:
		some(0, batch.MaxRows, 1)
		some(batch.MaxRows, rows, 300)
	default:
		some(0, rows, 1)
	}
	return list
}

// What is deleted is left out, in any number and order; all columns of a row stay together when rows may be exchanged.
func TestDeletes(t *testing.T) {
	for _, rows := range []int{1, 65, 2049, 9000, 70000} {
		for round := range 4 {
			t.Run(fmt.Sprintf("%d/%d", rows, round), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(rows), uint64(round)))
				d := randomData(r, rows)
				s := open(t, d.write(t, r, false), newCache(t, 0))
				pins := new(Pins)
				defer pins.Release()
				for i := range min(40, 100_000/rows+6) {
					list := someDeleted(r, rows)
					gone := (*index.RowSet)(nil).With(list)
					req := &scan.Request{AnyOrder: i%3 > 0, Columns: []int{scan.RowNumber}, BatchRows: []int{0, 1000, 0, 2048, 100}[i%5]}
					for c := range d.cols {
						if r.IntN(2) == 0 {
							req.Columns = append(req.Columns, c)
						}
					}
					if r.IntN(3) == 0 {
						req.Terms = append(req.Terms, d.randomTerm(r))
					}
					var want []int
					for row := range rows {
						if !gone.Has(row) && (len(req.Terms) == 0 || d.satisfies(&req.Terms[0], row)) {
							want = append(want, row)
						}
					}
					got := readNumbered(t, d, s.All(pins).Without(0, gone), req)
					if req.AnyOrder {
						slices.Sort(got)
					}
					if !slices.Equal(got, want) {
						t.Fatalf("%s, %d deleted: %d rows, want %d, or others", describe(req), len(list), len(got), len(want))
					}
				}
			})
		}
	}
}

// readNumbered reads a part by a request whose first column is the number, and holds each row against the oracle's.
func readNumbered(t *testing.T, d *data, p *Part, req *scan.Request) (numbers []int) {
	t.Helper()
	ps, err := p.Open(background, req)
	if err != nil {
		t.Fatal(err)
	}
	if ps == nil {
		return nil
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	var out batch.Batch
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := cur.Next(background, &out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			var rows []int
			for k := range out.Len {
				rows = append(rows, int(out.Cols[0].Datum(k).I))
			}
			for i, v := range out.Cols[1:] {
				checkVector(t, d, ps, req, i+1, v, rows)
			}
			numbers = append(numbers, rows...)
		}
	}
	return numbers
}
