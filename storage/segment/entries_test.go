package segment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// TestCounted compares counted requests with the rows that satisfy their terms.
func TestCounted(t *testing.T) {
	for _, rows := range []int{1, 65, 3000, 40000} {
		r := rand.New(rand.NewPCG(uint64(rows), 7))
		d := randomData(r, rows)
		s := open(t, d.write(t, r, true), newCache(t, 0))
		pins := new(Pins)
		p := s.All(pins)
		for col := range d.cols {
			if p.Stats(col).Counted == 0 {
				continue
			}
			for i := range 20 {
				req := &scan.Request{Columns: []int{col}, Counted: true, BatchRows: []int{0, 1, 3, 100}[i%4], Counters: new(scan.Counters)}
				for len(req.Terms) < i%3 {
					if term := d.randomTerm(r); term.Column == col {
						req.Terms = append(req.Terms, term)
					}
				}
				checkCounted(t, d, p, req)
			}
		}
		pins.Release()
	}
}

func checkCounted(t *testing.T, d *data, p *Part, req *scan.Request) {
	t.Helper()
	col := req.Columns[0]
	want := map[string]int64{}
	for row := range d.rows {
		ok := true
		for i := range req.Terms {
			ok = ok && d.satisfies(&req.Terms[i], row)
		}
		if ok {
			want[fmt.Sprint(d.value[col][row])]++
		}
	}
	got := map[string]int64{}
	ps, err := p.Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if ps != nil {
		defer ps.Close()
		if _, ok := ps.(*scan.EntryScan); !ok {
			t.Fatalf("%s: a scan of rows", describe(req))
		}
		c, err := ps.Cursor()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		out := &batch.Batch{}
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
				if req.BatchRows > 0 && out.Len > req.BatchRows {
					t.Fatalf("%d rows", out.Len)
				}
				for i := range out.Len {
					n := out.Cols[1].Datum(i).I
					key := fmt.Sprint(out.Cols[0].Datum(i))
					if _, twice := got[key]; twice || n < 1 {
						t.Fatalf("%s: %s came with %d rows, twice %t", describe(req), key, n, twice)
					}
					got[key] = n
				}
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s:\n got %v\nwant %v", describe(req), got, want)
	}
}
