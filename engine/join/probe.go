package join

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// probeSide is the Hash as an operator.
type probeSide Hash

// Types returns the types of the output.
func (s *probeSide) Types() []types.Type { return s.cfg.Types() }

// Open does nothing: the build side was combined before.
func (s *probeSide) Open(*op.Task) error { return nil }

// Close gives up the probe side.
func (s *probeSide) Close() { (*Hash)(s).closeSide() }

// Consumer makes the state of one worker.
func (s *probeSide) Consumer(t *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	h := (*Hash)(s)
	p := &probing{
		ctx: t.Ctx, task: t, h: h, next: next, keys: newKeys(h.cfg.ProbeKeys, h.cfg.Probe), out: batch.New(h.cfg.Types()),
		step:  max(1, min(t.BatchRows, batch.MaxRows)),
		heads: make([]uint32, batch.MaxRows), found: make(batch.Bitmap, batch.Words(batch.MaxRows)),
		unknown: make(batch.Bitmap, batch.Words(batch.MaxRows)), pass: make(batch.Bitmap, batch.Words(batch.MaxRows)),
	}
	if h.cfg.Residual != nil {
		all := append(append([]types.Type(nil), h.cfg.Probe...), h.cfg.Build...)
		ev, err := expr.NewEvaluator(h.cfg.Residual, all, h.cfg.Env)
		if err != nil {
			return nil, err
		}
		p.residual, p.pair = ev, batch.New(all)
	}
	h.probing.Add(1)
	return p, nil
}

// probing is the state of one worker.
type probing struct {
	ctx      context.Context // asked per batch of pairs: one input batch may have billions
	task     *op.Task
	h        *Hash
	next     op.Consumer
	keys     *keys
	residual *expr.Evaluator
	step     int

	heads   []uint32     // by probe row: the first entry with its key
	found   batch.Bitmap // probe rows that found a partner
	unknown batch.Bitmap // probe rows for which NOT IN is neither true nor false
	pass    batch.Bitmap
	idx     []uint16 // candidate pairs: the probe row
	ents    []uint32 // and the entry; 0: no partner
	pair    *batch.Batch
	out     *batch.Batch
	dict    dictHeads
	divide  *divider // of probe rows, when the build rows are in files
}

// Consume looks up a batch.
func (p *probing) Consume(b *batch.Batch) error {
	h := p.h
	if h.spill.started() {
		return p.spill(b)
	}
	if h.tab.rows == 0 && (h.cfg.Kind == Inner || h.cfg.Kind == Semi || h.cfg.Kind == Cross || h.cfg.Kind == Right) {
		return op.ErrDone
	}
	p.forget(b.Len)
	if err := p.match(b); err != nil {
		return err
	}
	return p.after(b, b.Len)
}

// forget starts with n rows of which nothing is known.
func (p *probing) forget(n int) {
	clear(p.found[:batch.Words(n)])
	clear(p.unknown[:batch.Words(n)])
}

// match finds the partners of rows, and hands on the pairs.
func (p *probing) match(b *batch.Batch) error {
	n := b.Len
	p.lookup(b)
	if p.residual == nil && !p.wantsPairs() {
		for i, e := range p.heads[:n] {
			if e != 0 {
				p.found.Set(i)
			}
		}
		return nil
	}
	return p.pairs(b, n)
}

// wantsPairs tells whether the output has a row for each pair.
func (p *probing) wantsPairs() bool {
	switch p.h.cfg.Kind {
	case Semi, Anti, Mark:
		return false
	}
	return true
}

// lookup finds the first entry of each row.
func (p *probing) lookup(b *batch.Batch) {
	t := &p.h.tab
	heads := p.heads[:b.Len]
	if len(p.h.cfg.ProbeKeys) == 0 {
		first := uint32(min(t.n, 1))
		for i := range heads {
			heads[i] = first
		}
		return
	}
	if !t.words && len(p.keys.cols) == 1 && p.dict.lookup(p.h, b.Cols[p.keys.cols[0]], heads) {
		return
	}
	p.keys.load(b)
	// All look-ups of a batch come first, and only then what is done with them: the loop has no call and no branch but
	// those of the table, so that the processor has several misses under way at once. Following each row's chain right
	// away would end that.
	if t.words {
		for i, w := range p.keys.word {
			heads[i] = t.find(w, nil)
		}
	} else {
		for i, w := range p.keys.word {
			heads[i] = t.find(w, p.keys.at(i))
		}
	}
	// NULLs were looked up like any word, and may have met the key that their word happens to be. To take that back
	// afterwards is cheaper than to branch for each row above.
	for i := range heads {
		if p.keys.null.Get(i) {
			heads[i] = 0
		}
	}
}

// pairs goes over all pairs with equal keys, step at a time.
func (p *probing) pairs(b *batch.Batch, n int) error {
	p.idx, p.ents = p.idx[:0], p.ents[:0]
	first := !p.wantsPairs()
	for i := range n {
		if first && p.found.Get(i) { // among other build rows
			continue
		}
		// A chain is as long as its key has build rows, billions in all: pairs are handed on when there are step of
		// them, in the middle of a chain if need be, so that memory does not depend on the data.
		for e := p.heads[i]; e != 0; e = p.h.tab.next[e] {
			p.idx = append(p.idx, uint16(i))
			p.ents = append(p.ents, e)
			if len(p.idx) == p.step {
				if err := p.flush(b); err != nil {
					return err
				}
			}
			if first && p.found.Get(i) {
				break
			}
		}
	}
	return p.flush(b)
}

// flush tests the residual condition on the collected pairs, and hands on those that match.
func (p *probing) flush(b *batch.Batch) error {
	if len(p.idx) == 0 {
		return nil
	}
	// Here and not per batch of probe rows: one batch may make pairs for minutes, during which nobody else asks.
	if err := p.ctx.Err(); err != nil {
		return errs.From(err)
	}
	if p.residual != nil {
		if err := p.test(b); err != nil {
			return err
		}
	}
	for k, i := range p.idx {
		if p.h.cfg.Kind == Single && p.found.Get(int(i)) {
			return errs.New(errs.CardinalityViolation, "more than one row returned by a subquery used as an expression")
		}
		p.found.Set(int(i))
		if p.h.matched != nil {
			// Read before it is written: rows that were met before, which are most, then stay in the caches of all
			// workers, where a store would take the line away from the others each time.
			if m := &p.h.matched[p.ents[k]]; atomic.LoadUint32(m) == 0 {
				atomic.StoreUint32(m, 1)
			}
		}
	}
	var err error
	if p.wantsPairs() && len(p.idx) > 0 {
		err = p.emit(b)
	}
	p.idx, p.ents = p.idx[:0], p.ents[:0]
	return err
}

// test drops the pairs for which the residual condition is not true.
func (p *probing) test(b *batch.Batch) error {
	n := len(p.idx)
	for c, v := range b.Cols {
		p.pair.Cols[c].Gather(v, p.idx)
	}
	for c := range p.h.cfg.Build {
		p.h.gather(p.pair.Cols[len(b.Cols)+c], p.ents, c)
	}
	p.pair.Len = n
	pass := p.pass[:batch.Words(n)]
	clear(pass)
	if err := p.residual.EvalBool(p.pair, pass); err != nil {
		return err
	}
	kept := 0 // never overtakes k, so that pairs move in place
	for k := range n {
		if pass.Get(k) {
			p.idx[kept], p.ents[kept] = p.idx[k], p.ents[k]
			kept++
		}
	}
	p.idx, p.ents = p.idx[:kept], p.ents[:kept]
	return nil
}

// emit hands on the collected pairs.
func (p *probing) emit(b *batch.Batch) error {
	for c, v := range b.Cols {
		p.out.Cols[c].Gather(v, p.idx)
	}
	for c := range p.h.cfg.Build {
		p.h.gather(p.out.Cols[len(b.Cols)+c], p.ents, c)
	}
	p.out.Len = len(p.idx)
	return p.next.Consume(p.out)
}

// after hands on what depends on whether rows found a partner at all.
func (p *probing) after(b *batch.Batch, n int) error {
	switch c := &p.h.cfg; {
	case c.Kind == Semi:
		return p.rows(b, n, true)
	case c.Kind == Anti:
		if err := p.findUnknown(b, n); err != nil {
			return err
		}
		p.found.Or(p.unknown)
		return p.rows(b, n, false)
	case c.Kind == Mark:
		if err := p.findUnknown(b, n); err != nil {
			return err
		}
		return p.mark(b, n)
	case c.keepsProbe():
		p.idx, p.ents = p.idx[:0], p.ents[:0]
		for i := range n {
			if !p.found.Get(i) {
				p.idx = append(p.idx, uint16(i))
				p.ents = append(p.ents, 0)
			}
		}
		if len(p.idx) > 0 {
			return p.emit(b)
		}
	}
	return nil
}

// rows hands on the probe rows that found a partner, or those that did not.
func (p *probing) rows(b *batch.Batch, n int, found bool) error {
	p.idx = p.idx[:0]
	for i := range n {
		if p.found.Get(i) == found {
			p.idx = append(p.idx, uint16(i))
		}
	}
	switch len(p.idx) {
	case 0:
		return nil
	case n: // nothing is copied, and dictionaries and packed columns stay what they are for those above
		return p.next.Consume(b)
	}
	for c, v := range b.Cols {
		p.out.Cols[c].Gather(v, p.idx)
	}
	p.out.Len = len(p.idx)
	return p.next.Consume(p.out)
}

// mark hands on all probe rows with the answer of IN.
func (p *probing) mark(b *batch.Batch, n int) error {
	for c, v := range b.Cols {
		p.out.Cols[c].Lend(v)
	}
	m := p.out.Cols[len(b.Cols)]
	m.Reset(types.T(types.Bool), n)
	copy(m.Bools(), p.found[:batch.Words(n)])
	p.unknown.AndNot(p.found)
	if p.unknown[:batch.Words(n)].Count() > 0 {
		m.Nulls(n).AndNot(p.unknown[:batch.Words(n)])
	}
	p.out.Len = n
	return p.next.Consume(p.out)
}

// findUnknown finds the rows without a partner for which IN is unknown: the row's key is NULL, or one of the build
// keys is, and the residual condition does not rule the pair out.
func (p *probing) findUnknown(b *batch.Batch, n int) error {
	t := &p.h.tab
	if !p.h.cfg.NullAware || t.rows == 0 && p.h.spill.outerRows == 0 {
		return nil
	}
	nulls := t.nulls != 0 || p.h.spill.outerNulls
	v := b.Cols[p.h.cfg.ProbeKeys[0]]
	for i := range n {
		if p.found.Get(i) || p.unknown.Get(i) || !v.IsNull(i) && !nulls {
			continue
		}
		if p.residual == nil {
			p.unknown.Set(i)
			continue
		}
		if err := p.residualUnknown(b, i, v.IsNull(i)); err != nil {
			return err
		}
	}
	return nil
}

// residualUnknown tests the residual condition of row i against the build rows whose keys are not known to differ.
func (p *probing) residualUnknown(b *batch.Batch, i int, all bool) error {
	t := &p.h.tab
	e := t.nulls
	if all {
		e = uint32(min(t.n, 1))
	}
	p.idx, p.ents = p.idx[:0], p.ents[:0]
	for e != 0 {
		p.idx = append(p.idx, uint16(i))
		p.ents = append(p.ents, e)
		switch {
		case !all:
			e = t.next[e]
		case int(e) < t.n:
			e++
		default:
			e = 0
		}
		if len(p.idx) < p.step && e != 0 {
			continue
		}
		if err := p.ctx.Err(); err != nil {
			return errs.From(err)
		}
		if err := p.test(b); err != nil {
			return err
		}
		if len(p.idx) > 0 {
			p.unknown.Set(i)
			return nil
		}
	}
	return nil
}

// Finish ends this worker; the last one hands on what can be known only after all probe rows. It ends those before it,
// too, when there are files to join.
func (p *probing) Finish() error {
	h := p.h
	if h.spill.started() && p.task.Workers > 1 {
		h.mu.Lock()
		h.mu.ended = append(h.mu.ended, p.next)
		h.mu.Unlock()
		if h.probing.Add(-1) > 0 {
			return nil
		}
		return endAll(h.joinFiles(p.task, h.mu.ended), h.mu.ended)
	}
	if h.probing.Add(-1) > 0 {
		return p.next.Finish()
	}
	return endAll(p.last(), []op.Consumer{p.next})
}

// endAll ends the consumers, unless the error is more than that one of them needs no more rows: a piece behind it may
// still have rows of its own to give.
func endAll(err error, next []op.Consumer) error {
	if err != nil && !errors.Is(err, op.ErrDone) {
		return err
	}
	err = nil
	for _, c := range next {
		if e := c.Finish(); errors.Is(e, op.ErrDone) {
			err = e
		} else if e != nil {
			return e
		}
	}
	return err
}

// last hands on what can be known only after all probe rows, on this worker alone.
func (p *probing) last() error {
	switch {
	case p.h.spill.started():
		return p.h.joinFiles(p.task, []op.Consumer{p.next})
	case p.h.cfg.keepsBuild():
		return p.rest()
	}
	return nil
}

// rest hands on the build rows without a partner, beside NULLs.
func (p *probing) rest() error {
	t := &p.h.tab
	for e := 1; e <= t.n; {
		p.ents = p.ents[:0]
		for ; e <= t.n && len(p.ents) < p.step; e++ {
			if atomic.LoadUint32(&p.h.matched[e]) == 0 {
				p.ents = append(p.ents, uint32(e))
			}
		}
		if len(p.ents) == 0 {
			return nil
		}
		if err := p.ctx.Err(); err != nil {
			return errs.From(err)
		}
		np := len(p.h.cfg.Probe)
		for c, typ := range p.h.cfg.Probe {
			p.out.Cols[c].ResetConstant(types.NullOf(typ), len(p.ents))
		}
		for c := range p.h.cfg.Build {
			p.h.gather(p.out.Cols[np+c], p.ents, c)
		}
		p.out.Len = len(p.ents)
		if err := p.next.Consume(p.out); err != nil {
			return err
		}
	}
	return nil
}
