// Package smith makes random tables and random queries over the SQL that this database answers, for tests that need no
// expected answers: a condition, its negation and its being unknown share out the rows of a table; a query answers the
// same however rows lie and whichever passes plan it; and PostgreSQL, where there is one, answers what we answer.
//
// A Generator makes tables (Tables) and statements (Query, Scalar, Partition) from its seed alone. Statements are
// trees, so that Reduce can look for a smaller one that fails as well. A Generator is used by one goroutine.
//
// It refuses to know what is right: it runs nothing.
package smith

import (
	"math/rand/v2"
)

// Generator makes tables and queries.
type Generator struct {
	rng     *rand.Rand
	extreme float64 // share of values that are extreme
	tables  []*Table
	aliases int
	depth   int // of subqueries
}

// New returns a generator whose every choice follows from seed. Seeds that are no multiple of 3 use extreme values:
// infinities, NaN, the ends of ranges.
func New(seed uint64) *Generator {
	g := &Generator{rng: rand.New(rand.NewPCG(seed, 7))}
	if seed%3 != 0 {
		g.extreme = 0.04 * float64(seed%3)
	}
	return g
}

// chance is true with a probability of p.
func (g *Generator) chance(p float64) bool { return g.rng.Float64() < p }

func pick[T any](g *Generator, of []T) T { return of[g.rng.IntN(len(of))] }
