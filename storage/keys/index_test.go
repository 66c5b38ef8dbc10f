package keys

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// TestIndex holds an index against a map while rows come and go, and its memory against the bound at each step.
func TestIndex(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pool := memtest.Pool(t, 0)
	a := pool.Overdraft("keys")
	x := Index{Account: a}
	gone := map[int]bool{}
	isGone := func(row int) bool { return gone[row] }
	want := map[uint64][]uint32{}
	var all []uint64
	for row := uint32(0); row < 60000; row++ {
		h := max(r.Uint64()>>r.UintN(2), 1)
		if len(all) > 0 && row%5 == 0 { // an update: the old row goes
			h = all[r.IntN(len(all))]
			for _, old := range want[h>>32] {
				gone[int(old)] = true
			}
			want[h>>32] = nil
		}
		if err := x.Add(h, row, isGone); err != nil {
			t.Fatal(err)
		}
		want[h>>32] = append(want[h>>32], row)
		all = append(all, h)
		if x.Bytes() != a.Used() || x.Bytes() > 24*int64(x.Len()) || a.Peak() > 24*int64(x.Len()) {
			t.Fatalf("%d keys: %d bytes, charged %d, at most %d", x.Len(), x.Bytes(), a.Used(), a.Peak())
		}
	}
	for _, h := range all {
		var got []uint32
		for _, row := range x.Find(nil, h) {
			if !gone[int(row)] {
				got = append(got, row)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want[h>>32]) {
			t.Fatalf("hash %x in rows %v, want %v", h, got, want[h>>32])
		}
	}
	for range 1000 {
		if h := r.Uint64(); len(want[h>>32]) == 0 && len(x.Find(nil, h)) > 0 {
			t.Fatalf("hash %x was found", h)
		}
	}
	if x.Release(); a.Used() != 0 || len(x.Find(nil, all[0])) > 0 {
		t.Fatal("not empty after Release")
	}
}

// TestIndexOneKey updates one key over and over: it takes one slot.
func TestIndexOneKey(t *testing.T) {
	x := Index{Account: memtest.Pool(t, 0).Overdraft("keys")}
	defer x.Release()
	for row := range uint32(100000) {
		if err := x.Add(42<<40, row, func(other int) bool { return other < int(row) }); err != nil {
			t.Fatal(err)
		}
	}
	if got := x.Find(nil, 42<<40); x.Len() != 1 || len(got) != 1 || got[0] != 99999 {
		t.Fatalf("%d keys, rows %v", x.Len(), got)
	}
}

// TestClaims holds claims against a map.
func TestClaims(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	a := memtest.Pool(t, 0).Overdraft("claims")
	c := Claims{Account: a}
	want := map[uint64]bool{}
	var held [][]uint64
	for range 20000 {
		if len(held) > 0 && r.IntN(5) < 2 {
			i := r.IntN(len(held))
			c.Remove(held[i])
			for _, h := range held[i] {
				delete(want, h)
			}
			held = slices.Delete(held, i, i+1)
			continue
		}
		list := make([]uint64, 1+r.IntN(8))
		meets := false
		for i := range list {
			list[i] = r.Uint64N(300) << (r.UintN(2) * 40)
			meets = meets || want[list[i]]
		}
		if got := c.Meets(list); got != meets {
			t.Fatalf("%x meets: %v", list, got)
		}
		if meets {
			continue
		}
		if err := c.Add(list); err != nil {
			t.Fatal(err)
		}
		held = append(held, list)
		for _, h := range list {
			if h != None {
				want[h] = true
			}
		}
	}
	for _, list := range held {
		c.Remove(list)
	}
	for h := range uint64(300) {
		if c.Meets([]uint64{h, h << 40}) {
			t.Fatalf("%d is claimed", h)
		}
	}
	if c.Release(); a.Used() != 0 {
		t.Fatal("charged after Release")
	}
}

func BenchmarkIndex(b *testing.B) {
	const n = 1 << 20
	r := rand.New(rand.NewPCG(1, 2))
	hashes := make([]uint64, n)
	for i := range hashes {
		hashes[i] = max(r.Uint64(), 1)
	}
	never := func(int) bool { return false }
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			x := Index{Account: memtest.Pool(b, 0).Overdraft("keys")}
			for i, h := range hashes {
				if err := x.Add(h, uint32(i), never); err != nil {
					b.Fatal(err)
				}
			}
			x.Release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
	})
	b.Run("find", func(b *testing.B) {
		x := Index{Account: memtest.Pool(b, 0).Overdraft("keys")}
		defer x.Release()
		for i, h := range hashes {
			if err := x.Add(h, uint32(i), never); err != nil {
				b.Fatal(err)
			}
		}
		var found []uint32
		for b.Loop() {
			for _, h := range hashes {
				found = x.Find(found[:0], h)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
	})
	b.Run("build run", func(b *testing.B) {
		var w Builder
		for b.Loop() {
			run, err := w.Build(hashes)
			if err != nil {
				b.Fatal(err)
			}
			for p := range run.Pages() {
				w.Page(p)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
	})
	b.Run("find in run", func(b *testing.B) {
		run, entries, filters := pages(b, hashes)
		sorted := slices.Clone(hashes)
		slices.Sort(sorted)
		for b.Loop() {
			hits := 0
			for _, h := range sorted {
				p := run.PageOf(h)
				if MayHave(filters[p], h) {
					page := run.Page(entries[p])
					from, to := page.Find(h)
					hits += to - from
				}
			}
			if hits < n {
				b.Fatal("too few")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
	})
}

// Batches of one write whose hashes are the same, or none, give back what they have claimed together.
func TestClaimsOfBatches(t *testing.T) {
	c := Claims{Account: memtest.Pool(t, 0).Overdraft("claims")}
	first, second, none := make([]uint64, 100), make([]uint64, 100), make([]uint64, 100)
	for i := range first {
		first[i], second[i], none[i] = uint64(i+1)<<20, uint64(i%7+1)<<20, None
	}
	batches := [][]uint64{first, second, none}
	for _, b := range batches {
		if err := c.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range batches {
		c.Remove(b)
	}
	if c.Len() != 0 || c.Account.Used() != 0 {
		t.Errorf("%d claims, %d bytes are left", c.Len(), c.Account.Used())
	}
}
