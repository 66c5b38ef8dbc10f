package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Table is random rows of all types in random vector forms. Column 0 numbers the rows from 0, column 1 is a boolean that
// chooses some of them; those of AllTypes follow.
type Table struct {
	Types    []types.Type
	Rows     []Row
	Relation *Relation
}

// FirstColumn is the first column of AllTypes in a Table.
const FirstColumn = 2

// NewTable makes a table of n rows in parts of their own forms, a share of whose values is NULL.
func NewTable(rng *rand.Rand, n, parts int, nulls float64) *Table {
	cols := []Column{{Type: types.T(types.Int8)}, {Type: types.T(types.Bool), Distinct: 2, Nulls: nulls}}
	for _, t := range AllTypes {
		cols = append(cols, Column{Type: t, Distinct: []int{1, 9, 500}[rng.IntN(3)], Nulls: nulls, Skew: rng.IntN(3) == 0})
	}
	x := &Table{Types: Types(cols), Rows: Random(rng, cols, n)}
	for i := range x.Rows {
		x.Rows[i][0] = types.IntOf(cols[0].Type, int64(i))
	}
	x.Relation = NewRelation(x.Types, x.Rows, parts, rng)
	return x
}

// Columns returns the ordinals of all columns.
func (x *Table) Columns() []int {
	out := make([]int, len(x.Types))
	for i := range out {
		out[i] = i
	}
	return out
}

// Batches returns the rows as the batches that the relation holds, in all their forms.
func (r *Relation) Batches() []*batch.Batch {
	var out []*batch.Batch
	for _, p := range r.parts {
		out = append(out, p.batches...)
	}
	return out
}

// Cross calls f for tables of sizes around those of batches, without NULLs, with some, and with nothing else, and for
// every shape.
func Cross(t *testing.T, f func(t *testing.T, x *Table, s Shape)) {
	t.Helper()
	sizes, shares := []int{0, 1, 65, 2049, 4100}, []float64{0, 0.3, 1}
	if testing.Short() {
		sizes, shares = []int{0, 65, 2049}, []float64{0.3}
	}
	for seed, n := range sizes {
		for _, nulls := range shares {
			rng := rand.New(rand.NewPCG(uint64(seed), uint64(nulls*100)))
			x := NewTable(rng, n, 1+seed%3, nulls)
			for _, s := range Shapes {
				if n > 1000 && (nulls != 0.3 || s.BatchRows == 1) {
					continue // slow, and seen with fewer rows
				}
				t.Run(fmt.Sprintf("%d rows, NULLs %v, %+v", n, nulls, s), func(t *testing.T) { f(t, x, s) })
			}
		}
	}
}

// Before returns a source that calls f before it hands out its k-th batch, counted over all workers from 0.
func Before(s op.Source, k int64, f func()) op.Source { return &before{Source: s, k: k, f: f} }

type before struct {
	op.Source
	k       int64
	f       func()
	batches atomic.Int64
}

func (b *before) Producer(t *op.Task, worker int) (op.Producer, error) {
	p, err := b.Source.Producer(t, worker)
	return &beforeProducer{p, b}, err
}

type beforeProducer struct {
	op.Producer
	b *before
}

func (p *beforeProducer) Next(ctx context.Context) (*batch.Batch, error) {
	if p.b.batches.Add(1)-1 == p.b.k {
		p.b.f()
	}
	return p.Producer.Next(ctx)
}
