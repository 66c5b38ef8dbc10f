package order

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// mergeWays is how many runs are merged at once: each takes two batches of up to blockBytes and the blocks of its file,
// about 4 MiB for all, and a row costs as many comparisons. Twice as many hardly ever save a pass over the data.
const mergeWays = 16

// filesMax is how many runs of one sort may exist at once, since each has its file open: the smallest are merged then.
const filesMax = 4 * mergeWays

// blockBytes is how many bytes of rows are taken from a run at a time.
const blockBytes = 64 << 10

// files are the sorted runs that a sort wrote.
type files struct {
	cfg     *Config
	space   *spill.Space
	ctx     context.Context
	spilled *profile.Spill
	mu      sync.Mutex // guards runs while rows arrive
	runs    []*spill.Run
}

// write makes a run of a worker's rows, which are gone then.
func (f *files) write(r *rows) error {
	if len(r.entries) == 0 {
		return nil
	}
	if err := r.sort(f.ctx); err != nil {
		return err
	}
	run := f.space.NewRun()
	if err := f.copy(run, r); err != nil {
		run.Close()
		return err
	}
	r.release()
	return f.add(run)
}

// copy appends sorted rows to a run.
func (f *files) copy(run *spill.Run, r *rows) error {
	codec := spill.NewRows(f.cfg.In)
	work := 0
	for i := range r.entries {
		if work += len(r.scratch) + keyLook/batch.MaxRows; work >= keyLook {
			if work = 0; f.ctx.Err() != nil {
				return errs.From(f.ctx.Err())
			}
		}
		row := r.ref(&r.entries[i])
		r.scratch = codec.Append(r.scratch[:0], row.batch, row.row)
		if err := run.Append(r.scratch); err != nil {
			return err
		}
	}
	return run.Finish()
}

// add takes a run over. When there are many, their number is reduced at once, while other workers wait.
func (f *files) add(run *spill.Run) error {
	f.spilled.Add(run.Bytes())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs = append(f.runs, run)
	if len(f.runs) < filesMax {
		return nil
	}
	return f.reduce(filesMax - mergeWays)
}

// reduce merges the smallest runs until there are at most n.
func (f *files) reduce(n int) error {
	for len(f.runs) > n {
		slices.SortFunc(f.runs, func(a, b *spill.Run) int { return cmp.Compare(a.Bytes(), b.Bytes()) })
		few := f.runs[:min(mergeWays, len(f.runs)-n+1)]
		run := f.space.NewRun()
		if err := f.merge(run, few); err != nil {
			run.Close()
			return err
		}
		for _, r := range few {
			r.Close()
		}
		f.runs = append(f.runs[len(few):], run)
		f.spilled.Add(run.Bytes())
	}
	return nil
}

// merge fills a run with the rows of several, as many as come out of the order at most.
func (f *files) merge(run *spill.Run, from []*spill.Run) error {
	cursors, err := f.cursors(from)
	m := merge{cursors: cursors, take: f.cfg.Limit, refs: make([]ref, 0, batch.MaxRows)}
	defer m.Close()
	if err != nil {
		return err
	}
	codec, record := spill.NewRows(f.cfg.In), []byte(nil)
	for {
		if err := f.ctx.Err(); err != nil {
			return errs.From(err)
		}
		if err := m.collect(); err != nil {
			return err
		}
		if len(m.refs) == 0 {
			return run.Finish()
		}
		for _, r := range m.refs {
			record = codec.Append(record[:0], r.batch, r.row)
			if err := run.Append(record); err != nil {
				return err
			}
		}
	}
}

// cursors returns the first rows of runs, also when it fails: they are the caller's to close.
func (f *files) cursors(runs []*spill.Run) ([]*cursor, error) {
	var cs []*cursor
	for _, r := range runs {
		file := &fileRun{f: f, reader: r.Reader(), codec: spill.NewRows(f.cfg.In)}
		cs = append(cs, &cursor{rows: &file.rows, file: file})
		if err := file.load(); err != nil {
			return cs, err
		}
	}
	return cs, nil
}

// close removes all runs.
func (f *files) close() {
	for _, r := range f.runs {
		r.Close()
	}
	f.runs = nil
}

// fileRun is a run being read: the rows of one block, with their keys made again. Rows of earlier blocks stay as they
// are until recycle, since refs may name them.
type fileRun struct {
	f       *files
	reader  *spill.Reader
	codec   *spill.Rows
	rows    rows           // of one batch
	used    []*batch.Batch // blocks before
	free    []*batch.Batch
	charged int64
}

// load reads the next block; there are no rows at the end.
func (r *fileRun) load() error {
	r.used = append(r.used, r.rows.batches...)
	r.rows.batches, r.rows.entries, r.rows.keys = r.rows.batches[:0], r.rows.entries[:0], r.rows.keys[:0]
	var b *batch.Batch
	if n := len(r.free); n > 0 {
		b, r.free = r.free[n-1], r.free[:n-1]
	} else {
		b = batch.New(r.f.cfg.In)
		r.charged += blockBytes
		_ = r.f.space.Account().Reserve(blockBytes) // never refused
	}
	if err := r.codec.Fill(r.reader, b, batch.MaxRows, blockBytes); err != nil {
		return err
	}
	return r.rows.index(r.f.ctx, r.f.cfg.Keys, b)
}

// recycle gives back the blocks that nobody refers to any more.
func (r *fileRun) recycle() {
	r.free = append(r.free, r.used...)
	r.used = r.used[:0]
}

func (r *fileRun) close() {
	r.reader.Close()
	r.f.space.Account().Free(r.charged)
	r.charged, r.used, r.free = 0, nil, nil
}
