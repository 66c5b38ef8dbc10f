package index

import (
	"math"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// SketchBytes is the size of a Sketch: 2,048 registers give a standard error of 2.3%.
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

// Reset empties the sketch.
func (s *Sketch) Reset() { *s = Sketch{} }

// Append writes the registers, a byte each.
func (s *Sketch) Append(dst []byte) []byte { return append(dst, s.registers[:]...) }

// ReadSketch reads what Append wrote.
func ReadSketch(b []byte) (*Sketch, error) {
	if len(b) != SketchBytes {
		return nil, errs.Corrupt("sketch: %d bytes, want %d", len(b), SketchBytes)
	}
	s := new(Sketch)
	copy(s.registers[:], b)
	return s, nil
}
