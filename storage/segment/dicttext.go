package segment

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// dictText brings the strings of a dictionary into its buffer, chunk by chunk. Most scans want all of them; one that
// returns a few rows wants those of its rows. Until a chunk is there, the buffer holds anything at its place. It is safe
// for concurrent use: readers of a chunk have seen that it is there.
type dictText struct {
	seg    *Segment
	col    *column
	heap   []byte
	ends   []uint32 // of the entries: batch.Dictionary.Offsets
	size   int      // of every chunk but the last
	chunks []dictChunk
	left   atomic.Int64 // chunks that are not there
}

// dictChunk is a piece of the strings.
type dictChunk struct {
	filling sync.Mutex
	there   atomic.Bool
}

func newDictText(s *Segment, c *column, d *batch.Dictionary) *dictText {
	t := &dictText{seg: s, col: c, heap: d.Heap, ends: d.Offsets, chunks: make([]dictChunk, len(c.dict.chunks))}
	t.left.Store(int64(len(t.chunks)))
	if len(t.chunks) > 0 {
		t.size = int(c.dict.chunks[0].plain)
	}
	return t
}

// pieces tells whether it pays to bring the strings of single entries: they are several chunks, all of the same size but
// the last, as the writer makes them.
func (t *dictText) pieces() bool {
	last := len(t.chunks) - 1
	if last < 2 || t.size == 0 || t.left.Load() == 0 {
		return false
	}
	for i := range last {
		if int(t.col.dict.chunks[i].plain) != t.size {
			return false
		}
	}
	return int(t.col.dict.chunks[last].plain) <= t.size
}

// all brings every string. Reading and decompressing is divided among all cores.
func (t *dictText) all(n *scan.Counters) error {
	if t.left.Load() == 0 {
		return nil
	}
	starts := make([]int, len(t.chunks)+1)
	for i, r := range t.col.dict.chunks {
		starts[i+1] = starts[i] + int(r.plain)
	}
	return eachOf(len(t.chunks), func(i int) error { return t.fill(i, starts[i], n) })
}

// need brings the strings of entries; pieces must be true.
func (t *dictText) need(codes []uint32, n *scan.Counters) error {
	if t.left.Load() == 0 {
		return nil
	}
	for _, c := range codes {
		from, to := int(t.ends[c]), int(t.ends[c+1])
		for i := from / t.size; i*t.size < to; i++ {
			if t.chunks[i].there.Load() {
				continue
			}
			if err := t.fill(i, i*t.size, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill brings chunk i, which starts at from.
func (t *dictText) fill(i, from int, n *scan.Counters) error {
	c, r := &t.chunks[i], t.col.dict.chunks[i]
	c.filling.Lock()
	defer c.filling.Unlock()
	if c.there.Load() {
		return nil
	}
	if err := t.seg.fetch(r, t.heap[from:from+int(r.plain)], n); err != nil {
		return t.seg.wrap(fmt.Errorf("column %q: dictionary: %w", t.col.Name, err))
	}
	c.there.Store(true)
	t.left.Add(-1)
	return nil
}
