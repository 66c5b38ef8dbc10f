package index

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Sets of all densities against a map, through files and other orders.
func TestRowSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 63, 65_536, 65_537, 300_000} {
		var s *RowSet
		has := map[uint32]bool{}
		for _, size := range []int{0, 1, 10, n / 100, n / 2} {
			before, was := s, s.Rows()
			add := make([]uint32, size)
			for i := range add {
				add[i] = uint32(r.IntN(n))
				has[add[i]] = true
			}
			s = s.With(add)
			if !slices.Equal(before.Rows(), was) {
				t.Fatal("With changed the set it was called on")
			}
			checkSet(t, s, has, n)
			back, err := ReadRowSet(s.Append(nil), n)
			if err != nil {
				t.Fatal(err)
			}
			checkSet(t, back, has, n)
			if s.Len() > 0 {
				if _, err := ReadRowSet(s.Append(nil), int(s.Rows()[s.Len()-1])); err == nil {
					t.Fatal("rows beyond the segment were accepted")
				}
			}
		}
		places := make([]uint32, n)
		for i, p := range r.Perm(n) {
			places[i] = uint32(p)
		}
		moved := map[uint32]bool{}
		for k := range has {
			moved[places[k]] = true
		}
		checkSet(t, s.Moved(places), moved, n)
	}
}

func checkSet(t *testing.T, s *RowSet, want map[uint32]bool, n int) {
	t.Helper()
	if s.Len() != len(want) || len(s.Rows()) != len(want) || !slices.IsSorted(s.Rows()) {
		t.Fatalf("%d rows, %d listed, want %d", s.Len(), len(s.Rows()), len(want))
	}
	for i := range n {
		if s.Has(i) != want[uint32(i)] {
			t.Fatalf("row %d of %d: %v", i, n, s.Has(i))
		}
	}
	for from := 0; from < n; from += 2048 {
		k := min(2048, n-from)
		words, all := s.Words(from), true
		for i := range k {
			in := words != nil && words.Get(i)
			if in != want[uint32(from+i)] {
				t.Fatalf("word of row %d: %v", from+i, in)
			}
			all = all && in
		}
		if s.All(from, k) != all {
			t.Fatalf("All(%d, %d) is %v", from, k, !all)
		}
	}
}

func TestRowIDs(t *testing.T) {
	s := NewRowIDs()
	ids := []uint64{0, 5, 6, 7, 1<<32 - 1, 1 << 32, 1<<40 + 3}
	for _, id := range ids {
		if !s.Add(id) || s.Add(id) {
			t.Fatalf("Add(%d)", id)
		}
	}
	back, err := ReadRowIDs(s.Append(nil))
	if err != nil || back.Len() != int64(len(ids)) {
		t.Fatalf("%d ids came back: %v", back.Len(), err)
	}
	if got := back.Within(nil, 5, 3); !slices.Equal(got, []uint32{0, 1, 2}) {
		t.Fatalf("within: %v", got)
	}
	if got := back.Within(nil, 1<<32-2, 3); !slices.Equal(got, []uint32{1, 2}) {
		t.Fatalf("within: %v", got)
	}
	o := NewRowIDs()
	o.AddMany([]uint64{8, 9})
	if o.Meets(s) || !s.Clone().Meets(s) {
		t.Fatal("Meets")
	}
	o.AddAll(s)
	if !o.Meets(s) || !o.Has(1<<40+3) || o.Has(10) {
		t.Fatal("AddAll")
	}
}

func FuzzReadRowSet(f *testing.F) {
	f.Add((*RowSet)(nil).With([]uint32{1, 2, 3, 70_000}).Append(nil))
	ids := NewRowIDs()
	ids.AddMany([]uint64{1, 1 << 35})
	f.Add(ids.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ReadRowSet(b, 200_000); err == nil {
			for _, r := range s.Rows() {
				if r >= 200_000 {
					t.Fatalf("row %d", r)
				}
			}
			if back, err := ReadRowSet(s.Append(nil), 200_000); err != nil || back.Len() != s.Len() {
				t.Fatalf("%d rows became %d: %v", s.Len(), back.Len(), err)
			}
		}
		if s, err := ReadRowIDs(b); err == nil {
			_ = s.Within(nil, 0, 1<<16)
		}
	})
}

// Count says what Within would list.
func TestRowIDsCount(t *testing.T) {
	s := NewRowIDs()
	s.AddRange(60_000, 200_000)
	s.AddMany([]uint64{0, 7, 65_535, 300_000, 1 << 33})
	s.Pack()
	all := s.bm.ToArray()
	for _, base := range []uint64{0, 1, 7, 59_999, 65_536, 199_999, 200_000, 300_000, 1<<33 - 1, 1 << 33} {
		for _, n := range []int{0, 1, 2, 65_536, 140_000, 1 << 20} {
			want := 0
			for _, id := range all {
				if id >= base && id-base < uint64(n) {
					want++
				}
			}
			if got, listed := s.Count(base, n), len(s.Within(nil, base, n)); got != want || listed != want {
				t.Errorf("%d rows from %d: %d, listed %d, want %d", n, base, got, listed, want)
			}
		}
	}
	if (*RowIDs)(nil).Count(0, 10) != 0 {
		t.Error("an empty set has rows")
	}
}

// The list of a vector has what its bits have, or is not there because it is long; sets that were made of others have
// their own.
func TestFew(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var s *RowSet
	for _, n := range []int{1, 500, 7000, 8000, 9000} {
		rows := make([]uint32, n)
		for i := range rows {
			rows[i] = r.Uint32N(2*scan.BlockRows) + scan.BlockRows
		}
		s = s.With(rows)
		for at := 0; at < 4*scan.BlockRows; at += batch.MaxRows {
			places, ok := s.Few(at)
			if !ok {
				if s.block(at/scan.BlockRows).count <= fewMost {
					t.Fatalf("no list of a block of %d rows", s.block(at/scan.BlockRows).count)
				}
				continue
			}
			var want []uint16
			for i := range batch.MaxRows {
				if s.Has(at + i) {
					want = append(want, uint16(i))
				}
			}
			if !slices.Equal(places, want) {
				t.Fatalf("vector at %d of a set of %d: %d places, want %d", at, s.Len(), len(places), len(want))
			}
		}
	}
	if _, ok := s.Few(scan.BlockRows); ok {
		t.Error("a block of some 12,000 rows has a list")
	}
}
