package fn

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// OrderedSet is an ordered-set aggregate, f(direct arguments) WITHIN GROUP (ORDER BY x). It has no state of its own: the
// values of x that are not NULL are collected in their order by array_agg, and Final computes the result from the
// direct arguments and that array, which is NULL when there are no values.
type OrderedSet struct {
	Name  string
	Args  []types.Type // the direct arguments, then that of ORDER BY
	Final *Overload
}

var orderedSets = map[string][]*OrderedSet{}

func init() {
	add := func(name string, result func([]types.Type) types.Type, eval Eval, args ...types.Type) {
		orderedSets[name] = append(orderedSets[name], &OrderedSet{Name: name, Args: args,
			Final: &Overload{Name: name, Args: append(args[:len(args)-1:len(args)-1], tAnyArr), Result: result, NotStrict: true, Eval: eval}})
	}
	tFractions := types.ArrayOf(types.Float8)
	last := func(ts []types.Type) types.Type { return ts[len(ts)-1] }
	lastElement := func(ts []types.Type) types.Type { return types.T(last(ts).Elem) }
	for _, t := range list(tFloat8, tIntvl) {
		add("percentile_cont", lastElement, percentile(true), tFloat8, t)
		add("percentile_cont", last, percentiles(true), tFractions, t)
	}
	add("percentile_disc", lastElement, percentile(false), tFloat8, tAny)
	add("percentile_disc", last, percentiles(false), tFractions, tAny)
	add("mode", lastElement, mode, tAny)
}

// IsOrderedSet tells whether a name is that of an ordered-set aggregate.
func IsOrderedSet(name string) bool { return orderedSets[name] != nil }

// ResolveOrderedSet finds the ordered-set aggregate that a call means, and the types to which its direct arguments and
// the expression of ORDER BY are converted.
func ResolveOrderedSet(name string, args []types.Type) (s *OrderedSet, want []types.Type, err error) {
	var os []*Overload
	for _, s := range orderedSets[name] {
		os = append(os, &Overload{Name: name, Args: s.Args})
	}
	c, many := choose(os, args, false)
	switch {
	case c != nil:
		for i, o := range os {
			if o == c {
				s = orderedSets[name][i]
			}
		}
		return s, wants(c, args), nil
	case many:
		return nil, nil, errs.New(errs.AmbiguousFunction, "function %s is not unique", signature(name, args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	return nil, nil, undefinedFunction(name, args)
}

// ordered reads the elements of the array of one group. Elements without quotes, such as numbers, are found by their
// commas, and all others are taken apart first.
type ordered struct {
	t     types.Type
	plain []byte // between the braces; nil: see elems
	elems []types.Element
	n     int
}

func newOrdered(t types.Type, array []byte) (ordered, error) {
	o := ordered{t: t}
	if len(array) > 2 && bytes.IndexByte(array, '"') < 0 {
		o.plain = array[1 : len(array)-1]
		o.n = bytes.Count(o.plain, []byte{','}) + 1
		return o, nil
	}
	var err error
	o.elems, err = types.ParseArray(array)
	o.n = len(o.elems)
	return o, err
}

// at returns element i, counted from 0.
func (o *ordered) at(i int) (types.Datum, error) {
	if o.plain == nil {
		return types.ParseWith(o.t, o.elems[i].Text, nil)
	}
	s := o.plain
	for range i {
		s = s[bytes.IndexByte(s, ',')+1:]
	}
	if end := bytes.IndexByte(s, ','); end >= 0 {
		s = s[:end]
	}
	return types.ParseWith(o.t, s, nil)
}

// percentile returns the element at a fraction of the way, of which cont takes a value between two.
func (o *ordered) percentile(f float64, cont bool) (types.Datum, error) {
	if !(f >= 0 && f <= 1) {
		return types.Datum{}, errs.New(errs.NumericValueOutOfRange, "percentile value %s is not between 0 and 1", strings.TrimPrefix(strings.Replace(strconv.FormatFloat(f, 'g', 6, 64), "Inf", "Infinity", 1), "+"))
	}
	if o.n == 0 {
		return types.NullOf(o.t), nil
	}
	if !cont {
		return o.at(max(int(math.Ceil(f*float64(o.n)))-1, 0))
	}
	place := f * float64(o.n-1)
	low, high := int(math.Floor(place)), int(math.Ceil(place))
	a, err := o.at(low)
	if err != nil || low == high {
		return a, err
	}
	b, err := o.at(high)
	if err != nil {
		return b, err
	}
	return between(a, b, place-float64(low))
}

// between returns the value at a fraction of the way from a to b.
func between(a, b types.Datum, f float64) (types.Datum, error) {
	if a.Type.Kind == types.Float8 {
		return types.FloatOf(a.Type, a.F+f*(b.F-a.F)), nil
	}
	diff, err := b.IntervalValue().Sub(a.IntervalValue())
	if err != nil {
		return a, err
	}
	if diff, err = diff.Mul(f); err != nil {
		return a, err
	}
	sum, err := diff.Add(a.IntervalValue())
	return types.IntervalDatum(sum), err
}

// percentile computes percentile_cont or percentile_disc of one fraction.
func percentile(cont bool) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		t := out.Type
		out.Reset(t, 0)
		r := row{args: args}
		for i := range n {
			r.i = i
			d := types.NullOf(t)
			if !r.null(0) {
				o, err := r.ordered(1, t)
				if err != nil {
					return err
				}
				if d, err = o.percentile(r.f8(0), cont); err != nil {
					return err
				}
			}
			out.AppendDatum(d)
		}
		return nil
	}
}

// ordered reads the array of argument a, which is empty when it is NULL.
func (r *row) ordered(a int, elem types.Type) (ordered, error) {
	if r.null(a) {
		return ordered{t: elem}, nil
	}
	return newOrdered(elem, r.bytes(a))
}

// percentiles computes percentile_cont or percentile_disc of an array of fractions.
func percentiles(cont bool) Eval {
	return func(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
		return rowText(out.Type, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			if r.null(0) || r.null(1) {
				return nil, nil
			}
			fractions, err := elementsOf(nil, tFloat8, r.bytes(0))
			if err != nil {
				return dst, err
			}
			o, err := r.ordered(1, types.T(out.Type.Elem))
			if err != nil {
				return dst, err
			}
			dst = append(notNil(dst), '{')
			var text []byte
			for i, f := range fractions {
				d := types.NullOf(o.t)
				if !f.Null {
					if d, err = o.percentile(f.F, cont); err != nil {
						return dst, err
					}
				}
				text = text[:0]
				if !d.Null {
					text = types.AppendWith(text, d, nil)
				}
				dst = types.AppendElement(dst, text, d.Null, i == 0)
			}
			return append(dst, '}'), nil
		})(nil, args, n, nil, out)
	}
}

// mode returns the element that comes most often, of several the first.
func mode(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
	t := out.Type
	out.Reset(t, 0)
	r := row{args: args}
	for i := range n {
		r.i = i
		if r.null(0) {
			out.AppendDatum(types.NullOf(t))
			continue
		}
		elems, err := elementsOf(nil, t, r.bytes(0))
		if err != nil {
			return err
		}
		best, count := 0, 0
		for from := 0; from < len(elems); {
			to := from + 1
			for to < len(elems) && types.Compare(elems[from], elems[to]) == 0 {
				to++
			}
			if to-from > count {
				best, count = from, to-from
			}
			from = to
		}
		out.AppendDatum(elems[best])
	}
	return nil
}
