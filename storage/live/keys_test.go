package live

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// TestKeys appends rows in pieces and finds each by its keys, with the values that it has, except those that were deleted
// and whose key came again.
func TestKeys(t *testing.T) {
	account := memtest.Pool(t, 0).Account("live", 0)
	rnd := rand.New(rand.NewPCG(1, 2))
	list := []keys.Key{{Columns: []int{0}}, {Columns: []int{1, 2}}, {Columns: []int{5, 3}, NullsEqual: true}}
	cols := slices.Clone(columns)
	for i := range cols {
		cols[i].ID = uint32(i + 1)
	}
	s := New(cols, account, 1, time.Now())
	s.Keys([]Key{{Columns: []uint32{1}}, {Columns: []uint32{2, 3}}, {Columns: []uint32{6, 4}, NullsEqual: true}})
	var deleted *index.RowSet
	all := randomRows(rnd, 0, 0)
	for round := range 40 {
		b := randomRows(rnd, s.Rows(), 1+rnd.IntN(700))
		if round == 30 { // the first key's rows come again
			b = randomRows(rnd, 0, 500)
			rows := make([]uint32, 500)
			for i := range rows {
				rows[i] = uint32(i)
			}
			deleted = deleted.With(rows)
		}
		from := rnd.IntN(b.Len)
		if err := s.Append(b, from, b.Len); err != nil {
			t.Fatal(err)
		}
		hashes := make([][]uint64, len(list))
		for i := range list {
			hashes[i] = list[i].Hash(nil, list[i].Of(nil, b.Cols), b.Len)
		}
		if err := s.Index(hashes, from, b.Len, deleted); err != nil {
			t.Fatal(err)
		}
		s.Mark(uint64(round + 1))
		for i, c := range all.Cols {
			for j := from; j < b.Len; j++ {
				c.AppendDatum(b.Cols[i].Datum(j))
			}
		}
	}
	if s.Bytes() < account.Used() {
		t.Fatalf("%d bytes, charged %d", s.Bytes(), account.Used())
	}
	if s.FindKey([]uint32{2, 3}, false) != 1 || s.FindKey([]uint32{2, 3}, true) != -1 || s.FindKey([]uint32{3, 2}, false) != -1 {
		t.Error("keys are not found by their columns")
	}
	for i := range list {
		k := &list[i]
		cols := k.Of(nil, all.Cols)
		for row, h := range k.Hash(nil, cols, s.Rows()) {
			if h == keys.None || deleted.Has(row) {
				continue
			}
			rows := s.Lookup(i, nil, h)
			values := make([]*batch.Vector, len(k.Columns))
			for c, column := range k.Columns {
				values[c] = new(batch.Vector)
				s.At(s.Layout(), column, rows, values[c])
			}
			found := false
			for j, r := range rows {
				if !k.Equal(values, j, cols, int(r)) {
					t.Fatalf("key %d: row %d has other values", i, r)
				}
				found = found || int(r) == row
			}
			if !found {
				t.Fatalf("key %d: row %d is not among %v", i, row, rows)
			}
		}
	}
	if s.Release(); account.Used() != 0 {
		t.Fatalf("%d bytes are charged after Release", account.Used())
	}
}
