package partition

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Rows are the partitions of some rows.
type Rows struct {
	Rule Rule
	// Mixed says that the rows come from mixed files, which are merged with further ones before long.
	Mixed   bool
	values  []int64
	numbers []int64
}

// RowBytes is what a row takes.
const RowBytes = 16 + 2 + 8 // values and numbers, Split's result, and what it sorts

// NewRows returns what has room for so many rows, which the caller charges.
func NewRows(r Rule, rows int) *Rows {
	return &Rows{Rule: r, values: make([]int64, 0, rows), numbers: make([]int64, 0, rows)}
}

// Add adds the values of rows, a vector of any form.
func (x *Rows) Add(v *batch.Vector) {
	if v.Form != batch.Flat {
		flat := new(batch.Vector)
		flat.Flatten(v)
		v = flat
	}
	at := len(x.values)
	switch v.Type.Physical() {
	case types.PhysInt16:
		x.values = widened(x.values, batch.Values[int16](v)[:v.Len])
	case types.PhysInt32:
		x.values = widened(x.values, batch.Values[int32](v)[:v.Len])
	case types.PhysInt64:
		x.values = append(x.values, batch.Values[int64](v)[:v.Len]...)
	}
	var last, number int64
	for i, value := range x.values[at:] {
		switch {
		case v.IsNull(i):
			x.numbers = append(x.numbers, Null)
			continue
		case i == 0 || value != last:
			last, number = value, x.Rule.Number(value)
		}
		x.numbers = append(x.numbers, number)
	}
}

func widened[T int16 | int32](dst []int64, values []T) []int64 {
	for _, n := range values {
		dst = append(dst, int64(n))
	}
	return dst
}

// Rows of a partition get a file of their own when there are so many of them, or all partitions do when there are only
// few. 4: a seal of the present and of a few late ones makes files that need not be divided later. The sixteenth part of
// the rows: more than that is not late. 512 and 4096: a file costs some kilobytes and two syncs, whatever is in it, and a
// mixed file that is merged with others writes its rows once more. 256 files: each reads the columns of a merge again.
const (
	piecesFew    = 4
	pieceLeast   = 512
	pieceShare   = 16
	pieceCertain = 4096
	piecesMost   = 256
)

// Rows of mixed files that are merged wait until a partition has mixedLeast of them, since each piece takes the file of its
// partition along sooner or later: 3072 are four percent of a day of a row a second. When there are mixedEnough, what has
// gathered of many partitions, a third does.
const (
	mixedLeast  = 3072
	mixedEnough = 1 << 16
)

// Split divides the rows among files: of says by row which one, and pieces how many there are. The last may be mixed. nil
// says that there is one.
func (x *Rows) Split() (of []uint16, pieces int) {
	own, mixed := x.own()
	pieces = len(own)
	if mixed {
		pieces++
	}
	if pieces <= 1 {
		return nil, 1
	}
	of = make([]uint16, len(x.numbers))
	last := 0
	for i, n := range x.numbers {
		if last == len(own) || own[last] != n {
			var ok bool
			if last, ok = slices.BinarySearch(own, n); !ok {
				last = len(own)
			}
		}
		of[i] = uint16(last)
	}
	return of, pieces
}

// own returns the partitions that get files of their own, in ascending order, and whether there are others.
func (x *Rows) own() (own []int64, others bool) {
	if len(x.numbers) == 0 || !slices.ContainsFunc(x.numbers, func(n int64) bool { return n != x.numbers[0] }) {
		return nil, true
	}
	sorted := slices.Clone(x.numbers)
	slices.Sort(sorted)
	type run struct {
		number int64
		rows   int
	}
	least := min(pieceCertain, max(pieceLeast, len(sorted)/pieceShare))
	if x.Mixed {
		least = mixedLeast
		if len(sorted) >= mixedEnough {
			least = mixedLeast / 3
		}
	}
	var few, large []run // the first ones, and those of many rows
	for from := 0; from < len(sorted); {
		to, _ := slices.BinarySearch(sorted[from:], sorted[from]+1)
		if sorted[from] == Null {
			to = len(sorted) - from
		}
		r := run{sorted[from], to}
		if len(few) <= piecesFew {
			few = append(few, r)
		}
		if r.rows >= least {
			large = append(large, r)
		} else {
			others = true
		}
		from += to
	}
	if len(few) <= piecesFew && !x.Mixed {
		large, others = few, false
	}
	if len(large) > piecesMost {
		slices.SortFunc(large, func(a, b run) int { return b.rows - a.rows })
		large, others = large[:piecesMost], true
	}
	for _, r := range large {
		own = append(own, r.number)
	}
	slices.Sort(own)
	return own, others
}

// Ranges returns the ranges of the pieces that Split has made, as divided by the rule.
func (x *Rows) Ranges(of []uint16, pieces int) []Range {
	list := make([]Range, pieces)
	for i := range list {
		list[i].Unit, list[i].Width = x.Rule.Unit, x.Rule.Width
	}
	piece := 0
	for i, v := range x.values {
		if of != nil {
			piece = int(of[i])
		}
		r := &list[piece]
		switch {
		case x.numbers[i] == Null:
			r.Nulls = true
		case !r.Valued:
			r.Least, r.Greatest, r.Valued = v, v, true
		default:
			r.Least, r.Greatest = min(r.Least, v), max(r.Greatest, v)
		}
	}
	return list
}

// Ended returns the rows, by their places, whose partitions have ended before the time of a rule's Ended.
func (x *Rows) Ended(ended func(number int64) bool) (rows []uint32) {
	var last int64
	is := false
	for i, n := range x.numbers {
		if i == 0 || n != last {
			last, is = n, ended(n)
		}
		if is {
			rows = append(rows, uint32(i))
		}
	}
	return rows
}
