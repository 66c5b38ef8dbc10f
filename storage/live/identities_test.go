package live

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestIdentities appends and truncates rows of which some are new versions of others, and reads prefixes as rows of a table
// and of a transaction.
func TestIdentities(t *testing.T) {
	pool := memtest.Pool(t, 0)
	account := pool.Overdraft("live")
	int8 := types.T(types.Int8)
	s := New([]Column{{ID: 1, Name: "a", Type: int8}}, account, 1, time.Time{})
	s.Mark(1)
	if s.Identified() || s.Identities() != nil {
		t.Error("an empty segment has identities")
	}
	r := rand.New(rand.NewPCG(1, 2))
	var want []int64 // -1: the number
	for step := range 60 {
		if step%7 == 6 {
			want = want[:r.IntN(len(want))]
			s.Truncate(len(want))
		}
		b := batch.New([]types.Type{int8, int8})
		b.Reset()
		plain := r.IntN(2) == 0
		for range 1 + r.IntN(700) {
			b.Cols[0].AppendDatum(types.IntOf(int8, int64(len(want))))
			if id := int64(r.IntN(1000)); !plain && id%3 == 0 {
				b.Cols[1].AppendDatum(types.IntOf(int8, id))
				want = append(want, id)
			} else {
				b.Cols[1].AppendDatum(types.NullOf(int8))
				want = append(want, -1)
			}
			b.Len++
		}
		if plain {
			b.Cols = b.Cols[:1]
		}
		if err := s.Append(b, 0, b.Len); err != nil {
			t.Fatal(err)
		}
		s.Mark(uint64(step + 2))
		checkIdentities(t, s, want, 1000)
		checkIdentities(t, s, want[:r.IntN(len(want))+1], 1000)
		checkIdentities(t, s, want, scan.OwnRows)
	}
	s.Release()
	if n := pool.Used(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}

func checkIdentities(t *testing.T, s *Segment, want []int64, base uint64) {
	t.Helper()
	p := s.Prefix(len(want), s.Layout()).Without(base, nil)
	ps, err := p.Open(t.Context(), &scan.Request{Columns: []int{scan.Identity, 0}, Account: memtest.Pool(t, 0).Account("read", 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer ps.Close()
	c, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	row := 0
	out := &batch.Batch{}
	for m := range ps.Morsels() {
		if err := c.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := c.Next(t.Context(), out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			for i := range out.Len {
				d := out.Cols[0].Datum(i)
				switch id := want[row]; {
				case id < 0 && base == scan.OwnRows && !d.Null, id < 0 && base < scan.OwnRows && d.I != int64(base)+int64(row), id >= 0 && (d.Null || d.I != id):
					t.Fatalf("row %d has identity %v, want %d", row, d, id)
				}
				row++
			}
		}
	}
	if row != len(want) {
		t.Fatalf("%d rows, want %d", row, len(want))
	}
	all := s.Identities()
	for i, id := range want {
		if all == nil && id < 0 {
			continue
		}
		if d := all.Datum(i); d.Null != (id < 0) || id >= 0 && d.I != id {
			t.Fatalf("row %d of the file: %v, want %d", i, d, id)
		}
		if got := s.Identity(uint32(i), base); id >= 0 && got != id || id < 0 && got != int64(base) {
			t.Fatalf("row %d: %d, want %d", i, got, id)
		}
	}
}
