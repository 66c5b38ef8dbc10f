package aggstate

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// avg is a sum that is divided at the end: numeric with the digits that PostgreSQL gives it, or float8.
func init() {
	register(fn.Avg, Aggregate{Kind: sumKind, Finish: func(c *Call, r []uint64, rows uint64, out *Output) error {
		if c.State.avg != nil {
			return c.State.avg(c.State, r, rows, out)
		}
		d, err := c.State.total(c.State, r).Quo(decimal.FromInt64(int64(rows)))
		if err != nil {
			return err
		}
		return out.decimal(d)
	}})
}
