package keys

import (
	"cmp"
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Builder makes a run. Its memory is used again for the next one.
type Builder struct {
	// Account is charged for the memory, when it is not nil. It must not refuse.
	Account *mem.Account
	charged int64

	run        Run
	starts     []uint32 // of each bucket; of the bucket before it once it is filled
	remainders []uint64
	places     []uint32
	bytes      []byte
}

// Build sorts the hashes of the rows of a file, in their order, of which those without a key are None.
func (b *Builder) Build(hashes []uint64) (Run, error) {
	n := 0
	for _, h := range hashes {
		if h != None {
			n++
		}
	}
	if n > math.MaxUint32 {
		return Run{}, errs.Internal("a run of %d entries", n)
	}
	b.run = NewRun(n, len(hashes))
	b.starts = grow(b.starts, 1<<b.run.buckets+1)
	b.remainders, b.places = grow(b.remainders, n), grow(b.places, n)
	if err := b.charge(); err != nil {
		return Run{}, err
	}
	clear(b.starts)
	for _, h := range hashes {
		if h != None {
			b.starts[b.bucket(h)+1]++
		}
	}
	for i := 1; i < len(b.starts); i++ {
		b.starts[i] += b.starts[i-1]
	}
	for place, h := range hashes {
		if h == None {
			continue
		}
		at := &b.starts[b.bucket(h)]
		b.remainders[*at], b.places[*at] = b.run.remainderOf(h), uint32(place)
		*at++
	}
	first := uint32(0)
	for _, end := range b.starts[:1<<b.run.buckets] {
		b.sort(int(first), int(end))
		first = end
	}
	return b.run, nil
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (b *Builder) charge() error {
	held := 4*int64(cap(b.starts)+cap(b.places)) + 8*int64(cap(b.remainders)) + int64(cap(b.bytes))
	if b.Account == nil || held <= b.charged {
		return nil
	}
	if err := b.Account.Reserve(held - b.charged); err != nil {
		return err
	}
	b.charged = held
	return nil
}

// Release ends the charge.
func (b *Builder) Release() {
	if b.Account != nil {
		b.Account.Free(b.charged)
	}
	*b = Builder{Account: b.Account}
}

// bucket returns the bucket of a hash in the run.
func (b *Builder) bucket(h uint64) int { return int(h >> 1 >> (63 - b.run.buckets)) }

// sort orders the entries of a bucket by their remainders; their places ascend already.
func (b *Builder) sort(from, to int) {
	if to-from > 4*bucketFill {
		b.sortMany(from, to)
		return
	}
	r, p := b.remainders[from:to], b.places[from:to]
	for i := 1; i < len(r); i++ {
		x, place := r[i], p[i]
		j := i
		for ; j > 0 && r[j-1] > x; j-- {
			r[j], p[j] = r[j-1], p[j-1]
		}
		r[j], p[j] = x, place
	}
}

// sortMany is sort for a bucket that a bad hash has filled.
func (b *Builder) sortMany(from, to int) {
	type entry struct {
		remainder uint64
		place     uint32
	}
	list := make([]entry, to-from)
	for i := range list {
		list[i] = entry{b.remainders[from+i], b.places[from+i]}
	}
	slices.SortFunc(list, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.remainder, y.remainder), cmp.Compare(x.place, y.place))
	})
	for i, e := range list {
		b.remainders[from+i], b.places[from+i] = e.remainder, e.place
	}
}

// Page returns the two buffers of a page. They are valid until the next call.
func (b *Builder) Page(page int) (entries, filter []byte) {
	r := &b.run
	first := page * r.perPage()
	from := uint32(0)
	if first > 0 {
		from = b.starts[first-1]
	}
	to := b.starts[first+r.perPage()-1]
	size := r.PageBytes(int(to - from))
	b.bytes = grow(b.bytes, size+FilterBytes(int(to-from)))
	entries, filter = b.bytes[:size], b.bytes[size:]
	clear(filter)
	out := entries
	for i := range r.perPage() {
		le.PutUint32(out, b.starts[first+i]-from)
		out = out[4:]
	}
	for i := from; i < to; i++ {
		out = put(out, b.remainders[i], r.remainder)
	}
	for i := from; i < to; i++ {
		out = put(out, uint64(b.places[i]), r.place)
	}
	at := from
	for i := range r.perPage() {
		high := uint64(first+i) << 1 << (63 - r.buckets)
		for ; at < b.starts[first+i]; at++ {
			addToFilter(filter, high|b.remainders[at]<<(64-precision))
		}
	}
	return entries, filter
}

func put(b []byte, x uint64, width int) []byte {
	for i := range width {
		b[i] = byte(x >> (8 * i))
	}
	return b[width:]
}
