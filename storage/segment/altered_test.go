package segment

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// wider are types that values become when a table's columns grow.
var wider = map[types.Type][]types.Type{
	types.T(types.Int2):      {types.T(types.Int4), types.T(types.Int8)},
	types.T(types.Int4):      {types.T(types.Int8)},
	types.T(types.Float4):    {types.T(types.Float8)},
	types.NumericOf(12, 2):   {types.NumericOf(18, 2), types.NumericOf(20, 2)},
	types.NumericOf(30, 4):   {types.NumericOf(38, 4)},
	types.T(types.Text):      {types.T(types.Varchar)},
	types.T(types.Timestamp): {types.T(types.Timestamp)},
}

// altered returns what a table has become since: its columns in another order, some of them gone, some wider, some that
// are new, which older rows have as a value or NULL.
func (d *data) altered(r *rand.Rand) (*data, *scan.Layout) {
	now, l := &data{rows: d.rows}, &scan.Layout{Missing: map[int]types.Datum{}}
	add := func(c Column, values []types.Datum) {
		l.IDs, l.Types = append(l.IDs, c.ID), append(l.Types, c.Type)
		now.cols, now.value = append(now.cols, c), append(now.value, values)
	}
	for _, i := range r.Perm(len(d.cols)) {
		c, values := d.cols[i], make([]types.Datum, d.rows)
		if r.IntN(8) == 0 {
			continue
		}
		if w := wider[c.Type]; w != nil && r.IntN(3) > 0 {
			c.Type = w[r.IntN(len(w))]
		}
		for k, v := range d.value[i] {
			if values[k] = scan.WidenDatum(v, c.Type); v.Null {
				values[k] = types.NullOf(c.Type)
			}
		}
		add(c, values)
		if r.IntN(3) > 0 {
			continue
		}
		fresh := Column{ID: uint32(1000 + i), Name: "new", Type: columnTypes[r.IntN(len(columnTypes))]}
		v := types.NullOf(fresh.Type)
		if r.IntN(4) > 0 {
			v = randomDatum(r, fresh.Type, 100)
			l.Missing[len(l.IDs)] = v
		}
		values = make([]types.Datum, d.rows)
		for k := range values {
			values[k] = v
		}
		add(fresh, values)
	}
	return now, l
}

// Rows that are older than their table's columns are read as if they had been written with them.
func TestAltered(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 21))
		d := randomData(r, 1+r.IntN(5000))
		s := open(t, d.write(t, r, false), newCache(t, 0))
		now, l := d.altered(r)
		for range 40 {
			req := &scan.Request{Counters: new(scan.Counters), BatchRows: []int{0, 3, 1000}[r.IntN(3)]}
			for range r.IntN(4) {
				req.Columns = append(req.Columns, r.IntN(len(now.cols)))
			}
			for range r.IntN(3) {
				req.Terms = append(req.Terms, now.randomTerm(r))
			}
			run(t, now, s.Part(l, nil), req)
		}
		for c := range now.cols {
			checkStats(t, now, s.Part(l, nil), c)
		}
	}
}

// checkStats holds what is known of a column against its values.
func checkStats(t *testing.T, d *data, p *Part, c int) {
	t.Helper()
	got, ok := p.Totals(c)
	var nulls int64
	for _, v := range d.value[c] {
		if v.Null {
			nulls++
		} else if got.HasRange && (scan.Order(v, got.Min) < 0 || scan.Order(v, got.Max) > 0) {
			t.Fatalf("column %d %s: %v is not from %v to %v", c, d.cols[c].Type, v, got.Min, got.Max)
		}
	}
	if !ok || got.Rows != int64(d.rows) || got.Nulls != nulls || got.HasRange && (got.Min.Type != d.cols[c].Type || got.Max.Type != d.cols[c].Type) {
		t.Fatalf("column %d %s: %+v, want %d NULL of %d", c, d.cols[c].Type, got, nulls, d.rows)
	}
}

// A column whose values do not become the table's is an error of those who read it, never NULL.
func TestUnfit(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 21))
	d := randomData(r, 100)
	s := open(t, d.write(t, r, false), newCache(t, 0))
	l := &scan.Layout{IDs: []uint32{d.cols[3].ID, d.cols[2].ID}, Types: []types.Type{types.T(types.Text), types.T(types.Int8)}}
	p := s.Part(l, nil)
	if _, ok := p.Totals(0); ok || p.Stats(0).Nulls != -1 {
		t.Error("something is said of a column that cannot be read")
	}
	for _, req := range []*scan.Request{
		{Columns: []int{0}}, {Columns: []int{1}, Terms: []scan.Term{{Column: 0, Op: scan.IsNull}}},
	} {
		_, err := p.Open(context.Background(), req)
		if !errs.Is(err, errs.DataCorrupted) || !strings.Contains(err.Error(), "has type bigint, and the table's has type text") {
			t.Errorf("%v: %v", req.Columns, err)
		}
	}
	ps, err := p.Open(context.Background(), &scan.Request{Columns: []int{1}})
	if err != nil {
		t.Fatalf("the other column: %v", err)
	}
	ps.Close()
}
