package aggstate

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Output is where a value goes: row At of the Len rows of a vector. Rows come one after the other. It belongs to one
// goroutine.
type Output struct {
	Vector  *batch.Vector
	At, Len int

	account *mem.Account
	charged int64 // for the text of lists
}

// NewOutput returns an output that charges lists to an account.
func NewOutput(acc *mem.Account) Output { return Output{account: acc} }

// Release gives back what lists were charged for.
func (o *Output) Release() {
	o.account.Free(o.charged)
	o.charged = 0
}

func (o *Output) phys() types.Physical { return o.Vector.Type.Physical() }

// Null makes the value NULL; a string vector gets an empty string.
func (o *Output) Null() {
	if o.phys() == types.PhysBytes {
		o.Vector.AppendBytes(nil)
	} else {
		o.words(0, 0)
	}
	o.Vector.Nulls(o.Len).Clear(o.At)
}

// Nothing makes the value that of no rows.
func (o *Output) Nothing(c *Call) {
	if c.Fn.Zero {
		o.words(0, 0)
		return
	}
	o.Null()
}

// words writes a value of fixed width.
func (o *Output) words(w0, w1 uint64) { hashtable.SetWords(o.Vector, o.At, [2]uint64{w0, w1}) }

// decimal writes a decimal in the type of the vector.
func (o *Output) decimal(d decimal.Decimal) error {
	x, err := types.NumericDatum(o.Vector.Type, d)
	if err != nil {
		return err
	}
	if o.phys() == types.PhysBytes {
		o.Vector.AppendString(x.S)
		return nil
	}
	o.words(uint64(x.I), uint64(x.Hi))
	return nil
}

// interval writes months, days and microseconds, if they fit.
func (o *Output) interval(r []uint64) error {
	months, days := int64(r[0]), int64(r[1])
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return intervalRange()
	}
	o.words(uint64(uint32(months))|uint64(uint32(days))<<32, r[2])
	return nil
}

// listsMaxBytes is the most that the lists of one batch of groups may be long together: PostgreSQL's limit of one value,
// and far from the 4 GiB that the offsets of strings hold.
const listsMaxBytes = 1 << 30

// room makes room for n more bytes of text in a list, and charges what the vector grows by until Release.
func (o *Output) room(n int) error {
	v := o.Vector
	need := len(v.Data) + n
	switch {
	case need > listsMaxBytes:
		return errs.New(errs.ProgramLimitExceeded, "the lists of string_agg or array_agg are longer than %d bytes", listsMaxBytes)
	case need <= cap(v.Data):
		return nil
	}
	more := max(need, 2*cap(v.Data)) - len(v.Data)
	if err := o.account.Reserve(int64(more)); err != nil {
		return err
	}
	o.charged += int64(more)
	v.Data = slices.Grow(v.Data, more)
	return nil
}
