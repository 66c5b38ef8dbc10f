package expr

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// pieces puts a result together from parts of a batch where the strings between the columns and the result, such as
// those of length(repeat(s, 100000)), would take more than buffers are kept for (fn.Context.Cut): a few rows at a time
// then use the same buffer again and again. Only results of fixed width are made so, since strings would have to be held
// together in the end.
type pieces struct {
	t      types.Type
	size   int // rows of a part, once a whole batch was too much
	joined batch.Vector
	part   batch.Bitmap
}

// pieceRows is how many rows the first part has.
const pieceRows = 32

// eval computes the active rows (nil: all), at once where that takes little.
func (ev *Evaluator) eval(active batch.Bitmap) (*batch.Vector, error) {
	p := &ev.pieces
	cut := p.t.Physical() != types.PhysBytes && ev.r.n > 1
	if p.size == 0 || p.size >= ev.r.n || !cut {
		ev.r.env.Cut = cut
		v, err := ev.root.eval(&ev.r, active)
		if err == nil || !cut || !errs.Is(err, errs.OutOfMemory) {
			return v, err
		}
		p.size = pieceRows
	}
	p.joined.Reset(p.t, 0)
	for from := 0; from < ev.r.n; {
		to := min(from+p.size, ev.r.n)
		ev.r.env.Cut = p.size > 1
		v, err := ev.evalPart(active, from, to)
		if err != nil && p.size > 1 && errs.Is(err, errs.OutOfMemory) {
			p.size /= 2
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := from; i < to; i++ {
			d := types.NullOf(p.t)
			if v != nil && p.part.Get(i) {
				d = v.Datum(i)
				d.Type = p.t
			}
			p.joined.AppendDatum(d)
		}
		from = to
		if ev.held() < heapSmall {
			p.size = min(2*p.size, batch.MaxRows)
		}
	}
	return &p.joined, nil
}

// heapSmall is what results may take for parts to become larger: a good deal less than what is too much for one.
const heapSmall = 4 << 20

// held returns the bytes of the largest result.
func (ev *Evaluator) held() (n int64) {
	for _, v := range ev.kept {
		n = max(n, v.Held())
	}
	return n
}

// evalPart computes the active rows of [from, to), and returns nil when there are none.
func (ev *Evaluator) evalPart(active batch.Bitmap, from, to int) (*batch.Vector, error) {
	p := &ev.pieces
	p.part = sized(p.part, ev.r.n)
	some := false
	for w := range p.part {
		m := ^uint64(0)
		if active != nil {
			m = active[w]
		}
		m &= below(to-w*64) &^ below(from-w*64)
		p.part[w] = m
		some = some || m != 0
	}
	if !some {
		return nil, nil
	}
	return ev.root.eval(&ev.r, p.part)
}

// below has the n lowest bits.
func below(n int) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<uint(max(n, 0)) - 1
}
