package order

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// asked is a context that ends when it was asked some times.
type asked struct {
	context.Context
	left int
}

func (c *asked) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestSortStops cancels a sort at its n-th look at the context, and lets one go to its end.
func TestSortStops(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, looks := range []int{0, 1, 5, 1 << 20} {
		r := rows{entries: make([]entry, 200_000)}
		for i := range r.entries {
			r.entries[i].prefix = rng.Uint64()
		}
		ctx := &asked{context.Background(), looks}
		switch err := r.sort(ctx); {
		case looks < 1<<20:
			if !errs.Is(err, errs.QueryCanceled) {
				t.Errorf("after %d looks: %v", looks, err)
			}
			if ctx.left < -2 {
				t.Errorf("after %d looks the sort looked %d times more", looks, -ctx.left)
			}
		case err != nil:
			t.Error(err)
		default:
			for i := 1; i < len(r.entries); i++ {
				if r.entries[i-1].prefix > r.entries[i].prefix {
					t.Fatalf("entry %d is out of order", i)
				}
			}
		}
	}
}
