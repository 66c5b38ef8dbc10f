package expr

import (
	"bytes"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// orderedDict has the entries of testDict, and some more, in the order of their hashes.
func orderedDict(more ...string) *batch.Dictionary {
	plain := testDict(300)
	var entries [][]byte
	for i := range plain.Len {
		entries = append(entries, plain.At(i))
	}
	for _, s := range more {
		entries = append(entries, []byte(s))
	}
	slices.SortFunc(entries, func(a, b []byte) int {
		if x, y := kernel.HashBytes(a), kernel.HashBytes(b); x != y {
			if x < y {
				return -1
			}
			return 1
		}
		return bytes.Compare(a, b)
	})
	d := &batch.Dictionary{ID: batch.NewDictionaryID(), Len: len(entries), Offsets: []uint32{0}, Distinct: true, HashOrdered: true}
	for _, s := range entries {
		d.Heap = append(d.Heap, s...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		d.Hashes = append(d.Hashes, kernel.HashBytes(s))
	}
	return d
}

// TestCaseCodes compares branches that stay codes with those that are copied.
func TestCaseCodes(t *testing.T) {
	text := func(s string) Expr { return must(Coerce(str(s), types.T(types.Text))) }
	over := op(col("x"), ">", num(50))
	for name, c := range map[string]struct {
		e     Expr
		entry []string // more entries of the dictionary
		codes bool
	}{
		"entry":          {must(NewCase([]When{{over, col("s")}}, text(""))), []string{""}, true},
		"two entries":    {must(NewCase([]When{{over, col("s")}, {col("b"), text("a")}}, text("b"))), []string{"a", "b"}, true},
		"no entry":       {must(NewCase([]When{{over, col("s")}}, text("none"))), []string{""}, false},
		"NULL":           {must(NewCase([]When{{over, col("s")}}, nil)), nil, true},
		"coalesce":       {must(NewCoalesce([]Expr{col("s"), text("a")})), []string{"a"}, true},
		"constants":      {must(NewCase([]When{{over, text("a")}}, text("b"))), []string{"a", "b"}, false},
		"another string": {must(NewCase([]When{{over, col("s")}}, call("concat", col("s"), str("!")))), nil, false},
	} {
		d := orderedDict(c.entry...)
		ev, err := NewEvaluator(c.e, tableTypes, testEnv)
		if err != nil {
			t.Fatal(err)
		}
		b, plain := testBatch(2000, d), testBatch(2000, d)
		plain.Cols[2].Flatten(b.Cols[2])
		got, err := ev.Eval(b)
		if err != nil {
			t.Fatal(err)
		}
		if isCodes := got.Form == batch.Dict && got.Dict == d; isCodes != c.codes {
			t.Errorf("%s: codes %v, want %v", name, isCodes, c.codes)
		}
		var kept []types.Datum
		for i := range b.Len {
			kept = append(kept, got.Datum(i))
		}
		want, err := ev.Eval(plain)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len {
			if w := want.Datum(i); kept[i].Null != w.Null || kept[i].S != w.S {
				t.Fatalf("%s: row %d is %v, want %v", name, i, kept[i], w)
			}
		}
	}
}
