package window

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// scatterRows is how many rows a worker keeps in one part; more are divided by hash into parts, so that what is sorted and
// read in no order fits the second-level cache: 256 parts of 10M rows of 4 words have 1.2 MiB each.
const (
	scatterRows = 16 << 10
	partBits    = 8
	parts       = 1 << partBits
)

// A chunk has at most chunkRows rows, so that a row has one number in its unit; the first ones of a part are small.
const (
	chunkBits    = 12
	chunkRows    = 1 << chunkBits
	chunkRowsMin = 32
)

// part is the rows of one worker whose hashes have the same low bits.
type part struct {
	chunks [][]uint64 // all but the last are full
	rows   int
	cut    int // rows that were left when the part was cut last
}

// collector takes the rows of one worker.
type collector struct {
	w       *Window
	ctx     context.Context
	acc     *mem.Account
	loaders []loader
	buf     []uint64 // a batch as rows
	parts   []part
	rows    int
	charged int64
	chunked int64 // bytes of chunks
	texts   textWriter
	record  []byte
}

func newCollector(w *Window, t *op.Task) *collector {
	c := &collector{w: w, ctx: t.Ctx, acc: t.Account, parts: make([]part, 1), texts: textWriter{t: &w.texts}}
	var cols [types.PhysBytes + 1]*hashtable.Column // one for each form, since its words are copied at once
	var words []uint64
	for i := range w.lay.cols {
		f := &w.lay.cols[i]
		if cols[f.phys] == nil {
			cols[f.phys] = hashtable.NewColumn(f.t, nil)
		}
		l := loader{field: f, from: f.ordinal, col: cols[f.phys]}
		if f.text() && words == nil {
			words = make([]uint64, batch.MaxRows)
		}
		l.words = words
		c.loaders = append(c.loaders, l)
	}
	return c
}

// Consume keeps copies of rows. When their memory is refused, all of the worker's rows go to files.
func (c *collector) Consume(b *batch.Batch) error {
	if err := c.load(b); err != nil {
		return err
	}
	n := b.Len
	if c.w.cfg.Shared > 0 && len(c.parts) == 1 && c.rows+n > scatterRows {
		c.scatter()
	}
	c.keep(c.buf[:n*c.w.lay.stride])
	if c.w.cfg.Top != nil {
		if err := c.cut(); err != nil {
			return err
		}
	}
	err := c.charge()
	if refused := errs.Is(err, errs.OutOfMemory); err != nil && !refused || c.w.task.Spill == nil {
		return err
	} else if refused || c.crowded() {
		return c.spill()
	}
	return nil
}

// crowded tells that the rows should go to a file without having been refused memory.
func (c *collector) crowded() bool {
	return c.w.task.Spill.Force() || c.acc.Tight(c.charged*int64(max(1, c.w.task.Workers)))
}

// Finish has nothing to do: Combine makes the units.
func (c *collector) Finish() error { return nil }

// charge makes the account hold what the rows take.
func (c *collector) charge() error {
	n := c.chunked + c.texts.bytes
	if err := c.acc.Reserve(n - c.charged); err != nil {
		return err
	}
	c.charged = n
	return nil
}

// keep adds rows to their parts.
func (c *collector) keep(rows []uint64) {
	stride := c.w.lay.stride
	c.rows += len(rows) / stride
	if len(c.parts) == 1 {
		for len(rows) > 0 {
			last := c.room(&c.parts[0])
			n := min(len(rows), cap(*last)-len(*last))
			*last = append(*last, rows[:n]...)
			c.parts[0].rows += n / stride
			rows = rows[n:]
		}
		return
	}
	shared := c.w.cfg.Shared
	for at := 0; at < len(rows); at += stride {
		row := rows[at : at+stride]
		p := &c.parts[c.w.lay.hashRow(row, shared, &c.w.texts)&(parts-1)]
		last := c.room(p)
		*last = append(*last, row...)
		p.rows++
	}
}

// room returns the last chunk of a part, which has room for a row.
func (c *collector) room(p *part) *[]uint64 {
	if n := len(p.chunks); n > 0 && len(p.chunks[n-1]) < cap(p.chunks[n-1]) {
		return &p.chunks[n-1]
	}
	rows := min(max(p.rows, chunkRowsMin), chunkRows)
	p.chunks = append(p.chunks, make([]uint64, 0, rows*c.w.lay.stride)[:0:rows*c.w.lay.stride])
	c.chunked += int64(rows*c.w.lay.stride) * 8
	return &p.chunks[len(p.chunks)-1]
}

// scatter divides the rows of the only part.
func (c *collector) scatter() {
	if len(c.parts) > 1 {
		return
	}
	old := c.parts[0].chunks
	c.parts, c.rows = make([]part, parts), 0
	for i, rows := range old {
		c.keep(rows)
		c.chunked -= int64(cap(rows)) * 8
		old[i] = nil
	}
}

// spill writes all rows to files, and forgets them.
func (c *collector) spill() error {
	for i := range c.parts {
		for _, rows := range c.parts[i].chunks {
			if err := c.ctx.Err(); err != nil {
				return errs.From(err)
			}
			if err := c.w.files.write(rows, &c.record); err != nil {
				return err
			}
		}
		c.parts[i] = part{}
	}
	c.parts = c.parts[:1]
	c.release()
	c.rows = 0
	return nil
}

// release gives the memory back.
func (c *collector) release() {
	for i := range c.parts {
		c.parts[i] = part{}
	}
	c.acc.Free(c.charged)
	c.charged, c.chunked = 0, 0
	c.texts.drop()
}
