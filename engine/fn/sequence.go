package fn

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
)

// Sequences is what a Session answers that has sequences. Workers of a statement may ask at the same time.
type Sequences interface {
	// NextNumbers fills out with the next numbers of the sequence that has an OID.
	NextNumbers(ctx context.Context, oid uint32, out []int64) error
	// SetNumber says where it goes on: behind a number, or with it when that was not called.
	SetNumber(ctx context.Context, oid uint32, number int64, called bool) error
	// CurrentNumber returns the number that the session was given last, and LastNumber that of any sequence.
	CurrentNumber(oid uint32) (int64, error)
	LastNumber() (int64, error)
}

func (c *Context) sequences(name string) (Sequences, context.Context, error) {
	if c == nil || c.Session == nil {
		return nil, nil, noSession(name)
	}
	s, ok := c.Session.(Sequences)
	if !ok {
		return nil, nil, noSession(name)
	}
	if c.Ctx == nil {
		return s, context.Background(), nil
	}
	return s, c.Ctx, nil
}

// nextNumbers computes nextval for the rows that are wanted, as many at a time as ask for the same sequence.
func nextNumbers(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
	s, ctx, err := c.sequences("nextval")
	if err != nil {
		return err
	}
	oids := view[int64](args[0])
	out.Reset(tInt8, n)
	r := batch.Values[int64](out)
	taken := make([]int64, 0, n)
	for i := 0; i < n; {
		if !live(valid, i) {
			i++
			continue
		}
		oid, end, rows := oids.at(i), i, 0
		for ; end < n && (!live(valid, end) || oids.at(end) == oid); end++ {
			if live(valid, end) {
				rows++
			}
		}
		taken = taken[:rows]
		if err := s.NextNumbers(ctx, uint32(oid), taken); err != nil {
			return err
		}
		for k := 0; i < end; i++ {
			if live(valid, i) {
				r[i] = taken[k]
				k++
			}
		}
	}
	return nil
}

func init() {
	number := func(name string, f func(Sequences, context.Context, *row) (int64, error)) Eval {
		return rowFixed(tInt8, func(c *Context, r *row) (int64, bool, error) {
			s, ctx, err := c.sequences(name)
			if err != nil {
				return 0, false, err
			}
			v, err := f(s, ctx, r)
			return v, true, err
		})
	}
	set := func(s Sequences, ctx context.Context, r *row) (int64, error) {
		return r.int8(1), s.SetNumber(ctx, uint32(r.int8(0)), r.int8(1), len(r.args) < 3 || r.bool(2))
	}
	register(&Overload{Name: "nextval", Args: list(tRegcls), Result: returns(tInt8), Volatility: Volatile, InOrder: true, Eval: nextNumbers},
		&Overload{Name: "currval", Args: list(tRegcls), Result: returns(tInt8), Volatility: Volatile,
			Eval: number("currval", func(s Sequences, _ context.Context, r *row) (int64, error) { return s.CurrentNumber(uint32(r.int8(0))) })},
		&Overload{Name: "lastval", Result: returns(tInt8), Volatility: Volatile,
			Eval: number("lastval", func(s Sequences, _ context.Context, _ *row) (int64, error) { return s.LastNumber() })},
		&Overload{Name: "setval", Args: list(tRegcls, tInt8), Result: returns(tInt8), Volatility: Volatile, Eval: number("setval", set)},
		&Overload{Name: "setval", Args: list(tRegcls, tInt8, tBool), Result: returns(tInt8), Volatility: Volatile, Eval: number("setval", set)})
}
