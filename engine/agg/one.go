package agg

import (
	"math"
	"math/bits"
)

// consumeOne adds a batch to the only group.
func (w *worker) consumeOne(n int) error {
	row := w.tab.Rows
	row[0] += uint64(n)
	p := w.g.prog
	for i := range p.inputs {
		if len(p.inputs[i].cols) == 0 && p.inputs[i].filter < 0 || !p.inputs[i].words && w.skips[i] == nil {
			continue
		}
		if !p.inputs[i].words {
			row[1+p.inputs[i].skip] += uint64(w.skips[i].Count())
			continue
		}
		d := w.dense(i, row, len(row), 1, n, nil, w.slots) // the slots of modeOne are all 0
		for j := range p.states {
			s := &p.states[j]
			if s.in != i || s.fold(row[1+s.at:], d.words) {
				continue
			}
			if s.kind == stateList {
				w.addLists(s, row, len(row), 1, n, nil, w.slots)
				continue
			}
			if err := s.update(&w.g.side, p.stringsOf(&w.g.side, s), row, len(row), 1, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// fold adds many values to one state without going through memory for each; false when update must do it.
func (s *state) fold(r, words []uint64) bool {
	switch s.kind {
	case stateSum64:
		a, b := uint64(0), uint64(0)
		for len(words) >= 2 {
			a += words[0]
			b += words[1]
			words = words[2:]
		}
		for _, x := range words {
			a += x
		}
		r[0] += a + b
	case stateSum128:
		var lo, hi uint64
		for _, x := range words {
			var c uint64
			lo, c = bits.Add64(lo, x, 0)
			hi += uint64(int64(x)>>63) + c
		}
		var c uint64
		r[0], c = bits.Add64(r[0], lo, 0)
		r[1] += hi + c
	case stateSumFloat:
		sum := math.Float64frombits(r[0])
		for _, x := range words {
			sum += math.Float64frombits(x)
		}
		if math.IsInf(sum, 0) { // of an infinity, or an error: update knows
			return false
		}
		r[0] = math.Float64bits(sum)
	case stateMax64:
		best := r[0]
		for _, x := range words {
			best = max(best, s.orderWord(x))
		}
		r[0] = best
	default:
		return false
	}
	return true
}
