package scan

import (
	"bytes"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Memo remembers, for one term, which entries of dictionaries satisfy it. It is safe for concurrent use: the first
// worker that meets a dictionary asks, the others wait for its answer. A dictionary that grew (a live segment's) is
// only asked for its new entries.
type Memo struct {
	pred Pred
	typ  types.Type
	mu   struct {
		sync.Mutex
		seen []memoEntry // few: one per dictionary met
	}
}

type memoEntry struct {
	id   uint64
	len  int
	bits batch.Bitmap
}

// NewMemo returns an empty memo for a term on a column of a type.
func NewMemo(t *Term, typ types.Type) *Memo { return &Memo{pred: Compile(t, typ), typ: typ} }

// Codes returns a bit per entry of d, set where the term is true; nobody may write to it. c may be nil.
func (m *Memo) Codes(d *batch.Dictionary, c *Counters) (batch.Bitmap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.mu.seen, func(e memoEntry) bool { return e.id == d.ID })
	var old memoEntry
	if at >= 0 {
		if old = m.mu.seen[at]; old.len >= d.Len {
			return old.bits, nil
		}
	}
	// The last word of the known prefix is asked again, so that chunks start at whole words.
	from := old.len &^ 63
	bits := make(batch.Bitmap, batch.Words(d.Len))
	copy(bits, old.bits[:from>>6])
	if err := FilterEntries(&m.pred, m.typ, d, from, d.Len, bits[from>>6:], c); err != nil {
		return nil, err
	}
	e := memoEntry{d.ID, d.Len, bits}
	if at >= 0 {
		m.mu.seen[at] = e
	} else {
		m.mu.seen = append(m.mu.seen, e)
	}
	return bits, nil
}

// FilterEntries sets bit i of out, which is zero, where entry from+i of d satisfies the predicate, for the entries
// below to.
func FilterEntries(p *Pred, typ types.Type, d *batch.Dictionary, from, to int, out batch.Bitmap, c *Counters) error {
	n := to - from
	switch p.Kind {
	case PredNone, PredNull:
		return nil
	case PredAll:
		out.Fill(n)
		return nil
	case PredFilter:
		v := batch.Vector{Type: typ, Len: n, Data: d.Heap, Offsets: d.Offsets[from : to+1]}
		if c != nil {
			c.EntriesFiltered.Add(int64(n))
		}
		return p.Filter.Filter(&v, out[:batch.Words(n)])
	}
	if p.Op == In {
		filterIn(p, typ, d, from, n, out)
		return nil
	}
	k := []byte(OrderKey(typ, p.Values[0].S))
	for i := range n {
		b := OrderKey(typ, d.At(from+i))
		out[i>>6] |= kernel.Bit(holds(p.Op, bytes.Compare(b, k))) << (uint(i) & 63)
	}
	return nil
}

func filterIn(p *Pred, typ types.Type, d *batch.Dictionary, from, n int, out batch.Bitmap) {
	keys := make([][]byte, len(p.Values))
	for i := range keys {
		keys[i] = []byte(OrderKey(typ, p.Values[i].S))
	}
	for i := range n {
		if _, ok := slices.BinarySearchFunc(keys, OrderKey(typ, d.At(from+i)), bytes.Compare); ok {
			out.Set(i)
		}
	}
}

// Find returns the code of a byte string in a dictionary that is ordered by hash.
func Find(d *batch.Dictionary, s []byte) (code int, ok bool) {
	h := kernel.HashBytes(s)
	i, _ := slices.BinarySearch(d.Hashes, h)
	for ; i < d.Len && d.Hashes[i] == h; i++ {
		if bytes.Equal(d.At(i), s) {
			return i, true
		}
	}
	return 0, false
}
