package scan

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
)

// Part is a piece of a table whose rows live in one place: an immutable segment, a live segment up to a published row,
// or rows that a transaction has not committed yet. Package table sees all of them as this. Column numbers are the
// table's ordinals; a part that lacks a column (it was added later) reads it as NULL.
type Part interface {
	Rows() int
	Stats(column int) ColumnStats
	// Open compiles a request against this part. A nil PartScan without an error says that no row can match. To a counted
	// request a part that cannot count answers with Ones.
	Open(ctx context.Context, req *Request) (PartScan, error)
}

// PartScan is a request compiled against one part. It is shared by the workers.
type PartScan interface {
	// Morsels returns the number of units of work, each of some zones.
	Morsels() int
	// Dictionary returns the dictionary whose codes the scan returns for a column of the request, or nil when it
	// returns values.
	Dictionary(column int) *batch.Dictionary
	// Cursor makes the state of one worker.
	Cursor() (Cursor, error)
	Close()
}

// Cursor reads morsels for one worker.
type Cursor interface {
	// Seek starts a morsel.
	Seek(morsel int) error
	// Next fills out with the next matching rows of the morsel, at least one and at most the request's BatchRows;
	// false means that the morsel is finished.
	Next(ctx context.Context, out *batch.Batch) (bool, error)
	Close()
}

// Row counts of the storage layout. A vector is what one call of a kernel sees; a zone has min, max and nulls; a block
// is one encoded unit per column; a segment is sealed at SegmentRows.
const (
	VectorRows  = batch.MaxRows
	ZoneRows    = 8192
	BlockRows   = 65536
	SegmentRows = 1048576
	// MorselRows is what a worker takes at once: half a block, so that a segment gives 32 morsels and two workers end
	// within 3% of each other.
	MorselRows = 4 * ZoneRows
)

// EachBatch hands the rows of a scan of one part to do, in out.
func EachBatch(ctx context.Context, ps PartScan, out *batch.Batch, do func(*batch.Batch) error) error {
	c, err := ps.Cursor()
	if err != nil {
		return err
	}
	defer c.Close()
	for m := range ps.Morsels() {
		if err := c.Seek(m); err != nil {
			return err
		}
		for {
			ok, err := c.Next(ctx, out)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if err := do(out); err != nil {
				return err
			}
		}
	}
	return nil
}
