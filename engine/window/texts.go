package window

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
)

// fromDict marks a reference to an entry of a dictionary: fromDict | dictionary<<32 | code. Other references are
// block<<32 | offset of a string behind its length of 4 bytes.
const fromDict = 1 << 63

// texts has the strings that rows refer to. Blocks are added and dropped under a lock; reading takes none, since whoever
// has a reference has it from the one that added the block.
type texts struct {
	blocks atomic.Pointer[[][]byte]
	dicts  atomic.Pointer[[]*batch.Dictionary]
	mu     struct {
		sync.Mutex
		free []int // numbers of dropped blocks
	}
}

func (t *texts) open() {
	t.blocks.Store(&[][]byte{})
	t.dicts.Store(&[]*batch.Dictionary{})
}

func (t *texts) close() {
	t.blocks.Store(nil)
	t.dicts.Store(nil)
}

// at returns the string of a reference.
func (t *texts) at(ref uint64) []byte {
	if ref&fromDict != 0 {
		return (*t.dicts.Load())[ref>>32&0x7fffffff].At(int(uint32(ref)))
	}
	b := (*t.blocks.Load())[ref>>32][uint32(ref):]
	n := binary.LittleEndian.Uint32(b)
	return b[4 : 4+n]
}

// refer returns the number of a dictionary that has all entries of d.
func (t *texts) refer(d *batch.Dictionary) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	dicts := *t.dicts.Load()
	for i := len(dicts) - 1; i >= 0; i-- {
		if dicts[i].ID == d.ID && dicts[i].Len >= d.Len {
			return uint64(i)
		}
	}
	next := append(append([]*batch.Dictionary(nil), dicts...), d)
	t.dicts.Store(&next)
	return uint64(len(dicts))
}

// put gives a block a number.
func (t *texts) put(b []byte) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	blocks := *t.blocks.Load()
	if n := len(t.mu.free); n > 0 {
		at := t.mu.free[n-1]
		t.mu.free = t.mu.free[:n-1]
		blocks[at] = b
		return at
	}
	next := append(blocks, b) // the old list sees no more of the array than before
	t.blocks.Store(&next)
	return len(blocks)
}

// drop forgets blocks that nobody refers to any more.
func (t *texts) drop(numbers []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	blocks := *t.blocks.Load()
	for _, n := range numbers {
		blocks[n] = nil
	}
	t.mu.free = append(t.mu.free, numbers...)
}

// A writer's blocks grow from textMin to textMax bytes; a longer string has one of its own.
const (
	textMin = 4 << 10
	textMax = 1 << 20
)

// textWriter adds strings. It belongs to one goroutine.
type textWriter struct {
	t     *texts
	block []byte
	at    int // number of block
	size  int
	all   []int // numbers of all blocks
	bytes int64 // of all blocks
}

// add returns the reference of a copy of s.
func (w *textWriter) add(s []byte) uint64 {
	if need := len(s) + 4; w.block == nil || need > cap(w.block)-len(w.block) {
		w.size = min(max(2*w.size, textMin), textMax)
		w.block = make([]byte, 0, max(need, w.size))
		w.at = w.t.put(w.block[:cap(w.block)])
		w.all = append(w.all, w.at)
		w.bytes += int64(cap(w.block))
	}
	ref := uint64(w.at)<<32 | uint64(len(w.block))
	w.block = binary.LittleEndian.AppendUint32(w.block, uint32(len(s)))
	w.block = append(w.block, s...)
	return ref
}

// drop forgets all blocks.
func (w *textWriter) drop() {
	w.t.drop(w.all)
	*w = textWriter{t: w.t}
}

// give hands the blocks to another owner.
func (w *textWriter) give() []int {
	all := w.all
	*w = textWriter{t: w.t}
	return all
}
