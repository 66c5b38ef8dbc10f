package mem

import (
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func TestAccountLimits(t *testing.T) {
	p := NewPool(1000)
	a, b := p.Account("a", 600), p.Account("b", 0)
	if err := a.Reserve(600); err != nil {
		t.Fatal(err)
	}
	if err := a.Reserve(1); !errs.Is(err, errs.OutOfMemory) {
		t.Fatalf("past the account's limit: %v", err)
	}
	if err := b.Reserve(401); !errs.Is(err, errs.OutOfMemory) {
		t.Fatalf("past the pool's limit: %v", err)
	}
	if err := b.Reserve(400); err != nil {
		t.Fatal(err)
	}
	a.Free(600)
	if a.Used() != 0 || p.Used() != 400 || p.Peak() != 1000 || a.Close() != 0 || b.Close() != 400 || p.Used() != 0 {
		t.Fatalf("used %d of a, %d of the pool, peak %d", a.Used(), p.Used(), p.Peak())
	}
}

// TestPagesComeBackZeroed: a page of an earlier query must not show through.
func TestPagesComeBackZeroed(t *testing.T) {
	p := NewPool(0)
	a := p.Account("a", 0)
	for _, n := range []int{1, 65536, 65537, 3 << 20} {
		for range 3 {
			b, err := a.Alloc(n)
			if err != nil || len(b) != n {
				t.Fatalf("Alloc(%d): %d bytes, %v", n, len(b), err)
			}
			for i, x := range b {
				if x != 0 {
					t.Fatalf("Alloc(%d): byte %d is %d", n, i, x)
				}
			}
			for i := range b {
				b[i] = 0xff
			}
			a.Release(b)
		}
	}
	s, err := Slice[uint64](a, 100_000)
	if err != nil || len(s) != 100_000 || s[99_999] != 0 {
		t.Fatalf("Slice: %d, %v", len(s), err)
	}
	ReleaseSlice(a, s)
	if left := a.Close(); left != 0 {
		t.Fatalf("%d bytes left", left)
	}
}

// TestTrimIdle: of the free pages those go back to the system that nobody has needed for a whole round.
func TestTrimIdle(t *testing.T) {
	a := NewPool(0).Account("a", 0)
	pages := func(n int) (bs [][]byte) {
		for range n {
			b, err := a.Alloc(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			b[0] = 7
			bs = append(bs, b)
		}
		return bs
	}
	release := func(bs [][]byte) {
		for _, b := range bs {
			a.Release(b)
		}
	}
	TrimIdle()
	TrimIdle()
	kept := pages(1)
	release(pages(8))
	if n := TrimIdle(); n != 0 {
		t.Errorf("%d bytes of pages that have just been used", n)
	}
	for range 3 {
		release(pages(2))
	}
	if n := TrimIdle(); n != 6<<20 {
		t.Errorf("%d bytes, want those of six pages", n)
	}
	release(pages(2))
	if n := TrimIdle(); n != 0 {
		t.Errorf("%d bytes of pages that are in use again and again", n)
	}
	if n := TrimIdle(); n != 2<<20 || kept[0][0] != 7 {
		t.Errorf("%d bytes, want those of two pages", n)
	}
	release(kept)
}

func TestConcurrentAccounts(t *testing.T) {
	p := NewPool(8 << 20)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a := p.Account("worker", 0)
			defer a.Close()
			for range 1000 {
				if b, err := a.Alloc(1 << 20); err == nil {
					b[0], b[len(b)-1] = 1, 1
					a.Release(b)
				}
			}
		})
	}
	wg.Wait()
	if p.Used() != 0 {
		t.Fatalf("%d bytes left", p.Used())
	}
}
