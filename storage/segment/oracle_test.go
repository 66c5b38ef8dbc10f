package segment

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// data is a table held as Datums: the oracle's side.
type data struct {
	cols  []Column
	rows  int
	value [][]types.Datum // by column
	keys  []keys.Key
	gone  *index.RowSet
}

// columnTypes has each physical form, and the types whose equality is not that of their bytes.
var columnTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Float4),
	types.T(types.Float8), types.NumericOf(12, 2), types.NumericOf(30, 4), types.T(types.Numeric), types.T(types.Text),
	{Kind: types.Char, Width: 4}, types.T(types.Bytea), types.T(types.Date), types.T(types.Timestamp),
	types.T(types.Interval), types.T(types.UUID),
}

// randomDatum makes a value of a type from a small or large domain.
func randomDatum(r *rand.Rand, t types.Type, domain int64) types.Datum {
	x := r.Int64N(domain) - domain/3
	switch t.Physical() {
	case types.PhysBool:
		return types.BoolOf(x&1 == 0)
	case types.PhysInt16:
		return types.IntOf(t, int64(int16(x)))
	case types.PhysInt32:
		return types.IntOf(t, int64(int32(x)))
	case types.PhysInt64:
		return types.IntOf(t, x)
	case types.PhysFloat32, types.PhysFloat64:
		f := float64(float32(x) / 4)
		switch r.IntN(20) {
		case 0:
			f = math.NaN()
		case 1:
			f = math.Inf(int(x))
		case 2:
			f = math.Copysign(0, -1)
		}
		return types.FloatOf(t, f)
	case types.PhysInt128:
		hi := x >> 63
		if domain > 1000 {
			hi = x
		}
		return types.Int128Of(t, uint64(x), hi)
	case types.PhysInterval:
		return types.IntervalOf(int32(x%5), int32(x%40), x*3600000000)
	case types.PhysUUID:
		return types.StringOf(t, fmt.Sprintf("%016d", x+domain)[:16])
	}
	switch t.Kind {
	case types.Numeric:
		d := decimal.FromInt128(decimal.Int128From64(x), r.IntN(3))
		return types.StringOf(t, string(decimal.AppendEncoded(nil, d)))
	case types.Char:
		return types.StringOf(t, fmt.Sprintf("%-4d", x%1000)[:3+r.IntN(2)])
	}
	if x == 0 {
		return types.StringOf(t, "")
	}
	return types.StringOf(t, fmt.Sprintf("value-%d", x))
}

// randomData makes a table: each column of some domain, order and share of NULLs.
func randomData(r *rand.Rand, rows int) *data {
	d := &data{rows: rows}
	for i, t := range columnTypes {
		domain := []int64{1, 3, 100, 5000, 1 << 40}[r.IntN(5)]
		nulls := []int{0, 0, 2, 10, 1000}[r.IntN(5)]
		allNull := r.IntN(12) == 0
		v := make([]types.Datum, rows)
		run := r.IntN(4) == 0
		for k := range v {
			switch {
			case allNull || nulls > 0 && r.IntN(nulls) == 0:
				v[k] = types.NullOf(t)
			case run && k > 0 && r.IntN(100) != 0:
				v[k] = v[k-1]
			default:
				v[k] = randomDatum(r, t, domain)
			}
		}
		if r.IntN(4) == 0 { // clustered
			slices.SortStableFunc(v, types.Compare)
		}
		d.cols = append(d.cols, Column{ID: uint32(100 + i), Name: fmt.Sprintf("c%d", i), Type: t})
		d.value = append(d.value, v)
	}
	return d
}

// chunks cuts a column into vectors of random lengths and forms.
func (d *data) chunks(r *rand.Rand, col int, order []uint32) []*batch.Vector {
	t := d.cols[col].Type
	inverse := make([]int, d.rows)
	for i := range inverse {
		inverse[i] = i
	}
	for i, j := range order {
		inverse[j] = i
	}
	var dicts []*batch.Dictionary
	var out []*batch.Vector
	for at := 0; at < d.rows; {
		n := min(d.rows-at, 1+r.IntN(3000))
		v := new(batch.Vector)
		v.Reset(t, 0)
		for i := range n {
			v.AppendDatum(d.value[col][inverse[at+i]])
		}
		if t.Physical() == types.PhysBytes && r.IntN(2) == 0 {
			if len(dicts) == 0 || r.IntN(20) == 0 {
				dicts = append(dicts, growing(d.value[col], r.IntN(2) == 0))
			}
			v = encode(v, dicts[r.IntN(len(dicts))])
		}
		out = append(out, v)
		at += n
	}
	return out
}

var testDictionaries uint64

// growing makes a dictionary of all values, in order of arrival.
func growing(v []types.Datum, hashes bool) *batch.Dictionary {
	testDictionaries++
	d := &batch.Dictionary{ID: testDictionaries, Offsets: []uint32{0}, Distinct: true}
	seen := map[string]bool{}
	for _, x := range append(slices.Clone(v), types.TextOf("never used")) {
		if x.Null || seen[x.S] {
			continue
		}
		seen[x.S] = true
		d.Heap = append(d.Heap, x.S...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		d.Len++
	}
	return d
}

func encode(v *batch.Vector, d *batch.Dictionary) *batch.Vector {
	code := map[string]uint32{}
	for i := range d.Len {
		code[string(d.At(i))] = uint32(i)
	}
	e := &batch.Vector{Type: v.Type, Form: batch.Dict, Len: v.Len, Valid: v.Valid, Dict: d}
	for i := range v.Len {
		e.Codes = append(e.Codes, code[string(v.BytesAt(i))])
	}
	return e
}

// write makes the file.
func (d *data) write(t testing.TB, r *rand.Rand, shuffled bool) []byte {
	t.Helper()
	in := &Input{ID: 7, Columns: d.cols, Rows: d.rows, Keys: d.keys, Gone: d.gone}
	if shuffled {
		in.Order = make([]uint32, d.rows)
		for i, j := range r.Perm(d.rows) {
			in.Order[i] = uint32(j)
		}
	}
	in.Chunks = func(c int) ([]*batch.Vector, error) { return d.chunks(r, c, in.Order), nil }
	var buf bytes.Buffer
	info, err := Write(&buf, in)
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(buf.Len()) || info.Rows != int64(d.rows) {
		t.Fatalf("info %+v of %d bytes", info, buf.Len())
	}
	return buf.Bytes()
}

func newCache(t testing.TB, limit int64) *cache.Cache {
	t.Helper()
	a := memtest.Pool(t, 0).Account("cache", limit)
	c := cache.New(a, 0)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n := a.Close(); n != 0 {
			t.Errorf("%d bytes are still charged", n)
		}
	})
	return c
}

func open(t testing.TB, file []byte, c *cache.Cache) *Segment {
	t.Helper()
	s, err := Open(bytes.NewReader(file), int64(len(file)), Options{Name: "test", Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// satisfies is the oracle's answer for one row.
func (d *data) satisfies(t *scan.Term, row int) bool {
	v := d.value[t.Column][row]
	switch t.Op {
	case scan.IsNull:
		return v.Null
	case scan.IsNotNull:
		return !v.Null
	}
	if v.Null {
		return false
	}
	if t.Op == scan.Entries {
		return t.Filter.(lengthFilter).holds(v)
	}
	for i, x := range t.Values {
		c := types.Compare(v, x)
		ok := false
		switch t.Op {
		case scan.Eq, scan.In:
			ok = c == 0
		case scan.Ne:
			ok = c != 0
		case scan.Lt:
			ok = c < 0
		case scan.Le:
			ok = c <= 0
		case scan.Gt:
			ok = c > 0
		case scan.Ge:
			ok = c >= 0
		}
		if ok || i == len(t.Values)-1 {
			return ok
		}
	}
	return false
}

// lengthFilter is true for values whose text or number has a property that no order knows of.
type lengthFilter struct{ mod int64 }

func (f lengthFilter) holds(d types.Datum) bool {
	return (int64(len(d.S))+d.I+int64(d.F*4))%f.mod == 0
}

func (f lengthFilter) Filter(v *batch.Vector, out batch.Bitmap) error {
	for i := range v.Len {
		if !v.IsNull(i) && f.holds(v.Datum(i)) {
			out.Set(i)
		}
	}
	return nil
}

func (d *data) randomTerm(r *rand.Rand) scan.Term {
	col := r.IntN(len(d.cols))
	t := scan.Term{Column: col, Op: scan.Op(r.IntN(int(scan.Entries) + 1))}
	typ := d.cols[col].Type
	some := func() types.Datum {
		if v := d.value[col][r.IntN(d.rows)]; !v.Null && r.IntN(5) > 0 {
			return v
		}
		return randomDatum(r, typ, 5000)
	}
	switch t.Op {
	case scan.IsNull, scan.IsNotNull:
	case scan.Entries:
		t.Filter = lengthFilter{int64(2 + r.IntN(3))}
	case scan.In:
		for range r.IntN(5) {
			t.Values = append(t.Values, some())
		}
		slices.SortFunc(t.Values, types.Compare)
		t.Values = slices.CompactFunc(t.Values, func(a, b types.Datum) bool { return types.Compare(a, b) == 0 })
	default:
		t.Values = []types.Datum{some()}
	}
	return t
}

// same tells whether two values are identical, not merely equal.
func same(a, b types.Datum) bool {
	if a.Null || b.Null {
		return a.Null == b.Null
	}
	return a.I == b.I && a.Hi == b.Hi && a.S == b.S && (math.Float64bits(a.F) == math.Float64bits(b.F) || a.F != a.F && b.F != b.F)
}
