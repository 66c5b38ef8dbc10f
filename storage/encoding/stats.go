package encoding

import (
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/kernel"
)

// dictMax is the most values of a block dictionary: codes of at most 8 bits, and a table that stays in L1.
const dictMax = 256

// stats is what one pass learns of a block's integers.
type stats struct {
	v    []int64
	elem int

	min, max int64
	runs     int
	vec      [maxVectors]span // of the values of each vector
	delta    [maxVectors]span // of the differences inside each vector
	distinct []int64          // sorted, when there are at most dictMax; else nil

	table [4 * dictMax]int64 // open addressing; slot's value plus used
	used  [4 * dictMax]bool
	codes [4 * dictMax]uint8
	found [dictMax]int64
	work  [vectorRows]uint64
}

type span struct{ min, max int64 }

func (s span) width() uint8 { return kernel.Width(uint64(s.max - s.min)) }

// gather fills s from 1 to MaxRows values of elem bytes.
func (s *stats) gather(v []int64, elem int) {
	s.v, s.elem = v, elem
	s.min, s.max = v[0], v[0]
	s.runs = 1
	for i := 0; i < len(v); i += vectorRows {
		part := v[i:min(i+vectorRows, len(v))]
		s.vector(i/vectorRows, part)
		if i > 0 && v[i] != v[i-1] {
			s.runs++
		}
	}
	s.countDistinct()
}

func (s *stats) vector(k int, v []int64) {
	lo, hi := kernel.MinMax(v)
	dlo, dhi := int64(math.MaxInt64), int64(math.MinInt64)
	var changes uint64
	prev := v[0]
	for _, x := range v[1:] {
		d := x - prev
		dlo, dhi = min(dlo, d), max(dhi, d)
		changes += kernel.Bit(d != 0)
		prev = x
	}
	if len(v) == 1 {
		dlo, dhi = 0, 0
	}
	s.vec[k], s.delta[k] = span{lo, hi}, span{dlo, dhi}
	s.min, s.max = min(s.min, lo), max(s.max, hi)
	s.runs += int(changes)
}

// countDistinct collects the distinct values, giving up at dictMax: on wide data after some hundred rows. A dictionary
// is not worth a look when packed values are as narrow as the smallest codes, or runs are long.
func (s *stats) countDistinct() {
	s.distinct = nil
	if uint64(s.max-s.min) < 4 || s.runs*16 < len(s.v) {
		return
	}
	clear(s.used[:])
	n := 0
	prev := s.v[0] - 1
	for _, x := range s.v {
		if x == prev {
			continue
		}
		prev = x
		h := s.slot(x)
		if s.used[h] {
			continue
		}
		if n == dictMax {
			return
		}
		s.used[h], s.table[h] = true, x
		s.found[n] = x
		n++
	}
	s.distinct = s.found[:n]
	slices.Sort(s.distinct)
	for i, x := range s.distinct {
		s.codes[s.slot(x)] = uint8(i)
	}
}

// slot returns the slot of the table that holds x or is free for it. The table is at most a quarter full.
func (s *stats) slot(x int64) uint64 {
	h := uint64(x) * 0x9e3779b97f4a7c15 >> 54
	for s.used[h] && s.table[h] != x {
		h = (h + 1) & (4*dictMax - 1)
	}
	return h
}

// weight is the cost of decoding against reading packed words, in percent: a slower encoding must save that much.
var weight = [...]int{Constant: 100, RLE: 100, FOR: 100, Delta: 115, Raw: 98, Dict: 105}

func (s *stats) choose() codec {
	var best codec = codecs[Raw]
	cost := math.MaxInt
	for id, c := range codecs {
		if c == nil {
			continue
		}
		bytes, ok := c.plan(s)
		if ok && bytes*weight[id] < cost {
			best, cost = c, bytes*weight[id]
		}
	}
	return best
}

// Encoder encodes blocks, keeping its work space. It is not safe for concurrent use.
type Encoder struct {
	stats stats
	ints  []int64
}

// Ints appends the encoding of 1 to MaxRows integers that fit elem bytes (2, 4 or 8). Floats come as their bits, codes
// as integers of 4 bytes.
func (e *Encoder) Ints(dst []byte, v []int64, elem int) []byte {
	e.stats.gather(v, elem)
	dst = e.stats.choose().encode(dst, &e.stats)
	return dst
}
