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

// Memo remembers, for one term, which entries of dictionaries satisfy it. Equality is looked up, for anything else every
// entry is asked. It is safe for concurrent use: workers that meet a dictionary at once share the work and wait for each
// other. A dictionary that grew (a live segment's) is only asked for its new entries.
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
	fail   atomic.Pointer[error]
	finish sync.Once
	done   atomic.Pointer[Pred] // the answer
}

// NewMemo returns an empty memo for a term on a column of a type.
func NewMemo(t *Term, typ types.Type) *Memo { return &Memo{pred: Compile(t, typ), typ: typ} }

// Codes returns the term as a predicate on the codes of d: of kind PredNone, PredAll, PredInts or PredCodes. c may be
// nil.
func (m *Memo) Codes(d *batch.Dictionary, c *Counters) (*Pred, error) {
	e, err := m.entry(d)
	if err != nil {
		return nil, err
	}
	if p := e.done.Load(); p != nil {
		return p, nil
	}
	for {
		i := e.next.Add(1) - 1
		if i >= e.chunks {
			break
		}
		m.chunk(e, e.from+int(i)*memoChunk, c)
	}
	e.left.Wait()
	if err := e.fail.Load(); err != nil {
		return nil, *err
	}
	e.finish.Do(func() {
		p := CodeSet(e.bits, e.dict.Len)
		e.done.Store(&p)
	})
	return e.done.Load(), nil
}

// entry returns what is known of a dictionary, or being asked.
func (m *Memo) entry(d *batch.Dictionary) (*memoEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.mu.seen, func(e *memoEntry) bool { return e.dict.ID == d.ID })
	if at >= 0 && m.mu.seen[at].dict.Len >= d.Len {
		return m.mu.seen[at], nil
	}
	e := &memoEntry{dict: d}
	if p, ok := m.pred.OnCodes(d, m.typ); ok {
		e.done.Store(&p)
		m.setLocked(at, e)
		return e, nil
	}
	e.bits = make(batch.Bitmap, batch.Words(d.Len))
	if at >= 0 {
		if old := m.mu.seen[at]; old.bits != nil && old.done.Load() != nil {
			// The last word of the known prefix is asked again, so that chunks start at whole words.
			e.from = old.dict.Len &^ 63
			copy(e.bits, old.bits[:e.from>>6])
		}
	}
	e.chunks = int64((d.Len - e.from + memoChunk - 1) / memoChunk)
	e.left.Add(int(e.chunks))
	m.setLocked(at, e)
	return e, nil
}

// setLocked puts e at a position, or at the end for -1.
func (m *Memo) setLocked(at int, e *memoEntry) {
	if at >= 0 {
		m.mu.seen[at] = e
	} else {
		m.mu.seen = append(m.mu.seen, e)
	}
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
