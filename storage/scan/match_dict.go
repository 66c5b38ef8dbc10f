package scan

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Memo remembers, for one term, which entries of dictionaries satisfy it. It is safe for concurrent use: workers that
// meet a dictionary at once share the work and wait for each other. A dictionary that grew (a live segment's) is only
// asked for its new entries.
type Memo struct {
	pred Pred
	typ  types.Type
	mu   struct {
		sync.Mutex
		seen []*memoEntry // few: one per dictionary met
	}
}

// memoChunk is the entries that a worker asks for at once: enough for a substring search to run at full speed, little
// enough that two workers end together. A multiple of 64, so that workers never write to the same word.
const memoChunk = 1 << 15

type memoEntry struct {
	dict   *batch.Dictionary
	bits   batch.Bitmap
	from   int // entries before it were known
	chunks int64
	next   atomic.Int64
	left   sync.WaitGroup
	done   atomic.Bool
	fail   atomic.Pointer[error]
}

// NewMemo returns an empty memo for a term on a column of a type.
func NewMemo(t *Term, typ types.Type) *Memo { return &Memo{pred: Compile(t, typ), typ: typ} }

// Codes returns a bit per entry of d, set where the term is true; nobody may write to it. c may be nil.
func (m *Memo) Codes(d *batch.Dictionary, c *Counters) (batch.Bitmap, error) {
	e, err := m.entry(d)
	if err != nil {
		return nil, err
	}
	if !e.done.Load() {
		for {
			i := e.next.Add(1) - 1
			if i >= e.chunks {
				break
			}
			m.chunk(e, e.from+int(i)*memoChunk, c)
		}
		e.left.Wait()
		e.done.Store(true)
	}
	if err := e.fail.Load(); err != nil {
		return nil, *err
	}
	return e.bits, nil
}

// entry returns what is known of a dictionary, or being asked.
func (m *Memo) entry(d *batch.Dictionary) (*memoEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.mu.seen, func(e *memoEntry) bool { return e.dict.ID == d.ID })
	e := &memoEntry{dict: d, bits: make(batch.Bitmap, batch.Words(d.Len))}
	if at >= 0 {
		old := m.mu.seen[at]
		if old.dict.Len >= d.Len {
			return old, nil
		}
		if old.done.Load() && old.fail.Load() == nil {
			// The last word of the known prefix is asked again, so that chunks start at whole words.
			e.from = old.dict.Len &^ 63
			copy(e.bits, old.bits[:e.from>>6])
		}
	}
	e.chunks = int64((d.Len - e.from + memoChunk - 1) / memoChunk)
	e.left.Add(int(e.chunks))
	if at >= 0 {
		m.mu.seen[at] = e
	} else {
		m.mu.seen = append(m.mu.seen, e)
	}
	return e, nil
}

func (m *Memo) chunk(e *memoEntry, from int, c *Counters) {
	var err error = errs.Internal("the entries of a dictionary could not be asked")
	defer func() {
		if err != nil {
			e.fail.Store(&err)
		}
		e.left.Done()
	}()
	to := min(from+memoChunk, e.dict.Len)
	err = FilterEntries(&m.pred, m.typ, e.dict, from, to, e.bits[from>>6:batch.Words(to)], c)
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
	if (p.Op == Eq || p.Op == Ne) && KeyIsValue(typ) {
		filterEqual(d, from, n, k, out)
		if p.Op == Ne {
			kernel.Not(out, n)
		}
		return nil
	}
	for i := range n {
		b := OrderKey(typ, d.At(from+i))
		out[i>>6] |= kernel.Bit(holds(p.Op, bytes.Compare(b, k))) << (uint(i) & 63)
	}
	return nil
}

// filterEqual finds the entries that are k, most of which differ in length already.
func filterEqual(d *batch.Dictionary, from, n int, k []byte, out batch.Bitmap) {
	off := d.Offsets[from : from+n+1]
	for i := range n {
		if lo, hi := off[i], off[i+1]; int(hi-lo) == len(k) && bytes.Equal(d.Heap[lo:hi], k) {
			out.Set(i)
		}
	}
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
