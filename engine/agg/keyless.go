package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// keyless is the way of an aggregation without keys: one row.
type keyless struct{ packed }

func (k keyless) start(w *worker) error { return w.tab.Reset(0) }

func (k keyless) combine(*op.Task) error {
	if err := k.addRows(); err != nil {
		return err
	}
	k.out.blocks = []block{{rows: k.workers[0].tab.Rows, always: true}}
	return nil
}

func (k keyless) flush(f *flusher, w *worker) error { return f.table(w.tab, nil) }

func (k keyless) consume(w *worker, b *batch.Batch) error {
	if err := w.prepare(b); err != nil {
		return err
	}
	return w.consumeKeyless(b.Len)
}

// consumeKeyless adds a batch to the only group.
func (w *worker) consumeKeyless(n int) error {
	row := w.tab.Rows
	row[0] += w.weigh(n)
	p := w.g.prog
	for i := range p.inputs {
		in := &p.inputs[i]
		if in.counts() || !in.words && w.skips[i] == nil {
			continue
		}
		if !in.words && w.weights == nil {
			row[1+in.skip] += uint64(w.skips[i].Count())
			continue
		}
		d := w.dense(i, row, len(row), 1, n, nil, w.slots) // all slots are 0
		for j := range p.states {
			s := &p.states[j]
			if s.in != i || s.Fold != nil && d.Weights == nil && s.Fold(&s.State, row[1+s.at:], d.Words) {
				continue
			}
			if err := s.update(aggstate.Memory{Words: row, Width: len(row), At: 1 + s.at}, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// weigh returns the number of rows that the first n rows of the batch stand for.
func (w *worker) weigh(n int) uint64 {
	if w.weights == nil {
		return uint64(n)
	}
	sum := int64(0)
	for _, x := range w.weights[:n] {
		sum += x
	}
	return uint64(sum)
}
