package scan

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

var matchTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
	types.T(types.Float8), types.NumericOf(12, 2), types.NumericOf(30, 0), types.T(types.Numeric), types.T(types.Text),
	{Kind: types.Char, Width: 4}, types.T(types.Interval), types.T(types.UUID),
}

func someDatum(r *rand.Rand, t types.Type) types.Datum {
	x := r.Int64N(8) - 3
	switch t.Physical() {
	case types.PhysBool:
		return types.BoolOf(x&1 == 0)
	case types.PhysFloat32, types.PhysFloat64:
		return types.FloatOf(t, []float64{0, math.Copysign(0, -1), 1, -2.5, math.NaN(), math.Inf(1), math.Inf(-1), 3}[x+3])
	case types.PhysInt128:
		return types.Int128Of(t, uint64(x), x>>1)
	case types.PhysInterval:
		return types.IntervalOf(int32(x), int32(-30*x+x&1), x*3600e6)
	case types.PhysUUID:
		return types.StringOf(t, fmt.Sprintf("%016d", x+3))
	case types.PhysBytes:
		if t.Kind == types.Numeric {
			return types.StringOf(t, string(decimal.AppendEncoded(nil, decimal.FromInt128(decimal.Int128From64(x*10), int(x&1)))))
		}
		if t.Kind == types.Char {
			return types.StringOf(t, fmt.Sprint(x)+"  "[:r.IntN(3)])
		}
		return types.StringOf(t, []string{"", "a", "ab", "b", "http://longer.than/eight", "http://longer", "\xff", "z"}[x+3])
	}
	return types.IntOf(t, x)
}

func someTerm(r *rand.Rand, t types.Type) Term {
	term := Term{Op: Op(r.IntN(int(Entries) + 1))}
	switch term.Op {
	case Entries:
		term.Filter = oddLength{}
	case In:
		for range r.IntN(4) {
			term.Values = append(term.Values, someDatum(r, t))
		}
		slices.SortFunc(term.Values, types.Compare)
		term.Values = slices.CompactFunc(term.Values, func(a, b types.Datum) bool { return types.Compare(a, b) == 0 })
	case IsNull, IsNotNull:
	default:
		term.Values = []types.Datum{someDatum(r, t)}
	}
	return term
}

type oddLength struct{}

func odd(d types.Datum) bool { return (int64(len(d.S))+d.I)&1 == 1 }

func (oddLength) Filter(v *batch.Vector, out batch.Bitmap) error {
	for i := range v.Len {
		if !v.IsNull(i) && odd(v.Datum(i)) {
			out.Set(i)
		}
	}
	return nil
}

// naive is the oracle.
func naive(t *Term, d types.Datum) bool {
	switch t.Op {
	case IsNull:
		return d.Null
	case IsNotNull:
		return !d.Null
	case Entries:
		return !d.Null && odd(d)
	case In:
		return !d.Null && slices.ContainsFunc(t.Values, func(v types.Datum) bool { return types.Compare(d, v) == 0 })
	}
	return !d.Null && holds(t.Op, types.Compare(d, t.Values[0]))
}

// forms returns the values as vectors of every form that can hold them.
func forms(v []types.Datum, t types.Type) map[string]*batch.Vector {
	flat := new(batch.Vector)
	flat.Reset(t, 0)
	for _, d := range v {
		flat.AppendDatum(d)
	}
	m := map[string]*batch.Vector{"flat": flat}
	constant := new(batch.Vector)
	constant.ResetConstant(v[0], len(v))
	m["constant"] = constant
	switch t.Physical() {
	case types.PhysBytes:
		dict := &batch.Dictionary{ID: 1, Offsets: []uint32{0}, Distinct: true}
		e := &batch.Vector{Type: t, Form: batch.Dict, Len: len(v), Valid: flat.Valid, Dict: dict}
		for _, d := range v {
			dict.Heap = append(dict.Heap, d.S...)
			dict.Offsets = append(dict.Offsets, uint32(len(dict.Heap)))
			e.Codes = append(e.Codes, uint32(dict.Len))
			dict.Len++
		}
		m["dict"] = e
	case types.PhysInt16, types.PhysInt32, types.PhysInt64:
		packed := make([]uint64, len(v))
		for i, d := range v {
			packed[i] = uint64(d.I + 3)
			if d.Null {
				packed[i] = 0
			}
		}
		words := make([]byte, kernel.PackedBytes(len(v), 3)+8)
		kernel.Pack64(words, packed, 3)
		e := new(batch.Vector)
		e.ResetPacked(t, -3, 3, words, len(v))
		e.Valid = flat.Valid
		m["packed"] = e
	}
	return m
}

func TestMatcher(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 400 {
		typ := matchTypes[round%len(matchTypes)]
		v := make([]types.Datum, 1+r.IntN(200))
		nulls := round%3 == 0
		for i := range v {
			v[i] = someDatum(r, typ)
			if nulls && r.IntN(3) == 0 {
				v[i] = types.NullOf(typ)
			}
		}
		for range 5 {
			term := someTerm(r, typ)
			for name, vec := range forms(v, typ) {
				m := NewMatcher(&term, typ)
				out := make(batch.Bitmap, batch.Words(len(v)))
				for i := range out {
					out[i] = ^uint64(0)
				}
				if err := m.Fork().Match(vec, out); err != nil {
					t.Fatal(err)
				}
				for i := range len(out) << 6 {
					want := i < len(v) && naive(&term, v[i])
					if name == "constant" {
						want = i < len(v) && naive(&term, v[0])
					}
					if out.Get(i) != want {
						t.Fatalf("%s %s: op %d %v, row %d of %d (%+v) gives %v", typ, name, term.Op, term.Values, i, len(v), v[min(i, len(v)-1)], out.Get(i))
					}
				}
			}
			checkPrune(t, &term, v)
		}
	}
}

func checkPrune(t *testing.T, term *Term, v []types.Datum) {
	t.Helper()
	st := ColumnStats{Rows: int64(len(v))}
	matched := 0
	for _, d := range v {
		if naive(term, d) {
			matched++
		}
		if d.Null {
			st.Nulls++
			continue
		}
		if !st.HasRange || types.Compare(d, st.Min) < 0 {
			st.Min = d
		}
		if !st.HasRange || types.Compare(d, st.Max) > 0 {
			st.Max = d
		}
		st.HasRange = true
	}
	switch Prune(term, st) {
	case kernel.None:
		if matched != 0 {
			t.Fatalf("op %d %v on %+v: none, but %d match", term.Op, term.Values, v, matched)
		}
	case kernel.All:
		if matched != len(v) {
			t.Fatalf("op %d %v on %+v: all, but %d of %d match", term.Op, term.Values, v, matched, len(v))
		}
	}
}

func TestConjunction(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	ts := []types.Type{types.T(types.Int4), types.T(types.Text), types.T(types.Float8)}
	for range 300 {
		n := 1 + r.IntN(300)
		rows := make([][]types.Datum, len(ts))
		cols := make([]*batch.Vector, len(ts))
		for c, typ := range ts {
			rows[c] = make([]types.Datum, n)
			cols[c] = new(batch.Vector)
			cols[c].Reset(typ, 0)
			for i := range n {
				rows[c][i] = someDatum(r, typ)
				cols[c].AppendDatum(rows[c][i])
			}
		}
		var terms []Term
		for range r.IntN(4) {
			c := r.IntN(len(ts))
			term := someTerm(r, ts[c])
			term.Column = c
			terms = append(terms, term)
		}
		out := make(batch.Bitmap, batch.Words(n))
		got, err := NewConjunction(terms, ts, new(Counters)).Fork().Match(cols, n, out)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for i := range n {
			ok := true
			for k := range terms {
				ok = ok && naive(&terms[k], rows[terms[k].Column][i])
			}
			if ok {
				want++
			}
			if out.Get(i) != ok {
				t.Fatalf("row %d: %v", i, out.Get(i))
			}
		}
		if got != want {
			t.Fatalf("%d rows, want %d", got, want)
		}
	}
}

// TestMemoGrows follows a live dictionary: only new entries are asked.
func TestMemoGrows(t *testing.T) {
	d := &batch.Dictionary{ID: 9, Offsets: []uint32{0}, Distinct: true}
	c := new(Counters)
	m := NewMemo(&Term{Op: Entries, Filter: oddLength{}}, types.T(types.Text))
	for n := 1; n < 500; n += 37 {
		for d.Len < n {
			d.Heap = append(d.Heap, "abc"[:d.Len%4%3]...)
			d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
			d.Len++
		}
		grown := *d
		p, err := m.Codes(&grown, c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Len {
			if p.Int(int64(i)) != (len(d.At(i))&1 == 1) {
				t.Fatalf("%d entries: entry %d gives %v", n, i, p.Int(int64(i)))
			}
		}
	}
	if got := c.EntriesFiltered.Load(); got > 500+14*64 {
		t.Errorf("%d entries were asked for 482", got)
	}
}

// TestMemoTogether lets workers ask for the same dictionary at once: each entry is asked once, whoever asks.
func TestMemoTogether(t *testing.T) {
	d := &batch.Dictionary{ID: 10, Offsets: []uint32{0}, Distinct: true}
	for d.Len < 3*memoChunk+100 {
		d.Heap = append(d.Heap, "abc"[:d.Len*7%4%3]...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		d.Len++
	}
	k := types.TextOf("a")
	for _, term := range []Term{
		{Op: Entries, Filter: oddLength{}}, {Op: Eq, Values: []types.Datum{k}}, {Op: Ne, Values: []types.Datum{k}},
		{Op: Lt, Values: []types.Datum{k}}, {Op: In, Values: []types.Datum{k}},
	} {
		c := new(Counters)
		m := NewMemo(&term, types.T(types.Text))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				p, err := m.Codes(d, c)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range d.Len {
					s := types.TextOf(string(d.At(i)))
					want := term.Op == Entries && len(s.S) == 1 || term.Op != Entries && naive(&term, s)
					if p.Int(int64(i)) != want {
						t.Errorf("%v: entry %d gives %v", term.Op, i, !want)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := c.EntriesFiltered.Load(); term.Op == Entries && n != int64(d.Len) {
			t.Errorf("%d entries were asked for %d", n, d.Len)
		}
	}
	broken := NewMemo(&Term{Op: Entries, Filter: refusing{}}, types.T(types.Text))
	for range 2 {
		if _, err := broken.Codes(d, nil); err == nil {
			t.Error("the error of a filter is lost")
		}
	}
}

type refusing struct{}

func (refusing) Filter(*batch.Vector, batch.Bitmap) error { return errors.New("refused") }
func (refusing) String() string                           { return "refused" }
