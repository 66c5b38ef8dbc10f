package hashtable

import (
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// How intervals are compared: by the length of their fields.
const (
	MicrosPerDay = 86_400_000_000
	DaysPerMonth = 30 // PostgreSQL's rule for comparing intervals
)

// IntervalWords sees the two words of an interval as its fields.
func IntervalWords(lo, hi uint64) (months, days int32, micros int64) {
	return int32(uint32(lo)), int32(uint32(lo >> 32)), int64(hi)
}

// IntervalSpan returns the length of an interval in microseconds, as a 128-bit number whose order is unsigned.
func IntervalSpan(w0, w1 uint64) (lo, hi uint64) {
	months, days, micros := IntervalWords(w0, w1)
	total := int64(months)*DaysPerMonth + int64(days)
	hi, lo = bits.Mul64(uint64(total), MicrosPerDay)
	if total < 0 {
		hi -= MicrosPerDay
	}
	lo, c := bits.Add64(lo, uint64(micros), 0)
	return lo, (hi + uint64(micros>>63) + c) ^ 1<<63
}

// intervalKey is the part of an interval that decides equality.
func intervalKey(b []byte) []byte {
	w := [2]uint64{}
	copy(mem.Bytes(w[:]), b)
	lo, hi := IntervalSpan(w[0], w[1])
	return append([]byte(nil), mem.Bytes([]uint64{lo, hi})...)
}

// OrderFloat is the order of PostgreSQL: NaN is the largest and equal to itself, -0 equals 0.
func OrderFloat(w uint64) uint64 {
	switch f := math.Float64frombits(w); {
	case f == 0:
		return 1 << 63
	case f != f:
		return math.MaxUint64
	case w>>63 != 0:
		return ^w
	}
	return w | 1<<63
}

// FloatOf undoes OrderFloat.
func FloatOf(w uint64) uint64 {
	switch {
	case w == math.MaxUint64:
		return math.Float64bits(math.NaN())
	case w>>63 != 0:
		return w &^ (1 << 63)
	}
	return ^w
}

// orderFloat32 is OrderFloat in the 32 bits of a float4, which came widened.
func orderFloat32(x uint64) uint64 {
	f := float32(math.Float64frombits(x))
	b := uint64(math.Float32bits(f))
	switch {
	case f == 0:
		return 1 << 31
	case f != f:
		return math.MaxUint32
	case b>>31 != 0:
		return ^b & math.MaxUint32
	}
	return b | 1<<31
}

// float32Of undoes orderFloat32.
func float32Of(w uint32) float32 {
	switch {
	case w == math.MaxUint32:
		return float32(math.NaN())
	case w>>31 != 0:
		return math.Float32frombits(w &^ (1 << 31))
	}
	return math.Float32frombits(^w)
}
