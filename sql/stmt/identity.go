package stmt

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// typesOf returns the types of the first n columns of rows on their way into a table: its own, and behind them the
// identities of new versions of rows.
func typesOf(t *catalog.Table, n int) []types.Type {
	return append(slices.Clip(t.Types()), shelf.IdentityColumn.Type)[:n]
}

// withIdentities returns rows on their way into a table of n columns with the hidden column, which is NULL where they came
// without one.
func withIdentities(b *batch.Batch, n int) *batch.Batch {
	if len(b.Cols) > n {
		return b
	}
	ids := new(batch.Vector)
	ids.ResetConstant(types.NullOf(shelf.IdentityColumn.Type), b.Len)
	return &batch.Batch{Len: b.Len, Cols: append(slices.Clip(b.Cols), ids)}
}
