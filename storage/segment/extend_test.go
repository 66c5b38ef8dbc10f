package segment

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestExtend: a segment that was extended has all that it had, runs of keys included, and the identities besides, which are
// found with and without numbers of its own, in scans of all rows and of few, committed and not.
func TestExtend(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	id := Column{ID: scan.IdentityColumn, Name: "row identity", Type: types.T(types.Int8)}
	for round := range 12 {
		d := randomData(r, []int{1, 70, 3000, scan.BlockRows + 5000}[round%4])
		d.keys = []keys.Key{{Columns: []int{r.IntN(len(d.cols))}}}
		if round%2 == 1 { // its rows have numbers of their own
			d.cols, d.value = append(d.cols, Column{ID: RowNumber, Name: "row number", Type: id.Type}), append(d.value, nil)
			for _, i := range r.Perm(d.rows) {
				d.value[len(d.value)-1] = append(d.value[len(d.value)-1], types.IntOf(id.Type, int64(i)*3))
			}
		}
		old := open(t, d.write(t, r, round%2 == 1), newCache(t, 0))
		ids := &batch.Vector{}
		ids.Reset(id.Type, 0)
		sparse := []int64{1, 3, 50000}[round/4]
		for range d.rows {
			if x := r.Int64N(1 << 40); x%sparse == 0 {
				ids.AppendDatum(types.IntOf(id.Type, x))
			} else {
				ids.AppendDatum(types.NullOf(id.Type))
			}
		}
		var file bytes.Buffer
		info, err := Extend(&file, old, 1, &Input{ID: 77, Columns: []Column{id}, Rows: d.rows,
			Chunks: func(int) ([]*batch.Vector, error) { return []*batch.Vector{ids}, nil }})
		if err != nil || info.ID != 77 || info.Bytes != int64(file.Len()) {
			t.Fatal(info, err)
		}
		s := open(t, file.Bytes(), newCache(t, 0))
		if err := s.Verify(); err != nil {
			t.Fatal(err)
		}
		if wrong := auditOf(t, s, nil); len(wrong) > 0 {
			t.Fatal(wrong)
		}
		runRandom(t, r, d, s.Part(old.All(nil).layout, nil))
		if round%2 == 0 && d.rows < 100 {
			d.lookUp(t, s, &d.keys[0], 0)
		}
		for _, base := range []uint64{9000, scan.OwnRows} {
			checkIdentities(t, r, s, ids, base)
		}
		if _, err := Extend(&file, s, 1, &Input{ID: 78, Columns: []Column{id}, Rows: d.rows}); err == nil {
			t.Error("a column that is there was added")
		}
	}
}

// checkIdentities reads those of all rows, and of some, with a base.
func checkIdentities(t *testing.T, r *rand.Rand, s *Segment, ids *batch.Vector, base uint64) {
	t.Helper()
	p := s.Part(&scan.Layout{}, nil).Without(base, nil)
	check := func(place int, got, number types.Datum) {
		t.Helper()
		want := ids.Datum(place)
		if want.Null && base < scan.OwnRows {
			want = number
		}
		if got.Null != want.Null || !want.Null && got.I != want.I {
			t.Fatalf("place %d, number %d: identity %v, want %v", place, number.I, got, want)
		}
	}
	req := &scan.Request{Columns: []int{scan.Identity, scan.RowNumber}, BatchRows: []int{0, 3, 777}[r.IntN(3)]}
	ps, err := p.Open(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer ps.Close()
	c, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	place := 0
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
			for i := range out.Len {
				check(place, out.Cols[0].Datum(i), out.Cols[1].Datum(i))
				place++
			}
		}
	}
	if place != s.Rows() {
		t.Fatalf("%d rows of %d", place, s.Rows())
	}
	var places []uint32
	for place := 0; place < s.Rows(); place += 1 + r.IntN(s.Rows()/10+1) {
		places = append(places, uint32(place))
	}
	err = p.At(context.Background(), req.Columns, places, func(first int, b *batch.Batch) error {
		for i := range b.Len {
			check(int(places[first+i]), b.Cols[0].Datum(i), b.Cols[1].Datum(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
