package shelf

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Piece is a file that came of a live segment: all of its rows, or those of some partitions.
type Piece struct {
	File *File
	// Order says how the rows were sorted, of those that the piece has; nil: they were not.
	Order []uint32
	// Places tells where the rows stand by their distances from the first number.
	Places *Places
	// Written is the set of deleted rows that the manifest has.
	Written *index.RowSet

	meta     manifest.Segment
	rows     []uint32 // those that it has of the live segment; nil: all
	numbered bool     // it has a column of the distances
}

// Set returns the places of those of a set of rows of the live segment that the piece has.
func (p *Piece) Set(rows *index.RowSet) *index.RowSet {
	if p.rows == nil {
		return p.Places.Set(rows)
	}
	return p.set(rows, p.Order)
}

// set returns which of the piece's rows a set of rows of the live segment has, by their places in an order.
func (p *Piece) set(rows *index.RowSet, order []uint32) *index.RowSet {
	if rows.Len() == 0 {
		return nil
	}
	var places []uint32
	for place, row := range p.rows {
		if order != nil {
			row = p.rows[order[place]]
		}
		if rows.Has(int(row)) {
			places = append(places, uint32(place))
		}
	}
	return (*index.RowSet)(nil).With(places)
}

// distances returns how far the numbers of the rows are from the first one, in the order in which they came.
func (p *Piece) distances() *batch.Vector {
	v := &batch.Vector{}
	v.Reset(types.T(types.Int8), int(p.meta.Rows))
	for i, values := 0, batch.Values[int64](v); i < len(values); i++ {
		if values[i] = int64(i); p.rows != nil {
			values[i] = int64(p.rows[i] - p.rows[0])
		}
	}
	return v
}

// divide sorts the rows, divides them by their partitions, and charges for all that is kept of it.
func (x *Build) divide(ctx context.Context) error {
	order, err := SortOrder(ctx, x.Table, x.Rows, x.chunks, x.account)
	if err != nil {
		return err
	}
	bytes := 0
	if order != nil { // and its inverse, and the column of row numbers
		bytes = 4 + 4 + 8
	}
	if x.Live.Identified() {
		bytes += 8
	}
	if err := x.charge(int64(x.Rows * bytes)); err != nil {
		return err
	}
	rule, ok := x.Table.Partitions()
	if !ok {
		x.whole(order, partition.Range{})
		return nil
	}
	if err := x.charge(int64(x.Rows) * partition.RowBytes); err != nil {
		return err
	}
	chunks, err := x.chunks(x.Table.Options.PartitionBy)
	if err != nil {
		return err
	}
	rows := partition.NewRows(rule, x.Rows)
	for _, v := range chunks {
		rows.Add(v)
	}
	var of []uint16
	n := 1
	if !x.Whole {
		of, n = rows.Split()
	}
	ranges := rows.Ranges(of, n)
	if x.Whole {
		ranges[0].Unit, ranges[0].Width = partition.Default, 0
	}
	if n == 1 {
		x.whole(order, ranges[0])
		return nil
	}
	return x.parts(order, of, ranges)
}

// whole makes one piece of all rows.
func (x *Build) whole(order []uint32, values partition.Range) {
	p := &Piece{Order: order, Places: NewPlaces(order), numbered: order != nil, meta: x.Meta}
	p.meta.Rows, p.meta.Values = int64(x.Rows), values
	x.Pieces = []*Piece{p}
}

// parts makes a piece of each of the parts that rows were divided into: of says which one. Each has a range from its
// first number to its last, between which are numbers of rows of others.
func (x *Build) parts(order []uint32, of []uint16, ranges []partition.Range) error {
	// Rows, their order, their distances twice, where they stand; and for each worker what it picks of a column.
	if err := x.charge(int64(x.Rows) * (4 + 4 + 4 + 8 + 8 + 4 + 16*int64(max(1, x.Workers)))); err != nil {
		return err
	}
	x.Pieces = make([]*Piece, len(ranges))
	for i := range ranges {
		x.Pieces[i] = &Piece{meta: x.Meta}
		x.Pieces[i].meta.Values = ranges[i]
	}
	for _, piece := range of {
		x.Pieces[piece].meta.Rows++
	}
	for _, p := range x.Pieces {
		p.rows = make([]uint32, 0, p.meta.Rows)
	}
	at := make([]uint32, len(of)) // of each row in its piece
	for row, piece := range of {
		p := x.Pieces[piece]
		at[row] = uint32(len(p.rows))
		p.rows = append(p.rows, uint32(row))
	}
	for _, row := range order {
		p := x.Pieces[of[row]]
		p.Order = append(p.Order, at[row])
	}
	for _, p := range x.Pieces {
		p.number(x.Meta.Base())
	}
	return nil
}

// number finds the range of the numbers of some rows, and whether a column has to tell them. base is the number of the
// live segment's first row.
func (p *Piece) number(base uint64) {
	if slices.IsSorted(p.Order) {
		p.Order = nil
	}
	first := p.rows[0]
	n := uint64(p.rows[len(p.rows)-1]-first) + 1
	p.meta.Ranges = []manifest.Range{{Base: base + uint64(first), Rows: n}}
	if p.numbered = n != uint64(len(p.rows)) || p.Order != nil; !p.numbered {
		return
	}
	distances := make([]uint64, len(p.rows))
	for place := range distances {
		row := place
		if p.Order != nil {
			row = int(p.Order[place])
		}
		distances[place] = uint64(p.rows[row] - first)
	}
	p.Places = SparsePlaces(distances)
}

// pickRows is how many rows of a chunk are looked at together: a block.
const pickRows = 1 << 16

// pick returns some rows, in their order, of a column that lies in chunks. Strings stay codes.
func pick(chunks []*batch.Vector, rows []uint32) (out []*batch.Vector) {
	start := uint32(0)
	for _, chunk := range chunks {
		for from := 0; from < chunk.Len; from += pickRows {
			v := chunk
			if chunk.Len > pickRows {
				v = new(batch.Vector)
				v.Slice(chunk, from, min(pickRows, chunk.Len-from))
			}
			n, _ := slices.BinarySearch(rows, start+uint32(v.Len))
			if n > 0 {
				idx := make([]uint16, n)
				for i, row := range rows[:n] {
					idx[i] = uint16(row - start)
				}
				picked := new(batch.Vector)
				picked.Gather(v, idx)
				out, rows = append(out, picked), rows[n:]
			}
			start += uint32(v.Len)
		}
	}
	return out
}
