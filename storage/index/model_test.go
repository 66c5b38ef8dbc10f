package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// numbers are row numbers that meet each other and the borders of a bitmap's containers.
func numbers(r *rand.Rand) []uint64 {
	base := []uint64{0, 1 << 16, 1<<32 - 40, 1 << 40, 1<<62 - 60}
	list := make([]uint64, r.IntN(12))
	for i := range list {
		list[i] = base[r.IntN(len(base))] + r.Uint64N(60)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func setOf(list []uint64) *RowIDs {
	s := NewRowIDs()
	s.AddMany(list)
	return s
}

// list returns the rows of a set; nil is none.
func (s *RowIDs) list() []uint64 {
	if s == nil {
		return nil
	}
	return s.bm.ToArray()
}

// TestRowIDsModel holds what sets of row numbers do against sorted lists, empty ones and nil among them.
func TestRowIDsModel(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	filter := func(list []uint64, keep func(x uint64) bool) (out []uint64) {
		for _, x := range list {
			if keep(x) {
				out = append(out, x)
			}
		}
		return out
	}
	for step := range 4000 {
		a, b := numbers(r), numbers(r)
		s, o := setOf(a), setOf(b)
		if len(a) == 0 && step%2 == 0 {
			s = nil
		}
		if len(b) == 0 && step%3 == 0 {
			o = nil
		}
		at := append(numbers(r), 0)[0]
		if len(a) > 0 && step%2 == 0 {
			at = a[r.IntN(len(a))] + r.Uint64N(3) - min(1, a[0])
		}
		below, rest := s.Split(at)
		want := filter(a, func(x uint64) bool { return x < at })
		if got := below.list(); !slices.Equal(got, want) {
			t.Fatalf("%d split at %d: below %d", a, at, got)
		}
		if got := rest.list(); !slices.Equal(got, filter(a, func(x uint64) bool { return x >= at })) {
			t.Fatalf("%d split at %d: the rest is %d", a, at, got)
		}
		if !slices.Equal(s.list(), a) {
			t.Fatalf("%d has changed to %d", a, s.list())
		}
		all := slices.Concat(a, b)
		slices.Sort(all)
		all = slices.Compact(all)
		if u := s.Union(o); !slices.Equal(u.list(), all) && len(all) > 0 || u.Len() != int64(len(all)) {
			t.Fatalf("%d and %d: %d", a, b, u.list())
		}
		meet := slices.ContainsFunc(a, func(x uint64) bool { return slices.Contains(b, x) })
		if s.Meets(o) != meet || o.Meets(s) != meet {
			t.Fatalf("%d and %d meet: %v", a, b, !meet)
		}
		n, ok := s.AtLeast(at)
		if i, _ := slices.BinarySearch(a, at); ok != (i < len(a)) || ok && n != a[i] {
			t.Fatalf("%d: at least %d is %d, %v", a, at, n, ok)
		}
		if got := s.Clone(); got == s || !slices.Equal(got.list(), a) || got.Len() != s.Len() {
			t.Fatalf("a copy of %d is %d", a, got.list())
		}
		within := r.Uint64N(100)
		inside := filter(a, func(x uint64) bool { return x >= at && x-at < within })
		var walked []uint64
		s.Walk(at, within, func(id uint64) { walked = append(walked, id) })
		places := s.Within([]uint32{99}, at, int(within))
		if !slices.Equal(walked, inside) || s.Count(at, int(within)) != len(inside) || len(places) != len(inside)+1 || places[0] != 99 {
			t.Fatalf("%d, %d from %d: walked %d, places %d, want %d", a, within, at, walked, places, inside)
		}
		for i, x := range inside {
			if uint64(places[i+1]) != x-at {
				t.Fatalf("%d, %d from %d: places %d", a, within, at, places)
			}
		}
		if s.Has(at) != slices.Contains(a, at) {
			t.Fatalf("%d has %d: %v", a, at, s.Has(at))
		}
		if s == nil {
			if s.Bytes() != 0 {
				t.Fatal("no set has bytes")
			}
			continue
		}
		s.AddAll(o)
		if s.Pack(); !slices.Equal(s.list(), all) {
			t.Fatalf("%d with %d: %d", a, b, s.list())
		}
		bytes := s.Append([]byte{1, 2})
		back, err := ReadRowIDs(bytes[2:])
		if err != nil || !slices.Equal(back.list(), all) || s.Bytes() < int64(len(all)) {
			t.Fatalf("%d does not read back: %v", all, err)
		}
		if _, err := ReadRowIDs(append(bytes[2:], 0)); !errs.Is(err, errs.DataCorrupted) {
			t.Fatalf("a byte behind it: %v", err)
		}
	}
}

// TestRowSetAll: all of the rows of a range are in the set, or not all.
func TestRowSetAll(t *testing.T) {
	for _, c := range []struct{ from, to int }{{0, 64}, {0, 2048}, {64, 2048}, {65_536, 65_600}, {65_536 + 2048, 131_072}, {131_072, 131_073}} {
		var rows []uint32
		for i := c.from; i < c.to; i++ {
			rows = append(rows, uint32(i))
		}
		s := (*RowSet)(nil).With(rows)
		for _, q := range []struct{ row, n int }{{0, 1}, {0, 64}, {0, 65}, {64, 64}, {64, 1984}, {0, 2048}, {65_536, 64}, {65_536, 65}, {65_536, 1}, {67_584, 2048}, {131_072, 1}, {131_072, 2}, {196_608, 1}} {
			if got, want := s.All(q.row, q.n), q.row >= c.from && q.row+q.n <= c.to; got != want {
				t.Errorf("rows %d to %d: all %d from %d: %v", c.from, c.to, q.n, q.row, got)
			}
			if s.All(q.row, q.n) && s.Words(q.row) == nil {
				t.Errorf("rows %d to %d: no words at %d", c.from, c.to, q.row)
			}
		}
		if n, err := RowsIn(s.Append(nil)); err != nil || n != len(rows) {
			t.Errorf("%d rows, want %d: %v", n, len(rows), err)
		}
		blocks := (c.to + scan.BlockRows - 1) / scan.BlockRows
		used := blocks - c.from/scan.BlockRows
		// A bit a row of each block that has any, and what else is kept of it, which is less.
		if got, least := s.Bytes(), int64(8*blocks+used*scan.BlockRows/8); got < least || got > 2*least {
			t.Errorf("rows %d to %d: %d bytes, at least %d", c.from, c.to, got, least)
		}
		if s.With(rows[:1]) != s || s.With(nil) != s {
			t.Error("another set of the same rows")
		}
	}
	if (*RowSet)(nil).Bytes() != 0 || (*RowSet)(nil).Moved(nil) != nil {
		t.Error("the empty set")
	}
}

// TestVerdictOfForms: what zones of each physical form say of a value in the middle, at the ends and outside, with and
// without NULLs, and of forms that have no bounds.
func TestVerdictOfForms(t *testing.T) {
	zone := func(typ types.Type, lo, hi uint64, nulls int) *Zones {
		z := &Zones{Ranges: HasRange(typ.Physical())}
		z.Add(lo, hi, nulls)
		return z
	}
	float := func(x float64) uint64 { return math.Float64bits(x) }
	text := func(s string) uint64 { return scan.StringPrefix(s) }
	minus := int64(-7)
	for _, c := range []struct {
		typ    types.Type
		lo, hi uint64
		op     scan.Op
		value  string
		want   kernel.Verdict
	}{
		{types.T(types.Int8), uint64(minus), 9, scan.Eq, "-8", kernel.None},
		{types.T(types.Int8), uint64(minus), 9, scan.Eq, "-7", kernel.Some},
		{types.T(types.Int8), uint64(minus), 9, scan.Ge, "-7", kernel.All},
		{types.T(types.Int8), uint64(minus), 9, scan.Gt, "9", kernel.None},
		{types.T(types.Float8), float(-7), float(9), scan.Lt, "-7", kernel.None},
		{types.T(types.Float8), float(-7), float(9), scan.Le, "9", kernel.All},
		{types.T(types.Float4), float(-7), float(9), scan.Gt, "9", kernel.None},
		{types.T(types.Float4), float(-7), float(9), scan.Ge, "-7", kernel.All},
		{types.T(types.Text), text("b"), text("d"), scan.Eq, "a", kernel.None},
		{types.T(types.Text), text("b"), text("d"), scan.Eq, "c", kernel.Some},
		{types.T(types.Text), text("b"), text("d"), scan.Gt, "a", kernel.All},
		{types.T(types.UUID), 5 << 60, 7 << 60, scan.Lt, "40000000-0000-0000-0000-000000000000", kernel.None},
		{types.T(types.UUID), 5 << 60, 7 << 60, scan.Gt, "40000000-0000-0000-0000-000000000000", kernel.All},
		{types.NumericOf(30, 2), 0, 0, scan.Eq, "77.00", kernel.Some},
		{types.T(types.Interval), 0, 0, scan.Eq, "1 day", kernel.Some},
	} {
		d, err := types.Parse(c.typ, c.value)
		if err != nil {
			t.Fatal(err)
		}
		p := scan.Compile(&scan.Term{Op: c.op, Values: []types.Datum{d}}, c.typ)
		for _, nulls := range []int{0, 1, 9, 10} {
			want := c.want
			switch {
			case nulls == 10:
				want = kernel.None
			case nulls > 0 && want == kernel.All:
				want = kernel.Some
			}
			if got := zone(c.typ, c.lo, c.hi, nulls).Verdict(0, 10, &p, c.typ.Physical()); got != want {
				t.Errorf("%v between %x and %x, %d NULLs of 10, operator %d %s: %v, want %v", c.typ, c.lo, c.hi, nulls, c.op, c.value, got, want)
			}
		}
	}
	isNull := scan.Compile(&scan.Term{Op: scan.IsNull}, types.T(types.Int8))
	isNotNull := scan.Compile(&scan.Term{Op: scan.IsNotNull}, types.T(types.Int8))
	for nulls, want := range map[int][2]kernel.Verdict{0: {kernel.None, kernel.All}, 1: {kernel.Some, kernel.Some}, 9: {kernel.Some, kernel.Some}, 10: {kernel.All, kernel.None}} {
		z := zone(types.T(types.Int8), 3, 4, nulls)
		if a, b := z.Verdict(0, 10, &isNull, types.PhysInt64), z.Verdict(0, 10, &isNotNull, types.PhysInt64); a != want[0] || b != want[1] {
			t.Errorf("%d NULLs of 10: IS NULL %v, IS NOT NULL %v", nulls, a, b)
		}
	}
}

// TestZonesForm: zones without ranges, and counts that are more than there is room for.
func TestZonesForm(t *testing.T) {
	for _, ranges := range []bool{false, true} {
		z := Zones{Ranges: ranges}
		for i := range uint64(4) {
			z.Add(i, 100+i, int(i)*3)
		}
		b := append(z.Append([]byte{9})[1:], 1, 2, 3)
		back, rest, err := ReadZones(b)
		if err != nil || back.Len() != 4 || back.Ranges != ranges || !slices.Equal(back.Min, z.Min) || !slices.Equal(back.Max, z.Max) || !slices.Equal(back.Nulls, z.Nulls) || !slices.Equal(rest, []byte{1, 2, 3}) {
			t.Errorf("%+v comes back as %+v with %d: %v", z, back, rest, err)
		}
		none := Zones{Ranges: ranges}
		if back, rest, err := ReadZones(none.Append(nil)); err != nil || back.Len() != 0 || len(rest) != 0 {
			t.Errorf("no zones come back as %+v: %v", back, err)
		}
		b[4]++ // one zone more
		if _, _, err := ReadZones(b); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("five zones in the bytes of four: %v", err)
		}
	}
}

// TestSketchForms: the form changes where the other one is as short, and both read back.
func TestSketchForms(t *testing.T) {
	for _, used := range []int{0, 1, 681, 682, 683, 2047, 2048} {
		s := new(Sketch)
		for i := range used {
			s.registers[i*2048/max(used, 1)] = uint8(1 + i%20)
		}
		b := s.Append(nil)
		if want := min(3*used, SketchBytes); len(b) != want {
			t.Errorf("%d registers: %d bytes, want %d", used, len(b), want)
		}
		back, err := ReadSketch(b)
		if err != nil || *back != *s {
			t.Errorf("%d registers do not read back: %v", used, err)
		}
	}
	for n, good := range map[int]bool{3: true, 4: false, 2046: true, 2047: false, 2048: true, 2049: false, 2052: false} {
		if _, err := ReadSketch(make([]byte, n)); good != (err == nil) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for register, good := range map[int]bool{2047: true, 2048: false} {
		if _, err := ReadSketch([]byte{byte(register), byte(register >> 8), 1}); good != (err == nil) {
			t.Errorf("register %d: %v", register, err)
		}
	}
}

// TestSketchWithoutZeros: when no register is free the count is that of all of them, however low they are.
func TestSketchWithoutZeros(t *testing.T) {
	s := new(Sketch)
	for i := range s.registers {
		s.registers[i] = 1
	}
	if n := s.Estimate(); n < 2000 || n > 4000 {
		t.Errorf("%d values", n)
	}
	s.registers[7] = 0
	if n := s.Estimate(); n < 10_000 || n > 20_000 { // linear counting: m * ln(m)
		t.Errorf("%d values with one register free", n)
	}
	for i := range s.registers {
		s.registers[i] = 40
	}
	s.registers[7] = 0
	if n := s.Estimate(); n > 1<<23 || n < 1<<21 { // beyond where free registers are counted
		t.Errorf("%d values with high registers and one free", n)
	}
}

// TestDamagedRows: what is no set, or has more than it should, is damage.
func TestDamagedRows(t *testing.T) {
	b := (*RowSet)(nil).With([]uint32{5, 70_000}).Append(nil)
	for name, c := range map[string]struct {
		b    []byte
		rows int
		good bool
	}{
		"as it is": {b, 70_001, true}, "a row too many": {b, 70_000, false}, "a byte behind it": {append(b[:len(b):len(b)], 0), 70_001, false},
		"half of it": {b[:len(b)/2], 70_001, false}, "nothing": {nil, 70_001, false},
	} {
		if _, err := ReadRowSet(c.b, c.rows); c.good != (err == nil) || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := RowsIn(b); n != 2 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	for _, damaged := range [][]byte{nil, b[:len(b)/2]} {
		if _, err := RowsIn(damaged); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%x: %v", damaged, err)
		}
	}
}

// TestHasRange: which forms zones bound.
func TestHasRange(t *testing.T) {
	for typ, want := range map[types.Type]bool{types.T(types.Int8): true, types.T(types.Bool): true, types.T(types.Text): true, types.T(types.UUID): true,
		types.T(types.Float4): true, types.NumericOf(30, 2): false, types.T(types.Interval): false} {
		if got := HasRange(typ.Physical()); got != want {
			t.Errorf("%v: %v", typ, got)
		}
	}
}

// TestIntRange: the least and the greatest of values with and without NULLs.
func TestIntRange(t *testing.T) {
	v := []int64{5, -3, 9, math.MinInt64}
	for _, c := range []struct {
		valid  batch.Bitmap
		lo, hi int64
		ok     bool
	}{
		{nil, math.MinInt64, 9, true}, {batch.Bitmap{7}, -3, 9, true}, {batch.Bitmap{1}, 5, 5, true}, {batch.Bitmap{8}, math.MinInt64, math.MinInt64, true},
		{batch.Bitmap{0}, math.MaxInt64, math.MinInt64, false},
	} {
		if lo, hi, ok := IntRange(v, c.valid); lo != c.lo || hi != c.hi || ok != c.ok {
			t.Errorf("%v: %d, %d, %v", c.valid, lo, hi, ok)
		}
	}
}
