package mem

import (
	"math"
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

// TestPart: a part is charged to its owner too, and refused with it.
func TestPart(t *testing.T) {
	p := NewPool(0)
	a := p.Account("a", 1000)
	x, y := a.Part(), a.Part()
	if x.Reserve(500) != nil || y.Reserve(300) != nil || a.Reserve(100) != nil {
		t.Fatal("refused below the limit")
	}
	if err := x.Reserve(101); !errs.Is(err, errs.OutOfMemory) {
		t.Fatalf("past the owner's limit: %v", err)
	}
	if x.Used() != 500 || y.Used() != 300 || a.Used() != 900 || p.Used() != 900 || x.Limit() != 1000 {
		t.Fatalf("parts hold %d and %d, the owner %d, the pool %d", x.Used(), y.Used(), a.Used(), p.Used())
	}
	if !x.Tight(x.Used()) || x.Tight(124) {
		t.Fatal("900 of 1000 bytes are tight for who holds 125 and more")
	}
	x.Free(500)
	if y.Close() != 300 || x.Close() != 0 || a.Close() != 100 || p.Used() != 0 {
		t.Fatalf("%d bytes left, %d of the pool", a.Used(), p.Used())
	}
}

// TestShare: what a share holds is held by its account and the pool too, and each of the three may refuse it.
func TestShare(t *testing.T) {
	p := NewPool(1000)
	a, other := p.Account("a", 600), p.Account("other", 0)
	x, y := a.Share(400), a.Share(0)
	rooms := func(want ...int64) {
		t.Helper()
		for i, acc := range []*Account{a, x, y, other} {
			if acc.Room() != want[i] || acc.Reserve(want[i]+1) == nil {
				t.Fatalf("account %d has room for %d bytes, want %d", i, acc.Room(), want[i])
			}
		}
	}
	rooms(600, 400, 600, 1000)
	if err := x.Reserve(350); err != nil {
		t.Fatal(err)
	}
	if !x.Tight(50) || y.Tight(600) {
		t.Fatal("a share of 400 bytes with 350 is tight, and its owner with 600 is not")
	}
	rooms(250, 50, 250, 650)
	if err := y.Reserve(200); err != nil {
		t.Fatal(err)
	}
	rooms(50, 50, 50, 450)
	if err := other.Reserve(430); err != nil {
		t.Fatal(err)
	}
	rooms(20, 20, 20, 20)
	y.Free(100)
	rooms(120, 50, 120, 120)
	if x.Used() != 350 || x.Peak() != 350 || a.Used() != 450 || p.Used() != 880 {
		t.Fatalf("used %d, peak %d, %d of the account, %d of the pool", x.Used(), x.Peak(), a.Used(), p.Used())
	}
	if x.Close() != 350 || y.Close() != 100 || a.Close() != 0 || other.Close() != 430 || p.Used() != 0 {
		t.Fatalf("%d bytes are left", p.Used())
	}
	if NewPool(0).Account("b", 0).Share(0).Room() != math.MaxInt64 || p.Overdraft("d").Room() != math.MaxInt64 {
		t.Fatal("something is limited")
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
