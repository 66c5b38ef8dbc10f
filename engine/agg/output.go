package agg

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// output has the groups once they are combined.
type output struct {
	width  int
	blocks []block
	slabs  [][]uint64         // memory of blocks that nobody else owns
	tables []*hashtable.Table // where groups are looked up: one table, or one per partition
	next   atomic.Int64
	mu     sync.Mutex // guards blocks while partitions are kept
}

// block is a piece of memory with rows, some of which are groups: those with a count.
type block struct {
	rows   []uint64
	always bool // the row is a group although it has no rows: an aggregate without keys
}

func (o *output) addBlock(b block) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.blocks = append(o.blocks, b)
}

// group returns the row of a packed key, or nil.
func (o *output) group(key []uint64) []uint64 {
	switch {
	case len(o.tables) == 0:
		at := 0
		if len(key) > 0 {
			at = int(key[0]) * o.width
		}
		return o.blocks[0].rows[at : at+o.width]
	case len(o.tables) == 1:
		return o.tables[0].Row(key)
	}
	if t := o.tables[hashtable.HashKey(key)>>(64-hashtable.PartitionBits)]; t != nil {
		return t.Row(key)
	}
	return nil
}

func (o *output) release(acc *mem.Account) {
	for _, t := range o.tables {
		if t != nil {
			t.Release()
		}
	}
	for _, s := range o.slabs {
		mem.ReleaseSlice(acc, s)
	}
	o.blocks, o.slabs, o.tables = nil, nil, nil
}

// pieceRows is how many row places a worker takes at once when groups are handed out.
const pieceRows = 16 << 10

// Rows returns about how many groups there are, once they are combined.
func (g *Group) Rows() int64 {
	n := int64(0)
	if g.spill.started() {
		return g.spill.groups.Records()
	}
	for _, b := range g.out.blocks {
		n += int64(len(b.rows) / max(1, g.out.width))
	}
	return n
}

// Producer hands out the groups, after Combine.
func (g *Group) Producer(t *op.Task, _ int) (op.Producer, error) {
	if g.spill.started() {
		return &spilledProducer{g: g, t: t}, nil
	}
	return &producer{g: g, step: max(1, min(t.BatchRows, batch.MaxRows)), out: batch.New(g.Types()), fin: finisher{g: g, out: aggstate.NewOutput(g.acc)}}, nil
}

// producer hands out groups to one worker.
type producer struct {
	g    *Group
	step int
	rows []uint64 // the piece taken
	pos  int
	all  bool
	pick [batch.MaxRows]int // offsets of the groups of a batch
	out  *batch.Batch
	fin  finisher
}

// take takes the next piece; false at the end.
func (p *producer) take() bool {
	piece := int(p.g.out.next.Add(1)) - 1
	size := pieceRows * p.g.out.width
	for _, b := range p.g.out.blocks {
		pieces := (len(b.rows) + size - 1) / size
		if piece < pieces {
			p.rows = b.rows[piece*size : min(len(b.rows), (piece+1)*size)]
			p.pos, p.all = 0, b.always
			return true
		}
		piece -= pieces
	}
	return false
}

// Next returns a batch of groups. A batch does not span pieces.
func (p *producer) Next(context.Context) (*batch.Batch, error) {
	for {
		n := 0
		for p.pos < len(p.rows) && n < p.step {
			if p.rows[p.pos] != 0 || p.all {
				p.pick[n] = p.pos
				n++
			}
			p.pos += p.g.out.width
		}
		if n > 0 {
			if err := p.fin.finish(p.rows, p.pick[:n], p.out); err != nil {
				return nil, err
			}
			return p.out, nil
		}
		if !p.take() {
			return nil, nil
		}
	}
}

// Close gives back what lists took; the groups are Group.Close's.
func (p *producer) Close() { p.fin.release() }
