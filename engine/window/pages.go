package window

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// pagesMin is how many pages are in memory at least, charged without asking: those around a row, and around the two ends
// of its frame.
const pagesMin = 6

// pages are the chunks of a bundle that does not fit the memory: all of them in a file, in their order, and those read
// last also in memory.
type pages struct {
	run    *spill.Run
	places []int64 // of pages in the file
	held   []page  // in memory, the one read last at the end
	spare  int64   // charged to the account of files
	zeros  []uint64
}

// page is a page in memory.
type page struct {
	number  int
	texts   textWriter
	charged int64 // 0: among the spare ones
	bytes   int64
}

// newPaged sorts the rows of a unit's file, without having them in memory at once, and closes the unit.
func newPaged(ctx context.Context, w *Window, t *op.Task, u *unit) (b *bundle, err error) {
	b = &bundle{w: w, ctx: ctx, acc: t.Account, lay: &w.lay, stride: w.lay.stride, n: int(u.run.Records()), emitted: -1,
		pages: &pages{run: t.Spill.NewRun()}}
	defer func() {
		if err != nil {
			b.close()
			b = nil
		}
	}()
	if err := b.openFirsts(); err != nil {
		return nil, err
	}
	s := order.NewSort(w.sortConfig())
	defer s.Close()
	task := *t
	task.Ctx, task.Workers, task.BatchRows = ctx, 1, batch.MaxRows
	if err := s.Open(&task); err != nil {
		return nil, err
	}
	if err := u.feed(ctx, s, &task); err != nil {
		return nil, err
	}
	u.close()
	return b, b.write(s, &task)
}

// sortConfig is the order of the columns that rows have.
func (w *Window) sortConfig() order.Config {
	cfg := order.Config{Limit: -1}
	for i := range w.lay.cols {
		cfg.In = append(cfg.In, w.lay.cols[i].t)
	}
	for _, k := range w.cfg.Keys {
		k.Column = w.lay.of[k.Column]
		cfg.Keys = append(cfg.Keys, k)
	}
	return cfg
}

// feed gives the rows of the file to a sort.
func (u *unit) feed(ctx context.Context, s *order.Sort, t *op.Task) error {
	to, err := s.Consumer(t, 0)
	if err != nil {
		return err
	}
	lay := &u.w.lay
	texts := textWriter{t: &u.w.texts}
	defer texts.drop()
	ts := make([]types.Type, len(lay.cols))
	for i := range lay.cols {
		ts[i] = lay.cols[i].t
	}
	out, rows := batch.New(ts), make([][]uint64, 0, batch.MaxRows)
	buf := make([]uint64, batch.MaxRows*lay.stride)
	x := u.run.Reader()
	defer x.Close()
	for end := false; !end; {
		if err := ctx.Err(); err != nil {
			return errs.From(err)
		}
		rows = rows[:0]
		texts.drop()
		for len(rows) < batch.MaxRows {
			record, err := x.Next()
			if err != nil {
				return err
			}
			if end = record == nil; end {
				break
			}
			row := buf[len(rows)*lay.stride:][:lay.stride]
			if err := lay.readRecord(record, row, &texts); err != nil {
				return err
			}
			rows = append(rows, row)
		}
		if len(rows) == 0 {
			break
		}
		for i := range lay.cols {
			emitRows(out.Cols[i], &lay.cols[i], rows, &u.w.texts)
		}
		out.Len = len(rows)
		if err := to.Consume(out); err != nil {
			return err
		}
	}
	if err := to.Finish(); err != nil {
		return err
	}
	return s.Combine(t)
}

// write makes the pages of sorted rows.
func (b *bundle) write(s *order.Sort, t *op.Task) error {
	from, err := s.Producer(t, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	c := newCollector(b.w, t) // turns batches into rows
	for i := range c.loaders {
		c.loaders[i].from = i
	}
	defer c.release()
	last := make([]uint64, b.stride)
	var lastTexts textWriter
	lastTexts.t = &b.w.texts
	defer lastTexts.drop()
	at := 0
	for {
		in, err := from.Next(b.ctx)
		if err != nil {
			return err
		}
		if in == nil {
			break
		}
		if err := c.load(in); err != nil {
			return err
		}
		for i := range in.Len {
			row := c.buf[i*b.stride:][:b.stride]
			if err := b.writeRow(row, at, &c.record); err != nil {
				return err
			}
			equal := -1
			if at > 0 {
				equal = b.lay.equalKeys(last, row, &b.w.texts)
			}
			b.markRow(at, equal)
			at++
			if i < in.Len-1 {
				last = row
				continue
			}
			last = append([]uint64(nil), row...) // outlives the batch, and so do its strings
			lastTexts.drop()
			for k := range b.lay.keys {
				if f := b.lay.keys[k].field; f.text() && !f.null(last) {
					last[f.at] = lastTexts.add(b.w.texts.at(last[f.at]))
				}
			}
		}
		c.texts.drop()
	}
	b.n = at
	b.chunks = make([][]uint64, len(b.pages.places))
	if err := b.pages.run.Finish(); err != nil {
		return err
	}
	b.w.spilled.Add(b.pages.run.Bytes())
	return nil
}

func (b *bundle) writeRow(row []uint64, at int, record *[]byte) error {
	if at%chunkRows == 0 {
		place, err := b.pages.run.Mark()
		if err != nil {
			return err
		}
		b.pages.places = append(b.pages.places, place)
	}
	*record = b.lay.appendRecord((*record)[:0], row, &b.w.texts)
	return b.pages.run.Append(*record)
}

// load reads a page, for which the one read longest ago may have to go.
func (p *pages) load(b *bundle, number int) ([]uint64, error) {
	if err := b.stopped(); err != nil {
		return nil, err
	}
	n := min(chunkRows, b.n-number*chunkRows)
	pg := page{number: number, texts: textWriter{t: &b.w.texts}}
	rows := make([]uint64, n*b.stride)
	x := p.run.From(p.places[number])
	defer x.Close()
	for i := range n {
		record, err := x.Next()
		if err == nil && record == nil {
			err = errDamaged()
		}
		if err == nil {
			err = b.lay.readRecord(record, rows[i*b.stride:][:b.stride], &pg.texts)
		}
		if err != nil {
			pg.texts.drop()
			return nil, err
		}
	}
	pg.bytes = int64(len(rows))*8 + pg.texts.bytes
	p.admit(b, &pg)
	p.held = append(p.held, pg)
	b.chunks[number] = rows
	return rows, nil
}

// admit charges a page: the account as long as it does not mind, else in place of the one read longest ago.
func (p *pages) admit(b *bundle, pg *page) {
	force := b.w.task.Spill.Force()
	for len(p.held) >= pagesMin && (force || b.acc.Tight(pg.bytes*int64(len(p.held))) || b.acc.Reserve(pg.bytes) != nil) {
		p.evict(b, 0)
		if len(p.held) < pagesMin {
			break
		}
	}
	if len(p.held) >= pagesMin {
		pg.charged = pg.bytes
		return
	}
	_ = b.w.task.Spill.Account().Reserve(pg.bytes) // never refused
	p.spare += pg.bytes
}

// evict drops a page from memory.
func (p *pages) evict(b *bundle, i int) {
	pg := &p.held[i]
	b.chunks[pg.number] = nil
	pg.texts.drop()
	if pg.charged > 0 {
		b.acc.Free(pg.charged)
	} else {
		b.w.task.Spill.Account().Free(pg.bytes)
		p.spare -= pg.bytes
	}
	p.held = slices.Delete(p.held, i, i+1)
}

// close gives everything back.
func (p *pages) close(b *bundle) {
	for len(p.held) > 0 {
		p.evict(b, 0)
	}
	p.run.Close()
}
