package shelf

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Places tells where the rows of a file stand by their distances from its first number. nil says that every row stands
// at its distance, which is so unless the rows were sorted, or some between them have gone.
type Places struct {
	rows []uint32 // by distance, of a file that has all numbers of one range
	// Of a file that was merged, whose ranges have numbers of rows that were deleted before: the distances of its rows in
	// ascending order, and where each of them stands.
	distances []uint64
	at        []uint32
}

// NewPlaces returns the places of rows that were sorted: row i of the file came as order[i].
func NewPlaces(order []uint32) *Places {
	if order == nil {
		return nil
	}
	p := &Places{rows: make([]uint32, len(order))}
	for place, row := range order {
		p.rows[row] = uint32(place)
	}
	return p
}

// SparsePlaces returns the places of rows by their distances, each of which is there once.
func SparsePlaces(distances []uint64) *Places {
	p := &Places{distances: slices.Clone(distances), at: make([]uint32, len(distances))}
	for i := range p.at {
		p.at[i] = uint32(i)
	}
	if !slices.IsSorted(distances) {
		slices.SortFunc(p.at, func(a, b uint32) int { return cmp.Compare(distances[a], distances[b]) })
		for i, row := range p.at {
			p.distances[i] = distances[row]
		}
	}
	return p
}

// Followed returns the places of rows that have moved: the row at place i is now at moved[i], or has gone.
func (p *Places) Followed(moved []uint32, gone uint32) *Places {
	n := &Places{}
	add := func(distance uint64, place uint32) {
		if to := moved[place]; to != gone {
			n.distances, n.at = append(n.distances, distance), append(n.at, to)
		}
	}
	switch {
	case p == nil:
		for i := range moved {
			add(uint64(i), uint32(i))
		}
	case p.rows != nil:
		for i, place := range p.rows {
			add(uint64(i), place)
		}
	default:
		for i, d := range p.distances {
			add(d, p.at[i])
		}
	}
	return n
}

// bytes is what the list takes.
func (p *Places) bytes() int64 {
	return 4*int64(cap(p.rows)+cap(p.at)) + 8*int64(cap(p.distances))
}

// Moved turns distances into places, in the slice that it is given. The file has all rows of one range.
func (p *Places) Moved(distances []uint32) []uint32 {
	if p != nil {
		for i, n := range distances {
			distances[i] = p.rows[n]
		}
	}
	return distances
}

// Set returns the places of a set of distances.
func (p *Places) Set(rows *index.RowSet) *index.RowSet {
	if p == nil {
		return rows
	}
	return rows.Moved(p.rows)
}

// of returns where those of the rows stand that are in a file of some ranges, whose first number is base.
func (p *Places) of(rows *index.RowIDs, ranges []manifest.Range, base uint64) (places []uint32) {
	for _, r := range ranges {
		from := r.Base - ranges[0].Base // the number's distance from the first
		if p == nil || p.rows != nil {  // one range
			return p.Moved(rows.Within(nil, base+from, int(r.Rows)))
		}
		places = p.sparse(places, rows, base, from, r.Rows)
	}
	return places
}

// fewRows is how many times fewer rows than a file has are looked for one by one: a search costs that much more than a look
// into the set, which each row of the file costs otherwise.
const fewRows = 8

// sparse appends where those of the rows stand whose distances are from to from+n-1. A range may have many more numbers
// than the file has rows, and be asked for many more rows: what is less is gone through.
func (p *Places) sparse(places []uint32, rows *index.RowIDs, base, from, n uint64) []uint32 {
	first, _ := slices.BinarySearch(p.distances, from)
	last, _ := slices.BinarySearch(p.distances, from+n)
	if rows.Count(base+from, int(n))*fewRows < last-first {
		rows.Walk(base+from, n, func(id uint64) {
			if i, ok := slices.BinarySearch(p.distances[first:last], id-base); ok {
				places = append(places, p.at[first+i])
			}
		})
		return places
	}
	for i, d := range p.distances[first:last] {
		if rows.Has(base + d) {
			places = append(places, p.at[first+i])
		}
	}
	return places
}

// below returns where the rows stand whose numbers are below one; base is the first number of the file.
func (p *Places) below(number, base uint64) []uint32 {
	if p == nil || p.rows != nil {
		return p.Moved(firstRows(uint32(number - base)))
	}
	n, _ := slices.BinarySearch(p.distances, number-base)
	return slices.Clone(p.at[:n])
}

// Places returns where the rows of the file stand. It reads that from the file on first use and keeps the list, charged
// to the account, which does not refuse, until Forget. The file was not set aside.
func (f *File) Places(ctx context.Context) (*Places, error) {
	if p := f.places.Load(); p != nil {
		return p, nil
	}
	s, err := f.Segment()
	if err != nil {
		return nil, f.Noticed(err)
	}
	if s.Find(segment.RowNumber) < 0 {
		return nil, nil
	}
	p, err := f.readPlaces(ctx, s)
	if err != nil {
		return nil, f.Noticed(err)
	}
	f.Keep(p)
	return p, nil
}

// Known tells whether Places needs no file.
func (f *File) Known() bool {
	if f.Aside() || f.places.Load() != nil {
		return true
	}
	s := f.opened.Load()
	return s != nil && s.Find(segment.RowNumber) < 0
}

// Keep gives the file the list that it was made with.
func (f *File) Keep(p *Places) {
	if p == nil {
		return
	}
	_ = f.dir.Account.Reserve(p.bytes())
	f.forget(f.places.Swap(p))
}

// Forget frees the list.
func (f *File) Forget() { f.forget(f.places.Swap(nil)) }

func (f *File) forget(p *Places) {
	if p != nil {
		f.dir.Account.Free(p.bytes())
	}
}

func (f *File) readPlaces(ctx context.Context, s *segment.Segment) (*Places, error) {
	distances := make([]uint64, 0, s.Rows())
	if err := readNumbers(ctx, s, f.dir.Account, func(n uint64) { distances = append(distances, n) }); err != nil {
		return nil, err
	}
	if len(f.Meta.Ranges) > 1 || !f.whole() {
		p := SparsePlaces(distances)
		for i, d := range p.distances {
			if i > 0 && d == p.distances[i-1] || !f.has(d) {
				return nil, errs.Corrupt("segment %d: row number %d is none of its rows, or there twice", s.ID(), d)
			}
		}
		return p, nil
	}
	p := &Places{rows: slices.Repeat([]uint32{noPlace}, s.Rows())}
	for place, i := range distances {
		if i >= uint64(len(p.rows)) || p.rows[i] != noPlace {
			return nil, errs.Corrupt("segment %d: row number %d is none of its rows, or there twice", s.ID(), i)
		}
		p.rows[i] = uint32(place)
	}
	return p, nil
}

// has tells whether a distance from the first number lies in the ranges of the file.
func (f *File) has(distance uint64) bool {
	for _, r := range f.Meta.Ranges {
		if from := r.Base - f.Meta.Base(); distance >= from && distance-from < r.Rows {
			return true
		}
	}
	return false
}

// whole tells that the file has all rows of its ranges, or belongs to no table yet.
func (f *File) whole() bool {
	n := int64(0)
	for _, r := range f.Meta.Ranges {
		n += int64(r.Rows)
	}
	return n == 0 || n == f.Meta.Rows
}

// Numbers hands the numbers of all rows to do, in the order of their places in the file, which is s.
func (f *File) Numbers(ctx context.Context, s *segment.Segment, account *mem.Account, do func(number uint64)) error {
	if s.Find(segment.RowNumber) >= 0 {
		return readNumbers(ctx, s, account, func(n uint64) { do(f.Meta.Base() + n) })
	}
	for _, r := range f.Meta.Ranges {
		for n := range r.Rows {
			do(r.Base + n)
		}
	}
	return ctx.Err()
}

// readNumbers hands the distances of all rows from the first number to do, in the order of their places.
func readNumbers(ctx context.Context, s *segment.Segment, account *mem.Account, do func(n uint64)) error {
	ts := []types.Type{types.T(types.Int8)}
	ps, err := s.Part(&scan.Layout{IDs: []uint32{segment.RowNumber}, Types: ts}, nil).Open(ctx, &scan.Request{Columns: []int{0}, Account: account})
	if err != nil {
		return err
	}
	defer ps.Close()
	var flat batch.Vector
	return scan.EachBatch(ctx, ps, batch.New(ts), func(b *batch.Batch) error {
		flat.Flatten(b.Cols[0])
		for _, number := range batch.Values[int64](&flat)[:b.Len] {
			do(uint64(number))
		}
		return nil
	})
}

// noPlace is the place of a number that the file does not have.
const noPlace = ^uint32(0)
