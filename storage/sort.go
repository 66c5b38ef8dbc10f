package storage

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// sortOrder returns the permutation that sorts a frozen segment by the table's sort_key, or nil when it has none or
// the rows are in order. The sort is stable; NULLs come last. Wide values (numeric over 18 digits, interval, uuid)
// sort by their place in a sorted list of all values, as strings do.
func sortOrder(t *catalog.Table, s *live.Segment) []uint32 {
	names := sortKey(t)
	if len(names) == 0 {
		return nil
	}
	var keys [][]uint64
	for _, n := range names {
		if col := t.Column(n); col >= 0 {
			keys = append(keys, sortKeys(s.Chunks(col), s.Rows()))
		}
	}
	compare := func(a, b uint32) int {
		for _, k := range keys {
			if k[a] != k[b] {
				return cmp.Compare(k[a], k[b])
			}
		}
		return 0
	}
	order := make([]uint32, s.Rows())
	sorted := true
	for i := range order {
		order[i] = uint32(i)
		sorted = sorted && (i == 0 || compare(uint32(i-1), uint32(i)) <= 0)
	}
	if sorted {
		return nil
	}
	slices.SortFunc(order, func(a, b uint32) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return order
}

// sortKeys maps the values of a column to numbers of the same order.
func sortKeys(chunks []*batch.Vector, rows int) []uint64 {
	keys := make([]uint64, 0, rows)
	var ranks []uint64 // of dictionary entries
	for _, v := range chunks {
		at := len(keys)
		switch v.Type.Physical() {
		case types.PhysBytes:
			if ranks == nil {
				ranks = entryRanks(v.Type, v.Dict)
			}
			for _, c := range v.Codes[:v.Len] {
				keys = append(keys, ranks[c])
			}
		case types.PhysInt16:
			keys = appendInts(keys, batch.Values[int16](v)[:v.Len])
		case types.PhysInt32:
			keys = appendInts(keys, batch.Values[int32](v)[:v.Len])
		case types.PhysInt64:
			keys = appendInts(keys, batch.Values[int64](v)[:v.Len])
		case types.PhysFloat32:
			for _, x := range batch.Values[float32](v)[:v.Len] {
				keys = append(keys, batch.Float64Bits(float64(x)))
			}
		case types.PhysFloat64:
			for _, x := range batch.Values[float64](v)[:v.Len] {
				keys = append(keys, batch.Float64Bits(x))
			}
		default:
			return datumKeys(chunks, rows)
		}
		for i := range v.Len {
			if v.IsNull(i) {
				keys[at+i] = ^uint64(0)
			}
		}
	}
	return keys
}

func appendInts[T int16 | int32 | int64](keys []uint64, v []T) []uint64 {
	for _, x := range v {
		keys = append(keys, uint64(int64(x))^1<<63)
	}
	return keys
}

// entryRanks returns the place of each entry among all; equal ones (char(n) with other blanks) share it.
func entryRanks(t types.Type, d *batch.Dictionary) []uint64 {
	codes := make([]uint32, d.Len)
	for i := range codes {
		codes[i] = uint32(i)
	}
	compare := func(a, b uint32) int {
		return bytes.Compare(scan.OrderKey(t, d.At(int(a))), scan.OrderKey(t, d.At(int(b))))
	}
	slices.SortFunc(codes, compare)
	ranks := make([]uint64, d.Len)
	for i, c := range codes {
		if ranks[c] = uint64(i); i > 0 && compare(codes[i-1], c) == 0 {
			ranks[c] = ranks[codes[i-1]]
		}
	}
	return ranks
}

// datumKeys ranks values of any form.
func datumKeys(chunks []*batch.Vector, rows int) []uint64 {
	values := make([]types.Datum, 0, rows)
	for _, v := range chunks {
		for i := range v.Len {
			values = append(values, v.Datum(i))
		}
	}
	idx := make([]uint32, len(values))
	for i := range idx {
		idx[i] = uint32(i)
	}
	compare := func(a, b uint32) int {
		switch x, y := &values[a], &values[b]; {
		case x.Null && y.Null:
			return 0
		case x.Null:
			return 1
		case y.Null:
			return -1
		default:
			return scan.Order(*x, *y)
		}
	}
	slices.SortFunc(idx, compare)
	keys := make([]uint64, len(values))
	for i, c := range idx {
		if keys[c] = uint64(i); i > 0 && compare(idx[i-1], c) == 0 {
			keys[c] = keys[idx[i-1]]
		}
	}
	return keys
}
