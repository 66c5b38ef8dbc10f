package agg_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestDictionaryTop asks for the groups with the most rows by a string from dictionaries, some of them incomplete: the
// counts must be those of the oracle, and every group must have its own count and sum.
func TestDictionaryTop(t *testing.T) {
	for seed := range 24 {
		rng := rand.New(rand.NewPCG(uint64(seed), 9))
		cols := []enginetest.Column{
			{Type: types.T(types.Text), Distinct: []int{20, 900, 4000, 100000}[seed%4], Nulls: []float64{0, 0.05}[seed/4%2], Skew: seed%3 > 0},
			{Type: types.T(types.Int4), Distinct: 100},
		}
		ts := enginetest.Types(cols)
		rows := enginetest.Random(rng, cols, 6000)
		rel := enginetest.NewRelation(ts, rows, 4, rng)
		for len(rel.Dictionaries(0)) < 4-seed%3 {
			rel = enginetest.NewRelation(ts, rows, 4, rng)
		}
		k := []int{1, 10, 30}[seed%3]
		f := &fixture{rel: rel, stats: true, keys: []int{0}, cfg: agg.Config{In: ts, Keys: []agg.Key{{Column: 0, Origin: 0}},
			Calls: []agg.Call{countStar()}, Top: &agg.Top{Desc: true, K: int64(k)}}}
		oracle := []enginetest.Aggregate{{Kind: fn.CountStar, Filter: -1, Result: types.T(types.Int8)}}
		if seed%2 == 0 {
			f.cfg.Calls = append(f.cfg.Calls, agg.Call{Fn: aggregate("sum", fn.Sum, ts[1]), Args: []int{1}, Filter: -1})
			oracle = append(oracle, enginetest.Aggregate{Kind: fn.Sum, Column: 1, Filter: -1, Result: types.T(types.Int8)})
		}
		all := enginetest.GroupBy(rows, []int{0}, oracle)
		known := map[string]bool{}
		var counts []int64
		for _, r := range all {
			known[fmt.Sprint(r)] = true
			counts = append(counts, r[1].I)
		}
		slices.Sort(counts)
		slices.Reverse(counts)
		counts = counts[:min(k, len(counts))]
		for i, s := range enginetest.Shapes {
			f.counts = (i+seed/2)%2 == 1 && len(f.cfg.Calls) == 1
			f.cfg.Rows = int64((i/2 + seed/4) % 2) // 1: entries are met in a table, until they are many
			g, p := f.pipelines()
			got, err := enginetest.Run(t, s, g.Types(), p...)
			if err != nil {
				t.Fatal(err)
			}
			var have []int64
			for _, r := range got {
				if !known[fmt.Sprint(r)] {
					t.Fatalf("seed %d %v: group %v is not one of the oracle's", seed, s, r)
				}
				have = append(have, r[1].I)
			}
			slices.Sort(have)
			slices.Reverse(have)
			if len(have) < len(counts) || !slices.Equal(have[:len(counts)], counts) {
				t.Fatalf("seed %d %v: counts %v, want %v", seed, s, have, counts)
			}
		}
	}
}

// TestLimit asks for any groups: those that come must be whole.
func TestLimit(t *testing.T) {
	for seed := range 12 {
		rng := rand.New(rand.NewPCG(uint64(seed), 11))
		cols := []enginetest.Column{
			{Type: types.T(types.Int8), Distinct: []int{3, 50, 20000}[seed%3], Nulls: 0.01}, {Type: types.T(types.Text), Distinct: 100, Nulls: 0.1},
			{Type: types.T(types.Int4), Distinct: 100},
		}
		ts := enginetest.Types(cols)
		rows := enginetest.Random(rng, cols, 20000)
		f := &fixture{rel: enginetest.NewRelation(ts, rows, 3, rng), stats: true, keys: []int{0, 1}[:1+seed%2], cfg: agg.Config{In: ts, Limit: []int64{1, 10, 1000}[seed/3%3],
			Calls: []agg.Call{countStar(), {Fn: aggregate("sum", fn.Sum, ts[2]), Args: []int{2}, Filter: -1}}}}
		if seed%5 == 4 {
			f.keys = []int{1}
		}
		for _, k := range f.keys {
			f.cfg.Keys = append(f.cfg.Keys, agg.Key{Column: k, Origin: k})
		}
		known := map[string]bool{}
		all := enginetest.GroupBy(rows, f.keys, []enginetest.Aggregate{{Kind: fn.CountStar, Filter: -1, Result: types.T(types.Int8)},
			{Kind: fn.Sum, Column: 2, Filter: -1, Result: types.T(types.Int8)}})
		for _, r := range all {
			known[fmt.Sprint(r)] = true
		}
		for _, s := range enginetest.Shapes {
			g, p := f.pipelines()
			got, err := enginetest.Run(t, s, g.Types(), p...)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, r := range got {
				key := fmt.Sprint(r)
				if !known[key] || seen[key] {
					t.Fatalf("seed %d %v: group %v is not one of the oracle's, or came twice", seed, s, r)
				}
				seen[key] = true
			}
			if len(got) < min(len(all), int(f.cfg.Limit)) {
				t.Fatalf("seed %d %v: %d groups of %d, limit %d", seed, s, len(got), len(all), f.cfg.Limit)
			}
		}
	}
}
