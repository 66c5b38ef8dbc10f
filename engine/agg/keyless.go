package agg

import "github.com/siltstone-db/siltstone/engine/aggstate"

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
