package shelf

import (
	"cmp"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
)

// Limits say when a live segment takes no more rows.
type Limits struct {
	Rows  int
	Bytes int64
	Age   time.Duration
}

// Of returns the limits of a table: those that it has by its options, for the others l.
func (l Limits) Of(t *catalog.Table) Limits {
	o := &t.Options
	return Limits{cmp.Or(o.SealRows, l.Rows), cmp.Or(o.SealBytes, l.Bytes), cmp.Or(o.SealAge, l.Age)}
}
