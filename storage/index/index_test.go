package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestSketch(t *testing.T) {
	for _, n := range []int{0, 1, 10, 500, 2000, 5000, 100000, 1000000} {
		var a, b, all Sketch
		for i := range n {
			h := kernel.HashUint64(uint64(i) * 77)
			all.Add(h)
			if i%3 == 0 {
				a.Add(h)
			} else {
				b.Add(h)
			}
		}
		if got := all.Estimate(); math.Abs(float64(got)-float64(n)) > 0.08*float64(n)+0.5 {
			t.Errorf("%d values are estimated as %d", n, got)
		}
		a.Merge(&b)
		if a != all {
			t.Errorf("%d values: merged sketches differ from the sketch of all", n)
		}
		enc := all.Append(nil)
		got, err := ReadSketch(enc)
		if err != nil || *got != all || len(enc) > SketchBytes {
			t.Errorf("%d values: %d bytes do not read back: %v", n, len(enc), err)
		}
	}
	for _, bad := range [][]byte{{1}, make([]byte, SketchBytes+3), {0xff, 0xff, 1}} {
		if _, err := ReadSketch(bad); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%d bad bytes: %v", len(bad), err)
		}
	}
}

// TestVerdict compares with what the rows say: None and All must never be wrong.
func TestVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	typ := types.T(types.Int8)
	none, all := 0, 0
	for range 3000 {
		v := make([]int64, 1+r.IntN(4))
		valid := make(batch.Bitmap, 1)
		for i := range v {
			v[i] = r.Int64N(9)
			valid.SetTo(i, r.IntN(4) > 0)
		}
		z := Zones{Ranges: true}
		lo, hi, _ := IntRange(v, valid)
		z.Add(uint64(lo), uint64(hi), len(v)-valid.Count())
		enc := z.Append(nil)
		back, rest, err := ReadZones(append(enc, 7))
		if err != nil || len(rest) != 1 || !slices.Equal(back.Min, z.Min) || !slices.Equal(back.Nulls, z.Nulls) {
			t.Fatal("zones do not read back")
		}
		term := scan.Term{Op: scan.Op(r.IntN(int(scan.Entries))), Values: []types.Datum{types.IntOf(typ, r.Int64N(9))}}
		p := scan.Compile(&term, typ)
		matched := 0
		for i, x := range v {
			null := !valid.Get(i)
			if term.Op == scan.IsNull && null || term.Op != scan.IsNull && !null && p.Int(x) {
				matched++
			}
		}
		switch back.Verdict(0, len(v), &p, types.PhysInt64) {
		case kernel.None:
			none++
			if matched != 0 {
				t.Fatalf("%v %v %+v: none, but %d match", v, valid, term, matched)
			}
		case kernel.All:
			all++
			if matched != len(v) {
				t.Fatalf("%v %v %+v: all, but %d of %d match", v, valid, term, matched, len(v))
			}
		}
	}
	if none < 300 || all < 100 {
		t.Errorf("only %d none and %d all", none, all)
	}
}

func TestReadZones(t *testing.T) {
	z := Zones{Ranges: true}
	for i := range uint64(5) {
		z.Add(i, i, 0)
	}
	enc := z.Append(nil)
	for n := range len(enc) {
		if _, _, err := ReadZones(enc[:n]); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%d of %d bytes: %v", n, len(enc), err)
		}
	}
}
