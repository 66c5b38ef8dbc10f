package fn

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/types"
)

// Advisory is what a Session answers that has advisory locks.
type Advisory interface {
	// AdvisoryLock takes a lock, and waits for it unless Try says to tell whether it could be had.
	AdvisoryLock(ctx context.Context, o AdvisoryOptions) (bool, error)
	// AdvisoryUnlock lets a lock go that was taken for the session, and tells whether there was one.
	AdvisoryUnlock(name LockName, shared bool) bool
	AdvisoryUnlockAll()
}

// LockName is the name of an advisory lock: one number, or two of them, which never meet.
type LockName struct {
	Number int64
	Pair   bool
}

// AdvisoryOptions say which lock is wanted, and how.
type AdvisoryOptions struct {
	Name                       LockName
	Shared, Try, InTransaction bool
}

func lockName(r *row) LockName {
	if len(r.args) == 2 {
		return LockName{int64(r.int4(0))<<32 | int64(uint32(r.int4(1))), true}
	}
	return LockName{Number: r.int8(0)}
}

func advisory(c *Context) (Advisory, context.Context, error) {
	if c == nil || c.Session == nil {
		return nil, nil, noSession("pg_advisory_lock")
	}
	a, ok := c.Session.(Advisory)
	if !ok {
		return nil, nil, noSession("pg_advisory_lock")
	}
	if c.Ctx == nil {
		return a, context.Background(), nil
	}
	return a, c.Ctx, nil
}

func init() {
	void := types.T(types.Void)
	for _, args := range [][]types.Type{list(tInt8), list(tInt4, tInt4)} {
		for _, shared := range []bool{false, true} {
			suffix := ""
			if shared {
				suffix = "_shared"
			}
			for _, inTx := range []bool{false, true} {
				o := AdvisoryOptions{Shared: shared, InTransaction: inTx}
				middle := ""
				if inTx {
					middle = "xact_"
				}
				register(&Overload{Name: "pg_advisory_" + middle + "lock" + suffix, Args: args, Result: returns(void), Volatility: Volatile,
					Eval: rowText(void, func(c *Context, r *row, dst []byte) ([]byte, error) {
						a, ctx, err := advisory(c)
						if err == nil {
							o := o
							o.Name = lockName(r)
							_, err = a.AdvisoryLock(ctx, o)
						}
						return notNil(dst), err
					})},
					&Overload{Name: "pg_try_advisory_" + middle + "lock" + suffix, Args: args, Result: returns(tBool), Volatility: Volatile,
						Eval: rowBool(func(c *Context, r *row) (v, ok bool, err error) {
							a, ctx, err := advisory(c)
							if err == nil {
								o := o
								o.Name, o.Try = lockName(r), true
								v, err = a.AdvisoryLock(ctx, o)
							}
							return v, true, err
						})})
			}
			register(&Overload{Name: "pg_advisory_unlock" + suffix, Args: args, Result: returns(tBool), Volatility: Volatile,
				Eval: rowBool(func(c *Context, r *row) (v, ok bool, err error) {
					a, _, err := advisory(c)
					return err == nil && a.AdvisoryUnlock(lockName(r), shared), true, err
				})})
		}
	}
	register(&Overload{Name: "pg_advisory_unlock_all", Result: returns(void), Volatility: Volatile,
		Eval: rowText(void, func(c *Context, _ *row, dst []byte) ([]byte, error) {
			a, _, err := advisory(c)
			if err == nil {
				a.AdvisoryUnlockAll()
			}
			return notNil(dst), err
		})})
}
