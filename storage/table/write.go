// Package table sees the live segment and the immutable segments of a table as one: a Snapshot pins a picture, a scan
// reads its parts as morsels, and a Write appends to it.
package table

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/positions"
)

// Write is what is committed together: one log record, all or nothing, visible all at once.
type Write struct {
	// Edits change the catalog before anything happens to rows. A table that they create, with an id that the database has
	// given out for it, may have rows in the same write.
	Edits []catalog.Edit
	Rows  []Rows
	// Token makes the write happen at most once; nil for none.
	Token *Token
	// Positions are how far the write brings partitions of sources. It fails with 40001, and stores nothing, when one of
	// them is not where its move begins.
	Positions []positions.Move
	// Counters are how far sequences have come that the write makes, or starts anew.
	Counters []counter.Move
	// Wait is how long the write may wait for room when rows arrive faster than they are sealed, before it fails with
	// 53200; 0: as long as sealing goes on. A client that can be told to come back later sets it.
	Wait time.Duration
	// Hold is the one that the writer has on a table, nil for none.
	Hold *Hold
}

// Hold is a table that only one writer may write to for a while.
type Hold struct{ Table catalog.TableID }

// Rows are batches for one table. Columns are the table's, all of them, in order; batches have at most
// batch.MaxAppendRows rows. The table takes copies: the caller may reuse the batches when Commit returned.
type Rows struct {
	Table   catalog.TableID
	Version uint64 // the catalog.Table.Version the columns were made for
	Batches []*batch.Batch
	// Deleted are rows that go, by the numbers that a scan returned for scan.RowNumber in some snapshot. When one of
	// them has gone since, the write fails with 40001 and stores nothing. Updated says that their new versions are
	// among the batches, for the words of that error.
	Deleted *index.RowIDs
	Updated bool
	// Truncate takes away all rows of the table that were committed before the write, whatever snapshot saw them.
	Truncate bool
}

// Deletion is what a write takes away from a table: rows by their numbers, and all those whose numbers are below one.
type Deletion struct {
	Table catalog.TableID
	Rows  *index.RowIDs // nil: none
	Below uint64        // 0: none
}

// Token names a write of a client, so that repeating it is harmless (for 7 days).
type Token struct {
	Table  catalog.TableID // whose rows the write brings: another table of the same name has tokens of its own; 0: of no table
	Client string          // who, e.g. the role of an HTTP push
	Key    string          // the client's own name for the write
	// Content is a hash of what the client sent; 0 when nobody knows. A write with the token of another content is
	// refused (22023), since a client that uses a key twice would lose rows.
	Content uint64
}

// Counts tells whether rows of a table are among those that the answer to a write tells of: with a token they are those of
// the token's table, and not what goes to its reject table.
func (t *Token) Counts(id catalog.TableID) bool { return t == nil || t.Table == 0 || t.Table == id }

// Ack tells what became of a write.
type Ack struct {
	Sequence  uint64 // of the log record
	Rows      int64  // of the token's table, or of all
	Duplicate bool   // the token was known: nothing was stored now, Sequence and Rows are those of the first time
}
