// Package gen makes seeded benchmark data: the same seed and row numbers give the same bytes on every machine, in any
// order and in parallel, because each row's values are a function of the seed and the row's number alone.
package gen

import "math/bits"

// rng is splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number in [0, n).
func (r *rng) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}

// chance is true in perMillion of a million draws.
func (r *rng) chance(perMillion uint64) bool { return r.below(1_000_000) < perMillion }

// skewed returns a number in [0, n) with density falling as x^(1/power-1): the larger the power, the more the small
// numbers dominate. Integer arithmetic keeps it the same on every machine.
func (r *rng) skewed(n uint64, power int) uint64 {
	x := r.next() >> 32
	y := x
	for range power - 1 {
		y = y * x >> 32
	}
	return y * n >> 32
}
