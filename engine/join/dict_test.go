package join

import (
	"context"
	"fmt"
	"testing"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestDictHeads probes with one dictionary that grows: what is remembered of its entries is charged, is not asked for
// before enough rows came, and may be refused.
func TestDictHeads(t *testing.T) {
	const entries = 20000
	d := &batch.Dictionary{ID: batch.NewDictionaryID(), Len: entries, Offsets: []uint32{0}}
	for i := range entries {
		d.Heap = fmt.Appendf(d.Heap, "key %d", i)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
	}
	for _, limit := range []int64{0, 1 << 20} {
		acc := memtest.Pool(t, 0).Account("query", limit)
		h := built(t, acc, d, 500)
		if limit > 0 { // others take the rest
			if err := acc.Reserve(limit - acc.Used() - 1000); err != nil {
				t.Fatal(err)
			}
		}
		var heads dictHeads
		out := make([]uint32, 100)
		probe := func(known int) bool {
			prefix := &batch.Dictionary{ID: d.ID, Len: known, Offsets: d.Offsets[:known+1], Heap: d.Heap}
			v := &batch.Vector{}
			v.ResetDict(types.T(types.Text), prefix, len(out))
			for i := range v.Codes {
				v.Codes[i] = uint32(i * 7 % known)
			}
			if !heads.lookup(h, v, out) {
				return false
			}
			for i, c := range v.Codes {
				if got := out[i]; (got != 0) != (c < 500) || got != 0 && h.tab.ref[got] != c {
					t.Errorf("limit %d, %d entries: code %d has entry %d", limit, known, c, got)
				}
			}
			return true
		}
		before := acc.Used()
		if probe(entries) || acc.Used() != before {
			t.Errorf("limit %d: %d bytes for the first rows with a large dictionary", limit, acc.Used()-before)
		}
		for _, known := range []int{600, 1000, entries, entries} {
			_ = probe(known)
		}
		if grew := acc.Used() > before; grew != (limit == 0) {
			t.Errorf("limit %d: %d bytes were charged", limit, acc.Used()-before)
		}
		if probe(entries) != (limit == 0) {
			t.Errorf("limit %d: heads are kept: %v", limit, limit != 0)
		}
		h.Build().Close()
		h.Probe().Close()
		defer acc.Close() // of what the test has reserved
		if limit == 0 && acc.Used() != 0 {
			t.Errorf("%d bytes stayed charged", acc.Used())
		}
	}
}

// built returns a join whose build rows are the first n entries of a dictionary, one row each.
func built(t *testing.T, acc *mem.Account, d *batch.Dictionary, n int) *Hash {
	t.Helper()
	text := []types.Type{types.T(types.Text)}
	h := New(Config{Kind: Inner, Build: text, Probe: text, BuildKeys: []int{0}, ProbeKeys: []int{0}})
	task := &op.Task{Ctx: context.Background(), Workers: 1, Account: acc, BatchRows: batch.MaxRows}
	if err := h.Build().Open(task); err != nil {
		t.Fatal(err)
	}
	c, err := h.Build().Consumer(task, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.New(text)
	b.Cols[0].ResetDict(text[0], d, n)
	for i := range n {
		b.Cols[0].Codes[i] = uint32(i)
	}
	b.Len = n
	if err := c.Consume(b); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := h.Build().Combine(task); err != nil {
		t.Fatal(err)
	}
	return h
}
