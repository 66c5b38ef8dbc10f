package agg

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Key is one column to group by. NULLs form one group.
type Key struct {
	Column int // ordinal in Config.In
	// Stats are those of the table column that the key comes from unchanged; their bounds must hold for every row.
	// The zero value means that nothing is known.
	Stats scan.ColumnStats
	// Origin is the column's number in the request of Config.Scan, and -1 (or Config.Scan nil) for a derived key.
	Origin int
}

// Call is one aggregate to compute.
type Call struct {
	Fn       *fn.Aggregate
	Args     []int // ordinals in Config.In; empty for count(*)
	Distinct bool
	Filter   int // ordinal of a boolean column (FILTER), or -1
	// OrderBy is the order of the values inside string_agg and array_agg.
	OrderBy []Order
}

// Order is one sort key inside an ordered aggregate.
type Order struct {
	Column           int // ordinal in Config.In
	Desc, NullsFirst bool
}

// Top says that only the K groups with the largest (Desc) or smallest value of one call are needed, and that it does
// not matter which of the groups with equal values are taken. The Group may return more groups than that, never fewer.
// NULL values come where PostgreSQL puts them by default: first when Desc, last otherwise.
type Top struct {
	Call int
	Desc bool
	K    int64
}

// Column is what is known of an input column that is no key: its statistics, which must hold for every row, and its
// number in the request of Config.Scan, -1 for a derived column.
type Column struct {
	Stats  scan.ColumnStats
	Origin int
}

// Dictionaries tells which dictionaries a column's codes may come from, and whether values may come in no other way;
// *source.Scan is one. It is asked when the Group is opened, after its pipeline's source.
type Dictionaries interface {
	Dictionaries(column int) ([]*batch.Dictionary, bool)
}

// Weight is a column that tells how often each row counts.
type Weight struct {
	Column int // ordinal in Config.In: int8, never NULL, at least 1
	// Once says that rows whose weight is not a constant 1 are entries of dictionaries, each of which comes once, and in
	// ascending order within a batch: what a counted request hands out.
	Once bool
}

// Config describes an aggregation. The output has the keys, in order, then the calls.
type Config struct {
	In    []types.Type
	Keys  []Key // none: one row, always
	Calls []Call
	// Columns describes the input columns, for distinct values; nil: nothing is known of them.
	Columns []Column
	// Rows is the planner's estimate of the number of input rows, 0 when it has none. It decides whether it pays to
	// look at all entries of dictionaries.
	Rows int64
	// Expected is the planner's estimate of the number of groups, 0 when it has none. It only sizes tables.
	Expected int64
	Top      *Top // nil: all groups are needed
	// Limit says that any Limit groups are enough; the Group may return more. 0: all groups are needed.
	Limit int64
	// Weight is set when rows count several times: entries of dictionaries with the numbers of their rows, groups that
	// were counted before. All calls must take it (aggstate.Weighs).
	Weight *Weight      // nil: every row counts once
	Scan   Dictionaries // nil: no key is a plain column of a scan
}

// Types returns the types of the output columns.
func (c *Config) Types() []types.Type {
	ts := make([]types.Type, 0, len(c.Keys)+len(c.Calls))
	for _, k := range c.Keys {
		ts = append(ts, c.In[k.Column])
	}
	for i := range c.Calls {
		ts = append(ts, c.Calls[i].result(c.In))
	}
	return ts
}

// result returns the type of a call's value.
func (c *Call) result(in []types.Type) types.Type {
	args := make([]types.Type, len(c.Args))
	for i, a := range c.Args {
		args[i] = in[a]
	}
	return c.Fn.Result(args)
}
