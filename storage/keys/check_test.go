package keys

import (
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestCheck: a page of which a number is not what one may be is damage: the end of a bucket, a remainder, a place, its length.
func TestCheck(t *testing.T) {
	hashes := make([]uint64, 200) // 16 buckets in one page, of which remainders have 36 of their 40 bits
	for i := range hashes {
		hashes[i] = uint64(i+1) * 0x9e3779b97f4a7c15
	}
	run, entries, _ := pages(t, hashes)
	good := entries[0]
	ends := 4 * run.perPage()
	remainder := func(b []byte, i int) []byte { return b[ends+i*run.remainder:] }
	place := func(b []byte, i int) []byte { return b[ends+200*run.remainder+i*run.place:] }
	second := int(le.Uint32(good)) // the first entry of the second bucket
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		good   bool
	}{
		"as it is":                    {func(b []byte) []byte { return b }, true},
		"a byte more":                 {func(b []byte) []byte { return append(b, 0) }, false},
		"a byte less":                 {func(b []byte) []byte { return b[:len(b)-1] }, false},
		"no ends":                     {func(b []byte) []byte { return b[:ends-1] }, false},
		"nothing":                     {func([]byte) []byte { return nil }, false},
		"a bucket ends before it":     {func(b []byte) []byte { le.PutUint32(b[4:], uint32(second-1)); return b }, false},
		"a bucket ends behind all":    {func(b []byte) []byte { le.PutUint32(b[4:], 201); return b }, false},
		"the last ends too early":     {func(b []byte) []byte { le.PutUint32(b[ends-4:], 199); return b }, false},
		"remainders out of order":     {func(b []byte) []byte { swap(remainder(b, 0), remainder(b, 1), run.remainder); return b }, false},
		"equal remainders":            {func(b []byte) []byte { copy(remainder(b, 1)[:run.remainder], remainder(b, 0)); return b }, true},
		"the largest remainder":       {func(b []byte) []byte { write(remainder(b, 199), run.remainder, 1<<(precision-run.buckets)-1); return b }, true},
		"a remainder that is larger":  {func(b []byte) []byte { write(remainder(b, 199), run.remainder, 1<<(precision-run.buckets)); return b }, false},
		"the last place":              {func(b []byte) []byte { write(place(b, 7), run.place, 199); return b }, true},
		"a place behind the last":     {func(b []byte) []byte { write(place(b, 7), run.place, 200); return b }, false},
		"a place far behind the last": {func(b []byte) []byte { write(place(b, 199), run.place, 255); return b }, false},
	} {
		err := run.Check(c.change(slices.Clone(good)))
		if c.good != (err == nil) || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func swap(a, b []byte, n int) {
	for i := range n {
		a[i], b[i] = b[i], a[i]
	}
}

func write(b []byte, width int, x uint64) {
	for i := range width {
		b[i] = byte(x >> (8 * i))
	}
}

// TestEqualNulls: NULL is equal to NULL, where it is a value, and to nothing else.
func TestEqualNulls(t *testing.T) {
	typ := types.T(types.Int8)
	k := Key{Columns: []int{0, 1}, NullsEqual: true}
	list := []types.Datum{types.IntOf(typ, 0), types.NullOf(typ), types.IntOf(typ, 1)}
	v := vectorOf(typ, list)
	one := vectorOf(typ, []types.Datum{list[0], list[0], list[0]})
	for i := range list {
		for j := range list {
			if got := k.Equal([]*batch.Vector{one, v}, i, []*batch.Vector{one, v}, j); got != (i == j) {
				t.Errorf("%v and %v are equal: %v", list[i], list[j], got)
			}
		}
	}
}
