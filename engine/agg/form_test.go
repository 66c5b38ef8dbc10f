package agg_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// exporting hands out the states of an aggregation in place of combining them.
type exporting struct {
	*agg.Group
	header  []byte
	records [][]byte
}

func (e *exporting) Combine(*op.Task) error {
	e.header = e.AppendHeader(nil)
	return e.States(func(b []byte) error {
		e.records = append(e.records, bytes.Clone(b))
		return nil
	})
}

// states aggregates rows, and returns their states in binary form.
func states(t testing.TB, cfg agg.Config, rel *enginetest.Relation, workers int, space *spill.Space) (header []byte, records [][]byte) {
	t.Helper()
	req := scan.Request{}
	for i := range cfg.In {
		req.Columns = append(req.Columns, i)
	}
	src := source.NewScan(rel, req)
	cfg.Scan = src
	e := &exporting{Group: agg.New(cfg)}
	acc := memtest.Pool(t, 0).Account("test", 0)
	task := &op.Task{Ctx: context.Background(), Workers: workers, Account: acc, BatchRows: 500, Spill: space}
	if err := exec.Run(task, &exec.Plan{Pipelines: []*exec.Pipeline{{Source: src, Sink: e}}}); err != nil {
		t.Fatal(err)
	}
	if acc.Used() != 0 {
		t.Errorf("%d bytes were not given back", acc.Used())
	}
	return e.header, e.records
}

// merged merges records and returns the groups, under an account of limit bytes.
func merged(t testing.TB, cfg agg.Config, records [][]byte, limit int64) (rows []enginetest.Row, err error) {
	space, clean := enginetest.Space(t, spill.Options{})
	defer clean()
	acc := memtest.Pool(t, 0).Account("test", limit)
	task := &op.Task{Ctx: context.Background(), Workers: 1, Account: acc, BatchRows: 100, Spill: space}
	g := agg.New(cfg)
	defer func() {
		g.Close()
		if acc.Used() != 0 {
			t.Errorf("%d bytes were not given back", acc.Used())
		}
	}()
	if err := g.Open(task); err != nil {
		return nil, err
	}
	for _, b := range records {
		if err := g.Merge(b); err != nil {
			return nil, err
		}
	}
	if err := g.Combine(task); err != nil {
		return nil, err
	}
	p, err := g.Producer(task, 0)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	for {
		b, err := p.Next(task.Ctx)
		if b == nil || err != nil {
			return rows, err
		}
		rows = append(rows, enginetest.Rows(b)...)
	}
}

// split divides rows among a few relations at random.
func split(rng *rand.Rand, ts []types.Type, rows []enginetest.Row) []*enginetest.Relation {
	parts := make([][]enginetest.Row, 1+rng.IntN(4))
	for _, r := range rows {
		i := rng.IntN(len(parts))
		parts[i] = append(parts[i], r)
	}
	var rels []*enginetest.Relation
	for _, p := range parts {
		rels = append(rels, enginetest.NewRelation(ts, p, 1+rng.IntN(2), rng))
	}
	return rels
}

// TestStatesAgainstOracle aggregates random parts of rows, and merges their states in random order.
func TestStatesAgainstOracle(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 50
	}
	for seed := range rounds {
		rng := rand.New(rand.NewPCG(uint64(seed), 11))
		f := randomFixture(rng, []int{0, 1, 100, 2000}[rng.IntN(4)])
		var all [][]byte
		for i, rel := range split(rng, f.cfg.In, f.rows) {
			space, clean := enginetest.Space(t, spill.Options{Force: i%2 == 1})
			_, records := states(t, f.cfg, rel, 1+rng.IntN(2), space)
			clean()
			all = append(all, records...)
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got, err := merged(t, f.cfg, all, 0)
		if err != nil {
			t.Fatalf("seed %d, %v: %v", seed, f, err)
		}
		enginetest.Equal(t, fmt.Sprintf("seed %d, %v", seed, f), got, enginetest.GroupBy(f.rows, f.keys, f.calls))
	}
}

// everything is an aggregation with every registered aggregate over every type that it takes, plain and distinct, by
// the first two columns.
func everything() (agg.Config, []enginetest.Column) {
	cols := []enginetest.Column{{Type: types.T(types.Int4), Distinct: 7, Nulls: 0.1}, {Type: types.T(types.Text), Distinct: 3}}
	for _, t := range append(slices.Clone(enginetest.AllTypes), types.T(types.Timestamptz), types.T(types.Bytea)) {
		cols = append(cols, enginetest.Column{Type: t, Distinct: 20, Nulls: 0.2})
	}
	cfg := agg.Config{In: enginetest.Types(cols), Keys: []agg.Key{{Column: 0, Origin: -1}, {Column: 1, Origin: -1}}}
	names := map[string]bool{}
	for _, a := range fn.Aggregates() {
		if names[a.Name] {
			continue
		}
		names[a.Name] = true
		for c, col := range cols {
			cfg.Calls = append(cfg.Calls, callsOf(a.Name, c, col.Type)...)
		}
	}
	return cfg, cols
}

// callsOf returns the calls of an aggregate over a column, none when it would need a cast. Lists have an order, and a
// value of the group is asked for where all are equal.
func callsOf(name string, column int, t types.Type) (calls []agg.Call) {
	args, ordinals := []types.Type{t}, []int{column}
	if name == "string_agg" {
		args, ordinals = append(args, t), append(ordinals, column)
	}
	a, want, err := fn.ResolveAggregate(name, args)
	float := t.Physical() == types.PhysFloat32 || t.Physical() == types.PhysFloat64
	if err == nil && a.Kind == fn.ArrayAgg && float {
		return nil // 0 and -0 come in any order
	}
	if err != nil || len(want) > 0 && want[0].Kind != t.Kind || len(a.Args) != len(args) || a.Kind == fn.AnyValue && column > 1 {
		return nil
	}
	call := agg.Call{Fn: a, Args: ordinals, Filter: -1}
	if a.Kind == fn.StringAgg || a.Kind == fn.ArrayAgg {
		call.OrderBy = []agg.Order{{Column: column}}
		return []agg.Call{call}
	}
	distinct := call
	distinct.Distinct = true
	return []agg.Call{call, distinct}
}

// TestStatesOfEverything compares merged states with the aggregation in memory, for every aggregate there is.
func TestStatesOfEverything(t *testing.T) {
	cfg, cols := everything()
	rng := rand.New(rand.NewPCG(3, 3))
	rows := enginetest.Random(rng, cols, 400)
	ts := enginetest.Types(cols)
	rel := enginetest.NewRelation(ts, rows, 2, rng)
	run := func(s enginetest.Shape) []enginetest.Row {
		req := scan.Request{}
		for i := range ts {
			req.Columns = append(req.Columns, i)
		}
		src, g := source.NewScan(rel, req), agg.New(cfg)
		rows, err := enginetest.Run(t, s, g.Types(), &exec.Pipeline{Source: src, Sink: g}, &exec.Pipeline{Source: g})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := run(enginetest.Shape{BatchRows: 2048, Workers: 1})
	if len(want) < 10 || len(cfg.Calls) < 150 {
		t.Fatalf("%d groups, %d calls", len(want), len(cfg.Calls))
	}
	enginetest.Equal(t, "spilled", run(enginetest.Shape{BatchRows: 100, Workers: 1, Spill: true}), want)
	var all [][]byte
	for _, part := range split(rng, ts, rows) {
		_, records := states(t, cfg, part, 1, nil)
		all = append(all, records...)
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	got, err := merged(t, cfg, all, 0)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Equal(t, "merged", got, want)
}

// TestStatesGolden pins the bytes.
func TestStatesGolden(t *testing.T) {
	cfg, cols := everything()
	rows := enginetest.Random(rand.New(rand.NewPCG(4, 4)), cols, 3)
	header, records := states(t, cfg, enginetest.NewRelation(cfg.In, rows, 1, nil), 1, nil)
	lines := make([]string, 0, len(records))
	for _, b := range records {
		lines = append(lines, hex.EncodeToString(b))
	}
	slices.Sort(lines)
	got := hex.EncodeToString(header) + "\n" + strings.Join(lines, "\n") + "\n"
	const path = "testdata/states.golden"
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the binary form of states differs from %s; it is kept in files: make another version", path)
	}
	checkHeader(t, cfg, header)
}

func checkHeader(t *testing.T, cfg agg.Config, header []byte) {
	t.Helper()
	g := agg.New(cfg)
	defer g.Close()
	if err := g.Open(&op.Task{Ctx: context.Background(), Workers: 1, Account: memtest.Pool(t, 0).Account("test", 0)}); err != nil {
		t.Fatal(err)
	}
	if err := g.CheckHeader(header); err != nil {
		t.Error(err)
	}
	header[1]++ // behind the key of field 2
	if err := g.CheckHeader(header); !errs.Is(err, errs.FeatureNotSupported) {
		t.Errorf("another version: %v", err)
	}
	header[1]--
	header[len(header)-1]++
	if err := g.CheckHeader(header); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("another aggregation: %v", err)
	}
}

// FuzzMerge merges damaged records: XX001 or an answer, never a panic, and no more memory than the record is worth.
func FuzzMerge(f *testing.F) {
	cfg, cols := everything()
	rng := rand.New(rand.NewPCG(5, 5))
	rows := enginetest.Random(rng, cols, 4)
	_, records := states(f, cfg, enginetest.NewRelation(cfg.In, rows, 1, nil), 1, nil)
	for _, b := range records {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		if _, err := merged(t, cfg, [][]byte{record}, 64<<20); err != nil && errs.From(err).Code == errs.InternalError {
			t.Error(err)
		}
	})
}

// TestMergeDamaged flips and cuts records.
func TestMergeDamaged(t *testing.T) {
	cfg, cols := everything()
	rng := rand.New(rand.NewPCG(6, 6))
	_, records := states(t, cfg, enginetest.NewRelation(cfg.In, enginetest.Random(rng, cols, 30), 1, nil), 1, nil)
	failed := 0
	for range 300 {
		b := bytes.Clone(records[rng.IntN(len(records))])
		if len(b) == 0 {
			t.Fatal("an empty record")
		}
		if rng.IntN(3) == 0 {
			b = b[:rng.IntN(len(b))]
		} else {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		_, err := merged(t, cfg, [][]byte{b}, 64<<20)
		if err != nil {
			failed++
		}
		if errs.Is(err, errs.InternalError) || errs.Is(err, errs.OutOfMemory) {
			t.Errorf("%x: %v", b, err)
		}
	}
	if failed < 100 {
		t.Errorf("only %d of 300 were found", failed)
	}
}

// TestMergeBeyondMemory merges more groups than fit: they are divided, and divided again.
func TestMergeBeyondMemory(t *testing.T) {
	int8 := types.T(types.Int8)
	cols := []enginetest.Column{{Type: int8, Distinct: 1 << 40}, {Type: types.T(types.Text), Distinct: 1 << 20}}
	rng := rand.New(rand.NewPCG(7, 7))
	rows := enginetest.Random(rng, cols, 40_000)
	cfg := agg.Config{In: enginetest.Types(cols), Keys: []agg.Key{{Column: 0, Origin: -1}}}
	var calls []enginetest.Aggregate
	for _, c := range []struct {
		name     string
		kind     fn.AggKind
		column   int
		distinct bool
	}{{"count", fn.CountStar, 0, false}, {"max", fn.Max, 1, false}, {"count", fn.Count, 1, true}} {
		call := agg.Call{Fn: aggregate(c.name, c.kind, cols[c.column].Type), Filter: -1, Distinct: c.distinct}
		if c.kind != fn.CountStar {
			call.Args = []int{c.column}
		}
		cfg.Calls = append(cfg.Calls, call)
		calls = append(calls, enginetest.Aggregate{Kind: c.kind, Column: c.column, Distinct: c.distinct, Filter: -1, Result: call.Fn.Result([]types.Type{cols[c.column].Type})})
	}
	_, records := states(t, cfg, enginetest.NewRelation(cfg.In, rows, 2, rng), 2, nil)
	got, err := merged(t, cfg, records, 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Equal(t, "merged", got, enginetest.GroupBy(rows, []int{0}, calls))
}

// TestHeaderBits flips every bit of a header: all of it says what the records are, so that each flip is refused.
func TestHeaderBits(t *testing.T) {
	cfg, cols := everything()
	header, _ := states(t, cfg, enginetest.NewRelation(cfg.In, enginetest.Random(rand.New(rand.NewPCG(4, 4)), cols, 3), 1, nil), 1, nil)
	g := agg.New(cfg)
	defer g.Close()
	if err := g.Open(&op.Task{Ctx: context.Background(), Workers: 1, Account: memtest.Pool(t, 0).Account("test", 0)}); err != nil {
		t.Fatal(err)
	}
	for i := range header {
		for bit := range 8 {
			header[i] ^= 1 << bit
			if err := g.CheckHeader(header); !errs.Is(err, errs.DataCorrupted) && !errs.Is(err, errs.FeatureNotSupported) {
				t.Errorf("byte %d, bit %d of %d bytes: %v", i, bit, len(header), err)
			}
			header[i] ^= 1 << bit
		}
		if err := g.CheckHeader(header[:i]); err == nil {
			t.Errorf("%d of %d bytes are taken", i, len(header))
		}
	}
	if err := g.CheckHeader(header); err != nil {
		t.Error(err)
	}
}
