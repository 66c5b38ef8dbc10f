package scan

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Conjunction applies all terms of a request to rows whose columns lie in memory, cheap ones first. It belongs to one
// worker; Fork makes one for another worker.
type Conjunction struct {
	terms    []*Matcher
	all      []bool // by term: every row of the zone satisfies it
	asks     bool   // not all of all
	scratch  [batch.MaxAppendRows / 64]uint64
	counters *Counters

	packed, flat int64 // not in the counters yet
}

// NewConjunction makes terms ready; ts are the types of the relation's columns. counters may be nil.
func NewConjunction(terms []Term, ts []types.Type, counters *Counters) *Conjunction {
	c := &Conjunction{counters: counters}
	for i := range terms {
		m := NewMatcher(&terms[i], ts[terms[i].Column])
		m.counters = counters
		c.terms = append(c.terms, m)
	}
	slices.SortStableFunc(c.terms, func(a, b *Matcher) int { return a.pred.cost() - b.pred.cost() })
	c.reset()
	return c
}

// cost orders predicates: validity, values of fixed width, equal strings, other comparisons, filters.
func (p *Pred) cost() int {
	switch p.Kind {
	case PredNone, PredNull, PredAll:
		return 0
	case PredFilter:
		return 4
	case PredRows:
		if p.Op == Eq || p.Op == Ne || p.Op == In {
			return 2
		}
		return 3
	}
	return 1
}

func (c *Conjunction) reset() {
	c.all = make([]bool, len(c.terms))
	c.asks = len(c.terms) > 0
}

// Fork returns a conjunction for another worker that shares what was learned of dictionaries.
func (c *Conjunction) Fork() *Conjunction {
	f := &Conjunction{counters: c.counters}
	for _, m := range c.terms {
		f.terms = append(f.terms, m.Fork())
	}
	f.reset()
	return f
}

// Terms returns the terms in the order of their evaluation.
func (c *Conjunction) Terms() []*Matcher { return c.terms }

// Enter tells that the next rows are those of another zone, of which verdict knows what a term makes of all its rows:
// terms that all of them satisfy are left out. True when no row can satisfy the conjunction.
func (c *Conjunction) Enter(verdict func(*Term) kernel.Verdict) (none bool) {
	c.asks = false
	for i, m := range c.terms {
		v := verdict(m.Term)
		if v == kernel.None {
			return true
		}
		c.all[i] = v == kernel.All
		c.asks = c.asks || !c.all[i]
	}
	return false
}

// Asks tells that there is a term that rows of the zone may fail.
func (c *Conjunction) Asks() bool { return c.asks }

// Match sets the first rows bits of out to the rows that satisfy every term, and returns their number. cols holds the
// relation's columns by ordinal; those without a term may be nil, the others have rows rows, at most
// batch.MaxAppendRows.
func (c *Conjunction) Match(cols []*batch.Vector, rows int, out batch.Bitmap) (int, error) {
	out = out[:batch.Words(rows)]
	n, some := rows, false // out holds the answer so far; else all rows are in
	for i, m := range c.terms {
		if c.all[i] {
			continue
		}
		to := out
		if some {
			to = c.scratch[:len(out)]
		}
		v := cols[m.Term.Column]
		if err := m.Match(v, to); err != nil {
			return 0, err
		}
		if some {
			out.And(to)
		}
		some = true
		c.count(v, rows)
		if n = out.Count(); n == 0 {
			break
		}
	}
	if !some {
		out.Fill(rows)
	}
	return n, nil
}

func (c *Conjunction) count(v *batch.Vector, rows int) {
	if v.Form == batch.Flat {
		c.flat += int64(rows)
	} else {
		c.packed += int64(rows)
	}
}

// Flush adds what was counted since to the request's counters.
func (c *Conjunction) Flush() {
	if c.counters == nil {
		return
	}
	c.counters.RowsDecodedForTerms.Add(c.flat)
	c.counters.RowsOnPacked.Add(c.packed)
	c.flat, c.packed = 0, 0
}

// Prune says what a term makes of all rows of a part, as far as statistics tell. All means every row, NULLs included.
func Prune(t *Term, st ColumnStats) kernel.Verdict {
	switch {
	case st.Rows == 0:
		return kernel.None
	case t.Op == IsNull && st.Nulls == 0, t.Op == IsNotNull && st.Nulls == st.Rows:
		return kernel.None
	case t.Op == IsNull && st.Nulls == st.Rows, t.Op == IsNotNull && st.Nulls == 0:
		return kernel.All
	case t.Op >= IsNull && t.Op <= IsNotNull:
		return kernel.Some
	case st.Nulls == st.Rows:
		return kernel.None
	}
	v := pruneRange(t, st)
	if v == kernel.All && st.Nulls != 0 {
		return kernel.Some
	}
	return v
}

func pruneRange(t *Term, st ColumnStats) kernel.Verdict {
	if t.Op == Entries {
		return kernel.Some
	}
	if len(t.Values) == 0 {
		return kernel.None
	}
	if !st.HasRange {
		return kernel.Some
	}
	first, last := t.Values[0], t.Values[len(t.Values)-1]
	// lo and hi: the least and the greatest value against the constant (the ends of the list, of In).
	lo, hi := Order(st.Min, last), Order(st.Max, first)
	out := lo > 0 || hi < 0 // no value of the part equals a constant
	one := Order(st.Min, st.Max) == 0
	switch t.Op {
	case Eq, In:
		if out {
			return kernel.None
		}
		if one && t.Op == Eq {
			return kernel.All
		}
	case Ne:
		if out {
			return kernel.All
		}
		if one {
			return kernel.None
		}
	default:
		if holds(t.Op, lo) && holds(t.Op, hi) {
			return kernel.All
		}
		if !holds(t.Op, lo) && !holds(t.Op, hi) {
			return kernel.None
		}
	}
	return kernel.Some
}
