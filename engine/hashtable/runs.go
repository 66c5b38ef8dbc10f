package hashtable

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// HashRuns finds the entries of a dictionary that belong to each partition: one run of codes where entries are ordered
// by hash, else of a list. The hashes lie in the order of the run, so that who goes over it reads them one by one.
type HashRuns struct {
	Start  [Partitions + 1]uint32
	List   []uint32 // nil: ordered
	hashes []uint64
	Done   bool
}

// Code returns the code that stands at a place of a run.
func (r *HashRuns) Code(i uint32) uint32 {
	if r.List != nil {
		return r.List[i]
	}
	return i
}

// Release gives the lists back.
func (r *HashRuns) Release(acc *mem.Account) {
	if r.List != nil {
		mem.ReleaseSlice(acc, r.List)
		mem.ReleaseSlice(acc, r.hashes)
	}
	r.List, r.hashes = nil, nil
}

// Split finds the runs of a dictionary with these hashes.
func (r *HashRuns) Split(acc *mem.Account, hashes []uint64, ordered bool) (err error) {
	if ordered {
		for p := range Partitions {
			r.Start[p] = uint32(batch.SearchHash(hashes, uint64(p)<<(64-PartitionBits)))
		}
		r.Start[Partitions] = uint32(len(hashes))
		r.hashes = hashes
		return nil
	}
	if r.List, err = mem.Slice[uint32](acc, len(hashes)); err != nil {
		return err
	}
	if r.hashes, err = mem.Slice[uint64](acc, len(hashes)); err != nil {
		return err
	}
	for _, h := range hashes {
		r.Start[h>>(64-PartitionBits)+1]++
	}
	for p := range Partitions {
		r.Start[p+1] += r.Start[p]
	}
	next := r.Start
	for c, h := range hashes {
		p := h >> (64 - PartitionBits)
		r.List[next[p]], r.hashes[next[p]] = uint32(c), h
		next[p]++
	}
	return nil
}
