package aggstate

import "sync"

// nodes are the values of string_agg and array_agg, in order of arrival: nodes of next, NULL bits, then wide words for
// each column. Node numbers count from 1. Nodes stay where they are: chunks have nodesChunk of them, and only the first
// one starts small.
type nodes struct {
	mu struct {
		sync.Mutex
		chunks [][]uint64
		wide   int // words of a node: those of the widest list
	}
}

// nodesChunk is the number of nodes of a chunk: some 256 KiB.
const (
	nodesChunkLog = 13
	nodesChunk    = 1 << nodesChunkLog
)

func (l *nodes) bytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.mu.chunks)
	if n == 0 {
		return 0
	}
	return 8 * int64(cap(l.mu.chunks[0])+(n-1)*nodesChunk*l.mu.wide)
}

// reset forgets all nodes. The first chunk stays.
func (l *nodes) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.mu.chunks) > 0 {
		l.mu.chunks = l.mu.chunks[:1]
		l.mu.chunks[0] = l.mu.chunks[0][:0]
	}
}

// append adds a node to the list whose first and last node are in r.
func (l *nodes) append(r []uint64, nulls uint64, words []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appendLocked(r, nulls, words)
}

func (l *nodes) appendLocked(r []uint64, nulls uint64, words []uint64) {
	last := len(l.mu.chunks) - 1
	if last < 0 || len(l.mu.chunks[last]) == nodesChunk*l.mu.wide {
		var chunk []uint64
		if last >= 0 {
			chunk = make([]uint64, 0, nodesChunk*l.mu.wide)
		}
		l.mu.chunks = append(l.mu.chunks, chunk)
		last++
	}
	c := append(l.mu.chunks[last], 0, nulls)
	c = append(c, words...)
	for i := len(words) + 2; i < l.mu.wide; i++ {
		c = append(c, 0)
	}
	l.mu.chunks[last] = c
	node := uint64(last*nodesChunk + len(c)/l.mu.wide)
	l.linkLocked(r, node, node)
}

func (l *nodes) linkLocked(r []uint64, first, last uint64) {
	if first == 0 {
		return
	}
	if r[0] == 0 {
		r[0] = first
	} else {
		l.node(r[1])[0] = first
	}
	r[1] = last
}

// node returns a node, with its link; called with the lock, or when no more nodes are added.
func (l *nodes) node(n uint64) []uint64 {
	at := (n - 1) & (nodesChunk - 1) * uint64(l.mu.wide)
	return l.mu.chunks[(n-1)>>nodesChunkLog][at:][:l.mu.wide]
}

// len returns the number of nodes of a list; called when no more are added.
func (l *nodes) len(first uint64) (n int) {
	for ; first != 0; first = l.node(first)[0] {
		n++
	}
	return n
}
