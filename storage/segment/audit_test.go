package segment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

func auditOf(t *testing.T, s *Segment, deleted *index.RowSet) []string {
	t.Helper()
	account := memtest.Pool(t, 0).Account("test", 0)
	defer account.Close()
	wrong, err := s.Audit(background, deleted, account)
	if err != nil {
		t.Fatal(err)
	}
	if n := account.Used(); n != 0 {
		t.Fatalf("%d bytes still charged", n)
	}
	return wrong
}

// What Write derives from random values is right.
func TestAuditFindsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for round, rows := range []int{1, 2, 130, 2047, 8192, 8193, 66000} {
		d := randomData(r, rows)
		d.keys = []keys.Key{{Columns: []int{r.IntN(len(d.cols))}}, {Columns: []int{3, 9}, NullsEqual: true}}
		s := open(t, d.write(t, r, round%2 == 1), newCache(t, 0))
		if wrong := auditOf(t, s, nil); len(wrong) > 0 {
			t.Fatalf("%d rows: %q", rows, wrong)
		}
	}
}

// Each thing that is derived is made wrong by itself, and found.
func TestAudit(t *testing.T) {
	at := func(s *Segment, p types.Physical) *column {
		return s.first(func(c *column) bool { return c.Type.Physical() == p })
	}
	bounds := func(p types.Physical) func(*Segment) {
		return func(s *Segment) { z := &at(s, p).zones; z.Max[0], z.Min[0] = z.Min[0], z.Max[0] }
	}
	extremes := func(p types.Physical) func(*Segment) {
		return func(s *Segment) { at(s, p).stats.Min = at(s, p).stats.Max }
	}
	dictionary := func(change func(*batch.Dictionary)) func(*Segment) {
		return func(s *Segment) {
			c := s.first(func(c *column) bool { return c.dict != nil })
			var pins Pins
			defer pins.Release()
			d, err := s.Dictionary(s.Find(c.ID), &pins) // which stays in the cache
			if err != nil {
				t.Fatal(err)
			}
			change(d)
		}
	}
	for _, c := range []struct {
		want   string
		change func(*Segment)
	}{
		{"zone map: zone 0 has values", bounds(types.PhysInt32)},
		{"zone map: zone 0 has values", bounds(types.PhysFloat64)},
		{"zone map: zone 0 has values", bounds(types.PhysBytes)},
		{"zone map: zone 0 has values", bounds(types.PhysUUID)},
		{"zone map: zone 0 has", func(s *Segment) { at(s, types.PhysInt64).zones.Nulls[0]-- }},
		{"NULL values: block 0", func(s *Segment) { at(s, types.PhysInt64).blocks[0].nulls++ }},
		{"NULL values: there are", func(s *Segment) { at(s, types.PhysBool).stats.Nulls++ }},
		{"bounds: the least", extremes(types.PhysBool)},
		{"bounds: the least", extremes(types.PhysInt16)},
		{"bounds: the least", extremes(types.PhysFloat32)},
		{"bounds: the least", extremes(types.PhysInt128)},
		{"bounds: the least", extremes(types.PhysInterval)},
		{"bounds: the least", extremes(types.PhysBytes)},
		{"bounds: the statistics", func(s *Segment) { at(s, types.PhysInt64).stats.HasRange = false }},
		{"sum", func(s *Segment) { at(s, types.PhysInt64).stats.SumHi++ }},
		{"bytes", func(s *Segment) { at(s, types.PhysBytes).stats.StringBytes-- }},
		{"distinct values", func(s *Segment) { at(s, types.PhysBool).stats.Distinct++ }},
		{"dictionary: the hash of entry", dictionary(func(d *batch.Dictionary) { d.Hashes[d.Len-1] ^= 1 })},
		{"dictionary order: entry 1", dictionary(func(d *batch.Dictionary) { d.Hashes[0] = ^uint64(0) })},
		{"dictionary counts: entry 0", dictionary(func(d *batch.Dictionary) { d.Counts[0]++ })},
		{"common values: value 0", func(s *Segment) { at(s, types.PhysInt16).stats.Common[0].Rows-- }},
		{"sample", func(s *Segment) {
			at(s, types.PhysInt32).sample = s.first(func(c *column) bool { return c.Type.Kind == types.Date }).sample
		}},
		{"key 0: the entry of place", func(s *Segment) { s.keys[0].columns = []uint32{at(s, types.PhysFloat64).ID} }},
		{"key 0: the segment lacks", func(s *Segment) { s.keys[0].columns = []uint32{99999} }},
		{"does not pass the filter", func(s *Segment) {
			b, err := s.keyFilter(&s.keys[0], 0)
			if err != nil {
				t.Fatal(err)
			}
			clear(b.Bytes())
			b.Release()
		}},
	} {
		s := open(t, auditData().write(t, rand.New(rand.NewPCG(1, 1)), false), newCache(t, 0))
		if wrong := auditOf(t, s, nil); len(wrong) > 0 {
			t.Fatalf("sound: %q", wrong)
		}
		c.change(s)
		wrong := auditOf(t, s, nil)
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.want) }) {
			t.Errorf("%s: found %q", c.want, wrong)
		}
	}
}

// first returns the first column that is so.
func (s *Segment) first(so func(*column) bool) *column {
	for i := range s.cols {
		if so(&s.cols[i]) {
			return &s.cols[i]
		}
	}
	return nil
}

// auditData has a column of each type, some with NULL values, and a key.
func auditData() *data {
	r := rand.New(rand.NewPCG(23, 24))
	d := &data{rows: 3000}
	for i, typ := range columnTypes {
		v := make([]types.Datum, d.rows)
		for k := range v {
			switch v[k] = randomDatum(r, typ, 20); {
			case k%7 == 3:
				v[k] = types.NullOf(typ)
			case typ.Kind == types.UUID: // with bounds that differ
				v[k] = types.StringOf(typ, fmt.Sprintf("%08d%08d", k%20, k))
			}
		}
		d.cols, d.value = append(d.cols, Column{ID: uint32(i + 1), Name: typ.String(), Type: typ}), append(d.value, v)
	}
	d.keys = []keys.Key{{Columns: []int{3}}}
	return d
}

// A run may lack rows that were deleted before it was built, and no others.
func TestAuditOfKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	d := randomData(r, 300)
	d.keys = []keys.Key{{Columns: []int{0}, NullsEqual: true}}
	d.gone = (*index.RowSet)(nil).With([]uint32{3, 7, 250})
	s := open(t, d.write(t, r, false), newCache(t, 0))
	if wrong := auditOf(t, s, d.gone); len(wrong) > 0 {
		t.Fatalf("with the deleted rows: %q", wrong)
	}
	if wrong := auditOf(t, s, (*index.RowSet)(nil).With([]uint32{3, 7})); len(wrong) != 1 || !strings.Contains(wrong[0], "1 rows have no entry") {
		t.Fatalf("with fewer: %q", wrong)
	}
}
