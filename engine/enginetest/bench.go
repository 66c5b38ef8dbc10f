package enginetest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Ints returns a relation of one flat column of n random int64, of about distinct values with a few frequent ones, in
// parts of 1 Mi rows, as sealed segments hand them out.
func Ints(t types.Type, n, distinct int) *Relation {
	r := &Relation{types: []types.Type{t}, rows: int64(n)}
	rng := rand.New(rand.NewPCG(11, 13))
	for at := 0; at < n; at += 1 << 20 {
		p := part{dicts: make([]*batch.Dictionary, 1)}
		for row := at; row < min(n, at+1<<20); row += batch.MaxRows {
			b := batch.New(r.types)
			b.Len = min(batch.MaxRows, n-row)
			b.Cols[0].Reset(t, b.Len)
			for i := range b.Len {
				k := rng.IntN(distinct)
				if k&15 == 0 {
					k %= 1000
				}
				if t.Physical() == types.PhysInt32 {
					batch.Values[int32](b.Cols[0])[i] = int32(k)
				} else {
					batch.Values[uint64](b.Cols[0])[i] = kernel.HashUint64(uint64(k))
				}
			}
			p.batches = append(p.batches, b)
		}
		r.parts = append(r.parts, p)
	}
	lo, hi := types.IntOf(t, -1<<63), types.IntOf(t, 1<<63-1)
	if t.Physical() == types.PhysInt32 {
		lo, hi = types.IntOf(t, 0), types.IntOf(t, int64(distinct))
	}
	r.stats = []scan.ColumnStats{{Rows: int64(n), HasRange: true, Min: lo, Max: hi, Distinct: int64(distinct)}}
	return r
}

// Beside returns a relation with the columns of all the given ones, whose batches must have the same lengths.
func Beside(rs ...*Relation) *Relation {
	out := &Relation{rows: rs[0].rows}
	for _, r := range rs {
		out.types = append(out.types, r.types...)
		out.stats = append(out.stats, r.stats...)
	}
	for p := range rs[0].parts {
		q := part{}
		for _, r := range rs {
			q.dicts = append(q.dicts, r.parts[p].dicts...)
		}
		for i, b := range rs[0].parts[p].batches {
			wide := &batch.Batch{Len: b.Len}
			for _, r := range rs {
				wide.Cols = append(wide.Cols, r.parts[p].batches[i].Cols...)
			}
			q.batches = append(q.batches, wide)
		}
		out.parts = append(out.parts, q)
	}
	return out
}

// Strings returns a relation of one dictionary column like the URLs of a web log: n rows, about distinct strings of 69
// bytes, a part of 1 Mi rows each, whose dictionaries are ordered by hash.
func Strings(n, distinct int) *Relation {
	r := &Relation{types: []types.Type{types.T(types.Text)}, rows: int64(n), stats: make([]scan.ColumnStats, 1)}
	r.parts = make([]part, (n+1<<20-1)>>20)
	var wg sync.WaitGroup
	for p := range r.parts {
		wg.Go(func() { r.parts[p] = stringPart(r.types, p, min(1<<20, n-p<<20), distinct) })
	}
	wg.Wait()
	return r
}

func stringPart(ts []types.Type, p, n, distinct int) part {
	rng := rand.New(rand.NewPCG(17, uint64(p)))
	keys := make([]int, n)
	for i := range keys {
		keys[i] = rng.IntN(distinct)
		if keys[i]&3 == 0 {
			keys[i] %= 1 + distinct/50
		}
	}
	used := slices.Clone(keys)
	slices.Sort(used)
	used = slices.Compact(used)
	type entry struct {
		hash uint64
		key  int
	}
	entries := make([]entry, len(used))
	for i, k := range used {
		entries[i] = entry{kernel.HashBytes(stringOf(k)), k}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.hash < b.hash {
			return -1
		}
		return 1
	})
	d := &batch.Dictionary{ID: dictionaryID.Add(1), Len: len(entries), Offsets: make([]uint32, 1, len(entries)+1), HashOrdered: true, Distinct: true}
	codes := make([]uint32, distinct)
	for i, e := range entries {
		codes[e.key] = uint32(i)
		d.Heap = append(d.Heap, stringOf(e.key)...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		d.Hashes = append(d.Hashes, e.hash)
	}
	out := part{dicts: []*batch.Dictionary{d}}
	for at := 0; at < n; at += batch.MaxRows {
		b := batch.New(ts)
		b.Len = min(batch.MaxRows, n-at)
		b.Cols[0].ResetDict(ts[0], d, b.Len)
		for i := range b.Len {
			b.Cols[0].Codes[i] = codes[keys[at+i]]
		}
		out.batches = append(out.batches, b)
	}
	return out
}

func stringOf(k int) []byte {
	b := make([]byte, 0, 80)
	b = append(b, "http://example.com/section/"...)
	b = strconv.AppendInt(b, 1e17+int64(k)*7919, 10)
	b = append(b, "/page-with-a-name?id="...)
	return strconv.AppendInt(b, int64(k), 10)
}
