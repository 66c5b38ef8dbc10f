package window

import (
	"context"

	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// unit is rows that are sorted together: whole partitions.
type unit struct {
	w       *Window
	chunks  [][]uint64
	charged int64
	texts   textWriter // of rows that came from the file
	run     *spill.Run // nil: the rows never were in a file
	level   int        // of the partitions into which the run is divided
	single  bool       // dividing the run has not made it smaller
}

// collected makes units of the rows in memory.
func collected(cs []*collector, scattered bool) (us []*unit) {
	n := 1
	if scattered {
		n = parts
	}
	for i := range n {
		var u *unit
		for _, c := range cs {
			if c.parts[i].rows == 0 {
				continue
			}
			if u == nil {
				u = &unit{w: c.w}
				us = append(us, u)
			}
			for _, rows := range c.parts[i].chunks {
				u.chunks = append(u.chunks, rows)
				u.charged += int64(cap(rows)) * 8
			}
			c.parts[i] = part{}
		}
	}
	for _, c := range cs { // chunks and texts belong to others now
		c.w.kept.numbers = append(c.w.kept.numbers, c.texts.all...)
		c.w.kept.charged += c.texts.bytes
		c.charged, c.chunked = 0, 0
		c.texts.give()
	}
	return us
}

// kept are the texts of rows in memory, which are of all units.
type kept struct {
	numbers []int
	charged int64
}

func (k *kept) release(w *Window) {
	if k.charged > 0 {
		w.texts.drop(k.numbers)
		w.task.Account.Free(k.charged)
	}
	*k = kept{}
}

// rows returns the number of rows in memory.
func (u *unit) rows() (n int) {
	for _, c := range u.chunks {
		n += len(c)
	}
	return n / u.w.lay.stride
}

// load reads the rows of the file into memory.
func (u *unit) load(ctx context.Context) error {
	u.texts.t = &u.w.texts
	stride := u.w.lay.stride
	x := u.run.Reader()
	defer x.Close()
	held := int64(0)
	for left := u.run.Records(); left > 0; {
		if err := ctx.Err(); err != nil {
			return errs.From(err)
		}
		n := int(min(left, chunkRows))
		left -= int64(n)
		chunk := make([]uint64, n*stride)
		held += int64(len(chunk)) * 8
		for i := range n {
			record, err := x.Next()
			if err != nil {
				return err
			}
			if err := u.w.lay.readRecord(record, chunk[i*stride:(i+1)*stride], &u.texts); err != nil {
				return err
			}
		}
		u.chunks = append(u.chunks, chunk)
		if err := u.charge(held + u.texts.bytes); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) charge(n int64) error {
	if err := u.w.task.Account.Reserve(n - u.charged); err != nil {
		return err
	}
	u.charged = n
	return nil
}

// unload forgets the rows in memory.
func (u *unit) unload() {
	u.w.task.Account.Free(u.charged)
	u.charged, u.chunks = 0, nil
	if u.texts.t != nil {
		u.texts.drop()
	}
}

// evict writes rows that were only in memory to a file.
func (u *unit) evict(ctx context.Context) error {
	u.run = u.w.task.Spill.NewRun()
	u.level = 0
	var record []byte
	stride := u.w.lay.stride
	for _, rows := range u.chunks {
		if err := ctx.Err(); err != nil {
			return errs.From(err)
		}
		for at := 0; at < len(rows); at += stride {
			record = u.w.lay.appendRecord(record[:0], rows[at:at+stride], &u.w.texts)
			if err := u.run.Append(record); err != nil {
				return err
			}
		}
	}
	if err := u.run.Finish(); err != nil {
		return err
	}
	u.w.spilled.Add(u.run.Bytes())
	u.unload()
	return nil
}

// divide makes units of the file's rows by other bits of their hash.
func (u *unit) divide(ctx context.Context) ([]*unit, error) {
	p := u.w.files.add(u.level)
	row := make([]uint64, u.w.lay.stride)
	texts := textWriter{t: &u.w.texts}
	defer texts.drop()
	x := u.run.Reader()
	defer x.Close()
	for n := 0; ; n++ {
		if n%batch.MaxRows == 0 {
			texts.drop()
			if err := ctx.Err(); err != nil {
				return nil, errs.From(err)
			}
		}
		record, err := x.Next()
		if err != nil {
			return nil, err
		}
		if record == nil {
			break
		}
		if err := u.w.lay.readRecord(record, row, &texts); err != nil {
			return nil, err
		}
		if err := p.Append(u.w.lay.hashRow(row, u.w.cfg.Shared, &u.w.texts), record); err != nil {
			return nil, err
		}
	}
	us, err := u.w.files.unitsOf(p, u.level+1)
	if len(us) == 1 {
		us[0].single = us[0].level > 1 // at the first level it may be a part that was evicted whole
	}
	u.run.Close()
	return us, err
}

// divisible tells whether it makes sense to divide.
func (u *unit) divisible() bool {
	return u.w.cfg.Shared > 0 && !u.single && u.level < spill.LevelMax
}

func (u *unit) close() {
	u.unload()
	u.run.Close()
}
