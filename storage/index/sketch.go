package index

import (
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// SketchBytes is the most bytes of a Sketch at rest: 2,048 registers give a standard error of 2.3%.
const SketchBytes = 1 << sketchBits

const sketchBits = 11

// Sketch estimates the number of distinct values: HyperLogLog (Flajolet et al., 2007) over 64-bit hashes, with linear
// counting while registers are free. Sketches of the same hash merge: they say how many values parts have together.
type Sketch struct{ registers [SketchBytes]uint8 }

// Add counts a value by its hash.
func (s *Sketch) Add(hash uint64) {
	i := hash >> (64 - sketchBits)
	rank := uint8(bits.LeadingZeros64(hash<<sketchBits|1<<(sketchBits-1))) + 1
	s.registers[i] = max(s.registers[i], rank)
}

// Merge adds the values of o.
func (s *Sketch) Merge(o *Sketch) {
	for i, r := range o.registers {
		s.registers[i] = max(s.registers[i], r)
	}
}

// Estimate returns the number of distinct values.
func (s *Sketch) Estimate() int64 {
	const m = float64(SketchBytes)
	sum, zeros := 0.0, 0
	for _, r := range s.registers {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			zeros++
		}
	}
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && zeros > 0 {
		e = m * math.Log(m/float64(zeros))
	}
	return int64(e + 0.5)
}

// Append writes the registers, a byte each; or, while a third of them are in use at most, those in use as u16 number and
// u8 value, in ascending order.
func (s *Sketch) Append(dst []byte) []byte {
	used := 0
	for _, r := range s.registers {
		if r != 0 {
			used++
		}
	}
	if 3*used >= SketchBytes {
		return append(dst, s.registers[:]...)
	}
	for i, r := range s.registers {
		if r != 0 {
			dst = append(dst, byte(i), byte(i>>8), r)
		}
	}
	return dst
}

// ReadSketch reads what Append wrote.
func ReadSketch(b []byte) (*Sketch, error) {
	s := new(Sketch)
	if len(b) == SketchBytes {
		copy(s.registers[:], b)
		return s, nil
	}
	if len(b)%3 != 0 || len(b) > SketchBytes {
		return nil, errs.Corrupt("sketch: %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[3:] {
		i := int(b[0]) | int(b[1])<<8
		if i >= SketchBytes {
			return nil, errs.Corrupt("sketch: register %d of %d", i, SketchBytes)
		}
		s.registers[i] = b[2]
	}
	return s, nil
}
