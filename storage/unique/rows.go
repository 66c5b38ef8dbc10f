package unique

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/keys"
)

// Rows are rows on their way into a table, in the order in which they come. A row is known by the number of its batch
// times 2^32, plus its place in the batch.
type Rows struct {
	Keys    []Key
	batches []keyed
	probes  []keys.Probe // of key number sorted-1
	sorted  int
	sorter  Sorter
}

// keyed is a batch with the hashes of its keys.
type keyed struct {
	hashes  [][]uint64        // by key
	columns [][]*batch.Vector // by key
}

// Reset forgets all rows, and begins with those of a table with some keys.
func (r *Rows) Reset(list []Key) {
	clear(r.batches)
	r.Keys, r.batches, r.sorted = list, r.batches[:0], 0
}

// Add adds the rows of a flat batch, which stays as it is as long as r is used.
func (r *Rows) Add(b *batch.Batch) {
	n := len(r.batches)
	r.sorted = 0
	r.batches = slices.Grow(r.batches, 1)[:n+1]
	x := &r.batches[n]
	x.hashes = slices.Grow(x.hashes[:0], len(r.Keys))[:len(r.Keys)]
	x.columns = slices.Grow(x.columns[:0], len(r.Keys))[:len(r.Keys)]
	for i := range r.Keys {
		k := &r.Keys[i]
		x.columns[i] = k.Of(x.columns[i], b.Cols)
		x.hashes[i] = k.Hash(x.hashes[i], x.columns[i], b.Len)
	}
}

// Len returns the number of batches.
func (r *Rows) Len() int { return len(r.batches) }

// Hashes returns the hashes of the keys of a batch, by key.
func (r *Rows) Hashes(number int) [][]uint64 { return r.batches[number].hashes }

// At returns the columns of a key, and where a row stands in them.
func (r *Rows) At(key int, row uint64) ([]*batch.Vector, int) {
	return r.batches[row>>32].columns[key], int(uint32(row))
}

// Probes returns the hashes of a key, sorted, and of equal ones as the rows come. They are valid until it is asked for
// another key.
func (r *Rows) Probes(key int) []keys.Probe {
	if r.sorted == key+1 {
		return r.probes
	}
	r.probes = r.probes[:0]
	for number := range r.batches {
		hashes := r.batches[number].hashes[key]
		r.probes = slices.Grow(r.probes, len(hashes))
		for i, h := range hashes {
			if h != keys.None {
				r.probes = append(r.probes, keys.Probe{Hash: h, Row: uint64(number)<<32 | uint64(i)})
			}
		}
	}
	r.probes = r.sorter.Sort(r.probes)
	r.sorted = key + 1
	return r.probes
}

// Twice calls found for each row that has the key of one before it, which is the last such one. It stops when found
// returns false.
func (r *Rows) Twice(key int, found func(before, row uint64) bool) {
	probes := r.Probes(key)
	var last []uint64 // of each different key with a hash
	for from := 0; from < len(probes); {
		to := from + 1
		for to < len(probes) && probes[to].Hash == probes[from].Hash {
			to++
		}
		if to-from > 1 {
			last = last[:0]
			for _, p := range probes[from:to] {
				i := slices.IndexFunc(last, func(row uint64) bool { return r.equal(key, row, p.Row) })
				if i < 0 {
					last = append(last, p.Row)
					continue
				}
				if !found(last[i], p.Row) {
					return
				}
				last[i] = p.Row
			}
		}
		from = to
	}
}

func (r *Rows) equal(key int, a, b uint64) bool {
	x, i := r.At(key, a)
	y, j := r.At(key, b)
	return r.Keys[key].Equal(x, i, y, j)
}

// Violated returns the error of the first key that two rows have, or nil.
func (r *Rows) Violated() (err error) {
	for key := range r.Keys {
		r.Twice(key, func(_, row uint64) bool {
			columns, i := r.At(key, row)
			err = r.Keys[key].Violation(columns, i)
			return false
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Held returns the bytes of the memory that is kept.
func (r *Rows) Held() int64 {
	n := 16*int64(cap(r.probes)) + r.sorter.held()
	for _, x := range r.batches[:cap(r.batches)] {
		for _, h := range x.hashes[:cap(x.hashes)] {
			n += 8 * int64(cap(h))
		}
	}
	return n
}

// Superseded returns, by batch, the rows that keep when each key has its last row alone, or nil when all keep. Batches that
// keep all rows have nil.
func (r *Rows) Superseded(key int) []batch.Bitmap {
	var keep []batch.Bitmap
	r.Twice(key, func(before, _ uint64) bool {
		if keep == nil {
			keep = make([]batch.Bitmap, len(r.batches))
		}
		bits := &keep[before>>32]
		if *bits == nil {
			n := len(r.batches[before>>32].hashes[key])
			*bits = make(batch.Bitmap, batch.Words(n))
			bits.Fill(n)
		}
		bits.Clear(int(uint32(before)))
		return true
	})
	return keep
}
