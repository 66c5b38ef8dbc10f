package kernel

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// HashBytes is XXH3 with 64 bits and seed 0. It orders the dictionaries of segments, so it never changes.
func HashBytes(b []byte) uint64 { return xxh3.Hash(b) }

// HashUint64 mixes 64 bits: David Stafford's variant 13 of the murmur3 finaliser, as splitmix64 uses it. It is a bijection,
// so equal hashes mean equal keys. Frozen: spilled partitions and sketches hold it.
func HashUint64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// HashUint128 hashes 128 bits. Frozen.
func HashUint128(lo, hi uint64) uint64 {
	return HashUint64(lo ^ bits.RotateLeft64(HashUint64(hi^0x9e3779b97f4a7c15), 32))
}
