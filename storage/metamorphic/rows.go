package metamorphic

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/types"
)

// columnTypes are what columns of tables are made of: each physical form, and each order.
var columnTypes = []types.Type{
	types.T(types.Bool), types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Int8),
	types.T(types.Float4), types.T(types.Float8), types.NumericOf(10, 2), types.NumericOf(30, 4), types.T(types.Numeric),
	types.T(types.Text), types.T(types.Text), types.T(types.Text), types.T(types.Varchar), {Kind: types.Char, Width: 5},
	types.T(types.Bytea), types.T(types.Date), types.T(types.Time), types.T(types.Timestamp), types.T(types.Timestamptz),
	types.T(types.Interval), types.T(types.UUID), types.T(types.JSONB),
}

// schema makes a table of 1 to 6 columns.
func schema(name string, seed uint64) *catalog.Table {
	r := rand.New(rand.NewPCG(seed, 1))
	var columns []catalog.Column
	for i := range 1 + r.IntN(6) {
		columns = append(columns, catalog.Column{
			Name: fmt.Sprintf("c%d", i), Type: columnTypes[r.IntN(len(columnTypes))], NotNull: r.IntN(4) == 0,
		})
	}
	t := catalog.NewTable("public", name, columns...)
	if err := setOptions(r, t); err != nil {
		panic(err) // of this package
	}
	if err := giveKey(r, t); err != nil {
		panic(err) // of this package
	}
	if r.IntN(2) == 0 {
		for _, c := range t.Columns {
			if t.PartitionBy(c.Name) == nil { // else it is of another type
				break
			}
		}
	}
	if err := setPartition(r, t); err != nil {
		panic(err) // of this package
	}
	return t
}

// setPartition says how large the partitions of a table are that has some.
func setPartition(r *rand.Rand, t *catalog.Table) error {
	rule, ok := t.Partitions()
	if !ok {
		return nil
	}
	value := partition.Words[partition.Day+partition.Unit(r.IntN(4))]
	if partition.Integral(rule.Kind) {
		value = fmt.Sprint(1 << r.IntN(40))
	}
	return t.Set(catalog.Option{Name: "partition", Value: value})
}

// setOptions sets some options of a table. Whether it upserts stays, and by what it has partitions.
func setOptions(r *rand.Rand, t *catalog.Table) error {
	t.Options = catalog.Options{OnConflict: t.Options.OnConflict, PartitionBy: t.Options.PartitionBy}
	if r.IntN(2) == 0 {
		key := t.Columns[r.IntN(len(t.Columns))].Name
		if len(t.Columns) > 1 && r.IntN(2) == 0 {
			key += ", " + t.Columns[r.IntN(len(t.Columns))].Name
		}
		if err := t.Set(catalog.Option{Name: "sort_key", Value: key}); err != nil {
			return err
		}
	}
	if r.IntN(4) == 0 {
		return t.Set(catalog.Option{Name: "seal_rows", Value: fmt.Sprint(1 + r.IntN(200))})
	}
	return nil
}

// shape makes the values of one column in one batch.
type shape struct {
	r     *rand.Rand
	typ   types.Type
	kind  int
	nulls float64
	pool  []types.Datum
	next  int64
	last  types.Datum
}

// The kinds of shapes.
const (
	shapeConstant = iota
	shapeFew
	shapeSequence
	shapeRuns
	shapeWide
	shapeExtreme
	shapes
)

func newShape(r *rand.Rand, c *catalog.Column) *shape {
	s := &shape{r: r, typ: c.Type, kind: r.IntN(shapes), next: int64(r.IntN(1000))}
	if !c.NotNull {
		s.nulls = []float64{0, 0, 0.02, 0.5, 0.97, 1}[r.IntN(6)]
	}
	for range 1 + r.IntN(8) {
		s.pool = append(s.pool, s.value(int64(r.IntN(40))))
	}
	s.last = s.pool[0]
	return s
}

func (s *shape) datum() types.Datum {
	if s.r.Float64() < s.nulls {
		return types.NullOf(s.typ)
	}
	switch s.kind {
	case shapeConstant:
		return s.pool[0]
	case shapeFew:
		return s.pool[s.r.IntN(len(s.pool))]
	case shapeSequence:
		s.next++
		return s.value(s.next)
	case shapeRuns:
		if s.r.IntN(20) == 0 {
			s.last = s.value(int64(s.r.IntN(50)))
		}
		return s.last
	case shapeExtreme:
		return extreme(s.r, s.typ)
	}
	return s.value(int64(s.r.Uint64() >> s.r.IntN(64)))
}

// value returns the value of a type that a number stands for. Small numbers are the same values in every batch.
func (s *shape) value(n int64) types.Datum { return valueOf(s.typ, n) }

func valueOf(t types.Type, n int64) types.Datum {
	switch t.Kind {
	case types.Bool:
		return types.BoolOf(n&1 == 1)
	case types.Int2:
		return types.IntOf(t, int64(int16(n)))
	case types.Int4:
		return types.IntOf(t, int64(int32(n)))
	case types.Date:
		return types.IntOf(t, int64(int32(n)%100000))
	case types.Float4:
		return types.FloatOf(t, float64(float32(n)/4))
	case types.Float8:
		return types.FloatOf(t, float64(n)/100)
	case types.Numeric:
		if t.Precision > 0 {
			n %= 1e8
		}
		return parsed(t, fmt.Sprintf("%d.%02d", n/100, abs(n%100)))
	case types.Text, types.Varchar:
		return types.StringOf(t, word(n))
	case types.Char:
		return parsed(t, fmt.Sprintf("%-5s", fmt.Sprintf("%x", uint16(n))))
	case types.Bytea:
		return types.StringOf(t, "\x00\xff"+word(n))
	case types.JSONB:
		return parsed(t, fmt.Sprintf(`{"n": %d.%02d, "w": %q, "l": [%d, null]}`, n/100, abs(n%100), word(n), n%3))
	case types.Time:
		return types.IntOf(t, abs(n%86400000000))
	case types.Interval:
		return types.IntervalOf(int32(n%30), int32(n%40), n%86400000000)
	case types.UUID:
		return types.StringOf(t, fmt.Sprintf("%016x", uint64(n)))
	}
	return types.IntOf(t, n) // int8, timestamps
}

func abs(n int64) int64 { return max(n, -n, 0) }

// word is empty, short, with a long common start, or long.
func word(n int64) string {
	switch {
	case n%11 == 0:
		return ""
	case n%13 == 0:
		return strings.Repeat("long ", 100) + fmt.Sprint(n)
	case n%5 == 0:
		return "https://example.org/a/common/start?id=" + fmt.Sprint(n)
	case n%7 == 0:
		return "Zürich-" + fmt.Sprint(n) + "-Ω"
	}
	return fmt.Sprintf("w%d", n)
}

func parsed(t types.Type, s string) types.Datum {
	d, err := types.Parse(t, s)
	if err != nil {
		panic(fmt.Sprintf("value %q of %s: %v", s, t, err))
	}
	d.Type = t
	return d
}

// extreme returns a value from the ends of a type's range.
func extreme(r *rand.Rand, t types.Type) types.Datum {
	end := func(lo, hi int64) types.Datum {
		return types.IntOf(t, []int64{lo, lo + 1, -1, 0, 1, hi - 1, hi}[r.IntN(7)])
	}
	switch t.Kind {
	case types.Int2:
		return end(math.MinInt16, math.MaxInt16)
	case types.Int4, types.Date:
		return end(math.MinInt32, math.MaxInt32)
	case types.Int8, types.Timestamp, types.Timestamptz:
		return end(math.MinInt64, math.MaxInt64)
	case types.Time:
		return types.IntOf(t, []int64{0, 1, 86399999999, 86400000000}[r.IntN(4)])
	case types.Float4:
		return types.FloatOf(t, float64([]float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0,
			float32(math.Copysign(0, -1)), math.MaxFloat32, math.SmallestNonzeroFloat32, 0.1}[r.IntN(8)]))
	case types.Float8:
		return types.FloatOf(t, []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), math.MaxFloat64,
			math.SmallestNonzeroFloat64, 0.1}[r.IntN(8)])
	case types.Numeric:
		list := []string{"0", "-0.01", "99999999.99", "-99999999.99"}
		if t.Precision == 0 || t.Precision >= 30 {
			list = append(list, "99999999999999999999999999.9999", "-99999999999999999999999999.9999")
		}
		if t.Precision == 0 {
			list = append(list, "NaN", "Infinity", "-Infinity", "1e300", "1e-300", "1.500", "1.5")
		}
		return parsed(t, list[r.IntN(len(list))])
	case types.Text, types.Varchar:
		return types.StringOf(t, []string{"", " ", "\x01", "a", "a ", "\u00e9", strings.Repeat("x", 3000), "zzzz\U0010ffff"}[r.IntN(8)])
	case types.Bytea:
		return types.StringOf(t, []string{"", "\x00", "\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}[r.IntN(4)])
	case types.JSONB:
		return parsed(t, []string{"null", "[]", "{}", "1", "1.00", `"x"`, `[1.0, {"a": 1e300}]`, "true"}[r.IntN(8)])
	case types.Interval:
		return types.IntervalOf([]int32{0, 1, -1, math.MaxInt32, math.MinInt32}[r.IntN(5)], []int32{0, 30, -30, math.MaxInt32}[r.IntN(4)],
			[]int64{0, 86400000000, math.MaxInt64, math.MinInt64}[r.IntN(4)])
	}
	return valueOf(t, int64(r.IntN(3)))
}

// row is one row of the model. number is that of storage plus one, 0 as long as nobody has read it; so is identity, which a
// new version of a row has from the start.
type row struct {
	values   []types.Datum
	number   uint64
	identity uint64
	was      *row // of a transaction that has altered the table: what it has made this of
}

// heirs makes rows new versions of some that go, as many as there are of both.
func heirs(rows []*row, gone map[*row]bool) []*row {
	old := slices.SortedFunc(maps.Keys(gone), func(a, b *row) int { return cmp.Compare(a.number, b.number) })
	for i := range min(len(rows), len(old)) {
		rows[i].identity = old[i].identity
	}
	return rows
}

// makeRows makes n rows of a table.
func makeRows(t *catalog.Table, n int, seed uint64) []*row {
	r := rand.New(rand.NewPCG(seed, 2))
	rows := make([]*row, n)
	for i := range rows {
		rows[i] = &row{values: make([]types.Datum, len(t.Columns))}
	}
	for c := range t.Columns {
		s := newShape(r, &t.Columns[c])
		for i := range rows {
			if rows[i].values[c] = s.datum(); isKey(&t.Columns[c]) {
				rows[i].values[c] = keyValue(r, !t.Columns[c].NotNull)
			}
		}
	}
	return rows
}

// batches lays rows out as batches of random lengths, whose vectors have random forms.
func batches(t *catalog.Table, rows []*row, seed uint64) []*batch.Batch {
	r := rand.New(rand.NewPCG(seed, 3))
	var list []*batch.Batch
	for len(rows) > 0 {
		n := min(len(rows), batch.MaxAppendRows)
		if r.IntN(2) == 0 {
			n = 1 + r.IntN(n)
		}
		list = append(list, batchOf(r, t, rows[:n]))
		rows = rows[n:]
	}
	return list
}

func batchOf(r *rand.Rand, t *catalog.Table, rows []*row) *batch.Batch {
	b := batch.New(t.Types())
	b.Reset()
	var bits batch.Bitmap
	if r.IntN(3) == 0 && len(rows) < batch.MaxRows/2 { // every row twice, of which a selection takes one
		b.Len = 2 * len(rows)
		bits = make(batch.Bitmap, batch.Words(b.Len))
		for i := range rows {
			bits.Set(2*i + 1)
		}
		b.Sel = batch.SelectBits(bits)
		if r.IntN(2) == 0 {
			b.Sel = batch.SelectIndex(bits.AppendIndexes(nil))
		}
	} else {
		b.Len = len(rows)
	}
	for c, v := range b.Cols {
		for i := range b.Len {
			v.AppendDatum(rows[i*len(rows)/b.Len].values[c])
		}
		if r.IntN(2) == 0 {
			b.Cols[c] = reformed(v)
		}
	}
	if slices.ContainsFunc(rows, func(x *row) bool { return x.identity > 0 }) || r.IntN(20) == 0 {
		v := &batch.Vector{Type: types.T(types.Int8)}
		v.Reset(v.Type, 0)
		for i := range b.Len {
			if x := rows[i*len(rows)/b.Len]; x.identity > 0 {
				v.AppendDatum(types.IntOf(v.Type, int64(x.identity-1)))
			} else {
				v.AppendDatum(types.NullOf(v.Type))
			}
		}
		if b.Cols = append(b.Cols, v); r.IntN(2) == 0 {
			b.Cols[len(b.Cols)-1] = reformed(v)
		}
	}
	return b
}

// reformed gives a flat vector another form when its values allow one.
func reformed(v *batch.Vector) *batch.Vector {
	constant := true
	for i := 1; i < v.Len && constant; i++ {
		constant = v.IsNull(i) == v.IsNull(0) && (v.IsNull(0) || text(v.Datum(i)) == text(v.Datum(0)))
	}
	if constant && v.Len > 0 {
		n := new(batch.Vector)
		n.ResetConstant(v.Datum(0), v.Len)
		return n
	}
	if v.Type.Physical() != types.PhysBytes {
		return v
	}
	d := &batch.Dictionary{ID: batch.NewDictionaryID(), Offsets: []uint32{0}, Distinct: true}
	codes := map[string]uint32{}
	n := new(batch.Vector)
	code := func(s string) uint32 {
		x, ok := codes[s]
		if !ok {
			x = uint32(d.Len)
			codes[s] = x
			d.Heap = append(d.Heap, s...)
			d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
			d.Hashes = append(d.Hashes, kernel.HashBytes([]byte(s)))
			d.Len++
		}
		return x
	}
	for i := range v.Len {
		if !v.IsNull(i) {
			code(string(v.BytesAt(i)))
		}
	}
	if d.Len == 0 {
		code("")
	}
	n.ResetDict(v.Type, d, v.Len)
	for i := range v.Len {
		if v.IsNull(i) {
			n.Codes[i] = 0
			n.Nulls(v.Len).Clear(i)
			continue
		}
		n.Codes[i] = code(string(v.BytesAt(i)))
	}
	return n
}

// text is a form of a value that is equal for values that are the same, bit by bit but for NaN.
func text(d types.Datum) string {
	if d.Null {
		return "NULL"
	}
	switch d.Type.Physical() {
	case types.PhysFloat32, types.PhysFloat64:
		if d.F != d.F {
			return "NaN"
		}
		return fmt.Sprintf("%x", math.Float64bits(d.F))
	case types.PhysBytes, types.PhysUUID:
		return fmt.Sprintf("%q", d.S)
	case types.PhysInt128, types.PhysInterval:
		return fmt.Sprintf("%x:%x", d.Hi, uint64(d.I))
	}
	return fmt.Sprint(d.I)
}

// same tells whether two values are the same.
func same(a, b types.Datum) bool {
	if a.Null || b.Null {
		return a.Null == b.Null
	}
	switch a.Type.Physical() {
	case types.PhysFloat32, types.PhysFloat64:
		return math.Float64bits(a.F) == math.Float64bits(b.F) || a.F != a.F && b.F != b.F
	case types.PhysBytes, types.PhysUUID:
		return a.S == b.S
	}
	return a.I == b.I && a.Hi == b.Hi
}
