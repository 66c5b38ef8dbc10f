package scan

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// PredKind is what a Pred asks of a value.
type PredKind uint8

// The kinds.
const (
	PredNone   PredKind = iota // no value satisfies it
	PredAll                    // every value that is not NULL does
	PredNull                   // NULL does
	PredInts                   // Lo <= x <= Hi; booleans count as 0 and 1
	PredSet                    // x is in Set
	PredFloats                 // Floats contains x
	PredRows                   // compare with Values by Op
	PredFilter                 // ask Filter
	PredCodes                  // bit x of Codes is set
)

// Pred is a term translated for the physical form of its column. Encodings apply it to encoded values, Matcher to
// vectors. It is immutable.
type Pred struct {
	Kind   PredKind
	Not    bool // of PredInts, PredSet and PredFloats: the complement
	Lo, Hi int64
	Set    *kernel.IntSet
	Floats kernel.FloatRange
	Codes  batch.Bitmap
	Op     Op
	Values []types.Datum
	Filter EntryFilter
}

// Compile translates a term on a column of a type.
func Compile(t *Term, typ types.Type) Pred {
	p := Pred{Op: t.Op, Values: t.Values, Filter: t.Filter}
	switch t.Op {
	case IsNull:
		p.Kind = PredNull
		return p
	case IsNotNull:
		p.Kind = PredAll
		return p
	case Entries:
		p.Kind = PredFilter
		return p
	}
	if len(t.Values) == 0 {
		p.Kind = PredNone // x IN ()
		return p
	}
	switch typ.Physical() {
	case types.PhysBool, types.PhysInt16, types.PhysInt32, types.PhysInt64:
		p.ints(t)
	case types.PhysFloat32, types.PhysFloat64:
		if t.Op == In {
			p.Kind = PredRows
			break
		}
		p.Kind = PredFloats
		p.Floats, p.Not = kernel.FloatRangeOf(kernel.Cmp(t.Op), t.Values[0].F)
		if p.Floats.Empty() {
			p.constant()
		}
	default:
		p.Kind = PredRows
	}
	return p
}

func (p *Pred) ints(t *Term) {
	p.Kind = PredInts
	if t.Set != nil {
		if p.Lo, p.Hi, _ = t.Set.Bounds(); !t.Set.IsRange() {
			p.Kind, p.Set = PredSet, t.Set
		}
		return
	}
	if t.Op == In {
		vs := make([]int64, len(t.Values))
		for i, v := range t.Values {
			vs[i] = v.I
		}
		p.Lo, p.Hi = vs[0], vs[len(vs)-1]
		// A list without gaps is a range, which is cheaper and works on packed values.
		if uint64(p.Hi-p.Lo) != uint64(len(vs)-1) {
			p.Kind = PredSet
			p.Set = kernel.NewIntSet(vs)
		}
		return
	}
	p.Lo, p.Hi, p.Not = kernel.RangeOf(kernel.Cmp(t.Op), t.Values[0].I)
	if p.Lo > p.Hi {
		p.constant()
	}
}

// constant makes an empty range the kind that says so.
func (p *Pred) constant() {
	p.Kind = PredNone
	if p.Not {
		p.Kind = PredAll
	}
}

// Int tells whether an integer satisfies a predicate of kind PredInts, PredSet, PredCodes, PredAll or PredNone.
func (p *Pred) Int(x int64) bool {
	switch p.Kind {
	case PredNone, PredNull:
		return false
	case PredSet:
		return p.Set.Contains(x) != p.Not
	case PredCodes:
		return p.Codes.Get(int(x))
	case PredInts:
		return (p.Lo <= x && x <= p.Hi) != p.Not
	}
	return true
}

// Bounds says what the predicate makes of integers of which only the range [lo, hi] is known.
func (p *Pred) Bounds(lo, hi int64) kernel.Verdict {
	v := kernel.Some
	switch p.Kind {
	case PredNone:
		return kernel.None
	case PredAll:
		return kernel.All
	case PredInts:
		switch {
		case hi < p.Lo || lo > p.Hi:
			v = kernel.None
		case p.Lo <= lo && hi <= p.Hi:
			v = kernel.All
		}
	case PredSet:
		switch {
		case !p.Set.Overlaps(lo, hi):
			v = kernel.None
		case lo == hi:
			v = kernel.All
		}
	default:
		return kernel.Some
	}
	if p.Not {
		return Negate(v)
	}
	return v
}

// FloatBounds says what the predicate makes of floats between lo and hi (NaN being the largest).
func (p *Pred) FloatBounds(lo, hi float64) kernel.Verdict {
	if p.Kind != PredFloats {
		return p.Bounds(0, 0)
	}
	v := kernel.Some
	r := p.Floats
	nan := hi != hi
	switch {
	case !nan && (hi < r.Lo || lo > r.Hi), lo != lo && !r.NaN, nan && !r.NaN && lo > r.Hi:
		v = kernel.None
	case r.Contains(lo) && r.Contains(hi) && (!nan || lo != lo || math.IsInf(r.Hi, 1)):
		v = kernel.All
	}
	if p.Not {
		return Negate(v)
	}
	return v
}

// Negate turns a verdict around.
func Negate(v kernel.Verdict) kernel.Verdict {
	switch v {
	case kernel.None:
		return kernel.All
	case kernel.All:
		return kernel.None
	}
	return v
}

// StringPrefix is the first eight bytes of a string as a big-endian number, short strings padded with zeros: if a <= b
// byte by byte, then StringPrefix(a) <= StringPrefix(b).
func StringPrefix(s string) uint64 {
	var x uint64
	for i := range 8 {
		x <<= 8
		if i < len(s) {
			x |= uint64(s[i])
		}
	}
	return x
}

// PrefixBounds says what the predicate makes of values of which only is known that the StringPrefix of their OrderKey
// lies in [lo, hi].
func (p *Pred) PrefixBounds(lo, hi uint64) kernel.Verdict {
	switch p.Kind {
	case PredNone:
		return kernel.None
	case PredAll:
		return kernel.All
	case PredRows:
	default:
		return kernel.Some
	}
	if p.Op == In {
		for i := range p.Values {
			if c := StringPrefix(OrderKey(p.Values[i].Type, p.Values[i].S)); lo <= c && c <= hi {
				return kernel.Some
			}
		}
		return kernel.None
	}
	c := StringPrefix(OrderKey(p.Values[0].Type, p.Values[0].S))
	below, above := hi < c, lo > c // all values are less, greater than the constant
	if !below && !above {
		return kernel.Some
	}
	if below && holds(p.Op, -1) || above && holds(p.Op, 1) {
		return kernel.All
	}
	return kernel.None
}
