package fn

import (
	"math/rand/v2"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Random is the generator of a session: setseed makes its numbers repeat. The zero value has not been seeded. All workers
// of a query share it.
type Random struct {
	mu struct {
		sync.Mutex
		seeded *rand.Rand // nil: any numbers will do
	}
}

// Randomizer is a Session that has a generator of its own.
type Randomizer interface{ Random() *Random }

// Seed makes the numbers to come depend on the seed alone.
func (r *Random) Seed(seed float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	positive := seed + 2 // 0 and -0 are one seed
	r.mu.seeded = rand.New(rand.NewPCG(uint64(positive*(1<<52)), 15))
}

// next returns a number from 0 to less than 1.
func (r *Random) next() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.seeded == nil {
		return rand.Float64()
	}
	return r.mu.seeded.Float64()
}

// randomOf returns the generator of the session, nil when there is none.
func randomOf(c *Context) *Random {
	if c == nil {
		return nil
	}
	if s, ok := c.Session.(Randomizer); ok {
		return s.Random()
	}
	return nil
}

func init() {
	register(&Overload{Name: "random", Result: returns(tFloat8), Volatility: Volatile,
		Eval: rowFixed(tFloat8, func(c *Context, _ *row) (float64, bool, error) {
			if r := randomOf(c); r != nil {
				return r.next(), true, nil
			}
			return rand.Float64(), true, nil
		})},
		&Overload{Name: "setseed", Args: list(tFloat8), Result: returns(types.T(types.Void)), Volatility: Volatile,
			Eval: rowText(types.T(types.Void), func(c *Context, r *row, dst []byte) ([]byte, error) {
				seed := r.f8(0)
				if !(seed >= -1 && seed <= 1) {
					return dst, errs.New(errs.InvalidParameterValue, "setseed parameter %g is out of allowed range [-1,1]", seed)
				}
				if g := randomOf(c); g != nil {
					g.Seed(seed)
				}
				return notNil(dst), nil
			})})
}
