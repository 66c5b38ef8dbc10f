package rebuild

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Sum is how many rows there are and what they hold: the sum, without carry, of a hash of each row, which takes in its number, the
// bits of its values and its identity. Rows in any order and in any files have the same sum, and rows whose values were exchanged another one.
type Sum struct {
	Rows int64
	Hash uint64
}

// Add adds the rows of another sum.
func (s *Sum) Add(o Sum) { s.Rows, s.Hash = s.Rows+o.Rows, s.Hash+o.Hash }

// nullHash stands for a value that is NULL.
const nullHash = 0x6c6c756e6c6c756e

// summer adds up rows of a table. It belongs to one goroutine.
type summer struct {
	ids    []uint32 // of the columns
	hashes []uint64
	flat   batch.Vector
	sum    Sum
}

func newSummer(t *catalog.Table) *summer {
	s := &summer{}
	for _, c := range t.Columns {
		s.ids = append(s.ids, c.ID)
	}
	s.ids = append(s.ids, scan.IdentityColumn)
	return s
}

// add adds rows with their numbers. The columns are those of the table, and behind them the identities.
func (s *summer) add(numbers []int64, columns []*batch.Vector) {
	for _, h := range s.rows(numbers, columns) {
		s.sum.Hash += h
	}
	s.sum.Rows += int64(len(numbers))
}

// rows returns the hashes of rows, until the next call.
func (s *summer) rows(numbers []int64, columns []*batch.Vector) []uint64 {
	s.hashes = s.hashes[:0]
	for _, n := range numbers {
		s.hashes = append(s.hashes, kernel.HashUint64(uint64(n)+1))
	}
	for i, v := range columns {
		s.fold(uint64(s.ids[i]), v)
	}
	return s.hashes
}

// mix takes a value of a column into the hash of its row.
func mix(h, column, x uint64) uint64 {
	return kernel.HashUint64(bits.RotateLeft64(h, 32) ^ x ^ column<<40)
}

func (s *summer) fold(column uint64, v *batch.Vector) {
	if v.Form != batch.Dict {
		s.flat.Flatten(v)
		v = &s.flat
	}
	switch v.Type.Physical() {
	case types.PhysBool:
		b := v.Bools()
		s.each(column, v, func(i int) uint64 { return b[i>>6] >> (uint(i) & 63) & 1 })
	case types.PhysInt16:
		x := batch.Values[uint16](v)
		s.each(column, v, func(i int) uint64 { return uint64(x[i]) })
	case types.PhysInt32, types.PhysFloat32:
		x := batch.Values[uint32](v)
		s.each(column, v, func(i int) uint64 { return uint64(x[i]) })
	case types.PhysInt64, types.PhysFloat64:
		x := batch.Values[uint64](v)
		s.each(column, v, func(i int) uint64 { return x[i] })
	case types.PhysBytes:
		s.each(column, v, func(i int) uint64 { return kernel.HashBytes(v.BytesAt(i)) })
	default:
		x := batch.Values[batch.Int128](v)
		s.each(column, v, func(i int) uint64 { return kernel.HashUint128(x[i].Lo, uint64(x[i].Hi)) })
	}
}

// each folds what value gives for each row.
func (s *summer) each(column uint64, v *batch.Vector, value func(i int) uint64) {
	for i := range s.hashes {
		if v.IsNull(i) {
			s.hashes[i] = mix(s.hashes[i], column, nullHash)
		} else {
			s.hashes[i] = mix(s.hashes[i], column, value(i))
		}
	}
}
