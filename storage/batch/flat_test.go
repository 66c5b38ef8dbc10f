package batch

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/types"
)

func TestFlat(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, typ := range allTypes {
		for _, n := range []int{0, 1, 63, 64, 65, 500} {
			for _, nulls := range []bool{false, true} {
				want := random(r, typ, n, nulls)
				b := AppendFlat([]byte("head"), build(typ, want))
				var v Vector
				rest, ok := v.ReadFlat(append(b[4:], "tail"...), typ, n)
				if !ok || string(rest) != "tail" {
					t.Fatalf("%s, %d rows: %q is left, %v", typ, n, rest, ok)
				}
				check(t, typ.String(), &v, want)
				for cut := range len(b) - 4 {
					if _, ok := v.ReadFlat(b[4:4+cut], typ, n); ok {
						t.Fatalf("%s, %d rows: read from %d of %d bytes", typ, n, cut, len(b)-4)
					}
				}
			}
		}
	}
}

// Strings of a vector that begins in the middle of its bytes.
func TestFlatOfSlice(t *testing.T) {
	text := types.T(types.Text)
	all := build(text, []types.Datum{types.TextOf("ab"), types.TextOf(""), types.TextOf("cde")})
	var part, back Vector
	part.Slice(all, 1, 2)
	if _, ok := back.ReadFlat(AppendFlat(nil, &part), text, 2); !ok {
		t.Fatal("not read")
	}
	check(t, "slice", &back, []types.Datum{types.TextOf(""), types.TextOf("cde")})
}

// What is read is written again as it was, also when strings stay where they are.
func FuzzReadFlat(f *testing.F) {
	f.Add(AppendFlat(nil, build(types.T(types.Text), []types.Datum{types.TextOf("ab"), types.NullOf(types.T(types.Text))})), uint8(7), uint16(2))
	f.Fuzz(func(t *testing.T, b []byte, k uint8, rows uint16) {
		typ := allTypes[int(k)%len(allTypes)]
		var v, again Vector
		rest, ok := v.ReadFlat(b, typ, int(rows))
		if !ok {
			return
		}
		once := AppendFlat(nil, &v)
		if len(once) != len(b)-len(rest) {
			t.Fatalf("%s: %d bytes are written as %d", typ, len(b)-len(rest), len(once))
		}
		if _, ok := again.ReadFlat(once, typ, int(rows)); !ok || !bytes.Equal(AppendFlat(nil, &again), once) {
			t.Fatalf("%s: what was written is not read", typ)
		}
		var lent Vector
		if _, ok := lent.LendFlat(once, typ, int(rows)); !ok || !bytes.Equal(AppendFlat(nil, &lent), once) {
			t.Fatalf("%s: what was written is not lent", typ)
		}
	})
}
