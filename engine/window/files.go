package window

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/engine/spill"
)

// files are the rows that memory was refused for, divided by hash.
type files struct {
	w    *Window
	rows atomic.Int64
	mu   struct {
		sync.Mutex
		parts []*spill.Partitions // the first one takes rows, the others are divided parts of it
	}
}

func (f *files) open(w *Window) { f.w = w }

// started tells whether anything was written.
func (f *files) started() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.mu.parts) > 0
}

// add returns new partitions, which close with the files.
func (f *files) add(level int) *spill.Partitions {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.w.task.Spill.NewPartitions(level)
	f.mu.parts = append(f.mu.parts, p)
	return p
}

// first returns the partitions that take the rows of collectors.
func (f *files) first() *spill.Partitions {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mu.parts) == 0 {
		f.mu.parts = append(f.mu.parts, f.w.task.Spill.NewPartitions(0))
	}
	return f.mu.parts[0]
}

// write adds rows. record is scratch.
func (f *files) write(rows []uint64, record *[]byte) error {
	p, lay := f.first(), &f.w.lay
	for at := 0; at < len(rows); at += lay.stride {
		row := rows[at : at+lay.stride]
		*record = lay.appendRecord((*record)[:0], row, &f.w.texts)
		if err := p.Append(lay.hashRow(row, f.w.cfg.Shared, &f.w.texts), *record); err != nil {
			return err
		}
	}
	f.rows.Add(int64(len(rows) / lay.stride))
	return nil
}

// units returns the parts as units of work.
func (f *files) units() ([]*unit, error) {
	if f.rows.Load() == 0 && !f.started() {
		return nil, nil
	}
	return f.unitsOf(f.first(), 1)
}

// unitsOf ends the writing of partitions and returns them as units, which are divided into those of a level.
func (f *files) unitsOf(p *spill.Partitions, level int) (us []*unit, err error) {
	if err := p.Finish(); err != nil {
		return nil, err
	}
	for i := range spill.Ways {
		if run := p.Run(i); run.Records() > 0 {
			f.w.spilled.Add(run.Bytes())
			us = append(us, &unit{w: f.w, run: run, level: level})
		}
	}
	return us, nil
}

func (f *files) close() {
	for _, p := range f.mu.parts {
		p.Close()
	}
	f.mu.parts = nil
}
