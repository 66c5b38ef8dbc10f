package window

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Call is one window function.
type Call struct {
	Function fn.WindowKind
	Fn       *fn.Aggregate // of fn.OverAggregate
	// Args are ordinals in Config.In: what an aggregate takes, or the value of lag, lead, first_value, last_value and
	// nth_value, and the default of lag and lead where there is one.
	Args []int
	// Number is how far lag and lead go, which value nth_value takes, how many buckets ntile makes.
	Number Number
	Filter int // ordinal of a boolean column, of an aggregate; -1: all rows count
	// Part is how many leading keys make the partition, Order how many keys in all make rows peers when they are equal.
	Part, Order int
	Frame       Frame
	Result      types.Type
}

// Number is an argument that is a number of rows: that of a column, or the same for all rows when Column is -1.
type Number struct {
	Column int
	Value  int64
	Null   bool
}

// Mode is the unit of a frame.
type Mode uint8

// The modes.
const (
	Range Mode = iota
	Rows
	Groups
)

// BoundKind is a kind of frame bound.
type BoundKind uint8

// The kinds of bounds, in their order.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// Bound is one end of a frame. Its offset is a value, or that of a column in any row when Column is not -1.
type Bound struct {
	Kind   BoundKind
	Column int
	Value  types.Datum
}

// Exclusion leaves rows out of a frame.
type Exclusion uint8

// What may be left out.
const (
	ExcludeNone Exclusion = iota
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

// Frame says which rows of the partition a call looks at. The zero value with CurrentRow as End is SQL's default.
type Frame struct {
	Mode       Mode
	Start, End Bound
	Exclude    Exclusion
}

// DefaultFrame is RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.
func DefaultFrame() Frame {
	return Frame{Start: Bound{Kind: UnboundedPreceding, Column: -1}, End: Bound{Kind: CurrentRow, Column: -1}}
}

// offset tells whether a bound has an offset.
func (b *Bound) offset() bool { return b.Kind == Preceding || b.Kind == Following }

// check refuses constant offsets that no row can have, as PostgreSQL does before it looks for rows.
func (f *Frame) check() error {
	for _, x := range []struct {
		b     *Bound
		which string
	}{{&f.Start, "starting"}, {&f.End, "ending"}} {
		if x.b.offset() && x.b.Column < 0 {
			if err := f.checkOffset(x.b.Value, x.which); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Frame) checkOffset(d types.Datum, which string) error {
	switch {
	case d.Null:
		return errs.New(errs.NullValueNotAllowed, "frame %s offset must not be null", which)
	case f.Mode != Range && d.I < 0:
		return errs.New(errs.InvalidFrameSize, "frame %s offset must not be negative", which)
	}
	return nil
}

// columns appends the ordinals that a call reads.
func (c *Call) columns(dst []int) []int {
	dst = append(dst, c.Args...)
	for _, at := range []int{c.Number.Column, c.Filter} {
		if at >= 0 {
			dst = append(dst, at)
		}
	}
	for _, b := range []*Bound{&c.Frame.Start, &c.Frame.End} {
		if b.offset() && b.Column >= 0 {
			dst = append(dst, b.Column)
		}
	}
	return dst
}

// framed tells whether the call looks at its frame.
func (c *Call) framed() bool {
	switch c.Function {
	case fn.OverAggregate, fn.FirstValue, fn.LastValue, fn.NthValue:
		return true
	}
	return false
}
