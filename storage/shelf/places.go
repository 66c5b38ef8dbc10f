package shelf

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Places tells where the rows of a file stand by their distances from its first number. nil says that every row stands
// at its distance, which is so unless the table has a sort key. The zero value belongs to no file.
type Places struct {
	rows []uint32 // by distance
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

// bytes is what the list takes.
func (p *Places) bytes() int64 { return 4 * int64(cap(p.rows)) }

// Moved turns distances into places, in the slice that it is given.
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

// Places returns where the rows of the file stand. It reads that from the file on first use and keeps the list, charged
// to the account, which does not refuse, until Forget.
func (f *File) Places(ctx context.Context) (*Places, error) {
	if f.Aside() {
		return nil, nil
	}
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
	p, err := readPlaces(ctx, s, f.dir.Account)
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

func readPlaces(ctx context.Context, s *segment.Segment, account *mem.Account) (*Places, error) {
	ts := []types.Type{types.T(types.Int8)}
	ps, err := s.Part(&scan.Layout{IDs: []uint32{segment.RowNumber}, Types: ts}, nil).Open(ctx, &scan.Request{Columns: []int{0}, Account: account})
	if err != nil {
		return nil, err
	}
	defer ps.Close()
	p := &Places{rows: slices.Repeat([]uint32{noPlace}, s.Rows())}
	place := uint32(0)
	var flat batch.Vector
	err = eachBatch(ctx, ps, batch.New(ts), func(b *batch.Batch) error {
		flat.Flatten(b.Cols[0])
		for _, number := range batch.Values[int64](&flat)[:b.Len] {
			if i := uint64(number); i >= uint64(len(p.rows)) || p.rows[i] != noPlace {
				return errs.Corrupt("segment %d: row number %d is none of its rows", s.ID(), number)
			}
			p.rows[number] = place
			place++
		}
		return nil
	})
	return p, err
}

// noPlace is the place of a number that the file does not have.
const noPlace = ^uint32(0)
