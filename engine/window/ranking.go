package window

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// ranking computes the functions that only look at where partitions and peers begin and end.
type ranking struct {
	c     *Call
	o     *ordering
	dense int64
}

func (r *ranking) begin(*bundle) error { r.dense = 0; return nil }

func (r *ranking) close() {}

func (r *ranking) chunk(from, n int, v *batch.Vector) error {
	v.Reset(r.c.Result, n)
	o := r.o
	switch r.c.Function {
	case fn.RowNumber:
		to := batch.Values[int64](v)
		for i, ps := range o.ps[:n] {
			to[i] = int64(from + i - ps + 1)
		}
	case fn.Rank:
		to := batch.Values[int64](v)
		for i, ps := range o.ps[:n] {
			to[i] = int64(o.gs[i] - ps + 1)
		}
	case fn.DenseRank:
		to := batch.Values[int64](v)
		for i := range to[:n] {
			switch from + i {
			case o.ps[i]:
				r.dense = 1
			case o.gs[i]:
				r.dense++
			}
			to[i] = r.dense
		}
	case fn.PercentRank:
		to := batch.Values[float64](v)
		for i, ps := range o.ps[:n] {
			to[i] = 0
			if rows := o.pe[i] - ps; rows > 1 {
				to[i] = float64(o.gs[i]-ps) / float64(rows-1)
			}
		}
	case fn.CumeDist:
		to := batch.Values[float64](v)
		for i, ps := range o.ps[:n] {
			to[i] = float64(o.ge[i]-ps) / float64(o.pe[i]-ps)
		}
	}
	return nil
}
