package join

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// blocks joins rows in files that cannot be divided: a block nested loop. As many build rows as there is room for make a
// table, in which all probe rows are looked up; then the next build rows do, until there are none left. Build rows
// without a partner are known after each table. What is known of probe rows goes from one table to the next in files of
// its own (see carried), and comes out with the last one.
type blocks struct {
	h     *Hash // of one table at a time
	outer *Hash // the join that the runs are of
	crew  *crew
	acc   *mem.Account // of h
	force bool         // a few rows per table: for tests

	build  []*spill.Run  // not read yet
	reader *spill.Reader // of the run being read
	codec  *spill.Rows
	row    *batch.Batch   // read last
	read   bool           // row has rows that are not kept yet
	rest   []*batch.Batch // kept, and too many for the table before
	left   int64          // build rows in build and reader

	probe   []*spill.Run
	carried []carried // by probe run; empty when nothing has to be carried
}

// pieceBytes is what the table of a few build rows takes: six pages of the smallest class.
const pieceBytes = 6 << 16

// forcedRows is how many rows a table has in tests that force spilling.
const forcedRows = 40

// joinBlocks joins the rows of runs, which stay the caller's, block by block.
func (h *Hash) joinBlocks(t *op.Task, next []op.Consumer, build, probe []*spill.Run) error {
	x := &blocks{outer: h, build: build, probe: probe, codec: spill.NewRows(h.cfg.Build), row: batch.New(h.cfg.Build)}
	x.force = h.spill.space.Force()
	for _, r := range build {
		x.left += r.Records()
	}
	if h.keepsUnmatched() || h.cfg.Kind == Semi {
		x.carried = make([]carried, len(probe))
	}
	x.crew = newCrew(t, next)
	defer x.close()
	return x.join()
}

// join joins all rows.
func (x *blocks) join() error {
	workers, err := x.open()
	if err != nil {
		return err
	}
	for first := true; first || x.more(); first = false {
		if err := x.load(); err != nil {
			return err
		}
		last := !x.more()
		err := x.crew.each(len(x.probe), func(w, i int) error { return x.look(workers[w], i, last) })
		if err != nil {
			return err
		}
		if x.h.cfg.keepsBuild() {
			if err := workers[0].rest(); err != nil {
				return err
			}
		}
	}
	return nil
}

// open makes the join of one table at a time, and the states that probe it.
func (x *blocks) open() ([]*probing, error) {
	one := crew{task: x.crew.task}
	one.task.Workers = 1
	x.acc = x.outer.acc.Share(one.share(x.outer))
	task := x.crew.task
	task.Account = x.acc
	x.h = New(x.outer.cfg)
	x.h.cfg.Late = nil
	x.h.spill.outerRows = x.outer.spill.outerRows + x.left
	x.h.spill.outerNulls = x.outer.spill.outerNulls
	if err := x.h.Build().Open(&task); err != nil {
		return nil, err
	}
	workers := make([]*probing, len(x.crew.next))
	for w, next := range x.crew.next {
		c, err := x.h.Probe().Consumer(&task, w, next)
		if err != nil {
			return nil, err
		}
		workers[w] = c.(*probing)
	}
	return workers, nil
}

// close gives everything back but the runs.
func (x *blocks) close() {
	if x.reader != nil {
		x.reader.Close()
	}
	for i := range x.carried {
		x.carried[i].close()
	}
	if x.h != nil {
		x.h.Probe().Close()
		x.h.Build().Close()
		x.acc.Close()
	}
	x.crew.fail(nil)
}

// more tells whether there are build rows that no table has had yet.
func (x *blocks) more() bool { return x.left > 0 || x.read || len(x.rest) > 0 }

// load makes the next table, of as many of the next build rows as fit.
func (x *blocks) load() error {
	h := x.h
	h.dropTable()
	h.dropRows()
	for rows := 0; x.more() && len(h.batches) < maxBatches; {
		if err := x.crew.task.Ctx.Err(); err != nil {
			return errs.From(err)
		}
		if err := x.fill(); err != nil {
			return err
		}
		need := int64(rows)*entryBytes + pieceBytes
		if x.read {
			need += x.row.Bytes() + int64(x.row.Len)*entryBytes
		}
		if rows > 0 && (x.force || x.acc.Room() < need) {
			break
		}
		b, err := x.keep()
		if err != nil {
			return tooLarge(err)
		}
		h.batches = append(h.batches, b)
		rows += b.Len
	}
	return tooLarge(x.table())
}

// table makes the table of the first rows in memory that it has room for beside them.
func (x *blocks) table() error {
	h := x.h
	for {
		err := h.table(&x.crew.task)
		if !errs.Is(err, errs.OutOfMemory) || len(h.batches) < 2 {
			return err
		}
		h.dropTable()
		half := len(h.batches) / 2
		x.rest = append(slices.Clone(h.batches[half:]), x.rest...)
		h.batches = h.batches[:half]
	}
}

// fill reads the next batch, unless there is one.
func (x *blocks) fill() error {
	for len(x.rest) == 0 && !x.read {
		if x.reader == nil {
			x.reader, x.build = x.build[0].Reader(), x.build[1:]
		}
		// A table needs at least one batch, which should not take all memory.
		bytes := max(1, min(readBytes, x.acc.Room()/8))
		rows := batch.MaxRows
		if x.force {
			rows = forcedRows
		}
		if err := x.codec.Fill(x.reader, x.row, rows, int(bytes)); err != nil {
			return err
		}
		x.left -= int64(x.row.Len)
		x.read = x.row.Len > 0
		if !x.read {
			x.reader.Close()
			x.reader = nil
		}
	}
	return nil
}

// keep returns the next batch for a table.
func (x *blocks) keep() (*batch.Batch, error) {
	if len(x.rest) > 0 {
		b := x.rest[0]
		x.rest = x.rest[1:]
		return b, nil
	}
	x.read = false
	return x.h.keep(x.row)
}

// look looks the rows of probe run i up in the table.
func (x *blocks) look(p *probing, i int, last bool) error {
	r := x.probe[i].Reader()
	defer r.Close()
	var c *carried
	if x.carried != nil {
		c = &x.carried[i]
		if err := c.begin(x.outer, last); err != nil {
			return err
		}
	}
	codec, b := spill.NewRows(x.h.cfg.Probe), batch.New(x.h.cfg.Probe)
	for {
		if err := x.crew.task.Ctx.Err(); err != nil {
			return errs.From(err)
		}
		// The same batches each time, since what is carried is counted in them.
		if err := codec.Fill(r, b, batch.MaxRows, readBytes); err != nil {
			return err
		}
		if b.Len == 0 {
			break
		}
		if err := p.consumeAgain(b, c, last); err != nil {
			return err
		}
	}
	if c == nil {
		return nil
	}
	return c.end()
}

// consumeAgain looks up a batch in the table of some of the build rows; c has what is known of it from those before.
func (p *probing) consumeAgain(b *batch.Batch, c *carried, last bool) error {
	p.forget(b.Len)
	if c != nil {
		if err := c.load(p, b.Len); err != nil {
			return err
		}
	}
	if err := p.match(b); err != nil {
		return err
	}
	if last {
		return p.after(b, b.Len)
	}
	if c == nil {
		return nil
	}
	if p.h.cfg.comparesUnknown() {
		if err := p.findUnknown(b, b.Len); err != nil {
			return err
		}
	}
	return c.store(p, b.Len)
}

// tooLarge says what to do when a table of a few build rows is refused.
func tooLarge(err error) error {
	if !errs.Is(err, errs.OutOfMemory) {
		return err
	}
	e := *errs.From(err)
	return e.WithHint("The join needs memory for at least some of its build rows: raise work_mem.")
}
