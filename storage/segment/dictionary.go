package segment

import (
	"fmt"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Pins keeps dictionaries in memory. Batches of a scan point into them, and a query may keep such batches until it
// releases its snapshot: so the snapshot owns the Pins. The zero value is ready; safe for concurrent use.
type Pins struct {
	mu struct {
		sync.Mutex
		held  map[*cache.Buffer]struct{}
		bytes int64
	}
}

// keep takes over one pin of a buffer.
func (p *Pins) keep(b *cache.Buffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.mu.held[b]; ok {
		b.Release()
		return
	}
	if p.mu.held == nil {
		p.mu.held = make(map[*cache.Buffer]struct{})
	}
	p.mu.held[b] = struct{}{}
	p.mu.bytes += int64(len(b.Bytes()))
}

// Release lets go of everything. Batches that point into dictionaries must not be used afterwards.
func (p *Pins) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for b := range p.mu.held {
		b.Release()
	}
	p.mu.held, p.mu.bytes = nil, 0
}

// Dictionary returns the dictionary of a column, kept in memory by pins; nil for a column without one.
func (s *Segment) Dictionary(col int, pins *Pins) (*batch.Dictionary, error) {
	return s.dictionaryOf(col, pins, nil)
}

// dictionaryOf returns a dictionary with all its strings.
func (s *Segment) dictionaryOf(col int, pins *Pins, n *scan.Counters) (*batch.Dictionary, error) {
	at, err := s.dictionaryAt(col, pins, n)
	if at == nil || err != nil {
		return nil, err
	}
	return at.dict, at.text.all(n)
}

// dictionaryAt returns the dictionary of a column, of which some strings may not be there yet; nil for a column without
// one.
func (s *Segment) dictionaryAt(col int, pins *Pins, n *scan.Counters) (*dictionaryAt, error) {
	c := &s.cols[col]
	if c.dict == nil {
		return nil, nil
	}
	b, err := s.dictionaryBuffer(col, n)
	if err != nil {
		return nil, err
	}
	pins.keep(b)
	for {
		at := c.dictAt.Load()
		if at != nil && at.buffer == b {
			return at, nil
		}
		dict := c.dictionary(b.Bytes())
		fresh := &dictionaryAt{b, dict, newDictText(s, c, dict), !slices.Contains(dict.Counts, 0)}
		if c.dictAt.CompareAndSwap(at, fresh) {
			return fresh, nil
		}
	}
}

// dictionaryAt remembers the dictionary in a buffer, and which of its strings are there, so that scans get the same one
// as long as it stays in the cache.
type dictionaryAt struct {
	buffer *cache.Buffer
	dict   *batch.Dictionary
	text   *dictText
	whole  bool // every entry has rows
}

// layout says where the parts of a dictionary lie in its buffer: hashes, offsets, counts, heap, each 64-byte aligned.
func (d *dictMeta) layout() (offsets, counts, heap, size int) {
	align := func(n int) int { return (n + alignment - 1) &^ (alignment - 1) }
	offsets = align(8 * d.entries)
	counts = align(offsets + 4*(d.entries+1))
	heap = align(counts + 4*d.entries)
	return offsets, counts, heap, heap + int(d.heap)
}

func (c *column) dictionary(b []byte) *batch.Dictionary {
	d := c.dict
	offsets, counts, heap, size := d.layout()
	n := d.entries
	return &batch.Dictionary{
		ID:          c.dictID,
		Len:         n,
		Hashes:      mem.View[uint64](b[:8*n]),
		Offsets:     mem.View[uint32](b[offsets : offsets+4*(n+1)]),
		Counts:      mem.View[uint32](b[counts : counts+4*n]),
		Heap:        b[heap:size],
		HashOrdered: true,
		Distinct:    scan.KeyIsValue(c.Type),
	}
}

func (s *Segment) dictionaryBuffer(col int, n *scan.Counters) (*cache.Buffer, error) {
	c := &s.cols[col]
	_, _, _, size := c.dict.layout()
	key := cache.Key{File: s.file, Offset: c.dict.groups[0][0].offset}
	if b := s.cache.Lookup(key); b != nil {
		return b, nil
	}
	b, err := s.cache.Load(key, size, func(dst []byte) error { return s.loadDictionary(c, dst, n) })
	if err != nil {
		return nil, s.wrap(fmt.Errorf("column %q: dictionary: %w", c.Name, err))
	}
	return b, nil
}

// loadDictionary reads and checks all parts of a dictionary but its strings, see dictText.
func (s *Segment) loadDictionary(c *column, dst []byte, counters *scan.Counters) error {
	d := c.dictionary(dst)
	var scratch []byte
	var blk encoding.Block
	rows := int64(0)
	for g, refs := range c.dict.groups {
		from := g * scan.BlockRows
		n := min(scan.BlockRows, d.Len-from)
		parts := [3][]byte{
			mem.Bytes(d.Hashes[from : from+n]), mem.Bytes(d.Offsets[from+1 : from+1+n]), mem.Bytes(d.Counts[from : from+n]),
		}
		for k, part := range parts {
			elem := len(part) / n
			if need := int(refs[k].plain) + encoding.Padding; cap(scratch) < need {
				scratch = mem.Bytes(make([]uint64, need/8+1))
			}
			buf := scratch[:refs[k].plain]
			if err := s.fetch(refs[k], buf, counters); err != nil {
				return err
			}
			if err := blk.Open(buf, elem); err != nil {
				return err
			}
			if blk.Rows != n || blk.ID == encoding.Bits || blk.ID == encoding.Strings {
				return errs.Corrupt("%s block of %d rows, want %d", blk.ID, blk.Rows, n)
			}
			for v := range blk.Vectors() {
				blk.Decode(v, part[v*maxVector*elem:])
			}
		}
	}
	d.Offsets[0] = 0
	for i, n := range d.Offsets[1:] {
		end := uint64(d.Offsets[i]) + uint64(n)
		if end > uint64(len(d.Heap)) {
			return errs.Corrupt("entry %d ends at %d of %d bytes", i, end, len(d.Heap))
		}
		d.Offsets[i+1] = uint32(end)
		rows += int64(d.Counts[i])
		if i > 0 && d.Hashes[i] < d.Hashes[i-1] {
			return errs.Corrupt("entry %d: hash out of order", i)
		}
	}
	if int(d.Offsets[d.Len]) != len(d.Heap) || rows != c.stats.Rows-c.stats.Nulls {
		return errs.Corrupt("%d bytes and %d rows, want %d and %d", d.Offsets[d.Len], rows, len(d.Heap), c.stats.Rows-c.stats.Nulls)
	}
	return nil
}

// maxVector is the rows of a vector.
const maxVector = batch.MaxRows
