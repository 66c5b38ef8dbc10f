package relop_test

import (
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestProjectPieces makes strings that together take many times the memory that there is, row by row not: all of them
// come, in their order, beside columns that are handed on. One that is too long by itself fails.
func TestProjectPieces(t *testing.T) {
	text, int4 := types.T(types.Text), types.T(types.Int4)
	o, _, err := fn.Resolve("repeat", []types.Type{text, int4})
	if err != nil {
		t.Fatal(err)
	}
	in := []types.Type{int4, text}
	exprs := []expr.Expr{&expr.Column{Index: 0, T: int4}, &expr.Call{Fn: o, T: text,
		Args: []expr.Expr{&expr.Column{Index: 1, T: text}, &expr.Column{Index: 0, T: int4}}}}
	const limit = 512 << 10
	for _, most := range []int{2000, 100_000, limit} {
		b := batch.New(in)
		b.Reset()
		var want []row
		for i := range batch.MaxRows {
			n := i % 2000
			if i == 1500 {
				n = most
			}
			b.Cols[0].AppendDatum(types.IntOf(int4, int64(n)))
			b.Cols[1].AppendDatum(types.TextOf("xyz"))
			want = append(want, row{types.IntOf(int4, int64(n)), types.TextOf(strings.Repeat("xyz", n))})
			b.Len++
		}
		for _, s := range enginetest.Shapes {
			project := relop.NewProject(in, exprs, &fn.Context{Shared: fn.Bounded(limit)})
			got, err := run(t, s, source.NewValues(in, []*batch.Batch{b}), project)
			if most == limit {
				if !errs.Is(err, errs.OutOfMemory) {
					t.Errorf("a string of %d bytes: %v", 3*most, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			enginetest.Equal(t, "project", got, want)
		}
	}
}
