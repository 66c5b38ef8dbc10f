package window

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// ntile divides partitions into buckets whose sizes differ by one row at most. How many is the argument's value in the
// first row of the partition.
type ntile struct {
	cs      *calls
	c       *Call
	o       *ordering
	buckets int64
	null    bool
}

func (t *ntile) begin(*bundle) error { return nil }

func (t *ntile) close() {}

func (t *ntile) chunk(from, n int, v *batch.Vector) error {
	v.Reset(t.c.Result, n)
	to := batch.Values[int32](v)
	for i, ps := range t.o.ps[:n] {
		at := from + i
		if at == ps {
			t.buckets, t.null = t.cs.number(&t.c.Number, at)
			if !t.null && t.buckets <= 0 {
				return errs.New(errs.InvalidArgumentForNtile, "argument of ntile must be greater than zero")
			}
		}
		if t.null {
			to[i] = 0
			v.Nulls(n).Clear(i)
			continue
		}
		to[i] = int32(bucket(int64(at-ps), int64(t.o.pe[i]-ps), t.buckets))
	}
	return nil
}

// bucket returns that of a row: the first buckets have a row more where rows do not divide evenly.
func bucket(row, rows, buckets int64) int64 {
	size, larger := rows/buckets, rows%buckets
	if row < larger*(size+1) {
		return row/(size+1) + 1
	}
	return larger + (row-larger*(size+1))/size + 1
}

// number returns the number of rows that an argument says for a row.
func (cs *calls) number(x *Number, at int) (n int64, null bool) {
	if x.Column < 0 {
		return x.Value, x.Null
	}
	row, f := cs.b.row(at), cs.w.lay.column(x.Column)
	return int64(row[f.at]), f.null(row)
}
