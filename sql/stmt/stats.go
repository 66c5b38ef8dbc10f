package stmt

import (
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/catalog"
)

// relationStats is what the optimizer knows of stored columns: what the segments of the transaction's snapshot say.
type relationStats struct{ tx *Tx }

// Table returns a table's rows as the transaction sees them.
func (r relationStats) Table(t *catalog.Table) (stats.Table, bool) {
	rel, err := r.tx.Table(t.ID)
	if err != nil {
		return nil, false
	}
	return rel, true
}
