package agg

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/mem"
)

const (
	microsPerDay = 86_400_000_000
	daysPerMonth = 30 // PostgreSQL's rule for comparing intervals
)

// intervalWords sees the two words of an interval as its fields.
func intervalWords(lo, hi uint64) (months, days int32, micros int64) {
	return int32(uint32(lo)), int32(uint32(lo >> 32)), int64(hi)
}

// intervalSpan returns the length of an interval in microseconds, as a 128-bit number whose order is unsigned.
func intervalSpan(w0, w1 uint64) (lo, hi uint64) {
	months, days, micros := intervalWords(w0, w1)
	total := int64(months)*daysPerMonth + int64(days)
	hi, lo = bits.Mul64(uint64(total), microsPerDay)
	if total < 0 {
		hi -= microsPerDay
	}
	lo, c := bits.Add64(lo, uint64(micros), 0)
	return lo, (hi + uint64(micros>>63) + c) ^ 1<<63
}

// intervalKey is the part of an interval that decides equality.
func intervalKey(b []byte) []byte {
	w := [2]uint64{}
	copy(mem.Bytes(w[:]), b)
	lo, hi := intervalSpan(w[0], w[1])
	return append([]byte(nil), mem.Bytes([]uint64{lo, hi})...)
}
