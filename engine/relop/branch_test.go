package relop_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var int8 = types.T(types.Int8)

// numbers is a source of one batch with the numbers below n.
func numbers(n int) op.Source {
	b := batch.New([]types.Type{int8})
	b.Reset()
	for i := range n {
		b.Cols[0].AppendDatum(types.IntOf(int8, int64(i)))
	}
	b.Len = n
	return source.NewValues([]types.Type{int8}, []*batch.Batch{b})
}

// fan is an operator that pushes every batch as often as times says, then does what last does.
type fan struct {
	times  int
	last   func() error
	pushed int
	ends   int // calls of Finish
}

func (f *fan) Types() []types.Type { return []types.Type{int8} }
func (f *fan) Open(*op.Task) error { return nil }
func (f *fan) Close()              {}
func (f *fan) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	return &fanning{f, next}, nil
}

type fanning struct {
	f    *fan
	next op.Consumer
}

func (c *fanning) Consume(b *batch.Batch) error {
	for range c.f.times {
		c.f.pushed++
		if err := c.next.Consume(b); err != nil {
			return err
		}
	}
	if c.f.last != nil {
		return c.f.last()
	}
	return nil
}

func (c *fanning) Finish() error {
	c.f.ends++
	return c.next.Finish()
}

// runUnion runs a union of one fan and of plain numbers, and calls each for every batch that comes out.
func runUnion(f *fan, each func() error) (rows int, err error) {
	u := relop.NewUnion([]relop.Branch{{Source: numbers(10), Operators: []op.Operator{f}}, {Source: numbers(7)}})
	sink := exec.NewResult(u.Types(), func(b *batch.Batch) error {
		rows += b.Len
		return each()
	})
	task := &op.Task{Ctx: context.Background(), Workers: 1, Account: mem.NewPool(0).Account("test", 0), BatchRows: batch.MaxRows}
	err = exec.Run(task, &exec.Plan{Pipelines: []*exec.Pipeline{{Source: u, Sink: sink}}})
	return rows, err
}

// TestUnionCollectsNothing: what an operator of a branch makes of one batch goes on before it makes more.
func TestUnionCollectsNothing(t *testing.T) {
	f := &fan{times: 1000}
	got := 0
	rows, err := runUnion(f, func() error {
		if got++; got <= f.times && f.pushed != got {
			t.Fatalf("%d batches were pushed when batch %d came", f.pushed, got)
		}
		return nil
	})
	if err != nil || rows != 10*1000+7 || f.ends != 1 {
		t.Errorf("%d rows, %d ends, %v", rows, f.ends, err)
	}
}

func TestUnionEndsEarly(t *testing.T) {
	f := &fan{times: 1000}
	rows, err := runUnion(f, func() error { return op.ErrDone })
	if err != nil || rows != 10 || f.pushed > 2 {
		t.Errorf("%d rows, %d batches pushed, %v", rows, f.pushed, err)
	}
}

func TestUnionBranchEnds(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		last func() error
		rows int
		want func(error) bool
	}{
		"error": {func() error { return boom }, 30, func(err error) bool { return errors.Is(err, boom) }},
		"panic": {func() error { panic("boom") }, 30, func(err error) bool { return errs.Is(err, errs.InternalError) }},
		"done":  {func() error { return op.ErrDone }, 37, func(err error) bool { return err == nil }},
	} {
		rows, err := runUnion(&fan{times: 3, last: c.last}, func() error { return nil })
		if rows != c.rows || !c.want(err) {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
	}
}

// TestUnionShapes: several workers share the branches, one of which is cut by a limit.
func TestUnionShapes(t *testing.T) {
	ts := []types.Type{int8}
	for _, s := range enginetest.Shapes {
		u := relop.NewUnion([]relop.Branch{
			{Source: numbers(5000), Operators: []op.Operator{relop.NewLimit(ts, 10, 3000), relop.NewLimit(ts, 0, 2500)}},
			{Source: numbers(100)}, {Source: numbers(1), Operators: []op.Operator{relop.NewLimit(ts, 1, -1)}},
		})
		got, err := enginetest.Run(t, s, ts, &exec.Pipeline{Source: u})
		if err != nil || len(got) != 2600 {
			t.Errorf("%v: %d rows, %v", s, len(got), err)
		}
	}
}
