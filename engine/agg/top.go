package agg

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// collector keeps the groups of finished partitions, for one goroutine: all of them, or the top ones.
type collector struct {
	g     *Group
	width int
	slabs [][]uint64 // rows; all but the last are full
	used  int        // words of the last slab
	top   *top
}

const collectorWords = 1 << 17 // 1 MiB

func (k *collector) init(g *Group) {
	k.g, k.width = g, g.out.width
	if g.cfg.Top != nil && len(g.sets) == 0 && g.cfg.Top.K > 0 && g.cfg.Top.K <= topMax {
		k.top = newTop(g)
	}
}

// take keeps the used rows of a table.
func (k *collector) take(rows []uint64, width, used int) error {
	if k.top != nil {
		k.top.take(rows, width)
		return nil
	}
	for at := 0; at < len(rows) && used > 0; at += width {
		if rows[at] == 0 {
			continue
		}
		used--
		if len(k.slabs) == 0 || k.used+width > len(k.slabs[len(k.slabs)-1]) {
			slab, err := mem.Slice[uint64](k.g.acc, max(collectorWords, width))
			if err != nil {
				return err
			}
			k.slabs = append(k.slabs, slab)
			k.used = 0
		}
		copy(k.slabs[len(k.slabs)-1][k.used:], rows[at:at+width])
		k.used += width
	}
	return nil
}

// blocks returns the rows that were kept. Words behind the last row of a slab are zero, that is, no group.
func (k *collector) blocks() []block {
	var out []block
	for _, s := range k.slabs {
		out = append(out, block{rows: s[:len(s)/k.width*k.width]})
	}
	if k.top != nil {
		out = append(out, block{rows: k.top.rows})
	}
	return out
}

// topMax is the largest K for which groups are dropped early: beyond, the heap costs more than it saves.
const topMax = 1 << 14

// top keeps the K groups with the largest rank of a call, in a heap whose root is the smallest.
type top struct {
	g     *Group
	call  *call
	desc  bool
	k     int
	heap  []rank
	rows  []uint64 // K rows
	width int
	plain bool // the rank is the row count
}

// rank orders groups; larger is better.
type rank struct {
	hi, lo uint64
	at     int // offset of the row
}

func (r rank) less(o rank) bool { return r.hi < o.hi || r.hi == o.hi && r.lo < o.lo }

func newTop(g *Group) *top {
	c := g.cfg.Top
	if c.Call < 0 || c.Call >= len(g.prog.calls) {
		return nil
	}
	t := &top{g: g, call: &g.prog.calls[c.Call], desc: c.Desc, k: int(c.K), width: g.out.width}
	if !t.ranks() {
		return nil
	}
	t.plain = t.call.State == nil && t.call.in < 0 && t.desc
	return t
}

// ranks tells whether the call's values can be ordered without finishing them.
func (t *top) ranks() bool {
	return t.call.State == nil || t.call.Ranked && t.call.State.Rank != nil
}

// rank computes the rank of a row: the value, with NULL where PostgreSQL sorts it: above all others.
func (t *top) rank(row []uint64) rank {
	var r rank
	base := 1 + t.g.lay.Words
	n := t.g.rowsOf(t.call, row)
	switch {
	case t.call.State == nil:
		r.lo = n
	case n == 0:
		r.hi, r.lo = math.MaxUint64, math.MaxUint64
	default:
		s := &t.g.prog.states[t.call.state]
		r.hi, r.lo = s.Rank(&s.State, row[base+s.at:])
	}
	if !t.desc {
		r.hi, r.lo = ^r.hi, ^r.lo
	}
	return r
}

func (t *top) take(rows []uint64, width int) {
	at := 0
	for ; at < len(rows) && !(t.plain && len(t.heap) == t.k); at += width {
		if rows[at] != 0 {
			t.offer(rows[at:at+width], t.rank(rows[at:at+width]))
		}
	}
	if at == len(rows) {
		return
	}
	for bound := t.heap[0].lo; at < len(rows); at += width { // most groups end here
		if c := rows[at]; c > bound {
			t.offer(rows[at:at+width], rank{lo: c})
			bound = t.heap[0].lo
		}
	}
}

// offer keeps a row if it is among the best so far.
func (t *top) offer(row []uint64, r rank) {
	if len(t.heap) < t.k {
		r.at = len(t.rows)
		t.rows = append(t.rows, row...)
		t.heap = append(t.heap, r)
		for i := len(t.heap) - 1; i > 0; {
			up := (i - 1) / 2
			if !t.heap[i].less(t.heap[up]) {
				break
			}
			t.heap[i], t.heap[up] = t.heap[up], t.heap[i]
			i = up
		}
		return
	}
	if !t.heap[0].less(r) {
		return
	}
	r.at = t.heap[0].at
	copy(t.rows[r.at:], row)
	t.heap[0] = r
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < len(t.heap) && t.heap[c+1].less(t.heap[c]) {
			c++
		}
		if c >= len(t.heap) || !t.heap[c].less(t.heap[i]) {
			return
		}
		t.heap[i], t.heap[c] = t.heap[c], t.heap[i]
		i = c
	}
}
