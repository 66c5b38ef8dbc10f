package window

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// offset computes lag and lead: the value of the row that is some rows before or after in the partition, or the default.
type offset struct {
	cs *calls
	c  *Call
	o  *ordering
}

func (f *offset) begin(*bundle) error { return nil }

func (f *offset) close() {}

func (f *offset) chunk(from, n int, v *batch.Vector) error {
	b := f.cs.b
	value := b.lay.column(f.c.Args[0])
	v.Reset(f.c.Result, n)
	for i := range n {
		at := from + i
		k, null := f.c.Number.Value, f.c.Number.Null
		if f.c.Number.Column >= 0 {
			k, null = f.cs.number(&f.c.Number, at)
		}
		if f.c.Function == fn.Lag {
			k = -k
		}
		switch to := int64(at) + k; {
		case null:
			putNull(v, i, n)
		case to >= int64(f.o.ps[i]) && to < int64(f.o.pe[i]):
			b.put(v, i, n, value, b.row(int(to)))
		case len(f.c.Args) > 1:
			b.put(v, i, n, b.lay.column(f.c.Args[1]), b.row(at))
		default:
			putNull(v, i, n)
		}
	}
	return nil
}
