package order_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/order"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// compare is PostgreSQL's order of two rows by keys.
func compare(keys []order.Key, a, b enginetest.Row) int {
	for _, k := range keys {
		x, y := a[k.Column], b[k.Column]
		c := 0
		switch {
		case x.Null && y.Null:
		case x.Null || y.Null:
			if x.Null == k.NullsFirst {
				return -1
			}
			return 1
		case x.Type.Kind == types.Numeric && x.Type.Physical() == types.PhysBytes:
			c = bytes.Compare(decimal.Key([]byte(x.S)), decimal.Key([]byte(y.S)))
		default:
			c = types.Compare(x, y)
		}
		if k.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// TestOrderAgainstOracle sorts random rows in every shape, all of them and the first k.
func TestOrderAgainstOracle(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 60
	}
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		var cols []enginetest.Column
		for range 1 + rng.IntN(4) {
			cols = append(cols, enginetest.Column{Type: enginetest.AllTypes[rng.IntN(len(enginetest.AllTypes))],
				Distinct: []int{1, 4, 3000}[rng.IntN(3)], Nulls: []float64{0, 0.2}[rng.IntN(2)], Skew: rng.IntN(3) == 0})
		}
		ts := enginetest.Types(cols)
		rows := enginetest.Random(rng, cols, []int{0, 1, 50, 5000}[rng.IntN(4)])
		rel := enginetest.NewRelation(ts, rows, 1+rng.IntN(3), rng)
		var keys []order.Key
		for _, c := range rng.Perm(len(cols))[:1+rng.IntN(len(cols))] {
			keys = append(keys, order.Key{Column: c, Desc: rng.IntN(2) == 0, NullsFirst: rng.IntN(2) == 0})
		}
		cfg := order.Config{In: ts, Keys: keys, Limit: -1}
		if rng.IntN(3) > 0 {
			cfg.Limit = int64(rng.IntN(40))
		}
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b enginetest.Row) int { return compare(keys, a, b) })
		if cfg.Limit >= 0 {
			want = want[:min(len(want), int(cfg.Limit))]
		}
		for _, s := range enginetest.Shapes {
			check(t, fmt.Sprint("sort ", seed, s, keys, ts), cfg, rel, s, want)
			if cfg.Limit >= 0 {
				check(t, fmt.Sprint("top ", seed, s, keys, ts), cfg, rel, s, want)
			}
		}
	}
}

type both interface {
	op.Sink
	op.Source
}

func check(t *testing.T, what string, cfg order.Config, rel *enginetest.Relation, s enginetest.Shape, want []enginetest.Row) {
	t.Helper()
	req := scan.Request{}
	for i := range cfg.In {
		req.Columns = append(req.Columns, i)
	}
	var o both = order.NewSort(cfg)
	if what[0] == 't' {
		cfg.Late, cfg.LateColumn = &scan.Late{}, cfg.Keys[0].Column
		req.Late = []*scan.Late{cfg.Late}
		o = order.NewTopK(cfg)
	}
	src := source.NewScan(rel, req)
	got, err := enginetest.Run(t, s, cfg.In, &exec.Pipeline{Source: src, Sink: o}, &exec.Pipeline{Source: o})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i := range got { // rows with equal keys come in any order
		if compare(cfg.Keys, got[i], want[i]) != 0 {
			t.Fatalf("%s: row %d is %v, want %v", what, i, got[i], want[i])
		}
	}
	if cfg.Limit < 0 {
		enginetest.Equal(t, what, got, want)
	}
}
