package scan

import (
	"bytes"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Matcher applies one term to vectors of any form. Parts without encoded blocks use it: live segments, uncommitted
// rows, virtual tables. It belongs to one worker; Fork makes one for another worker that shares what was learned of
// dictionaries.
type Matcher struct {
	Term *Term
	pred Pred
	memo *Memo
	dict *batch.Dictionary // the one seen last, and the term on its codes
	code *Pred
	flat batch.Vector // a packed vector, unpacked
	one  [1]uint64    // the answer for a constant

	counters *Counters // may be nil
}

// NewMatcher makes a term ready for vectors of a type.
func NewMatcher(t *Term, typ types.Type) *Matcher {
	return &Matcher{Term: t, pred: Compile(t, typ), memo: NewMemo(t, typ)}
}

// Fork returns a matcher for another worker.
func (m *Matcher) Fork() *Matcher {
	return &Matcher{Term: m.Term, pred: m.pred, memo: m.memo, counters: m.counters}
}

// Match sets the first v.Len bits of out, whose other bits in the same words become zero.
func (m *Matcher) Match(v *batch.Vector, out batch.Bitmap) error {
	n := v.Len
	out = out[:batch.Words(n)]
	if v.Form == batch.Constant {
		return m.matchConstant(v, out)
	}
	switch m.pred.Kind {
	case PredNone:
		clear(out)
		return nil
	case PredNull, PredAll:
		out.Fill(n)
	default:
		if err := m.values(v, out); err != nil {
			return err
		}
	}
	m.pred.Nulls(v.Valid, n, out)
	return nil
}

func (m *Matcher) matchConstant(v *batch.Vector, out batch.Bitmap) error {
	one := *v
	one.Len = 1
	if v.Form == batch.Constant {
		one.Form = batch.Flat
	}
	m.one[0] = 0
	if err := m.Match(&one, m.one[:]); err != nil {
		return err
	}
	if m.one[0]&1 != 0 {
		out.Fill(v.Len)
	} else {
		clear(out)
	}
	return nil
}

func (m *Matcher) values(v *batch.Vector, out batch.Bitmap) error {
	switch v.Form {
	case batch.Dict:
		if m.dict != v.Dict {
			code, err := m.memo.Codes(v.Dict, m.counters)
			if err != nil {
				return err
			}
			m.dict, m.code = v.Dict, code
		}
		m.code.OfCodes(v.Codes[:v.Len], out)
		return nil
	case batch.Packed:
		if m.pred.Kind == PredInts {
			kernel.PackedRange(v.Data, v.Width, v.Len, v.Base, m.pred.Lo, m.pred.Hi, out)
			if m.pred.Not {
				kernel.Not(out, v.Len)
			}
			return nil
		}
		m.flat.Flatten(v)
		v = &m.flat
	}
	return m.pred.Flat(v, out)
}

// Flat sets bit i of out where row i of a flat vector satisfies the predicate, its validity aside: combine with Nulls.
func (p *Pred) Flat(v *batch.Vector, out batch.Bitmap) error {
	n := v.Len
	switch p.Kind {
	case PredNone:
		clear(out[:batch.Words(n)])
		return nil
	case PredAll, PredNull:
		out.Fill(n)
		return nil
	case PredFilter:
		clear(out[:batch.Words(n)])
		return p.Filter.Filter(v, out)
	case PredRows:
		p.rows(v, out)
		return nil
	case PredCodes:
		p.OfCodes(batch.Values[uint32](v)[:n], out)
		return nil
	}
	switch v.Type.Physical() {
	case types.PhysBool:
		p.Bools(v.Bools(), n, out)
		return nil
	case types.PhysInt16:
		matchInts(p, batch.Values[int16](v)[:n], out)
	case types.PhysInt32:
		matchInts(p, batch.Values[int32](v)[:n], out)
	case types.PhysInt64:
		matchInts(p, batch.Values[int64](v)[:n], out)
	case types.PhysFloat32:
		kernel.FloatBits(batch.Values[float32](v)[:n], p.Floats, out)
	case types.PhysFloat64:
		kernel.FloatBits(batch.Values[float64](v)[:n], p.Floats, out)
	default:
		return errs.Internal("a predicate of kind %d on %s", p.Kind, v.Type)
	}
	if p.Not {
		kernel.Not(out, n)
	}
	return nil
}

// OfCodes applies a predicate of kind PredNone, PredAll, PredInts or PredCodes to codes.
func (p *Pred) OfCodes(codes []uint32, out batch.Bitmap) {
	switch p.Kind {
	case PredAll:
		out.Fill(len(codes))
	case PredInts:
		kernel.RangeCodes(codes, uint32(p.Lo), uint32(p.Hi-p.Lo), out)
		if p.Not {
			kernel.Not(out, len(codes))
		}
	case PredCodes:
		kernel.CodeBits(codes, p.Codes, out)
	default:
		clear(out[:batch.Words(len(codes))])
	}
}

func matchInts[T kernel.Integer](p *Pred, v []T, out batch.Bitmap) {
	if p.Kind == PredSet {
		kernel.SetBits(v, p.Set, out)
	} else {
		kernel.Between(v, p.Lo, p.Hi, out)
	}
}

// Bools applies a predicate of kind PredInts to n booleans.
func (p *Pred) Bools(v batch.Bitmap, n int, out batch.Bitmap) {
	t, f := p.Int(1), p.Int(0)
	switch {
	case t && f:
		out.Fill(n)
	case !t && !f:
		clear(out[:batch.Words(n)])
	default:
		copy(out[:batch.Words(n)], v)
		if f {
			kernel.Not(out, n)
		} else if r := uint(n) & 63; r != 0 {
			out[n>>6] &= 1<<r - 1
		}
	}
}

// Nulls applies the validity of n rows to an answer: NULL satisfies nothing but IS NULL.
func (p *Pred) Nulls(valid batch.Bitmap, n int, out batch.Bitmap) {
	out = out[:batch.Words(n)]
	if p.Kind != PredNull {
		if valid != nil {
			out.And(valid)
		}
		return
	}
	if valid == nil {
		clear(out)
		return
	}
	copy(out, valid)
	kernel.Not(out, n)
}

// rows compares row by row: the forms wider than 64 bits, and strings outside dictionaries.
func (p *Pred) rows(v *batch.Vector, out batch.Bitmap) {
	clear(out[:batch.Words(v.Len)])
	if v.Type.Physical() == types.PhysBytes && p.Op <= Ge {
		c := []byte(OrderKey(v.Type, p.Values[0].S))
		for i := range v.Len {
			b := OrderKey(v.Type, v.Data[v.Offsets[i]:v.Offsets[i+1]])
			out[i>>6] |= kernel.Bit(holds(p.Op, bytes.Compare(b, c))) << (uint(i) & 63)
		}
		return
	}
	for i := range v.Len {
		if !v.IsNull(i) && p.Datum(v.Datum(i)) {
			out.Set(i)
		}
	}
}

// Datum tells whether a value that is not NULL satisfies the predicate (of a kind other than PredFilter).
func (p *Pred) Datum(d types.Datum) bool {
	switch p.Kind {
	case PredNone, PredNull, PredFilter:
		return false
	case PredAll:
		return true
	}
	if p.Op == In {
		_, ok := slices.BinarySearchFunc(p.Values, d, Order)
		return ok
	}
	return holds(p.Op, Order(d, p.Values[0]))
}

func holds(op Op, c int) bool {
	switch op {
	case Eq:
		return c == 0
	case Ne:
		return c != 0
	case Lt:
		return c < 0
	case Le:
		return c <= 0
	case Gt:
		return c > 0
	}
	return c >= 0
}
