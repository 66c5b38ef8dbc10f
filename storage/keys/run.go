package keys

import (
	"encoding/binary"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// The frozen numbers of a run: see the package comment.
const (
	precision   = 40 // bits of a hash
	bucketFill  = 16
	pageBuckets = 9 // bits
)

var le = binary.LittleEndian

// Run is the shape of a run. It says what the bytes of its pages mean.
type Run struct {
	entries, rows int
	buckets       uint // bits of a hash that name its bucket: B
	pages         uint // bits that name its page: P
	remainder     int  // bytes: R
	place         int  // bytes: L
}

// NewRun returns the shape of a run of some entries in a file of rows rows.
func NewRun(entries, rows int) Run {
	r := Run{entries: entries, rows: rows, place: bytesFor(uint64(max(rows-1, 1)))}
	if n := (entries + bucketFill - 1) / bucketFill; n > 1 {
		r.buckets = uint(bits.Len(uint(n - 1)))
	}
	r.pages = r.buckets - min(r.buckets, pageBuckets)
	r.remainder = int(precision-r.buckets+7) / 8
	return r
}

// bytesFor returns how many bytes a number takes.
func bytesFor(x uint64) int { return (bits.Len64(x) + 7) / 8 }

// Entries returns the number of entries.
func (r *Run) Entries() int { return r.entries }

// Pages returns the number of pages.
func (r *Run) Pages() int { return 1 << r.pages }

// PageOf returns the page that has a hash, if any has.
func (r *Run) PageOf(hash uint64) int { return int(hash >> 1 >> (63 - r.pages)) }

// bucketOf returns the bucket of a hash in its page.
func (r *Run) bucketOf(hash uint64) int {
	return int(hash >> 1 >> (63 - r.buckets) & (1<<(r.buckets-r.pages) - 1))
}

// remainderOf returns what a run keeps of a hash beyond its bucket.
func (r *Run) remainderOf(hash uint64) uint64 {
	return hash >> (64 - precision) & (1<<(precision-r.buckets) - 1)
}

// perPage returns the buckets of a page.
func (r *Run) perPage() int { return 1 << (r.buckets - r.pages) }

// PageBytes returns the length of a page's entries when it has n of them.
func (r *Run) PageBytes(n int) int { return 4*r.perPage() + n*(r.remainder+r.place) }

// Page is the entries of a page. It is a view of bytes that belong to somebody else.
type Page struct {
	run                      *Run
	ends, remainders, places []byte
	entries                  int
}

// Page returns the view of a page whose bytes Check found good.
func (r *Run) Page(b []byte) Page {
	ends := 4 * r.perPage()
	n := int(le.Uint32(b[ends-4:]))
	return Page{run: r, ends: b[:ends], remainders: b[ends : ends+n*r.remainder], places: b[ends+n*r.remainder:], entries: n}
}

// Len returns the entries of the page.
func (p *Page) Len() int { return p.entries }

func (p *Page) end(bucket int) int {
	if bucket < 0 {
		return 0
	}
	return int(le.Uint32(p.ends[4*bucket:]))
}

func number(b []byte, width, i int) (x uint64) {
	for k, v := range b[i*width : (i+1)*width] {
		x |= uint64(v) << (8 * k)
	}
	return x
}

// Place returns the place of an entry.
func (p *Page) Place(i int) uint32 { return uint32(number(p.places, p.run.place, i)) }

// Find returns the entries from which and up to which hashes may be equal to one.
func (p *Page) Find(hash uint64) (from, to int) {
	bucket := p.run.bucketOf(hash)
	from, to = p.end(bucket-1), p.end(bucket)
	want := p.run.remainderOf(hash)
	for to-from > bucketFill { // of a bad hash, or of a key that came and went in one load
		middle := int(uint(from+to) / 2)
		switch x := number(p.remainders, p.run.remainder, middle); {
		case x < want:
			from = middle + 1
		case x > want:
			to = middle
		default:
			return p.around(middle, from, to, want)
		}
	}
	for from < to && number(p.remainders, p.run.remainder, from) < want {
		from++
	}
	end := from
	for end < to && number(p.remainders, p.run.remainder, end) == want {
		end++
	}
	return from, end
}

// around returns the entries next to one that have its remainder.
func (p *Page) around(i, from, to int, want uint64) (int, int) {
	a, b := i, i+1
	for a > from && number(p.remainders, p.run.remainder, a-1) == want {
		a--
	}
	for b < to && number(p.remainders, p.run.remainder, b) == want {
		b++
	}
	return a, b
}

// Hashes appends the hashes of the entries of page number n of the run, as far as it has them, in ascending order. The bits
// that it does not have are 0.
func (p *Page) Hashes(dst []uint64, n int) []uint64 {
	r := p.run
	first := uint64(n) << (r.buckets - r.pages)
	at := 0
	for bucket := range r.perPage() {
		high := (first + uint64(bucket)) << 1 << (63 - r.buckets) // without buckets it is 0
		for end := p.end(bucket); at < end; at++ {
			dst = append(dst, high|number(p.remainders, r.remainder, at)<<(64-precision))
		}
	}
	return dst
}

// Short returns as much of a hash as runs keep.
func Short(hash uint64) uint64 { return hash &^ (1<<(64-precision) - 1) }

// Check looks at all bytes of a page, so that no use of it can fail later.
func (r *Run) Check(b []byte) error {
	ends := 4 * r.perPage()
	if len(b) < ends {
		return errs.Corrupt("page of %d bytes for %d buckets", len(b), r.perPage())
	}
	last := 0
	for i := 0; i < ends; i += 4 {
		n := int(le.Uint32(b[i:]))
		if n < last || n > r.entries {
			return errs.Corrupt("bucket %d ends at entry %d of %d, after %d", i/4, n, r.entries, last)
		}
		last = n
	}
	if want := r.PageBytes(last); len(b) != want {
		return errs.Corrupt("page of %d bytes for %d entries, want %d", len(b), last, want)
	}
	p := r.Page(b)
	at := 0
	for bucket := range r.perPage() {
		var before uint64
		for end := p.end(bucket); at < end; at++ {
			x := number(p.remainders, r.remainder, at)
			if x < before || x >= 1<<(precision-r.buckets) || int(p.Place(at)) >= r.rows {
				return errs.Corrupt("entry %d: remainder %x after %x, place %d of %d rows", at, x, before, p.Place(at), r.rows)
			}
			before = x
		}
	}
	return nil
}

// Probe is a key that is looked for: its hash, and the row that has it, by whatever number its user gives it.
type Probe struct {
	Hash uint64
	Row  uint64
}

// Match says that the key of a probe, by its place in the list, may be that of a row of a file.
type Match struct {
	Probe int
	Place uint32
}
