package segment

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

var background = context.Background()

// run scans all morsels and returns the row numbers of the answer, found by checking each returned row against the
// oracle's rows in order.
func run(t *testing.T, d *data, p scan.Part, req *scan.Request) {
	t.Helper()
	var want []int
	for i := range d.rows {
		ok := true
		for k := range req.Terms {
			ok = ok && d.satisfies(&req.Terms[k], i)
		}
		if ok {
			want = append(want, i)
		}
	}
	ps, err := p.Open(background, req)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	if ps != nil {
		defer ps.Close()
		got = drain(t, d, ps, req, want)
	}
	if got != len(want) {
		t.Fatalf("%s: %d rows, want %d", describe(req), got, len(want))
	}
}

func drain(t *testing.T, d *data, ps scan.PartScan, req *scan.Request, want []int) int {
	t.Helper()
	cur, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	var out batch.Batch
	got := 0
	limit := req.BatchRows
	if limit == 0 {
		limit = batch.MaxRows
	}
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := cur.Next(background, &out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if out.Len < 1 || out.Len > limit || !out.Sel.All() {
				t.Fatalf("batch of %d rows, limit %d", out.Len, limit)
			}
			if got+out.Len > len(want) {
				t.Fatalf("%s: more than %d rows", describe(req), len(want))
			}
			for i, v := range out.Cols {
				checkVector(t, d, ps, req, i, v, want[got:got+out.Len])
			}
			got += out.Len
		}
	}
	return got
}

func checkVector(t *testing.T, d *data, ps scan.PartScan, req *scan.Request, i int, v *batch.Vector, want []int) {
	t.Helper()
	col := req.Columns[i]
	if v.Len != len(want) || v.Type != d.cols[col].Type {
		t.Fatalf("column %d: %d rows of %s, want %d", col, v.Len, v.Type, len(want))
	}
	if dict := ps.Dictionary(i); (dict != nil) != (v.Form == batch.Dict) || dict != nil && (v.Form != batch.Dict || v.Dict.ID != dict.ID) {
		t.Fatalf("column %d: form %d without the dictionary that was promised", col, v.Form)
	}
	if v.Valid != nil && v.Form != batch.Constant {
		if n := v.Len; n&63 != 0 && v.Valid[n>>6]>>(uint(n)&63) != 0 {
			t.Fatalf("column %d: validity bits past the end", col)
		}
	}
	for k, row := range want {
		if got := v.Datum(k); !same(got, d.value[col][row]) {
			t.Fatalf("%s: column %d %s, row %d is %+v, want %+v", describe(req), col, v.Type, row, got, d.value[col][row])
		}
	}
}

func describe(req *scan.Request) string {
	s := fmt.Sprintf("columns %v batch %d", req.Columns, req.BatchRows)
	for _, t := range req.Terms {
		s += fmt.Sprintf(" [%d op %d %v]", t.Column, t.Op, t.Values)
	}
	return s
}

// runRandom runs random requests.
func runRandom(t *testing.T, r *rand.Rand, d *data, p scan.Part) {
	t.Helper()
	for i := range min(60, max(8, 600000/d.rows)) {
		req := &scan.Request{Counters: new(scan.Counters)}
		for c := range d.cols {
			if r.IntN(2) == 0 {
				req.Columns = append(req.Columns, c)
			}
		}
		for range r.IntN(4) {
			req.Terms = append(req.Terms, d.randomTerm(r))
		}
		if d.rows < 10000 {
			req.BatchRows = []int{0, 1, 3, 100, 2048}[i%5]
		}
		run(t, d, p, req)
	}
}

func TestScan(t *testing.T) {
	sizes := []int{1, 63, 64, 65, 2048, 2049, 9000, 70000}
	rounds := 3
	if testing.Short() {
		sizes, rounds = []int{1, 65, 9000}, 1
	}
	for _, rows := range sizes {
		for round := range rounds {
			seed := uint64(rows*10 + round)
			if rows > 50000 && round > 1 {
				break
			}
			t.Run(fmt.Sprintf("%d/%d", rows, round), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				d := randomData(r, rows)
				s := open(t, d.write(t, r, round%2 == 1), newCache(t, 0))
				pins := new(Pins)
				defer pins.Release()
				p := s.All(pins)
				checkTotals(t, d, s)
				runRandom(t, r, d, p)
				if err := s.Verify(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestNullsFirst: NULLs are filled with the value behind them, which counts all the same.
func TestNullsFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range columnTypes {
		v := randomDatum(r, typ, 100)
		d := &data{rows: 5, cols: []Column{{ID: 1, Name: "c", Type: typ}},
			value: [][]types.Datum{{types.NullOf(typ), types.NullOf(typ), v, v, types.NullOf(typ)}}}
		s := open(t, d.write(t, r, false), newCache(t, 0))
		pins := new(Pins)
		checkTotals(t, d, s)
		run(t, d, s.All(pins), &scan.Request{Columns: []int{0}, Terms: []scan.Term{{Op: scan.Eq, Values: []types.Datum{v}}}})
		pins.Release()
	}
}

func checkTotals(t *testing.T, d *data, s *Segment) {
	t.Helper()
	for c := range d.cols {
		got := s.Totals(c)
		var nulls, length int64
		var lo, hi types.Datum
		some := false
		for _, v := range d.value[c] {
			if v.Null {
				nulls++
				continue
			}
			length += int64(len(v.S))
			if !some || types.Compare(v, lo) < 0 {
				lo = v
			}
			if !some || types.Compare(v, hi) > 0 {
				hi = v
			}
			some = true
		}
		if got.Rows != int64(d.rows) || got.Nulls != nulls {
			t.Fatalf("column %d: %d rows and %d nulls, want %d and %d", c, got.Rows, got.Nulls, d.rows, nulls)
		}
		if got.HasRange != some || some && (types.Compare(got.Min, lo) != 0 || types.Compare(got.Max, hi) != 0) {
			t.Fatalf("column %d %s: range %v %+v to %+v, want %+v to %+v", c, d.cols[c].Type, got.HasRange, got.Min, got.Max, lo, hi)
		}
		if d.cols[c].Type.Physical() == types.PhysBytes && got.StringBytes != length {
			t.Fatalf("column %d: %d bytes of strings, want %d", c, got.StringBytes, length)
		}
		if got.HasSum {
			sum := decimal.Int128{}
			for _, v := range d.value[c] {
				if !v.Null {
					sum = sum.AddWrapping(decimal.Int128From64(v.I))
				}
			}
			if sum != (decimal.Int128{Lo: got.SumLo, Hi: got.SumHi}) {
				t.Fatalf("column %d: sum %d:%d, want %v", c, got.SumHi, got.SumLo, sum)
			}
		}
	}
}

func TestMissingColumn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	d := randomData(r, 3000)
	s := open(t, d.write(t, r, false), newCache(t, 0))
	ids, ts := []uint32{999, d.cols[3].ID, 998}, []types.Type{types.T(types.Text), d.cols[3].Type, types.T(types.Int4)}
	p := s.Part(&scan.Layout{IDs: ids, Types: ts}, nil)
	null := make([]types.Datum, d.rows)
	for i := range null {
		null[i] = types.NullOf(types.T(types.Text))
	}
	null4 := make([]types.Datum, d.rows)
	for i := range null4 {
		null4[i] = types.NullOf(types.T(types.Int4))
	}
	want := &data{rows: d.rows, cols: []Column{{Type: ts[0]}, d.cols[3], {Type: ts[2]}}, value: [][]types.Datum{null, d.value[3], null4}}
	for _, terms := range [][]scan.Term{
		nil, {{Column: 0, Op: scan.IsNull}}, {{Column: 0, Op: scan.IsNotNull}},
		{{Column: 2, Op: scan.Eq, Values: []types.Datum{types.IntOf(ts[2], 5)}}},
	} {
		run(t, want, p, &scan.Request{Columns: []int{2, 0, 1}, Terms: terms})
	}
}

func TestLate(t *testing.T) {
	rows := 100000
	if testing.Short() {
		rows = 20000
	}
	typ := types.T(types.Int8)
	d := &data{rows: rows, cols: []Column{{ID: 1, Name: "a", Type: typ}}}
	v := make([]types.Datum, rows)
	for i := range v {
		v[i] = types.IntOf(typ, int64(i))
	}
	d.value = [][]types.Datum{v}
	r := rand.New(rand.NewPCG(1, 1))
	s := open(t, d.write(t, r, false), newCache(t, 0))
	late := new(scan.Late)
	late.Set(&scan.Term{Column: 0, Op: scan.Lt, Values: []types.Datum{types.IntOf(typ, 100)}})
	req := &scan.Request{Columns: []int{0}, Late: []*scan.Late{late}, Counters: new(scan.Counters)}
	ps, err := s.All(nil).Open(background, req)
	if err != nil {
		t.Fatal(err)
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	var out batch.Batch
	got := 0
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := cur.Next(background, &out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got += out.Len
		}
	}
	if got != 100 {
		t.Errorf("%d rows, want 100", got)
	}
	if z, p := req.Counters.Zones.Load(), req.Counters.ZonesPruned.Load(); p != z-1 {
		t.Errorf("%d of %d zones pruned", p, z)
	}
	late.Set(&scan.Term{Column: 0, Op: scan.Lt, Values: []types.Datum{types.IntOf(typ, -5)}})
	if ps, err := s.All(nil).Open(background, req); err != nil || ps != nil {
		t.Errorf("not pruned by the late term: %v %v", ps, err)
	}
}

// TestLateSet: a set of values drops rows, until it has dropped few of many.
func TestLateSet(t *testing.T) {
	const rows = 60_000
	typ := types.T(types.Int4)
	d := &data{rows: rows, cols: []Column{{ID: 1, Name: "a", Type: typ}}}
	v := make([]types.Datum, rows)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range v {
		if v[i] = types.IntOf(typ, 1000+rng.Int64N(900)); i%50 == 0 {
			v[i] = types.NullOf(typ)
		}
	}
	d.value = [][]types.Datum{v}
	s := open(t, d.write(t, rng, false), newCache(t, 0))
	for _, step := range []int64{2, 5, 50} { // every second, fifth, ... of the values 1100 to 1900 is in the set, or all but those
		for _, not := range []bool{false, true} {
			bits := make([]uint64, 13)
			members := 0
			for x := range int64(801) {
				if x == 0 || x == 800 || (x%step == 0) != not {
					bits[x>>6] |= 1 << (x & 63)
					members++
				}
			}
			set := kernel.NewIntBits(1100, 1900, bits)
			late := new(scan.Late)
			late.Set(&scan.Term{Column: 0, Op: scan.In, Values: []types.Datum{types.IntOf(typ, 1100), types.IntOf(typ, 1900)}, Set: set})
			want := 0
			for _, x := range v {
				if !x.Null && set.Contains(x.I) {
					want++
				}
			}
			// Of the 900 values.
			if got, others := readLate(t, s, late, set); got != want || others != 0 && members < 600 {
				t.Errorf("%d members: %d rows, want %d; %d others", members, got, want, others)
			}
		}
	}
	all := make([]uint64, 15)
	for x := range 900 {
		if x%20 != 0 || x == 0 {
			all[x>>6] |= 1 << (x & 63)
		}
	}
	set := kernel.NewIntBits(1000, 1899, all)
	late := new(scan.Late)
	late.Set(&scan.Term{Column: 0, Op: scan.In, Values: []types.Datum{types.IntOf(typ, 1000), types.IntOf(typ, 1899)}, Set: set})
	got, others := readLate(t, s, late, set)
	want := 0
	for _, x := range v {
		if !x.Null && set.Contains(x.I) {
			want++
		}
	}
	if got != want || others == 0 || others > rows/10 {
		t.Errorf("a set of nearly all values: %d rows, want %d, %d others", got, want, others)
	}
}

// readLate reads column 0 under a late term, and counts the members of a set and the other rows.
func readLate(t *testing.T, s *Segment, late *scan.Late, set *kernel.IntSet) (members, others int) {
	t.Helper()
	ps, err := s.All(nil).Open(background, &scan.Request{Columns: []int{0}, Late: []*scan.Late{late}})
	if err != nil {
		t.Fatal(err)
	}
	if ps == nil {
		return 0, 0
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	var out batch.Batch
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := cur.Next(background, &out)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			for i := range out.Len {
				if x := out.Cols[0].Datum(i); !x.Null && set.Contains(x.I) {
					members++
				} else {
					others++
				}
			}
		}
	}
	return members, others
}

// TestDictionary checks what group-by, distinct and top-k build on.
func TestDictionary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	d := randomData(r, 20000)
	s := open(t, d.write(t, r, true), newCache(t, 0))
	pins := new(Pins)
	defer pins.Release()
	for c := range d.cols {
		dict, err := s.Dictionary(c, pins)
		if err != nil {
			t.Fatal(err)
		}
		if dict == nil {
			continue
		}
		counts := map[string]uint32{}
		for _, v := range d.value[c] {
			if !v.Null {
				counts[v.S]++
			}
		}
		if len(counts) != dict.Len || !dict.HashOrdered {
			t.Fatalf("column %d: %d entries, want %d", c, dict.Len, len(counts))
		}
		for i := range dict.Len {
			if dict.Counts[i] != counts[string(dict.At(i))] {
				t.Fatalf("column %d: entry %q has %d rows, want %d", c, dict.At(i), dict.Counts[i], counts[string(dict.At(i))])
			}
			if code, ok := dict.Find(dict.Hashes[i], dict.At(i)); !ok || code != i {
				t.Fatalf("column %d: entry %q is found as %d %v, want %d", c, dict.At(i), code, ok, i)
			}
			if i > 0 && (dict.Hashes[i] < dict.Hashes[i-1] || dict.Hashes[i] == dict.Hashes[i-1] && bytes.Compare(dict.At(i), dict.At(i-1)) <= 0) {
				t.Fatalf("column %d: entry %d out of order", c, i)
			}
		}
	}
}
