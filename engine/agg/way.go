package agg

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// way is a way to group: where a worker's groups lie, how rows find theirs, and how the workers' groups become one. A Group
// has one at a time, chosen from the keys, and again when it starts anew with less memory. Methods are called per batch,
// per worker, or per group that is handed out, never per row.
type way interface {
	// start gives a worker its tables.
	start(w *worker) error
	// consume adds a batch. When it is refused memory, it has changed nothing that trying again would change twice.
	consume(w *worker, b *batch.Batch) error
	// combine merges the groups of all workers into the output.
	combine(t *op.Task) error
	// flush writes the groups of a worker.
	flush(f *flusher, w *worker) error
	// release gives back what is not a worker's.
	release()

	// appendKey appends the binary form of a group's key.
	appendKey(dst []byte, key []uint64) []byte
	// hashKey returns a hash of a group's key that depends on its values alone, not on how they are packed or numbered.
	hashKey(key []uint64) uint64
	// fillKey fills v with key i of the groups at the offsets pick of rows.
	fillKey(i int, rows []uint64, pick []int, v *batch.Vector)
}

// hashSeed begins the hash of a group's values, so that a group without keys has one, too.
const hashSeed = 0x9e3779b97f4a7c15

// packed is what ways have in common whose keys are packed: all but that by dictionaries.
type packed struct{ *Group }

func (g packed) release() {}

func (g packed) appendKey(dst []byte, key []uint64) []byte {
	for i := range g.lay.Fields {
		f := &g.lay.Fields[i]
		var w [2]uint64
		if f.Unpack(key, w[:]) {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		if f.Phys == types.PhysInterval { // numbered, but unpacked as itself
			dst = aggstate.AppendValue(dst, f.Phys, nil, w[:])
		} else {
			dst = aggstate.AppendValue(dst, f.Phys, f.Strings, w[:])
		}
	}
	return dst
}

func (g packed) hashKey(key []uint64) uint64 {
	h := uint64(hashSeed)
	for i := range g.lay.Fields {
		h = hashtable.Mix(h, g.lay.Fields[i].HashValue(key))
	}
	return h
}

func (g packed) fillKey(i int, rows []uint64, pick []int, v *batch.Vector) {
	fld, words := &g.lay.Fields[i], g.lay.Words
	v.Reset(fld.Typ, len(pick))
	for j, at := range pick {
		var w [2]uint64
		null := fld.Unpack(rows[at+1:at+1+words], w[:])
		switch {
		case fld.Phys != types.PhysBytes:
			hashtable.SetWords(v, j, w)
		case null:
			v.AppendBytes(nil)
		default:
			v.AppendBytes(fld.Strings.Bytes(uint32(w[0])))
		}
		if null {
			v.Nulls(len(pick)).Clear(j)
		}
	}
}
