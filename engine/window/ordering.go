package window

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
)

// ordering is a partition and an order that calls share. For the rows of a chunk it tells where their partition and their
// peers begin and end.
type ordering struct {
	part, order    int
	parts, peers   batch.Bitmap // first rows
	n              int          // rows of the bundle
	ps, pe, gs, ge []int        // by row of the chunk
	last           struct{ ps, pe, gs, ge int }
}

func (o *ordering) begin(b *bundle) {
	o.parts, o.peers, o.n = b.firsts[o.part], b.firsts[o.order], b.n
	o.last.ps, o.last.pe, o.last.gs, o.last.ge = 0, 0, 0, 0
}

// chunk fills the places for n rows from one on. Chunks come in order.
func (o *ordering) chunk(from, n int) {
	l := o.last
	for i := range n {
		at := from + i
		if at >= l.ge {
			l.gs, l.ge = at, nextSet(o.peers, at+1, o.n)
			if at >= l.pe {
				l.ps, l.pe = at, nextSet(o.parts, at+1, o.n)
			}
		}
		o.ps[i], o.pe[i], o.gs[i], o.ge[i] = l.ps, l.pe, l.gs, l.ge
	}
	o.last = l
}

// nextSet returns the first bit that is set from one on, or n.
func nextSet(b batch.Bitmap, from, n int) int {
	if from >= n {
		return n
	}
	w := from >> 6
	x := b[w] >> (uint(from) & 63) << (uint(from) & 63)
	for x == 0 {
		if w++; w == len(b) {
			return n
		}
		x = b[w]
	}
	return w<<6 + bits.TrailingZeros64(x)
}
