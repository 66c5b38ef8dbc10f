package window

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// producer hands out the rows of units to one worker.
type producer struct {
	w       *Window
	t       *op.Task
	step    int
	pending []*unit // divided parts of a unit that was taken
	b       *bundle
	out     *batch.Batch
	calls   *calls
}

// Next returns the next rows of the unit at hand, or the first ones of the next unit.
func (p *producer) Next(ctx context.Context) (*batch.Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, errs.From(err)
		}
		if p.b != nil {
			more, err := p.chunk()
			if err != nil || more {
				return p.out, err
			}
			p.b.close()
			p.b = nil
		}
		u := p.take()
		if u == nil {
			return nil, nil
		}
		if err := p.open(ctx, u); err != nil {
			return nil, err
		}
	}
}

// take returns a unit that nobody has, or nil.
func (p *producer) take() *unit {
	if n := len(p.pending); n > 0 {
		u := p.pending[n-1]
		p.pending = p.pending[:n-1]
		return u
	}
	if at := int(p.w.next.Add(1)) - 1; at < len(p.w.units) {
		return p.w.units[at]
	}
	return nil
}

// open sorts a unit. One that memory is refused for is divided, or sorted with the help of files.
func (p *producer) open(ctx context.Context, u *unit) error {
	err := p.sorted(ctx, u)
	if !errs.Is(err, errs.OutOfMemory) || p.t.Spill == nil {
		return err
	}
	if u.run == nil {
		if err := u.evict(ctx); err != nil {
			return err
		}
	} else {
		u.unload()
	}
	if u.divisible() {
		us, err := u.divide(ctx)
		p.pending = append(p.pending, us...)
		return err
	}
	b, err := newPaged(ctx, p.w, p.t, u)
	if err != nil {
		return err
	}
	return p.begin(b)
}

// errForced stands for a refusal where a test wants one.
var errForced = errs.New(errs.OutOfMemory, "the rows are to be in pages")

// sorted opens a unit whose rows fit the memory.
func (p *producer) sorted(ctx context.Context, u *unit) error {
	if u.run != nil {
		if p.t.Spill.Force() && (u.divisible() && u.level < 2 || u.run.Records()%2 == 0) {
			return errForced
		}
		if err := u.load(ctx); err != nil {
			return err
		}
	}
	b, err := newBundle(ctx, p.w, p.t, u)
	if err != nil {
		return err
	}
	return p.begin(b)
}

// begin makes a bundle the one at hand. When it fails, the unit is as it was.
func (p *producer) begin(b *bundle) error {
	if p.calls == nil {
		p.calls = newCalls(p.w, p.t, p.step)
	}
	if err := p.calls.begin(b); err != nil {
		b.unit = nil
		b.close()
		return err
	}
	p.b = b
	return nil
}

// chunk makes the next rows of the bundle.
func (p *producer) chunk() (bool, error) {
	from := p.b.next
	n := min(p.calls.step, p.b.n-from)
	if n == 0 {
		return false, nil
	}
	p.b.next += n
	for i, ordinal := range p.w.cfg.Keep {
		p.b.emit(p.out.Cols[i], p.w.lay.column(ordinal), from, n)
	}
	if err := p.calls.compute(from, n, p.out.Cols[len(p.w.cfg.Keep):]); err != nil {
		return false, err
	}
	p.out.Len, p.out.Sel = n, batch.Selection{}
	return true, p.b.err
}

// Close gives back what is at hand.
func (p *producer) Close() {
	if p.b != nil {
		p.b.close()
		p.b = nil
	}
	for _, u := range p.pending {
		u.close()
	}
	p.pending = nil
	if p.calls != nil {
		p.calls.close()
	}
}
