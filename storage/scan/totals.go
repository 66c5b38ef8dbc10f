package scan

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/types"
)

// Totaler is a Part or a Relation that may know the Totals of its columns; false: not of this one.
type Totaler interface {
	Totals(column int) (Totals, bool)
}

// Totals is what a part knows of all its rows in a column, exactly: it answers aggregates without a scan, as long as the
// query has no condition and no row of the part is deleted.
type Totals struct {
	Rows, Nulls int64
	// HasRange: Min and Max are the least and the greatest value, exactly, and there is at least one.
	HasRange bool
	Min, Max types.Datum
	// HasSum: the sum of the values that are not NULL (integers, and decimals as scaled integers of up to 18 digits)
	// is the two's complement 128-bit number SumHi, SumLo.
	HasSum bool
	SumLo  uint64
	SumHi  int64
	// StringBytes is the total length of the strings, as they are stored; live parts leave it 0.
	StringBytes int64
	// Distinct is the number of distinct values, an estimate unless DistinctExact.
	Distinct      int64
	DistinctExact bool
	// Common are values that many rows have, the most common first, with the exact number of their rows. Not all of such
	// values need be among them.
	Common []Common
}

// Common is a value that many rows of a column have.
type Common struct {
	Value types.Datum
	Rows  int64
}

// AddSum adds the sum of another part. The result has a sum when both have.
func (t *Totals) AddSum(o *Totals) {
	var carry uint64
	t.SumLo, carry = bits.Add64(t.SumLo, o.SumLo, 0)
	t.SumHi += o.SumHi + int64(carry)
	t.HasSum = t.HasSum && o.HasSum
}

// Add adds the rows of another part. Bounds and sums are known when both sides know theirs, or have no
// values.
func (t *Totals) Add(o *Totals) {
	none := t.Rows == t.Nulls
	t.Rows, t.Nulls = t.Rows+o.Rows, t.Nulls+o.Nulls
	if o.Rows == o.Nulls {
		return
	}
	if none {
		t.HasRange, t.Min, t.Max = o.HasRange, o.Min, o.Max
		t.HasSum, t.SumLo, t.SumHi = o.HasSum, o.SumLo, o.SumHi
		return
	}
	t.AddSum(o)
	if t.HasRange = t.HasRange && o.HasRange; !t.HasRange {
		return
	}
	if Order(o.Min, t.Min) < 0 {
		t.Min = o.Min
	}
	if Order(o.Max, t.Max) > 0 {
		t.Max = o.Max
	}
}
