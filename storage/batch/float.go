package batch

import "math"

// Float64Bits is the order-preserving form of a float used as a key: -0 equals 0, every NaN is equal and the largest.
func Float64Bits(f float64) uint64 {
	if f == 0 {
		f = 0
	}
	if f != f {
		f = math.NaN()
	}
	b := math.Float64bits(f)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}
