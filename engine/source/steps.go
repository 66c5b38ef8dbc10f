package source

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

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

// NewSteps returns the series first, first + step, ... up to last, of the type of first. The sum is that of the operator
// which SQL would use, so that months have the lengths they have. A step of zero is 22023.
func NewSteps(first, last, step types.Datum, ordinality bool, env *fn.Context) (*Series, error) {
	t := first.Type
	for _, bound := range []struct {
		name  string
		value types.Datum
	}{{"start value", first}, {"stop value", last}, {"step size", step}} {
		if err := finite(bound.name, bound.value); err != nil {
			return nil, err
		}
	}
	sign, err := signOf(step)
	if err != nil {
		return nil, err
	}
	if sign == 0 {
		return nil, errZeroStep()
	}
	sum, err := expr.CallOperator("+", &expr.Column{T: t}, &expr.Const{Value: step})
	if err != nil {
		return nil, err
	}
	s := &steps{next: &expr.Cast{Arg: sum, T: t}, t: t, env: env}
	n, err := s.mark(first, last, sign)
	if err != nil {
		return nil, err
	}
	return newSeries(t, n, ordinality, s.at), nil
}

// finite refuses numerics that no series of numerics reaches or leaves.
func finite(name string, d types.Datum) error {
	if d.Type.Kind != types.Numeric {
		return nil
	}
	v, err := d.Decimal()
	switch {
	case err != nil:
		return err
	case v.IsFinite():
		return nil
	case v.IsNaN():
		return errs.New(errs.InvalidParameterValue, "%s cannot be NaN", name)
	}
	return errs.New(errs.InvalidParameterValue, "%s cannot be infinity", name)
}

// signOf tells whether a number or an interval is below, equal to or above zero.
func signOf(d types.Datum) (int, error) {
	text := "0"
	if d.Type.Kind == types.Interval {
		text = "0 seconds"
	}
	zero, err := types.Parse(d.Type, text)
	if err != nil {
		return 0, err
	}
	return types.Compare(d, zero), nil
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

// at computes values of the series: it starts at the mark before them, or where the last batch ended.
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
