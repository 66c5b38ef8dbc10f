package keys

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestAllowed: types whose values have a physical form of one value can be keys.
func TestAllowed(t *testing.T) {
	for typ, want := range map[types.Type]bool{
		types.T(types.Int8): true, types.T(types.Text): true, types.T(types.UUID): true, types.T(types.Interval): true, types.NumericOf(30, 2): true,
		types.ArrayOf(types.Int8): false, {}: false, {Kind: 200}: false,
	} {
		if got := Allowed(typ); got != want {
			t.Errorf("%v: %v", typ, got)
		}
	}
}

// TestFilterBytes: a filter has ten bits an entry, in whole blocks of 32 bytes, at least one.
func TestFilterBytes(t *testing.T) {
	for n := range 3000 {
		b := FilterBytes(n)
		if b < 32 || b%32 != 0 || b*8 < 10*n || b > 32 && (b-32)*8 >= 10*n {
			t.Errorf("%d bytes for %d entries", b, n)
		}
	}
	for n, good := range map[int]bool{0: false, 1: false, 31: false, 32: true, 33: false, 64: true, 96: true} {
		if err := CheckFilter(make([]byte, n)); good != (err == nil) || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("a filter of %d bytes: %v", n, err)
		}
	}
}

// TestBuilderCharge: what a builder holds is charged before it is used, and given back, also what was refused.
func TestBuilderCharge(t *testing.T) {
	pool := memtest.Pool(t, 1<<20)
	a := pool.Account("run", 0)
	defer a.Close()
	b := Builder{Account: a}
	held := func() int64 {
		return 4*int64(cap(b.starts)) + 4*int64(cap(b.places)) + 8*int64(cap(b.remainders)) + int64(cap(b.bytes))
	}
	for _, n := range []int{10, 1000, 500, 20_000} {
		hashes := make([]uint64, n)
		for i := range hashes {
			hashes[i] = uint64(i+1) * 0x9e3779b97f4a7c15
		}
		run, err := b.Build(hashes)
		if err != nil || a.Used() != held() {
			t.Errorf("%d hashes: %d bytes are held, %d charged: %v", n, held(), a.Used(), err)
		}
		for p := range run.Pages() {
			b.Page(p)
		}
		if a.Used() < held()-int64(cap(b.bytes)) {
			t.Errorf("%d hashes: %d bytes are held, %d charged", n, held(), a.Used())
		}
	}
	used := a.Used()
	if _, err := b.Build(make([]uint64, 10)); err != nil || a.Used() < used { // all None: what is there is enough
		t.Errorf("%d bytes, %v", a.Used(), err)
	}
	many := make([]uint64, 200_000)
	for i := range many {
		many[i] = uint64(i + 1)
	}
	if _, err := b.Build(many); !errs.Is(err, errs.OutOfMemory) {
		t.Errorf("more than there is: %v", err)
	}
	if b.Release(); a.Used() != 0 {
		t.Errorf("%d bytes stay charged", a.Used())
	}
}

// TestReserve: as many rows as room was made for find it, without another table, in one that is not much larger.
func TestReserve(t *testing.T) {
	for _, before := range []int{0, 1, 100, 9000} {
		for _, n := range []int{0, 1, 2, 17, 100, 6962, 6963, 6964, 7000, 30_000} {
			a := memtest.Pool(t, 0).Overdraft("keys")
			x := Index{Account: a}
			add := func(n int) {
				for range n {
					row := uint32(x.Len())
					if err := x.Add(uint64(row+1)*0x9e3779b97f4a7c15, row, func(int) bool { return false }); err != nil {
						t.Fatal(err)
					}
				}
			}
			add(before)
			was := x.Bytes()
			if err := x.Reserve(n); err != nil {
				t.Fatal(err)
			}
			bytes, all := x.Bytes(), int64(before+n)
			if a.Used() != bytes || bytes > max(was, 8*(all*20/17+1), was*7/5)+4096 {
				t.Errorf("%d rows behind %d: %d bytes, were %d, charged %d", n, before, bytes, was, a.Used())
			}
			add(n)
			if x.Bytes() != bytes {
				t.Errorf("%d rows behind %d: another table of %d bytes, was %d", n, before, x.Bytes(), bytes)
			}
			if x.Release(); a.Used() != 0 {
				t.Errorf("%d bytes stay charged", a.Used())
			}
		}
	}
}

// TestClaimsRoom: the table is half full at most, and that of a large write goes with it.
func TestClaimsRoom(t *testing.T) {
	for _, c := range []struct{ claims, slots, after int }{{1, 64, 64}, {32, 64, 64}, {33, 128, 0}, {1000, 2048, 0}, {1024, 2048, 0}, {1025, 4096, 0}} {
		a := memtest.Pool(t, 0).Overdraft("claims")
		x := Claims{Account: a}
		hashes := make([]uint64, c.claims)
		for i := range hashes {
			hashes[i] = uint64(i+1) * 0x9e3779b97f4a7c15
		}
		if err := x.Add(hashes); err != nil || len(x.slots) != c.slots || x.Len() != c.claims {
			t.Errorf("%d claims in %d slots: %v", x.Len(), len(x.slots), err)
		}
		x.Remove(hashes[1:])
		if len(x.slots) != c.slots || x.Len() != 1 || !x.Meets(hashes[:1]) {
			t.Errorf("%d claims in %d slots when all but one have gone", x.Len(), len(x.slots))
		}
		if x.Remove(hashes[:1]); len(x.slots) != c.after || x.Len() != 0 || x.Meets(hashes) {
			t.Errorf("%d claims in %d slots at the end", x.Len(), len(x.slots))
		}
		if x.Release(); a.Used() != 0 {
			t.Errorf("%d bytes stay charged", a.Used())
		}
	}
}
