// Package scan is the language between those who read tables and those who store them: which columns, which rows, what
// was pruned. It is smaller than SQL on purpose: whatever stands in a Request can be answered by a segment without
// decoding the rows it drops.
//
// A Relation hands out Scans, a Scan hands out one Reader per worker, and Readers share an atomic counter of morsels.
// Requests are immutable once Open was called, except for their Late terms and Counters, which are safe for concurrent
// use.
package scan

import (
	"context"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Op is what a Term asks of a column.
type Op uint8

// The operations. A NULL never satisfies any of them but IsNull. Order and equality are those of types.Compare
// (strings by bytes).
const (
	Eq Op = iota
	Ne
	Lt
	Le
	Gt
	Ge
	In // any of Values, which are sorted and distinct
	IsNull
	IsNotNull
	Entries // whatever the Filter says
)

// Term is one condition on one column.
type Term struct {
	Column int // ordinal in the relation's column list
	Op     Op
	Values []types.Datum // of the column's type, never NULL: one for Eq to Ge, any number for In
	Filter EntryFilter   // of Entries
	// Set of In on a column of integers takes the place of a list: Values has only its least and its greatest member.
	Set  *kernel.IntSet
	Text string // for EXPLAIN
}

// EntryFilter is any deterministic predicate over one column. A relation applies it once per dictionary entry where it
// has a dictionary and per row elsewhere. It is called by several workers at once.
type EntryFilter interface {
	// Filter sets bit i of out where the predicate is true for row i of v (false and NULL leave it clear). v is flat
	// or constant, of any length; out has v.Len bits, all zero.
	Filter(v *batch.Vector, out batch.Bitmap) error
}

// Late is a term that becomes known, or tighter, while the scan runs: the bound of a top-k, the key range of a join's
// build side. Rows that fail it may be dropped, or not: it must never be needed for a right answer.
type Late struct{ term atomic.Pointer[Term] }

// Set publishes a term.
func (l *Late) Set(t *Term) { l.term.Store(t) }

// Get returns the newest term, or nil.
func (l *Late) Get() *Term { return l.term.Load() }

// RowNumber stands, among the Columns of a Request, for the number that a row of a stored table has for good: a bigint,
// never NULL, by which it is deleted. Terms cannot use it.
const RowNumber = -1

// TypeOf returns the type of a column of a request, for a relation whose columns are of types ts.
func TypeOf(ts []types.Type, column int) types.Type {
	if column < 0 {
		return types.T(types.Int8)
	}
	return ts[column]
}

// Request is what a reader asks for. The rows of the answer satisfy every term.
type Request struct {
	Columns []int // ordinals to return, in this order, RowNumber or Identity; may be empty: only the number of rows counts
	Terms   []Term
	Late    []*Late
	// Counted asks for values with the numbers of their rows. Columns has one column, all terms are on it, and batches
	// get one more column of type int8, never NULL: for how many rows of the answer a row of the batch stands. Parts
	// whose dictionaries count rows (ColumnStats.Counted) hand out every value once, others every row by itself.
	Counted bool
	// Few says that few rows are going to be returned, and that nothing but these rows is read of dictionaries: a part
	// may leave the strings of all other entries where they are. Dictionaries then tells nothing of such columns.
	Few bool
	// AnyOrder says that the order of the rows is nobody's concern: a part may exchange rows that lie near each other.
	AnyOrder  bool
	BatchRows int // most rows per batch; 0 means batch.MaxRows. Tests use 1 and 3.
	Account   *mem.Account
	Counters  *Counters // nil: not counted
}

// Counters tell what a scan did, for EXPLAIN ANALYZE and tests.
type Counters struct {
	Segments, SegmentsPruned atomic.Int64 // by segment statistics
	Zones, ZonesPruned       atomic.Int64 // of 8,192 rows, by zone maps
	RowsScanned              atomic.Int64 // rows to which a term was applied, or returned without one
	RowsReturned             atomic.Int64
	LiveRows                 atomic.Int64 // of RowsScanned, from live segments
	RowsOnPacked             atomic.Int64 // term evaluations done on packed values or dictionary codes
	RowsDecodedForTerms      atomic.Int64 // term evaluations that had to decode the value first
	ValuesDecoded            atomic.Int64 // values of returned columns that were decoded
	EntriesFiltered          atomic.Int64 // dictionary entries an EntryFilter looked at
	BytesRead                atomic.Int64 // from disk into the cache
}

// ColumnStats is what is known of a column without reading it. Bounds are true for every row that the snapshot holds,
// though they may be wider than the values.
type ColumnStats struct {
	Rows     int64
	Nulls    int64 // -1: unknown
	Distinct int64 // an estimate; -1: unknown
	HasRange bool
	Min, Max types.Datum
	// Counted is how many of the rows lie in parts that answer a counted request with each value once.
	Counted int64
	// AvgBytes is the average length of strings, 0 when unknown.
	AvgBytes float64
}

// Relation is a table, seen in one snapshot.
type Relation interface {
	Types() []types.Type
	Rows() int64
	Stats(column int) ColumnStats
	// Open plans a scan. The caller closes it after all its readers are closed.
	Open(ctx context.Context, req *Request) (Scan, error)
}

// Scan is one reading of a relation.
type Scan interface {
	// Reader returns a reader for one worker.
	Reader() (Reader, error)
	// Dictionaries returns every dictionary whose codes this scan may return for a column of the request. all is false
	// when it may also return values outside dictionaries.
	Dictionaries(column int) (dicts []*batch.Dictionary, all bool)
	Close()
}

// Reader hands out batches to one worker.
type Reader interface {
	// Next fills out with the next rows: at least one, without a selection. False means the end. The rows are valid
	// until the following Next.
	Next(ctx context.Context, out *batch.Batch) (bool, error)
	Close()
}
