package relop

import (
	"bytes"

	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// First passes on the first row of every run of rows that are equal in some columns; NULLs are equal to each other. It
// stands behind an Ordered source, which has one worker.
type First struct {
	in   []types.Type
	keys []int
}

// NewFirst compares the columns keys.
func NewFirst(in []types.Type, keys []int) *First { return &First{in: in, keys: keys} }

// Types returns the types of the input.
func (f *First) Types() []types.Type { return f.in }

// Open does nothing.
func (f *First) Open(*op.Task) error { return nil }

// Close does nothing.
func (f *First) Close() {}

// Consumer makes the state of one worker.
func (f *First) Consumer(_ *op.Task, _ int, next op.Consumer) (op.Consumer, error) {
	return &firsts{f: f, next: next, out: batch.New(f.in), last: make([]keptValue, len(f.keys))}, nil
}

type firsts struct {
	f    *First
	next op.Consumer
	out  *batch.Batch
	idx  []uint16
	some bool // a row came, and last has its keys
	last []keptValue
}

// keptValue is a value that outlives its batch.
type keptValue struct {
	d types.Datum // without the bytes of a string
	s []byte
}

func (c *firsts) Consume(b *batch.Batch) error {
	if b.Len == 0 {
		return nil
	}
	c.idx = c.idx[:0]
	for i := range b.Len {
		if !c.repeats(b, i) {
			c.idx = append(c.idx, uint16(i))
		}
	}
	c.keep(b, b.Len-1)
	switch len(c.idx) {
	case 0:
		return nil
	case b.Len:
		return c.next.Consume(b)
	}
	for i, v := range b.Cols {
		c.out.Cols[i].Gather(v, c.idx)
	}
	c.out.Len = len(c.idx)
	return c.next.Consume(c.out)
}

// repeats tells whether row i is equal to the row before it.
func (c *firsts) repeats(b *batch.Batch, i int) bool {
	if i == 0 && !c.some {
		return false
	}
	for k, at := range c.f.keys {
		v := b.Cols[at]
		if i > 0 && !sameRows(v, i-1, i) || i == 0 && !c.last[k].is(v) {
			return false
		}
	}
	return true
}

func (c *firsts) keep(b *batch.Batch, i int) {
	c.some = true
	for k, at := range c.f.keys {
		c.last[k].set(b.Cols[at], i)
	}
}

func (c *firsts) Finish() error { return c.next.Finish() }

// sameRows compares two rows of a vector.
func sameRows(v *batch.Vector, i, j int) bool {
	a, b := v.IsNull(i), v.IsNull(j)
	switch {
	case a || b:
		return a && b
	case v.Form == batch.Constant:
		return true
	case v.Type.Physical() != types.PhysBytes:
	case bytes.Equal(v.BytesAt(i), v.BytesAt(j)):
		return true
	case equalIsSame(v.Type):
		return false
	}
	return types.Compare(v.Datum(i), v.Datum(j)) == 0
}

// equalIsSame tells that strings of a type are equal when their bytes are, and only then.
func equalIsSame(t types.Type) bool {
	return t.Kind == types.Text || t.Kind == types.Varchar || t.Kind == types.Name || t.Kind == types.Bytea
}

// set copies row i.
func (x *keptValue) set(v *batch.Vector, i int) {
	if v.Type.Physical() != types.PhysBytes || v.IsNull(i) {
		x.d = v.Datum(i)
		return
	}
	x.d = types.Datum{Type: v.Type}
	x.s = append(x.s[:0], v.BytesAt(i)...)
}

// is compares with the first row of a vector.
func (x *keptValue) is(v *batch.Vector) bool {
	null := v.IsNull(0)
	switch {
	case null || x.d.Null:
		return null && x.d.Null
	case v.Type.Physical() != types.PhysBytes:
		return types.Compare(x.d, v.Datum(0)) == 0
	case bytes.Equal(x.s, v.BytesAt(0)):
		return true
	case equalIsSame(v.Type):
		return false
	}
	d := x.d
	d.S = string(x.s)
	return types.Compare(d, v.Datum(0)) == 0
}
