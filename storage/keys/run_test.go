package keys

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// pages builds a run and returns its pages.
func pages(t testing.TB, hashes []uint64) (run Run, entries, filters [][]byte) {
	t.Helper()
	a := memtest.Pool(t, 0).Overdraft("run")
	b := Builder{Account: a}
	run, err := b.Build(hashes)
	if err != nil {
		t.Fatal(err)
	}
	for p := range run.Pages() {
		e, f := b.Page(p)
		entries, filters = append(entries, slices.Clone(e)), append(filters, slices.Clone(f))
	}
	if b.Release(); a.Used() != 0 {
		t.Fatalf("%d bytes are charged after Release", a.Used())
	}
	return run, entries, filters
}

// TestRun holds runs of many sizes and kinds of hashes against a map.
func TestRun(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]func() uint64{
		"even":   func() uint64 { return max(r.Uint64(), 1) },
		"few":    func() uint64 { return max(r.Uint64N(40)<<58, 1) },
		"none":   func() uint64 { return r.Uint64N(3) << 40 },
		"equal":  func() uint64 { return 0xabcdef0123456789 },
		"ends":   func() uint64 { return []uint64{1, 1 << 63, ^uint64(0), 1<<24 - 1, 1 << 24}[r.IntN(5)] },
		"uneven": func() uint64 { return max(r.Uint64()>>r.UintN(60), 1) },
	}
	for _, n := range []int{1, 2, 3, 16, 17, 100, 255, 256, 257, 4095, 9000, 70000} {
		for kind, next := range kinds {
			t.Run(fmt.Sprintf("%s/%d", kind, n), func(t *testing.T) {
				hashes := make([]uint64, n)
				for i := range hashes {
					hashes[i] = next()
				}
				checkRun(t, hashes, next)
			})
		}
	}
}

func checkRun(t *testing.T, hashes []uint64, next func() uint64) {
	want := map[uint64][]uint32{}
	for place, h := range hashes {
		if h != None {
			want[Short(h)] = append(want[Short(h)], uint32(place))
		}
	}
	run, entries, filters := pages(t, hashes)
	total, before := 0, uint64(0)
	for p := range entries {
		if err := run.Check(entries[p]); err != nil {
			t.Fatalf("page %d: %v", p, err)
		}
		if err := CheckFilter(filters[p]); err != nil {
			t.Fatalf("page %d: %v", p, err)
		}
		page := run.Page(entries[p])
		for i, h := range page.Hashes(nil, p) {
			if h < before || run.PageOf(h) != p || Short(hashes[page.Place(i)]) != h {
				t.Fatalf("page %d entry %d: hash %x after %x, of row %d", p, i, h, before, page.Place(i))
			}
			before = h
		}
		total += page.Len()
	}
	if total != run.Entries() {
		t.Fatalf("%d entries in pages, want %d", total, run.Entries())
	}
	lookUp := func(h uint64) {
		p := run.PageOf(h)
		page := run.Page(entries[p])
		var got []uint32
		for i, to := page.Find(h); i < to; i++ {
			got = append(got, page.Place(i))
		}
		if !slices.Equal(got, want[Short(h)]) {
			t.Fatalf("hash %x at %v, want %v", h, got, want[Short(h)])
		}
		if got != nil && !MayHave(filters[p], h) {
			t.Fatalf("hash %x does not pass the filter", h)
		}
	}
	step := 1 // of the most frequent hash there are so many entries that each look-up lists
	for _, places := range want {
		step = max(step, len(hashes)*len(places)>>20)
	}
	for i := 0; i < len(hashes); i += step {
		if hashes[i] != None {
			lookUp(hashes[i])
		}
	}
	for range 1000 / min(step, 1000) {
		lookUp(max(next(), 1))
	}
}

// TestExample is the one of the package comment.
func TestExample(t *testing.T) {
	_, entries, _ := pages(t, []uint64{0x0102030405060708, None, 0x01020304ffffffff})
	if got, want := fmt.Sprintf("%x", entries[0]), "02000000"+"0504030201"+"ff04030201"+"0002"; got != want {
		t.Fatalf("entries %s, want %s", got, want)
	}
}

// TestRunSize holds the figures of the package comment.
func TestRunSize(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hashes := make([]uint64, 1<<20)
	for i := range hashes {
		hashes[i] = r.Uint64()
	}
	_, entries, filters := pages(t, hashes)
	size, filter := 0, 0
	for i := range entries {
		size, filter = size+len(entries[i]), filter+len(filters[i])
	}
	if perKey := float64(size) / (1 << 20); perKey > 6.4 {
		t.Errorf("%.2f bytes an entry", perKey)
	}
	if perKey := float64(filter) / (1 << 20); perKey > 1.3 {
		t.Errorf("%.2f bytes of filters an entry", perKey)
	}
	run := NewRun(1<<20, 1<<20)
	passed := 0
	for range 100000 {
		h := r.Uint64()
		if MayHave(filters[run.PageOf(h)], h) {
			passed++
		}
	}
	if passed > 1600 {
		t.Errorf("%d of 100,000 absent hashes pass", passed)
	}
}

// FuzzPage gives damaged pages to Check. What passes can be used: each entry is found by its own hash.
func FuzzPage(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 5, 40, 600} {
		hashes := make([]uint64, n)
		for i := range hashes {
			hashes[i] = r.Uint64()
		}
		run, entries, _ := pages(f, hashes)
		f.Add(entries[0], run.Entries(), n)
	}
	f.Fuzz(func(t *testing.T, b []byte, n, rows int) {
		if n < 0 || n > 1<<20 || rows < 1 || rows > 1<<32 {
			return
		}
		run := NewRun(n, rows)
		if run.Check(b) != nil {
			return
		}
		page := run.Page(b)
		for i, h := range page.Hashes(nil, 0) {
			from, to := page.Find(h)
			if i < from || i >= to || int(page.Place(i)) >= rows {
				t.Fatalf("entry %d with hash %x is not in [%d, %d)", i, h, from, to)
			}
		}
		if got := run.PageBytes(page.Len()); got != len(b) {
			t.Fatalf("%d bytes, want %d", got, len(b))
		}
	})
}

// TestBuildIsStable builds the same run twice with the memory of another.
func TestBuildIsStable(t *testing.T) {
	a, b := []uint64{5 << 40, 3 << 50, 5 << 40}, []uint64{1 << 60, None, 1 << 60, 7 << 30}
	_, want, _ := pages(t, a)
	var shared Builder
	for range 3 {
		if _, err := shared.Build(b); err != nil {
			t.Fatal(err)
		}
		if _, err := shared.Build(a); err != nil {
			t.Fatal(err)
		}
		if got, _ := shared.Page(0); !bytes.Equal(got, want[0]) {
			t.Fatalf("%x, want %x", got, want[0])
		}
	}
}
