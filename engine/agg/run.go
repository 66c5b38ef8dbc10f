package agg

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// A grouping of a whole table by one string column, which counts rows and nothing else, meets runs of entries: all of a
// dictionary, one behind the other, each with its number of rows. The numbers are where the dictionary has them already.
// They are neither copied nor added up: it is noted which entries came, and when these are all of a dictionary, its numbers
// are the array of its groups. A query over 750,000 entries took 1.9 ms with arrays, and takes 0.9 ms without.

// run is entries of a dictionary that came with their numbers of rows.
type run struct{ from, to uint32 }

// noteRun takes a batch that is a run, and returns false for all other batches.
func (w *worker) noteRun(b *batch.Batch) bool {
	g := w.dict.g
	if g.once.dict == nil || w.dict.sparse != nil || g.prog.words > 0 {
		return false
	}
	v, x := b.Cols[g.lay.Fields[0].Column], b.Cols[g.cfg.Weight.Column]
	if v.Form != batch.Dict || v.Valid != nil || x.Form != batch.Packed || x.Width != 32 || x.Base != 0 {
		return false
	}
	codes, at := v.Codes[:b.Len], w.dict.index(v.Dict)
	if at < 0 || !isRun(codes) {
		return false
	}
	counts, data := g.dicts[at].Counts, mem.View[uint32](x.Data)
	if int(codes[len(codes)-1]) >= len(counts) || &counts[codes[0]] != &data[0] {
		return false // numbers from elsewhere
	}
	r, from := &w.dict.runs[at], codes[0]
	if n := len(*r); n > 0 && (*r)[n-1].to == from {
		(*r)[n-1].to += uint32(len(codes))
		return true
	}
	*r = append(*r, run{from, from + uint32(len(codes))})
	return true
}

// isRun tells whether ascending codes are those of entries one behind the other.
func isRun(codes []uint32) bool {
	n := len(codes)
	return n > 0 && int(codes[n-1]-codes[0]) == n-1
}

// takeRuns makes the numbers of dictionaries of which all entries came the groups of the first worker, and copies those
// of all others.
func (g *dictionary) takeRuns() error {
	for d, dict := range g.dicts {
		entries, others := 0, false
		for _, w := range g.workers {
			for _, r := range w.dict.runs[d] {
				entries += int(r.to - r.from)
			}
			others = others || w.dict.sparse != nil || len(w.dict.arrays[d]) > 0
		}
		switch {
		case entries == 0:
		case entries == len(dict.Counts) && !others:
			g.workers[0].dict.lent[d] = dict.Counts
		default:
			if err := g.copyRuns(d, dict); err != nil {
				return err
			}
		}
		for _, w := range g.workers {
			if entries > 0 {
				w.dict.runs[d] = nil
			}
		}
	}
	return nil
}

// copyRuns adds the numbers of runs to an array.
func (g *dictionary) copyRuns(d int, dict *batch.Dictionary) error {
	rows, err := g.once.dict.array(d, dict.Len)
	if err != nil {
		return err
	}
	for _, w := range g.workers {
		for _, r := range w.dict.runs[d] {
			for c := r.from; c < r.to; c++ {
				rows[c] += uint64(dict.Counts[c])
			}
		}
	}
	return nil
}

// size returns the number of places for groups of a dictionary.
func (d *dictWorker) size(dict int) int {
	if l := d.lent[dict]; l != nil {
		return len(l)
	}
	return len(d.arrays[dict]) / d.width
}

// eachRun calls fn for the entries of runs.
func (d *dictWorker) eachRun(fn func(ref, rows uint64, words []uint64) error) error {
	all := func(at int, counts []uint32, from uint32) error {
		for i, n := range counts {
			if n == 0 {
				continue
			}
			if err := fn(refOf(at, from+uint32(i)), uint64(n), nil); err != nil {
				return err
			}
		}
		return nil
	}
	for at, dict := range d.g.dicts {
		if err := all(at, d.lent[at], 0); err != nil {
			return err
		}
		for _, r := range d.runs[at] {
			if err := all(at, dict.Counts[r.from:r.to], r.from); err != nil {
				return err
			}
		}
	}
	return nil
}
