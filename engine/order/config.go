package order

import (
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Key is one key of an order.
type Key struct {
	Column           int // ordinal in Config.In
	Desc, NullsFirst bool
}

// Config describes an order.
type Config struct {
	In   []types.Type
	Keys []Key
	// Limit is how many of the ordered rows come out. Sort takes -1 for all rows; TopK needs Limit >= 0.
	Limit int64
	// Late, when not nil, is told by a TopK which values of its first key can still get in; LateColumn is the key's
	// ordinal in the relation that is scanned. Nothing is published while NULLs come first, unless LateNotNull says
	// that the column has none.
	Late        *scan.Late
	LateColumn  int
	LateNotNull bool
}
