package segment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// vectors returns some rows of the key's columns as the oracle has them.
func (d *data) vectors(k *keys.Key, rows []int) []*batch.Vector {
	cols := make([]*batch.Vector, len(k.Columns))
	for i, c := range k.Columns {
		cols[i] = new(batch.Vector)
		cols[i].Reset(d.cols[c].Type, 0)
		for _, row := range rows {
			cols[i].AppendDatum(d.value[c][row])
		}
	}
	return cols
}

// equal is the oracle's equality of two rows' keys.
func (d *data) equal(k *keys.Key, a, b int) bool {
	for _, c := range k.Columns {
		x, y := d.value[c][a], d.value[c][b]
		if x.Null != y.Null || !x.Null && types.Compare(x, y) != 0 {
			return false
		}
	}
	return true
}

// TestKeys looks up the keys of all rows of random tables, sorted and not, with good and with bad hashes, and holds what
// is found and equal against a loop over all rows.
func TestKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for round := range 12 {
		d := randomData(r, []int{1, 50, 700, 3000}[round%4])
		d.keys = []keys.Key{
			{Columns: []int{r.IntN(len(d.cols))}},
			{Columns: []int{3, 9}},
			{Columns: []int{r.IntN(len(d.cols)), 1, 7}, NullsEqual: true},
		}
		if round%3 == 2 {
			restore := keys.Weaken(uint(r.IntN(9)))
			defer restore()
		}
		shuffled := round%2 == 1
		file := d.write(t, r, shuffled)
		s := open(t, file, newCache(t, 0))
		if err := s.Verify(); err != nil {
			t.Fatal(err)
		}
		for i := range d.keys {
			k := &d.keys[i]
			var ids []uint32
			for _, c := range k.Columns {
				ids = append(ids, d.cols[c].ID)
			}
			run := s.FindKey(ids, k.NullsEqual)
			if run != i && run < 0 || s.FindKey(ids, !k.NullsEqual) >= 0 {
				t.Fatalf("key %d is run %d", i, run)
			}
			d.lookUp(t, s, k, run)
		}
	}
}

// lookUp looks for the keys of all rows at once.
func (d *data) lookUp(t *testing.T, s *Segment, k *keys.Key, run int) {
	all := make([]int, d.rows)
	for i := range all {
		all[i] = i
	}
	cols := d.vectors(k, all)
	var probes []keys.Probe
	for i, h := range k.Hash(nil, cols, d.rows) {
		if h != keys.None {
			probes = append(probes, keys.Probe{Hash: h, Row: uint64(i)})
		}
	}
	slices.SortFunc(probes, func(a, b keys.Probe) int { return int(int64(a.Hash>>1) - int64(b.Hash>>1)) })
	matches, err := s.Lookup(run, probes, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(matches, func(a, b keys.Match) int { return int(a.Place) - int(b.Place) })
	var places []uint32
	for _, m := range matches {
		places = append(places, m.Place)
	}
	found := map[[2]int]bool{}
	layout := &scan.Layout{}
	for _, c := range k.Columns {
		layout.IDs, layout.Types = append(layout.IDs, d.cols[c].ID), append(layout.Types, d.cols[c].Type)
	}
	part := s.Part(layout, nil)
	columns := []int{scan.RowNumber}
	for i := range k.Columns {
		columns = append(columns, i)
	}
	err = part.At(context.Background(), columns, places, func(first int, b *batch.Batch) error {
		var numbers batch.Vector
		numbers.Flatten(b.Cols[0])
		for i := range b.Len {
			m := matches[first+i]
			if got := batch.Values[int64](&numbers)[i]; got != int64(m.Place) {
				return fmt.Errorf("row number %d at place %d", got, m.Place)
			}
			if k.Equal(cols, int(probes[m.Probe].Row), b.Cols[1:], i) {
				found[[2]int{int(probes[m.Probe].Row), int(m.Place)}] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range probes {
		for row := range d.rows {
			if want := d.equal(k, int(p.Row), row); found[[2]int{int(p.Row), row}] != want {
				t.Fatalf("columns %v: row %d and row %d are equal: %v", k.Columns, p.Row, row, want)
			}
		}
	}
}

// TestKeysWithoutGone: rows that were deleted before have no entry, wherever they were.
func TestKeysWithoutGone(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	d := &data{rows: 1000, cols: []Column{{ID: 1, Name: "k", Type: types.T(types.Int8)}}, value: make([][]types.Datum, 1)}
	for i := range d.rows {
		d.value[0] = append(d.value[0], types.IntOf(types.T(types.Int8), int64(i)))
	}
	d.keys = []keys.Key{{Columns: []int{0}}}
	d.gone = (*index.RowSet)(nil).With([]uint32{0, 17, 999})
	s := open(t, d.write(t, r, false), newCache(t, 0))
	run := s.KeyRun(0)
	var places []uint64
	for p := range run.Pages() {
		probes, err := s.Probes(0, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range probes {
			if i > 0 && x.Hash < probes[i-1].Hash || run.PageOf(x.Hash) != p {
				t.Fatalf("hash %x of page %d after %x", x.Hash, p, probes[max(i-1, 0)].Hash)
			}
			places = append(places, x.Row)
		}
	}
	slices.Sort(places)
	if len(places) != 997 || places[0] != 1 || slices.Contains(places, 17) || places[996] != 998 {
		t.Fatalf("%d entries, from %d to %d", len(places), places[0], places[len(places)-1])
	}
}

func BenchmarkLookup(b *testing.B) {
	const rows = 1 << 20
	v := new(batch.Vector)
	v.Reset(types.T(types.Int8), rows)
	for i, x := 0, batch.Values[int64](v); i < rows; i++ {
		x[i] = int64(i) * 3
	}
	d := &data{rows: rows, cols: []Column{{ID: 1, Name: "k", Type: types.T(types.Int8)}}}
	in := &Input{ID: 1, Columns: d.cols, Rows: rows, Keys: []keys.Key{{Columns: []int{0}}},
		Chunks: func(int) ([]*batch.Vector, error) { return []*batch.Vector{v}, nil }}
	s := open(b, writeInput(b, in), newCache(b, 0))
	k := &in.Keys[0]
	for name, factor := range map[string]int64{"present": 3, "absent": -5} {
		b.Run(name, func(b *testing.B) {
			const n = 8192
			probe := new(batch.Vector)
			probe.Reset(types.T(types.Int8), n)
			for i, x := 0, batch.Values[int64](probe); i < n; i++ {
				x[i] = int64(i*127%rows) * factor
			}
			var probes []keys.Probe
			for i, h := range k.Hash(nil, []*batch.Vector{probe}, n) {
				probes = append(probes, keys.Probe{Hash: h, Row: uint64(i)})
			}
			slices.SortFunc(probes, func(a, b keys.Probe) int { return int(int64(a.Hash>>1) - int64(b.Hash>>1)) })
			var out []keys.Match
			for b.Loop() {
				var err error
				if out, err = s.Lookup(0, probes, out[:0]); err != nil || len(out) < n && factor > 0 {
					b.Fatal(len(out), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
		})
	}
}
