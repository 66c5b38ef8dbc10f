package scan

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
)

// Counted are the rows of a part by the entries of one column's dictionary: its Counts, which may be fewer than its
// entries, and NULLs.
type Counted struct {
	Dict  *batch.Dictionary
	Nulls int64
}

// Counter is a Scan that can hand over rows without reading them.
type Counter interface {
	// TakeCounted takes the parts of which all rows are wanted and whose rows the dictionary of a column of the request
	// counts: readers will not return these rows. It is called before the first reader is made.
	TakeCounted(ctx context.Context, column int) ([]Counted, error)
}

// EntryCounter is a PartScan that can count all its rows by the entries of a dictionary.
type EntryCounter interface {
	// CountEntries counts the rows by the dictionary of a column of the request, which has one. The terms of the request
	// are not applied.
	CountEntries(ctx context.Context, column int) (Counted, error)
}
