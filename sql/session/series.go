package session

import (
	"math"
	"sync"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// generateSeries makes a series of integers, numerics or times.
func generateSeries(v *virtual, f *plan.Function, args []types.Datum) (scan.Relation, error) {
	for _, a := range args {
		if a.Null {
			return rowsRelation(f, nil), nil
		}
	}
	switch t := f.Types()[0]; t.Kind {
	case types.Int4, types.Int8:
		return integerSeries(f, t, args)
	case types.Numeric:
		return stepSeries(v, f, args, types.IntOf(types.NumericOf(1, 0), 1))
	default:
		return stepSeries(v, f, args, types.Datum{})
	}
}

func errZeroStep() error {
	return errs.New(errs.InvalidParameterValue, "step size cannot equal zero")
}

func integerSeries(f *plan.Function, t types.Type, args []types.Datum) (scan.Relation, error) {
	start, stop, step := args[0].I, args[1].I, int64(1)
	if len(args) == 3 {
		step = args[2].I
	}
	if step == 0 {
		return nil, errZeroStep()
	}
	var n uint64
	switch {
	case step > 0 && start <= stop:
		n = (uint64(stop)-uint64(start))/uint64(step) + 1
	case step < 0 && start >= stop:
		n = (uint64(start)-uint64(stop))/(-uint64(step)) + 1
	}
	if n > math.MaxInt64 {
		return nil, errs.New(errs.ProgramLimitExceeded, "generate_series has too many values")
	}
	return compile.NewSeries(t, int64(n), f.Ordinality, func(from int64, n int, out *batch.Vector) error {
		x := start + from*step
		if t.Kind == types.Int4 {
			for i, vals := 0, batch.Values[int32](out); i < n; i++ {
				vals[i] = int32(x)
				x += step
			}
			return nil
		}
		for i, vals := 0, batch.Values[int64](out); i < n; i++ {
			vals[i] = x
			x += step
		}
		return nil
	}), nil
}

// steps is a series of numerics or times, in which a value follows from the one before: adding a month twice is not
// adding two months. One pass counts the values and remembers every batch.MaxRows-th; readers compute those between
// again, so that a million values take some kilobytes.
type steps struct {
	next  expr.Expr // of the value in column 0
	t     types.Type
	env   *fn.Context
	marks []types.Datum
	mu    struct { // where the last reader stopped: the next small batch goes on there
		sync.Mutex
		at    int64
		value types.Datum
	}
}

// stepsMax bounds a series of steps: its marks take 100 MB at most.
const stepsMax = 1 << 31

// stepSeries adds the step with the operator that SQL would use, so that months have the lengths they have.
func stepSeries(v *virtual, f *plan.Function, args []types.Datum, step types.Datum) (scan.Relation, error) {
	t := f.Types()[0]
	if len(args) == 3 {
		step = args[2]
	}
	zero, err := types.Parse(step.Type, map[bool]string{true: "0", false: "0 seconds"}[t.Kind == types.Numeric])
	if err != nil {
		return nil, err
	}
	sign := types.Compare(step, zero)
	if sign == 0 {
		return nil, errZeroStep()
	}
	first, err := cast(v, args[0], t)
	if err != nil {
		return nil, err
	}
	sum, err := expr.CallOperator("+", &expr.Column{T: t}, &expr.Const{Value: step})
	if err != nil {
		return nil, err
	}
	s := &steps{next: &expr.Cast{Arg: sum, T: t}, t: t, env: v.fn}
	n, err := s.mark(first, args[1], sign)
	if err != nil {
		return nil, err
	}
	return compile.NewSeries(t, n, f.Ordinality, s.at), nil
}

// mark counts the values and keeps the marks.
func (s *steps) mark(first, last types.Datum, sign int) (int64, error) {
	w, err := s.walk(first)
	if err != nil {
		return 0, err
	}
	for n := int64(0); ; n++ {
		if c := types.Compare(w.value(), last); sign > 0 && c > 0 || sign < 0 && c < 0 {
			return n, nil
		}
		if n == stepsMax {
			return 0, errs.New(errs.ProgramLimitExceeded, "generate_series has more than %d values", int64(stepsMax))
		}
		if n%batch.MaxRows == 0 {
			if s.env.Ctx != nil && s.env.Ctx.Err() != nil {
				return 0, s.env.Ctx.Err()
			}
			s.marks = append(s.marks, w.value())
		}
		if err := w.step(); err != nil {
			return 0, err
		}
	}
}

// at is the compile.At of the series: it starts at the mark before, or where the last batch ended.
func (s *steps) at(from int64, n int, out *batch.Vector) error {
	at, value := s.start(from)
	w, err := s.walk(value)
	if err != nil {
		return err
	}
	for ; at < from; at++ {
		if err := w.step(); err != nil {
			return err
		}
	}
	out.Reset(s.t, 0)
	for k := range n {
		if k > 0 {
			if err := w.step(); err != nil {
				return err
			}
		}
		out.AppendDatum(w.value())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.at, s.mu.value = from+int64(n)-1, w.value()
	return nil
}

// start returns the nearest known value that is not behind from, and its position.
func (s *steps) start(from int64) (int64, types.Datum) {
	mark := from - from%batch.MaxRows
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.at > mark && s.mu.at <= from {
		return s.mu.at, s.mu.value
	}
	return mark, s.marks[from/batch.MaxRows]
}

// walk goes through a series from a value on.
func (s *steps) walk(from types.Datum) (*walk, error) {
	w := &walk{row: batch.New([]types.Type{s.t})}
	w.set(from)
	var err error
	w.next, err = expr.NewEvaluator(s.next, []types.Type{s.t}, s.env)
	return w, err
}

// walk is one walk: a batch of one row, and the evaluator that makes the next row of it.
type walk struct {
	next *expr.Evaluator
	row  *batch.Batch
}

func (w *walk) value() types.Datum { return w.row.Cols[0].Datum(0) }

func (w *walk) set(d types.Datum) {
	w.row.Reset()
	w.row.Cols[0].AppendDatum(d)
	w.row.Len = 1
}

func (w *walk) step() error {
	v, err := w.next.Eval(w.row)
	if err != nil {
		return err
	}
	w.set(v.Datum(0))
	return nil
}
