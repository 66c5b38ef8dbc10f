package table

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Places returns where the rows of the segment stand by their numbers: the i-th at place Places[i]. nil says that
// every row stands at i, which is so unless the table has a sort key. It reads the numbers from the file on first use
// and keeps the list until Forget.
func (s *Segment) Places() ([]uint32, error) {
	if p := s.places.Load(); p != nil {
		return *p, nil
	}
	if s.File == nil || s.File.Find(segment.RowNumber) < 0 {
		return nil, nil
	}
	places, err := s.readPlaces()
	if err != nil {
		if s.Damaged != nil && errs.Is(err, errs.DataCorrupted) {
			s.Damaged(s, err)
		}
		return nil, err
	}
	s.places.Store(&places)
	return places, nil
}

// Known tells whether Places needs no file.
func (s *Segment) Known() bool {
	return s.places.Load() != nil || s.File == nil || s.File.Find(segment.RowNumber) < 0
}

// Keep gives the segment the list that its file was made with.
func (s *Segment) Keep(places []uint32) { s.places.Store(&places) }

// Forget frees the list.
func (s *Segment) Forget() { s.places.Store(nil) }

func (s *Segment) readPlaces() ([]uint32, error) {
	account := mem.NewPool(0).Account("row numbers", 0)
	defer account.Close()
	part := s.File.Part([]uint32{segment.RowNumber}, []types.Type{types.T(types.Int8)}, nil)
	ps, err := part.Open(context.Background(), &scan.Request{Columns: []int{0}, Account: account})
	if err != nil {
		return nil, err
	}
	defer ps.Close()
	c, err := ps.Cursor()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	places := make([]uint32, s.File.Rows())
	place := uint32(0)
	var flat batch.Vector
	out := batch.New([]types.Type{types.T(types.Int8)})
	for m := range ps.Morsels() {
		if err := c.Seek(m); err != nil {
			return nil, err
		}
		for {
			ok, err := c.Next(context.Background(), out)
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			flat.Flatten(out.Cols[0])
			for _, number := range batch.Values[int64](&flat)[:out.Len] {
				i := uint64(number)
				if i >= uint64(len(places)) {
					return nil, errs.Corrupt("segment %d: row number %d is none of its rows", s.Meta.File, number)
				}
				places[i] = place
				place++
			}
		}
	}
	return places, nil
}

// Moved turns distances from the first number of a segment into places, in the slice that it is given.
func Moved(places, numbers []uint32) []uint32 {
	if places != nil {
		for i, n := range numbers {
			numbers[i] = places[n]
		}
	}
	return numbers
}
