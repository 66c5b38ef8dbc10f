// Package kernel has the typed loops over slices that scans, expressions and aggregates share: comparisons to bitmaps,
// bit-packing, sums, minima, gathers and hashes. A kernel sees a few thousand values per call, so the cost of the call
// and of choosing a loop disappears; inside, no loop branches per row (a mispredicted branch costs more than the whole
// comparison: 2.65 against 0.4 ns a row).
//
// Kernels keep no state, allocate nothing and are safe for concurrent use. Bitmaps are LSB first with zero bits past
// the length (package batch). Callers check lengths: a kernel refuses nothing and panics on slices that are too short.
//
// Loops that decide the speed of scans are written with vector instructions, too (range_amd64.s, search_amd64.s); their
// plain twins run on other processors, and everywhere under the build tag purego.
//
// The hashes are frozen: dictionaries on disk are ordered by them.
package kernel

// Cmp is a comparison, numbered as scan.Op from Eq to Ge.
type Cmp uint8

// The comparisons.
const (
	Eq Cmp = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// Swap returns the comparison that says of (b, a) what c says of (a, b).
func (c Cmp) Swap() Cmp { return [...]Cmp{Eq, Ne, Gt, Ge, Lt, Le}[c] }

// Not returns the comparison that is true where c is false (NULL aside).
func (c Cmp) Not() Cmp { return [...]Cmp{Ne, Eq, Ge, Gt, Le, Lt}[c] }

// Integer is the signed integers of vectors.
type Integer interface{ ~int16 | ~int32 | ~int64 }

// Float is the floats of vectors.
type Float interface{ ~float32 | ~float64 }

// Bit is 1 for true; the compiler makes it a SETcc, never a branch.
func Bit(b bool) uint64 {
	var x uint64
	if b {
		x = 1
	}
	return x
}

func words(n int) int { return (n + 63) >> 6 }
