package encoding

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

var rowCounts = []int{1, 2, 63, 64, 2047, 2048, 2049, 5000, MaxRows}

// shapes make values of elem bytes that different encodings should win.
var shapes = []struct {
	name string
	want ID // at MaxRows rows; 0: any
	make func(r *rand.Rand, v []int64, elem int)
}{
	{"constant", Constant, func(r *rand.Rand, v []int64, _ int) { each(v, func(int) int64 { return -7 }) }},
	{"runs", RLE, func(r *rand.Rand, v []int64, _ int) {
		x := int64(0)
		each(v, func(i int) int64 {
			if r.IntN(500) == 0 {
				x = int64(r.IntN(30000))
			}
			return x
		})
	}},
	{"narrow", FOR, func(r *rand.Rand, v []int64, _ int) { each(v, func(int) int64 { return int64(r.IntN(1500)) - 300 }) }},
	{"sorted", Delta, func(r *rand.Rand, v []int64, elem int) {
		x := int64(-30000)
		each(v, func(i int) int64 {
			if elem > 2 || i%2 == 0 && x < 32000 {
				x += int64(r.IntN(3))
			}
			return x
		})
	}},
	{"few", Dict, func(r *rand.Rand, v []int64, elem int) {
		set := [...]int64{-30000, -5, 0, 17, 9999, 31000}
		each(v, func(int) int64 { return set[r.IntN(len(set))] })
	}},
	{"wild", Raw, func(r *rand.Rand, v []int64, elem int) {
		each(v, func(int) int64 { return int64(r.Uint64()) >> (64 - 8*elem) })
	}},
	{"extremes", 0, func(r *rand.Rand, v []int64, elem int) {
		each(v, func(int) int64 {
			x := int64(math.MinInt64)
			if r.IntN(2) == 0 {
				x = math.MaxInt64
			}
			return x >> (64 - 8*elem)
		})
	}},
}

func each(v []int64, f func(i int) int64) {
	for i := range v {
		v[i] = f(i)
	}
}

func words(n int) []byte { return mem.Bytes(make([]uint64, n)) }

// value reads value i of elem bytes.
func value(b []byte, i, elem int) int64 {
	switch elem {
	case 2:
		return int64(mem.View[int16](b)[i])
	case 4:
		return int64(mem.View[int32](b)[i])
	}
	return mem.View[int64](b)[i]
}

func pad(b []byte) []byte { return append(b, make([]byte, Padding)...)[:len(b)] }

func TestInts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		for _, elem := range []int{2, 4, 8} {
			for _, n := range rowCounts {
				if s.name == "sorted" && elem == 2 && n > 5000 {
					continue
				}
				v := make([]int64, n)
				s.make(r, v, elem)
				var e Encoder
				t.Run(fmt.Sprintf("%s/%d/%d", s.name, elem, n), func(t *testing.T) {
					enc := pad(e.Ints(nil, v, elem))
					if got := ID(enc[0]); n == MaxRows && s.want != 0 && got != s.want {
						t.Errorf("encoded as %s, want %s", got, s.want)
					}
					checkInts(t, r, enc, v, elem)
					// Every codec that does not give up must read back, not only the best.
					e.stats.gather(v, elem)
					for _, c := range codecs {
						if c == nil {
							continue
						}
						bytes, ok := c.plan(&e.stats)
						if !ok {
							continue
						}
						enc := c.encode(nil, &e.stats)
						if len(enc) > bytes || align8(len(enc)) < bytes {
							t.Errorf("%s planned %d bytes and made %d", c.name(), bytes, len(enc))
						}
						checkInts(t, r, enc, v, elem)
					}
				})
			}
		}
	}
}

func checkInts(t *testing.T, r *rand.Rand, enc []byte, v []int64, elem int) {
	t.Helper()
	var b Block
	if err := b.Open(enc, elem); err != nil {
		t.Fatal(err)
	}
	if b.Rows != len(v) || b.Vectors() != vectorsOf(len(v)) {
		t.Fatalf("%d rows in %d vectors", b.Rows, b.Vectors())
	}
	dst := words(vectorRows)
	for k := range b.Vectors() {
		part := v[k*vectorRows:][:b.Len(k)]
		b.Decode(k, dst[:len(part)*elem])
		for i, x := range part {
			if got := value(dst, i, elem); got != x {
				t.Fatalf("%s: row %d of vector %d is %d, want %d", b.ID, i, k, got, x)
			}
		}
		var idx []uint16
		for i := range part {
			if r.IntN(40) == 0 {
				idx = append(idx, uint16(i))
			}
		}
		b.Gather(k, idx, dst[:len(idx)*elem])
		for i, j := range idx {
			if got := value(dst, i, elem); got != part[j] {
				t.Fatalf("%s: gathered row %d of vector %d is %d, want %d", b.ID, j, k, got, part[j])
			}
		}
		checkSelect(t, r, &b, k, part, v)
		if k == 2 {
			break // enough of a large block
		}
	}
}

func checkSelect(t *testing.T, r *rand.Rand, b *Block, k int, part, all []int64) {
	t.Helper()
	some := func() int64 { return part[r.IntN(len(part))] + int64(r.IntN(3)-1) }
	lo, hi := some(), some()
	set := []int64{some(), some(), some()}
	slices.Sort(set)
	set = slices.Compact(set)
	preds := []scan.Pred{
		{Kind: scan.PredNone}, {Kind: scan.PredAll},
		{Kind: scan.PredInts, Lo: min(lo, hi), Hi: max(lo, hi)},
		{Kind: scan.PredInts, Lo: lo, Hi: lo, Not: true},
		{Kind: scan.PredSet, Set: kernel.NewIntSet(set)},
	}
	if slices.Min(all) >= 0 && slices.Max(all) < 1<<16 {
		codes := make(batch.Bitmap, 1<<10)
		for i := range codes {
			codes[i] = r.Uint64()
		}
		preds = append(preds, scan.Pred{Kind: scan.PredCodes, Codes: codes})
	}
	out := make(batch.Bitmap, batch.Words(vectorRows))
	for _, p := range preds {
		for i := range out {
			out[i] = ^uint64(0)
		}
		if !b.Select(k, &p, out) {
			continue
		}
		for i, x := range part {
			if out.Get(i) != p.Int(x) {
				t.Fatalf("%s: predicate %d on %d in row %d gives %v", b.ID, p.Kind, x, i, out.Get(i))
			}
		}
		if n := len(part); n&63 != 0 && out[n>>6]>>(uint(n)&63) != 0 {
			t.Fatalf("%s: bits set past the last row", b.ID)
		}
	}
}

func TestIDs(t *testing.T) {
	for id, c := range codecs {
		if c != nil && int(c.id()) != id {
			t.Errorf("%s has id %d in the table and %d of its own", c.name(), id, c.id())
		}
	}
}

func TestBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range rowCounts {
		for _, chance := range []int{1, 2, 100} {
			v := make(batch.Bitmap, batch.Words(n))
			for i := range n {
				v.SetTo(i, r.IntN(chance) == 0)
			}
			var e Encoder
			var b Block
			if err := b.Open(e.Bits(nil, v, n), 0); err != nil {
				t.Fatal(err)
			}
			out := make(batch.Bitmap, vectorRows/64)
			for k := range b.Vectors() {
				b.Decode(k, mem.Bytes(out[:batch.Words(b.Len(k))]))
				p := scan.Pred{Kind: scan.PredInts, Lo: 0, Hi: 0}
				sel := make(batch.Bitmap, vectorRows/64)
				b.Select(k, &p, sel)
				idx := []uint16{uint16(b.Len(k) - 1), 0}
				g := make(batch.Bitmap, 1)
				b.Gather(k, idx, mem.Bytes(g))
				for i := range b.Len(k) {
					want := v.Get(k*vectorRows + i)
					if out.Get(i) != want || sel.Get(i) == want {
						t.Fatalf("%d rows: row %d of vector %d", n, i, k)
					}
				}
				if g.Get(0) != v.Get(k*vectorRows+b.Len(k)-1) || g.Get(1) != v.Get(k*vectorRows) {
					t.Fatal("gathered bits differ")
				}
			}
		}
	}
}

func TestWide(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range rowCounts {
		for shape, want := range []ID{Constant, Narrow, Raw} {
			v := make([]batch.Int128, n)
			for i := range v {
				switch shape {
				case 0:
					v[i] = batch.Int128{Lo: 5, Hi: -1}
				case 1:
					x := int64(r.Uint64())
					v[i] = batch.Int128{Lo: uint64(x), Hi: x >> 63}
				case 2:
					v[i] = batch.Int128{Lo: r.Uint64(), Hi: int64(r.Uint64())}
				}
			}
			var e Encoder
			enc := e.Wide(nil, v, true)
			var b Block
			if err := b.Open(enc, 16); err != nil {
				t.Fatal(err)
			}
			if n > 1 && b.ID != want {
				t.Errorf("encoded as %s, want %s", b.ID, want)
			}
			dst := words(2 * vectorRows)
			for k := range b.Vectors() {
				b.Decode(k, dst[:16*b.Len(k)])
				for i := range b.Len(k) {
					if mem.View[batch.Int128](dst)[i] != v[k*vectorRows+i] {
						t.Fatalf("%s: row %d differs", b.ID, i)
					}
				}
				last := uint16(b.Len(k) - 1)
				b.Gather(k, []uint16{last}, dst[:16])
				if mem.View[batch.Int128](dst)[0] != v[k*vectorRows+int(last)] {
					t.Fatalf("%s: gathered row differs", b.ID)
				}
			}
		}
	}
}

func TestStrings(t *testing.T) {
	heap := []byte("abcdefghij")
	offsets := []uint32{2, 2, 5, 9, 10}
	var e Encoder
	var b Block
	if err := b.Open(e.Strings(nil, offsets, heap), 0); err != nil {
		t.Fatal(err)
	}
	offs, data := b.Strings(0)
	for i := range b.Rows {
		if got, want := string(data[offs[i]:offs[i+1]]), string(heap[offsets[i]:offsets[i+1]]); got != want {
			t.Errorf("string %d is %q, want %q", i, got, want)
		}
	}
}

// FuzzOpen reads arbitrary bytes as a block: it must fail with XX001 or answer everything without a panic.
// sameRows holds rows that are gathered against those of the whole vector.
func sameRows(t *testing.T, b *Block, k, elem int, all []byte) {
	t.Helper()
	idx := []uint16{0, uint16(b.Len(k) / 2), uint16(b.Len(k) - 1)}
	dst := words(max(3*elem, 8))
	b.Gather(k, idx, dst)
	for i, at := range idx {
		if elem == 0 {
			if mem.View[uint64](dst)[0]>>i&1 != mem.View[uint64](all)[at/64]>>(at%64)&1 {
				t.Fatalf("vector %d: bit %d is gathered as another", k, at)
			}
		} else if !bytes.Equal(dst[i*elem:][:elem], all[int(at)*elem:][:elem]) {
			t.Fatalf("vector %d: row %d is %x, gathered as %x", k, at, all[int(at)*elem:][:elem], dst[i*elem:][:elem])
		}
	}
}

// sameVerdicts holds what is found without decoding against the decoded values.
func sameVerdicts(t *testing.T, b *Block, k, elem int, all []byte, p *scan.Pred, want func(int64) bool) {
	t.Helper()
	out := make(batch.Bitmap, vectorRows/64)
	// Sums of damaged numbers may have more bits than narrow elements.
	if !b.Select(k, p, out) || elem != 8 && (b.ID != Dict && b.ID != Constant || elem == 0 || elem == 16) {
		return
	}
	for i := range b.Len(k) {
		if x := value(all, i, elem); out.Get(i) != want(x) {
			t.Fatalf("vector %d: row %d is %d, found %v", k, i, x, out.Get(i))
		}
	}
}

func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	var e Encoder
	for _, s := range shapes {
		v := make([]int64, 300)
		s.make(r, v, 8)
		f.Add(e.Ints(nil, v, 8), uint8(8))
	}
	f.Add(e.Bits(nil, batch.Bitmap{5, 6}, 100), uint8(0))
	f.Add(e.Strings(nil, []uint32{0, 1, 3}, []byte("abc")), uint8(0))
	f.Add(e.Wide(nil, []batch.Int128{{Lo: 1}, {Lo: 2}}, true), uint8(16))
	f.Fuzz(func(t *testing.T, data []byte, elem uint8) {
		if !slices.Contains([]uint8{0, 2, 4, 8, 16}, elem) {
			return
		}
		buf := words(len(data)/8 + 1)[:len(data)]
		copy(buf, data)
		var b Block
		if err := b.Open(buf, int(elem)); err != nil {
			if !errs.Is(err, errs.DataCorrupted) {
				t.Fatalf("not XX001: %v", err)
			}
			return
		}
		dst := words(2 * vectorRows)
		set := scan.Pred{Kind: scan.PredSet, Set: kernel.NewIntSet([]int64{1, 5})}
		for k := range b.Vectors() {
			if b.ID == Strings {
				offs, heap := b.Strings(k)
				_ = heap[offs[0]:offs[len(offs)-1]]
				continue
			}
			all := dst[:max(b.Len(k)*int(elem), batch.Words(b.Len(k))*8)]
			b.Decode(k, all)
			sameRows(t, &b, k, int(elem), all)
			sameVerdicts(t, &b, k, int(elem), all, &scan.Pred{Kind: scan.PredInts, Lo: -1, Hi: 1}, func(x int64) bool { return x >= -1 && x <= 1 })
			sameVerdicts(t, &b, k, int(elem), all, &set, func(x int64) bool { return x == 1 || x == 5 })
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		v := make([]int64, MaxRows)
		s.make(r, v, 8)
		b.Run(s.name, func(b *testing.B) {
			var e Encoder
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = e.Ints(dst[:0], v, 8)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		v := make([]int64, MaxRows)
		s.make(r, v, 4)
		var e Encoder
		var blk Block
		if err := blk.Open(pad(e.Ints(nil, v, 4)), 4); err != nil {
			b.Fatal(err)
		}
		dst := words(vectorRows)
		out := make(batch.Bitmap, vectorRows/64)
		p := scan.Pred{Kind: scan.PredInts, Lo: 5, Hi: 9}
		for name, f := range map[string]func(){
			"decode": func() { blk.Decode(3, dst[:4*vectorRows]) },
			"select": func() { blk.Select(3, &p, out) },
		} {
			b.Run(s.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vectorRows, "ns/row")
			})
		}
	}
}
