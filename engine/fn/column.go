package fn

import "github.com/siltstone-db/siltstone/storage/batch"

// fixed sees a flat or constant vector as a function from row to value: a constant has mask 0, so that the same loop
// serves both without a branch.
type fixed[T any] struct {
	v    []T
	mask int
}

func view[T any](v *batch.Vector) fixed[T] {
	f := fixed[T]{v: batch.Values[T](v), mask: -1}
	if v.Form == batch.Constant {
		f.mask = 0
	}
	return f
}

func (f fixed[T]) at(i int) T { return f.v[i&f.mask] }

// text sees a flat or constant string vector the same way.
type text struct {
	data []byte
	off  []uint32
	mask int
}

func viewText(v *batch.Vector) text {
	t := text{data: v.Data, off: v.Offsets, mask: -1}
	if v.Form == batch.Constant {
		t.mask = 0
	}
	return t
}

func (t text) at(i int) []byte {
	i &= t.mask
	return t.data[t.off[i]:t.off[i+1]]
}

// viewBool sees a boolean vector.
type boolean struct {
	bits batch.Bitmap
	mask int
}

func viewBool(v *batch.Vector) boolean {
	b := boolean{bits: v.Bools(), mask: -1}
	if v.Form == batch.Constant {
		b.mask = 0
	}
	return b
}

func (b boolean) at(i int) bool { return b.bits.Get(i & b.mask) }

// live tells whether row i must be computed.
func live(valid batch.Bitmap, i int) bool { return valid == nil || valid.Get(i) }
