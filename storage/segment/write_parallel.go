package segment

import (
	"bytes"
	"sync"
)

// parallel lets several workers encode columns, each with a work space of its own, into memory; the columns go to the
// file in their order, with the offsets they have there. A worker is at most so many columns ahead of the file as there
// are workers, so that one slow column does not make all others wait in memory.
func (w *writer) parallel(metas []*meta, workers int) error {
	p := &pipeline{w: w, ahead: workers, encoded: make([]*encoded, len(metas))}
	p.cond = sync.NewCond(&p.mu)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(p.encode)
	}
	err := p.drain(metas)
	p.mu.Lock()
	p.stopped = true
	p.cond.Broadcast()
	p.mu.Unlock()
	wg.Wait()
	if a := w.in.Account; a != nil {
		a.Free(p.charged)
	}
	return err
}

// pipeline is what the workers of one segment share.
type pipeline struct {
	w     *writer
	ahead int

	mu      sync.Mutex
	cond    *sync.Cond // a column was encoded or written, or the segment is given up
	next    int        // column that no worker has taken
	written int
	encoded []*encoded
	spare   []*encoded
	charged int64 // for the memory of all encoded columns, also the spare ones
	stopped bool
}

// encoded is a column in memory. Its offsets count from the start of the bytes, which is aligned.
type encoded struct {
	bytes   bytes.Buffer
	meta    *meta
	charged int64 // for bytes
	err     error
}

// encode takes columns until there are none.
func (p *pipeline) encode() {
	work := &writer{in: p.w.in}
	defer work.discharge()
	for {
		i, e := p.take()
		if e == nil {
			return
		}
		e.bytes.Reset()
		work.w, work.off, work.err = &e.bytes, 0, nil
		e.meta, e.err = work.read(i)
		p.put(i, e)
	}
}

// take returns the next column and memory for it, or nil when there is nothing to do.
func (p *pipeline) take() (int, *encoded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.stopped && p.next < len(p.encoded) && p.next >= p.written+2*p.ahead {
		p.cond.Wait()
	}
	if p.stopped || p.next == len(p.encoded) {
		return 0, nil
	}
	p.next++
	n := len(p.spare)
	if n == 0 {
		return p.next - 1, new(encoded)
	}
	e := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return p.next - 1, e
}

// put hands over an encoded column and charges for its memory.
func (p *pipeline) put(i int, e *encoded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if grown := int64(e.bytes.Cap()) - e.charged; p.w.in.Account != nil && grown > 0 {
		if err := p.w.in.Account.Reserve(grown); err == nil {
			e.charged += grown
			p.charged += grown
		} else if e.err == nil {
			e.err = err
		}
	}
	p.encoded[i] = e
	p.cond.Broadcast()
}

// drain writes the columns in their order as they come, up to the first error.
func (p *pipeline) drain(metas []*meta) error {
	for i := range metas {
		p.mu.Lock()
		for p.encoded[i] == nil {
			p.cond.Wait()
		}
		e := p.encoded[i]
		p.mu.Unlock()
		if e.err != nil {
			return e.err
		}
		p.w.align()
		e.meta.moveBy(p.w.off)
		metas[i] = e.meta
		if p.w.write(e.bytes.Bytes()); p.w.err != nil {
			return nil // Write tells
		}
		p.mu.Lock()
		e.meta = nil
		p.spare = append(p.spare, e)
		p.encoded[i] = nil
		p.written = i + 1
		p.cond.Broadcast()
		p.mu.Unlock()
	}
	return nil
}

// moveBy adds to the offsets of all buffers of the column.
func (m *meta) moveBy(by uint64) {
	move := func(r *ref) {
		if r.stored > 0 {
			r.offset += by
		}
	}
	for i := range m.blocks {
		move(&m.blocks[i].values)
		move(&m.blocks[i].validity)
	}
	if m.dict == nil {
		return
	}
	for i := range m.dict.groups {
		for k := range m.dict.groups[i] {
			move(&m.dict.groups[i][k])
		}
	}
	for i := range m.dict.chunks {
		move(&m.dict.chunks[i])
	}
}
