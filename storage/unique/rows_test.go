package unique

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/types"
)

// keyedTable is a table with a primary key that was added after another one.
func keyedTable() *catalog.Table {
	t := catalog.NewTable("public", "t",
		catalog.Column{Name: "a", Type: types.T(types.Int8)}, catalog.Column{Name: "b", Type: types.T(types.Text)})
	t.Constraints = []catalog.Constraint{
		{Kind: catalog.Check, Name: "c", Expr: "true"},
		{Kind: catalog.Unique, Name: "u", Columns: []uint32{2, 1}},
		{Kind: catalog.PrimaryKey, Name: "p", Columns: []uint32{1}},
		{Kind: catalog.Unique, Name: "n", Columns: []uint32{2}, NullsNotDistinct: true},
	}
	return t
}

func TestOf(t *testing.T) {
	var got []string
	for _, k := range Of(keyedTable()) {
		got = append(got, fmt.Sprint(k.Name, k.Columns, k.Names, k.NullsEqual))
	}
	if want := "[p[0] [a] false u[1 0] [b a] false n[1] [b] true]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestSorter sorts lists of many lengths with hashes of many kinds.
func TestSorter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s Sorter
	for _, n := range []int{0, 1, 2, 64, 65, 500, 5000} {
		for _, mask := range []uint64{^uint64(0), 0xff, 7 << 60, 0, 1<<63 | 1} {
			list := make([]keys.Probe, n)
			for i := range list {
				list[i] = keys.Probe{Hash: r.Uint64() & mask, Row: r.Uint64N(3)<<32 | uint64(i)}
			}
			want := slices.Clone(list)
			slices.SortFunc(want, func(a, b keys.Probe) int { return cmp.Or(cmp.Compare(a.Hash, b.Hash), cmp.Compare(a.Row, b.Row)) })
			if got := s.Sort(list); !slices.Equal(got, want) {
				t.Fatalf("%d probes with mask %x are not sorted", n, mask)
			}
		}
	}
}

// TestTwice holds the rows that have a key which is there before against a map, with good and with bad hashes.
func TestTwice(t *testing.T) {
	for _, bits := range []uint{64, 4, 0} {
		if bits < 64 {
			defer keys.Weaken(bits)()
		}
		r := rand.New(rand.NewPCG(3, uint64(bits)))
		for range 30 {
			var rows Rows
			rows.Reset(Of(keyedTable()))
			last := make([]map[string]uint64, len(rows.Keys))
			twice := make([]map[[2]uint64]bool, len(rows.Keys))
			keep := map[uint64]bool{}
			for i := range rows.Keys {
				last[i], twice[i] = map[string]uint64{}, map[[2]uint64]bool{}
			}
			for number := range uint64(1 + r.IntN(4)) {
				b := batch.New([]types.Type{types.T(types.Int8), types.T(types.Text)})
				b.Reset()
				for b.Len = range 1 + r.IntN(40) {
					a, text := types.IntOf(types.T(types.Int8), r.Int64N(30)), types.TextOf(fmt.Sprint(r.IntN(6)))
					if r.IntN(8) == 0 {
						text = types.NullOf(types.T(types.Text))
					}
					b.Cols[0].AppendDatum(a)
					b.Cols[1].AppendDatum(text)
					row := number<<32 | uint64(b.Len)
					keep[row] = true
					for i, k := range rows.Keys {
						name := fmt.Sprint(text.Null, text.S)
						switch k.Name {
						case "p":
							name = fmt.Sprint(a.I)
						case "u":
							name = fmt.Sprint(a.I, name)
						}
						if text.Null && k.Name == "u" {
							continue
						}
						if before, ok := last[i][name]; ok {
							if twice[i][[2]uint64{before, row}] = true; i == 0 {
								keep[before] = false
							}
						}
						last[i][name] = row
					}
				}
				b.Len++
				rows.Add(b)
			}
			any := false
			for i := range rows.Keys {
				any = any || len(twice[i]) > 0
				rows.Twice(i, func(before, row uint64) bool {
					if !twice[i][[2]uint64{before, row}] {
						t.Fatalf("key %s: rows %x and %x", rows.Keys[i].Name, before, row)
					}
					delete(twice[i], [2]uint64{before, row})
					return true
				})
				if len(twice[i]) > 0 {
					t.Fatalf("key %s: not found: %v", rows.Keys[i].Name, twice[i])
				}
			}
			if err := rows.Violated(); any != errs.Is(err, errs.UniqueViolation) {
				t.Fatalf("there are rows twice: %v: %v", any, err)
			}
			bits := rows.Superseded(0)
			for row, want := range keep {
				got := bits == nil || bits[row>>32] == nil || bits[row>>32].Get(int(uint32(row)))
				if got != want {
					t.Fatalf("row %x keeps: %v", row, got)
				}
			}
		}
	}
}
