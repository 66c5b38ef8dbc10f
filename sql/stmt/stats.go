package stmt

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/catalog"
)

// relationStats is what the optimizer knows of stored columns: what the segments of the transaction's snapshot say.
type relationStats struct {
	ctx context.Context // of the optimization, which this does not outlive
	tx  *Tx
}

// Table returns a table's rows as the transaction sees them.
func (r relationStats) Table(t *catalog.Table) (stats.Table, bool) {
	rel, err := r.tx.Table(r.ctx, t.ID)
	if err != nil {
		return nil, false
	}
	return rel, true
}
