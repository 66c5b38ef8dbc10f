package shelf

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// ranks gives each string of a column its rank among all, so that rows are sorted by numbers. The strings lie in
// dictionaries, of which a live segment has one and several files have one each, or in flat vectors.
type ranks struct {
	t       types.Type
	account *mem.Account
	sources []source
	of      []uint32 // rank of each string, those of a source after those of the ones before
}

// source is a dictionary, or a flat vector.
type source struct {
	dict  *batch.Dictionary
	flat  *batch.Vector
	first int // of its strings in all
}

func (s *source) len() int {
	if s.dict != nil {
		return s.dict.Len
	}
	return s.flat.Len
}

func (s *source) at(i int) []byte {
	if s.dict != nil {
		return s.dict.At(i)
	}
	return s.flat.BytesAt(i)
}

// place is a string on its way to a rank.
type place struct {
	prefix uint64 // the first bytes of what orders it: most comparisons see no string
	source uint32
	index  uint32
}

// newRanks ranks the strings of a column; equal ones (char(n) with other blanks) share a rank. The caller closes it.
func newRanks(t types.Type, chunks []*batch.Vector, account *mem.Account) (*ranks, error) {
	r := &ranks{t: t, account: account}
	n := 0
	for _, v := range chunks {
		s := source{dict: v.Dict, first: n}
		if v.Form != batch.Dict {
			s.dict, s.flat = nil, v
		} else if r.find(v) != nil {
			continue
		}
		r.sources = append(r.sources, s)
		n += s.len()
	}
	places, err := mem.Slice[place](account, n)
	if err != nil {
		return nil, err
	}
	defer mem.ReleaseSlice(account, places)
	for k := range r.sources {
		s := &r.sources[k]
		for i := range s.len() {
			places[s.first+i] = place{prefixOf(scan.OrderKey(t, s.at(i))), uint32(k), uint32(i)}
		}
	}
	compare := func(a, b place) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return bytes.Compare(r.key(a), r.key(b))
	}
	slices.SortFunc(places, compare)
	if r.of, err = mem.Slice[uint32](account, n); err != nil {
		return nil, err
	}
	last := uint32(0)
	for i, p := range places {
		if i == 0 || compare(places[i-1], p) != 0 {
			last = uint32(i)
		}
		r.of[r.sources[p.source].first+int(p.index)] = last
	}
	return r, nil
}

func (r *ranks) key(p place) []byte { return scan.OrderKey(r.t, r.sources[p.source].at(int(p.index))) }

// find returns the source of a vector, nil if there is none yet.
func (r *ranks) find(v *batch.Vector) *source {
	for i := range r.sources {
		if s := &r.sources[i]; v.Form == batch.Dict && s.dict == v.Dict || v.Form != batch.Dict && s.flat == v {
			return s
		}
	}
	return nil
}

func (r *ranks) close() { mem.ReleaseSlice(r.account, r.of) }

// words are the ranks of the strings of a chunk.
func (r *ranks) words(dst []uint64, v *batch.Vector) {
	s := r.find(v)
	of := r.of[s.first:]
	if s.flat != nil {
		for i := range dst {
			dst[i] = uint64(of[i])
		}
		return
	}
	for i, c := range v.Codes[:len(dst)] {
		dst[i] = uint64(of[c])
	}
}

// prefixOf returns the first eight bytes as a number; a shorter string is as if zeros followed.
func prefixOf(s []byte) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64(s)
	}
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}
