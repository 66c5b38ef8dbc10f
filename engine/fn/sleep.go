package fn

import (
	"context"
	"math"
	"time"

	"github.com/siltstone-db/siltstone/storage/types"
)

// sleepMost is the longest wait: a Duration holds no more.
const sleepMost = float64(math.MaxInt64) / float64(time.Second) / 2

func init() {
	void := types.T(types.Void)
	register(&Overload{Name: "pg_sleep", Args: list(tFloat8), Result: returns(void), Volatility: Volatile,
		Eval: rowText(void, func(c *Context, r *row, dst []byte) ([]byte, error) {
			return notNil(dst), sleep(c, r.f8(0))
		})},
		&Overload{Name: "pg_cancel_backend", Args: list(tInt4), Result: returns(tBool), Volatility: Volatile,
			Eval: rowBool(func(c *Context, r *row) (v, ok bool, err error) {
				d, _, err := c.lookup("pg_cancel_backend", types.IntOf(tInt4, int64(r.int4(0))))
				return d.I != 0, true, err
			})})
}

// sleep waits for some seconds, or until the statement is cancelled. A negative time or NaN is no time.
func sleep(c *Context, seconds float64) error {
	if !(seconds > 0) {
		return nil
	}
	ctx := context.Background()
	if c != nil && c.Ctx != nil {
		ctx = c.Ctx
	}
	timer := time.NewTimer(time.Duration(min(seconds, sleepMost) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
