package scan

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Conjunction applies all terms of a request to rows whose columns lie in memory. It belongs to one worker; Fork makes
// one for another worker.
type Conjunction struct {
	terms    []*Matcher
	scratch  [batch.MaxAppendRows / 64]uint64
	counters *Counters
}

// NewConjunction makes terms ready; ts are the types of the relation's columns. counters may be nil.
func NewConjunction(terms []Term, ts []types.Type, counters *Counters) *Conjunction {
	c := &Conjunction{counters: counters}
	for i := range terms {
		m := NewMatcher(&terms[i], ts[terms[i].Column])
		m.counters = counters
		c.terms = append(c.terms, m)
	}
	return c
}

// Fork returns a conjunction for another worker that shares what was learned of dictionaries.
func (c *Conjunction) Fork() *Conjunction {
	f := &Conjunction{counters: c.counters}
	for _, m := range c.terms {
		f.terms = append(f.terms, m.Fork())
	}
	return f
}

// Len returns the number of terms.
func (c *Conjunction) Len() int { return len(c.terms) }

// Match sets the first rows bits of out to the rows that satisfy every term, and returns their number. cols holds the
// relation's columns by ordinal; those without a term may be nil, the others have rows rows, at most
// batch.MaxAppendRows.
func (c *Conjunction) Match(cols []*batch.Vector, rows int, out batch.Bitmap) (int, error) {
	out = out[:batch.Words(rows)]
	out.Fill(rows)
	n := rows
	for i, m := range c.terms {
		to := out
		if i > 0 {
			to = c.scratch[:len(out)]
		}
		v := cols[m.Term.Column]
		if err := m.Match(v, to); err != nil {
			return 0, err
		}
		if i > 0 {
			out.And(to)
		}
		c.count(v, rows)
		if n = out.Count(); n == 0 {
			break
		}
	}
	return n, nil
}

func (c *Conjunction) count(v *batch.Vector, rows int) {
	if c.counters == nil {
		return
	}
	if v.Form == batch.Flat {
		c.counters.RowsDecodedForTerms.Add(int64(rows))
	} else {
		c.counters.RowsOnPacked.Add(int64(rows))
	}
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
