package manifest

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/field"
)

// count takes over the states of counters that an edit has, and forgets those of sequences that are gone, or were started
// anew.
func (v *Version) count(e *Edit) {
	v.Counted = max(v.Counted, e.Counted)
	for n, at := range e.Counters {
		v.Counters = v.Counters.With(n, at)
	}
	if v.Counters.Len() == 0 || !slices.ContainsFunc(e.Catalog, catalog.Edit.Recounts) {
		return
	}
	there := v.Catalog.Counters()
	for n := range v.Counters.All() {
		if !there[n] {
			v.Counters = v.Counters.Without(n)
		}
	}
}

func writeCounter(w *field.Writer, n field.Number, c uint32, at counter.State) {
	m := w.Begin(n)
	counter.Move{Counter: c, State: at}.WriteFields(w)
	w.End(m)
}

func counterLines(all iter.Seq2[uint32, counter.State]) (lines []string) {
	for n, at := range all {
		lines = append(lines, fmt.Sprintf("counter %d is at %d, given out: %t", n, at.Last, at.Called))
	}
	return lines
}

// inOrder goes through the counters of an edit.
func inOrder(m map[uint32]counter.State) iter.Seq2[uint32, counter.State] {
	return func(yield func(uint32, counter.State) bool) {
		for _, n := range slices.Sorted(maps.Keys(m)) {
			if !yield(n, m[n]) {
				return
			}
		}
	}
}
