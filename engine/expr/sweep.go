package expr

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
)

const (
	// sweepShare: a sweep starts when an eighth as many rows have come as the dictionary has entries. Reading entries
	// in their order is three to five times cheaper than row by row (measured: 0.9 s against 0.2 s for length() of
	// 900,000 URLs), so that a scan which ends just then has lost no more than it would have cost anyway.
	sweepShare = 8
	// sweepChunk is the entries that a worker takes at once: their strings stay in its second-level cache.
	sweepChunk = 4096
)

// sweep computes all entries of a dictionary in their order. Workers take chunks until there are none left, then wait
// for each other. An entry that raises an error ends it: only the entries of rows may do that, so the memo goes on with
// those alone.
type sweep struct {
	slots  *memoSlots
	dict   *batch.Dictionary
	chunks int64
	next   atomic.Int64
	left   sync.WaitGroup
	failed atomic.Bool
	done   atomic.Bool
}

// swept tells that slots holds the results of all entries, after taking part in the sweep when it is worth it.
func (n *memoNode) swept(m *memo, s *memoSlots, d *batch.Dictionary, rows int64) bool {
	w := m.sweep.Load()
	if w == nil {
		if rows*sweepShare < int64(d.Len) {
			return false
		}
		w = m.startSweep(s, d)
	}
	if w.slots != s || w.dict.Len < d.Len || w.failed.Load() {
		return false
	}
	if w.done.Load() {
		return true
	}
	for {
		i := w.next.Add(1) - 1
		if i >= w.chunks {
			break
		}
		n.sweepChunk(m, w, int(i)*sweepChunk)
	}
	w.left.Wait()
	if w.failed.Load() {
		return false
	}
	w.done.Store(true)
	return true
}

func (m *memo) startSweep(s *memoSlots, d *batch.Dictionary) *sweep {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.sweep.Load(); w != nil {
		return w
	}
	w := &sweep{slots: s, dict: d, chunks: int64((d.Len + sweepChunk - 1) / sweepChunk)}
	w.left.Add(int(w.chunks))
	m.sweep.Store(w)
	return w
}

// sweepChunk computes the entries from from on, and the result for NULL with the first ones.
func (n *memoNode) sweepChunk(m *memo, w *sweep, from int) {
	ok := false
	defer func() {
		if !ok {
			w.failed.Store(true)
		}
		w.left.Done()
	}()
	if w.failed.Load() || m.full.Load() {
		return
	}
	if from == 0 {
		n.missing = append(n.missing[:0], 0)
		if kept, err := n.fill(m, w.slots, w.dict); err != nil || !kept {
			return
		}
	}
	to := min(from+sweepChunk, w.dict.Len)
	n.view = batch.Vector{Type: n.in, Len: to - from, Data: w.dict.Heap, Offsets: w.dict.Offsets[from : to+1]}
	v, err := n.plain(&n.view, nil)
	if err != nil {
		return
	}
	n.missing = n.missing[:0]
	for k := from; k < to; k++ {
		n.missing = append(n.missing, uint32(k+1))
	}
	ok = n.store(m, w.slots, n.missing, v)
}
