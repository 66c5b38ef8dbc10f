// Package index has what lets a scan skip rows before it reads them: zone maps, which bound the values of 8,192 rows,
// and sets of deleted rows; and sketches, which estimate the number of distinct values.
//
// Zones and a Sketch belong to one goroutine while they are filled; afterwards nobody changes them, and many may read.
// A RowSet never changes.
package index

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Zones bounds the values of each zone of a column in 8 bytes: integers and booleans as they are, floats as float64,
// strings and uuids by scan.StringPrefix of their scan.OrderKey. Forms without such a bound (int128, interval) only
// have NULL counts. The bounds of a zone without values are meaningless.
type Zones struct {
	Ranges   bool
	Min, Max []uint64
	Nulls    []uint32
}

// Len returns the number of zones.
func (z *Zones) Len() int { return len(z.Nulls) }

// HasRange tells whether zones of a physical form have bounds.
func HasRange(p types.Physical) bool { return p != types.PhysInt128 && p != types.PhysInterval }

// Add appends a zone.
func (z *Zones) Add(lo, hi uint64, nulls int) {
	if z.Ranges {
		z.Min, z.Max = append(z.Min, lo), append(z.Max, hi)
	}
	z.Nulls = append(z.Nulls, uint32(nulls))
}

// Verdict says what a predicate on values of a physical form makes of the rows rows of zone i. All means every row.
func (z *Zones) Verdict(i, rows int, p *scan.Pred, phys types.Physical) kernel.Verdict {
	nulls := int(z.Nulls[i])
	switch p.Kind {
	case scan.PredNull:
		return scan.Negate(notNull(nulls, rows))
	case scan.PredAll:
		return notNull(nulls, rows)
	}
	if nulls >= rows {
		return kernel.None
	}
	v := kernel.Some
	switch {
	case p.Kind == scan.PredNone:
		return kernel.None
	case !z.Ranges:
	case phys == types.PhysFloat32 || phys == types.PhysFloat64:
		v = p.FloatBounds(math.Float64frombits(z.Min[i]), math.Float64frombits(z.Max[i]))
	case phys == types.PhysBytes || phys == types.PhysUUID:
		v = p.PrefixBounds(z.Min[i], z.Max[i])
	default:
		v = p.Bounds(int64(z.Min[i]), int64(z.Max[i]))
	}
	if v == kernel.All && nulls > 0 {
		return kernel.Some
	}
	return v
}

func notNull(nulls, rows int) kernel.Verdict {
	switch nulls {
	case 0:
		return kernel.All
	case rows:
		return kernel.None
	}
	return kernel.Some
}

// Append writes z: ranges u8, 3 zero bytes, count u32, then the least values, the greatest (u64 each, when there are
// ranges) and the NULL counts (u32 each).
func (z *Zones) Append(dst []byte) []byte {
	dst = append(dst, byte(kernel.Bit(z.Ranges)), 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(z.Nulls)))
	for _, x := range z.Min {
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	for _, x := range z.Max {
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	for _, x := range z.Nulls {
		dst = binary.LittleEndian.AppendUint32(dst, x)
	}
	return dst
}

// ReadZones reads what Append wrote and returns the rest of b.
func ReadZones(b []byte) (z Zones, rest []byte, err error) {
	if len(b) < 8 {
		return z, nil, errs.Corrupt("zone maps: %d bytes, want at least 8", len(b))
	}
	z.Ranges = b[0] != 0
	n := int(binary.LittleEndian.Uint32(b[4:]))
	b = b[8:]
	per := 4
	if z.Ranges {
		per += 16
	}
	if n > len(b)/per {
		return z, nil, errs.Corrupt("zone maps: %d zones in %d bytes", n, len(b))
	}
	if z.Ranges {
		z.Min, b = readWords(b, n)
		z.Max, b = readWords(b, n)
	}
	z.Nulls = make([]uint32, n)
	for i := range z.Nulls {
		z.Nulls[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return z, b[4*n:], nil
}

func readWords(b []byte, n int) ([]uint64, []byte) {
	v := make([]uint64, n)
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return v, b[8*n:]
}

// IntRange returns the least and the greatest of the values whose bit is set (all of them when valid is nil), and false
// when there are none.
func IntRange(v []int64, valid batch.Bitmap) (lo, hi int64, ok bool) {
	if valid == nil {
		lo, hi = kernel.MinMax(v)
		return lo, hi, true
	}
	lo, hi = math.MaxInt64, math.MinInt64
	for i, x := range v {
		if valid.Get(i) {
			lo, hi, ok = min(lo, x), max(hi, x), true
		}
	}
	return lo, hi, ok
}
