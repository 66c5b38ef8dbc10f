package vfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/zeebo/xxh3"
)

// CrashClone returns what a machine might find after losing power now: what was not synced survives piece by piece
// with probability keep, decided by seed. keep 0 is the strictest disk, 1 a mere kill of the process.
func (m *Mem) CrashClone(seed uint64, keep float64) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	rnd := rand.New(rand.NewPCG(seed, 0x5117))
	survives := func() bool { return keep >= 1 || keep > 0 && rnd.Float64() < keep }
	names := maps.Clone(m.durable)
	for _, op := range m.pending {
		if survives() {
			op.apply(names)
		}
	}
	c := NewMem()
	c.dirs = maps.Clone(m.dirs)
	nodes := map[*memNode]*memNode{}
	sorted := slices.Sorted(maps.Keys(names))
	for _, name := range sorted {
		n := names[name]
		if nodes[n] == nil {
			nodes[n] = n.crash(rnd, survives, keep)
		}
		c.live[name] = nodes[n]
	}
	c.durable = maps.Clone(c.live)
	return c
}

func (op memOp) apply(names map[string]*memNode) {
	switch op.kind {
	case 'c':
		names[op.to] = op.node
	case 'd':
		delete(names, op.from)
	case 'r':
		if names[op.from] == op.node {
			delete(names, op.from)
		}
		names[op.to] = op.node
	}
}

// crash returns what is left of a file, which shares its bytes with this one where nothing was lost.
func (n *memNode) crash(rnd *rand.Rand, survives func() bool, keep float64) *memNode {
	if len(n.dirty) == 0 && len(n.data) == len(n.durable) {
		n.durableShared = true
		return settled(n.durable)
	}
	size := len(n.durable)
	if len(n.data) != size && survives() {
		size = len(n.data)
	}
	out := make([]byte, size)
	copy(out, n.durable)
	dirty := slices.Sorted(maps.Keys(n.dirty))
	for _, b := range dirty {
		from := b * memBlock
		to := min(from+memBlock, int64(len(n.data)), int64(size))
		if from >= to || !survives() {
			continue
		}
		if keep < 1 && rnd.IntN(8) == 0 {
			to = min(to, from+memSector*int64(rnd.IntN(memBlock/memSector)))
		}
		copy(out[from:to], n.data[from:to])
	}
	return settled(out)
}

// settled returns a file with nothing to be lost.
func settled(b []byte) *memNode {
	return &memNode{data: b, durable: b, dataShared: true, durableShared: true, dirty: map[int64]bool{}}
}

// Sum returns a hash of all names and contents: two file systems with the same one hold the same.
func (m *Mem) Sum() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := xxh3.New()
	for _, name := range slices.Sorted(maps.Keys(m.live)) {
		_, _ = fmt.Fprintf(h, "%d %s %d ", len(name), name, len(m.live[name].data)) // a hash takes everything
		_, _ = h.Write(m.live[name].data)
	}
	return h.Sum64()
}
