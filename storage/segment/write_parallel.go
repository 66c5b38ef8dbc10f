package segment

import (
	"bytes"
	"sync"
)

// parallel lets several workers encode columns, each with a work space of its own, into memory; the columns go to the
// file in their order, with the offsets they have there. A worker is at most so many columns ahead of the file as there
// are workers, so that one slow column does not make all others wait in memory.
func (w *writer) parallel(metas []*meta, workers int) error {
	p := &pipeline{w: w, columns: len(metas), ahead: workers}
	p.mu.cond, p.mu.encoded = sync.NewCond(&p.mu), make([]*encoded, len(metas))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(p.encode)
	}
	err := p.drain(metas)
	p.mu.Lock()
	p.mu.stopped = true
	p.mu.cond.Broadcast()
	p.mu.Unlock()
	wg.Wait()
	if a := w.in.Account; a != nil {
		a.Free(p.mu.charged)
	}
	return err
}

// pipeline is what the workers of one segment share.
type pipeline struct {
	w       *writer
	columns int
	ahead   int

	mu struct {
		sync.Mutex
		cond    *sync.Cond // a column was encoded or written, or the segment is given up
		next    int        // column that no worker has taken
		written int
		encoded []*encoded // by column; nil: not yet, or written
		spare   []*encoded
		charged int64 // for the memory of all encoded columns, also the spare ones
		stopped bool
	}
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
	for !p.mu.stopped && p.mu.next < p.columns && p.mu.next >= p.mu.written+2*p.ahead {
		p.mu.cond.Wait()
	}
	if p.mu.stopped || p.mu.next == p.columns {
		return 0, nil
	}
	p.mu.next++
	n := len(p.mu.spare)
	if n == 0 {
		return p.mu.next - 1, new(encoded)
	}
	e := p.mu.spare[n-1]
	p.mu.spare = p.mu.spare[:n-1]
	return p.mu.next - 1, e
}

// put hands over an encoded column and charges for its memory.
func (p *pipeline) put(i int, e *encoded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if grown := int64(e.bytes.Cap()) - e.charged; p.w.in.Account != nil && grown > 0 {
		if err := p.w.in.Account.Reserve(grown); err == nil {
			e.charged += grown
			p.mu.charged += grown
		} else if e.err == nil {
			e.err = err
		}
	}
	p.mu.encoded[i] = e
	p.mu.cond.Broadcast()
}

// drain writes the columns in their order as they come, up to the first error.
func (p *pipeline) drain(metas []*meta) error {
	for i := range metas {
		p.mu.Lock()
		for p.mu.encoded[i] == nil {
			p.mu.cond.Wait()
		}
		e := p.mu.encoded[i]
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
		p.mu.spare = append(p.mu.spare, e)
		p.mu.encoded[i] = nil
		p.mu.written = i + 1
		p.mu.cond.Broadcast()
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
	move(&m.sample)
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
