package batch

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/types"
)

// Form is how a vector holds its values.
type Form uint8

// The forms. Flatten turns each of them into Flat.
const (
	// Flat: Data holds Len fixed-width values; or a bitmap of Len bits for booleans; or, with Offsets, the bytes of
	// Len strings.
	Flat Form = iota
	// Constant: as Flat with one row, which stands for all Len rows. Valid, when not nil, has one bit.
	Constant
	// Dict: row i is entry Codes[i] of Dict. Rows that are NULL have any code below Dict.Len.
	Dict
	// Packed: integers, frame-of-reference and bit-packed: row i is Base + the Width bits at bit i*Width of Data,
	// LSB first. Only for PhysInt16, PhysInt32 and PhysInt64.
	Packed
)

// Vector is one column of some rows.
type Vector struct {
	Type types.Type
	Form Form
	Len  int
	// Valid has a bit per row (one bit in all when Constant), set where the value is not NULL; nil: no NULLs.
	Valid Bitmap

	Data    []byte   // Flat, Constant: values; Packed: the packed words
	Offsets []uint32 // strings: Len+1 offsets into Data (two when Constant)

	Codes []uint32    // Dict
	Dict  *Dictionary // Dict

	Base  int64 // Packed
	Width uint8 // Packed: bits per row, 0 to 64

	own struct { // buffers this vector may write to, reused by Reset
		data    []byte
		offsets []uint32
		codes   []uint32
		valid   Bitmap
	}
}

// Values sees a flat or constant fixed-width vector as a slice of its Go type. T's size must be the physical width.
func Values[T any](v *Vector) []T {
	var z T
	n := len(v.Data) / int(unsafe.Sizeof(z))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(v.Data))), n)
}

// Int128 is the physical form of numeric(p<=38): Arrow's decimal128.
type Int128 = types.Int128

// Interval is the physical form of interval.
type Interval = types.IntervalValue

// Bools sees a flat or constant boolean vector as a bitmap.
func (v *Vector) Bools() Bitmap {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v.Data))), len(v.Data)/8)
}

// Reset makes v a flat vector of n rows of type t without NULLs. Fixed-width values are left undefined, booleans
// false, strings empty (SetBytes or AppendBytes fills them). It reuses memory that v itself allocated before.
func (v *Vector) Reset(t types.Type, n int) {
	v.Type, v.Form, v.Len, v.Valid = t, Flat, n, nil
	v.Codes, v.Dict, v.Offsets = nil, nil, nil
	switch p := t.Physical(); p {
	case types.PhysBool:
		v.ownData(Words(n) * 8)
		clear(v.Data)
	case types.PhysBytes:
		v.ownData(0)
		if cap(v.own.offsets) < n+1 {
			v.own.offsets = make([]uint32, 0, max(n, 63)+1) // a batch of one INSERT is small
		}
		v.Offsets = v.own.offsets[:1]
		v.Offsets[0] = 0
		v.Len = 0
	default:
		v.ownData(n * p.Width())
	}
}

// ownData makes Data n bytes of v's own, 8-byte aligned.
func (v *Vector) ownData(n int) {
	if cap(v.own.data) < n || v.own.data == nil {
		words := make([]uint64, max((n+7)/8, 8))
		v.own.data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)
	}
	v.Data = v.own.data[:n]
}

// AppendBytes appends a string to a flat string vector that Reset prepared with the same or a larger n.
func (v *Vector) AppendBytes(s []byte) {
	v.grow(len(s))
	v.Data = append(v.Data, s...)
	v.endString()
}

// AppendString appends a string to a flat string vector.
func (v *Vector) AppendString(s string) {
	v.grow(len(s))
	v.Data = append(v.Data, s...)
	v.endString()
}

// Grow makes room for n more bytes of strings in a flat string vector.
func (v *Vector) Grow(n int) { v.grow(n) }

func (v *Vector) grow(n int) {
	if len(v.Data)+n > cap(v.Data) {
		size := max(2*cap(v.Data), len(v.Data)+n, 1024)
		words := make([]uint64, (size+7)/8)
		b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)
		v.own.data = b
		v.Data = b[:copy(b, v.Data)]
	}
}

// EndString closes the string whose bytes were appended to Data directly.
func (v *Vector) EndString() {
	if cap(v.Data) > cap(v.own.data) {
		v.own.data = v.Data[:cap(v.Data)]
	}
	v.endString()
}

func (v *Vector) endString() {
	v.Offsets = append(v.Offsets, uint32(len(v.Data)))
	v.own.offsets = v.Offsets
	v.Len++
}

// Nulls makes sure that Valid is a bitmap of v's own with a bit for each row (all set if there was none), and returns
// it. For a string vector still being appended to, give the final number of rows.
func (v *Vector) Nulls(rows int) Bitmap {
	if v.Form == Constant {
		rows = 1
	}
	if v.Valid == nil {
		v.own.valid = resize(v.own.valid, rows)
		v.own.valid.Fill(rows)
		v.Valid = v.own.valid
	}
	return v.Valid
}

// SetNull makes row i NULL. v must own its validity (after Reset).
func (v *Vector) SetNull(i int) { v.Nulls(max(v.Len, i+1)).Clear(i) }

// IsNull tells whether row i is NULL.
func (v *Vector) IsNull(i int) bool {
	if v.Valid == nil {
		return false
	}
	if v.Form == Constant {
		i = 0
	}
	return !v.Valid.Get(i)
}

// HasNulls tells whether any row may be NULL.
func (v *Vector) HasNulls() bool { return v.Valid != nil }

// BytesAt returns row i of a string vector of any form. The bytes belong to the vector.
func (v *Vector) BytesAt(i int) []byte {
	switch v.Form {
	case Dict:
		return v.Dict.At(int(v.Codes[i]))
	case Constant:
		i = 0
	}
	return v.Data[v.Offsets[i]:v.Offsets[i+1]]
}

// ResetConstant makes v a constant of n rows.
func (v *Vector) ResetConstant(d types.Datum, n int) {
	v.Reset(d.Type, 1)
	v.setDatum(0, d)
	v.Form, v.Len = Constant, n
	if d.Null {
		v.Valid = nil
		v.Nulls(1).Clear(0)
	}
}

// ResetDict makes v a vector of n codes of a dictionary, which the caller fills in.
func (v *Vector) ResetDict(t types.Type, d *Dictionary, n int) {
	v.Type, v.Form, v.Len, v.Valid = t, Dict, n, nil
	v.Data, v.Offsets, v.Dict = nil, nil, d
	if cap(v.own.codes) < n {
		v.own.codes = make([]uint32, max(n, MaxRows))
	}
	v.Codes = v.own.codes[:n]
}

// ResetPacked makes v see packed words that somebody else owns.
func (v *Vector) ResetPacked(t types.Type, base int64, width uint8, words []byte, n int) {
	v.Type, v.Form, v.Len, v.Valid = t, Packed, n, nil
	v.Codes, v.Dict, v.Offsets = nil, nil, nil
	v.Data, v.Base, v.Width = words, base, width
}

// Lend makes v see the values of o without copying; v is valid as long as o is.
func (v *Vector) Lend(o *Vector) {
	own := v.own
	*v = *o
	v.own = own
}

// setDatum writes row i of a flat vector; for strings, row i must be the one that is next to append.
func (v *Vector) setDatum(i int, d types.Datum) {
	switch d.Type.Physical() {
	case types.PhysBool:
		v.Bools().SetTo(i, d.I != 0)
	case types.PhysInt16:
		Values[int16](v)[i] = int16(d.I)
	case types.PhysInt32:
		Values[int32](v)[i] = int32(d.I)
	case types.PhysInt64:
		Values[int64](v)[i] = d.I
	case types.PhysFloat32:
		Values[float32](v)[i] = float32(d.F)
	case types.PhysFloat64:
		Values[float64](v)[i] = d.F
	case types.PhysInt128:
		Values[Int128](v)[i] = Int128{Lo: uint64(d.I), Hi: d.Hi}
	case types.PhysInterval:
		m, days, us := d.IntervalParts()
		Values[Interval](v)[i] = Interval{Months: m, Days: days, Micros: us}
	case types.PhysUUID:
		clear(v.Data[i*16 : i*16+16])
		copy(v.Data[i*16:i*16+16], d.S)
	case types.PhysBytes:
		v.AppendString(d.S)
	}
}

// AppendDatum appends one value to a flat vector; d's type must have v's physical form. A slow path: constants, VALUES, tests.
func (v *Vector) AppendDatum(d types.Datum) {
	i, phys := v.Len, v.Type.Physical()
	if phys != types.PhysBytes {
		v.extend(i + 1)
	}
	d.Type = v.Type
	v.setDatum(i, d)
	if v.Valid != nil || d.Null {
		v.growValid(i + 1)
		v.Valid.SetTo(i, !d.Null)
	}
}

// extend makes a flat fixed-width vector n rows long, keeping the rows it has.
func (v *Vector) extend(n int) {
	size := n * v.Type.Physical().Width()
	if v.Type.Physical() == types.PhysBool {
		size = Words(n) * 8
	}
	old := len(v.Data)
	v.grow(size - old)
	v.Data = v.Data[:size]
	clear(v.Data[old:])
	v.Len = n
}

func (v *Vector) growValid(n int) {
	if v.Valid == nil {
		v.Valid = resize(v.own.valid, n)
		v.Valid.Fill(n)
	}
	for len(v.Valid) < Words(n) {
		v.Valid = append(v.Valid, 0)
	}
	v.own.valid = v.Valid
}

// Datum returns row i as a Datum. A slow path: results, statistics, tests.
func (v *Vector) Datum(i int) types.Datum {
	if v.IsNull(i) {
		return types.NullOf(v.Type)
	}
	d := types.Datum{Type: v.Type}
	if v.Form == Packed {
		d.I = v.Unpack(i)
		return d
	}
	phys := v.Type.Physical()
	if v.Form == Constant && phys != types.PhysBytes {
		i = 0
	}
	switch phys {
	case types.PhysBool:
		if v.Bools().Get(i) {
			d.I = 1
		}
	case types.PhysInt16:
		d.I = int64(Values[int16](v)[i])
	case types.PhysInt32:
		d.I = int64(Values[int32](v)[i])
	case types.PhysInt64:
		d.I = Values[int64](v)[i]
	case types.PhysFloat32:
		d.F = float64(Values[float32](v)[i])
	case types.PhysFloat64:
		d.F = Values[float64](v)[i]
	case types.PhysInt128:
		x := Values[Int128](v)[i]
		d.I, d.Hi = int64(x.Lo), x.Hi
	case types.PhysInterval:
		x := Values[Interval](v)[i]
		d = types.IntervalOf(x.Months, x.Days, x.Micros)
	case types.PhysUUID:
		d.S = string(v.Data[i*16 : i*16+16])
	case types.PhysBytes:
		d.S = string(v.BytesAt(i))
	}
	return d
}

// Truncate keeps the first n rows of a flat vector that v itself owns (after Reset): a reader that resets to the most
// rows it may get, or that gives up a row half way, ends with it.
func (v *Vector) Truncate(n int) {
	switch p := v.Type.Physical(); p {
	case types.PhysBool:
		v.Data = v.Data[:Words(n)*8]
		v.Bools().trim(n)
	case types.PhysBytes:
		v.Offsets = v.Offsets[:n+1]
		v.Data = v.Data[:v.Offsets[n]]
	default:
		v.Data = v.Data[:n*p.Width()]
	}
	v.Len = n
	if v.Valid != nil {
		v.Valid = v.Valid[:Words(n)]
		v.Valid.trim(n)
	}
}

// Unpack returns row i of a packed vector.
func (v *Vector) Unpack(i int) int64 {
	if v.Width == 0 {
		return v.Base
	}
	bit := uint(i) * uint(v.Width)
	word, shift := int(bit>>6), bit&63
	x := v.word(word) >> shift
	if shift+uint(v.Width) > 64 {
		x |= v.word(word+1) << (64 - shift)
	}
	if v.Width < 64 {
		x &= 1<<v.Width - 1
	}
	return v.Base + int64(x)
}

func (v *Vector) word(i int) uint64 {
	b := v.Data[i*8:]
	if len(b) >= 8 {
		return binary.LittleEndian.Uint64(b)
	}
	var t [8]byte
	copy(t[:], b)
	return binary.LittleEndian.Uint64(t[:])
}

// Bytes returns the bytes of v's values, without what a dictionary holds.
func (v *Vector) Bytes() int64 {
	return int64(len(v.Data) + 4*len(v.Offsets) + 4*len(v.Codes) + 8*len(v.Valid))
}

// Held returns the bytes of the buffers that v keeps for its next Reset.
func (v *Vector) Held() int64 {
	return int64(cap(v.own.data) + 4*cap(v.own.offsets) + 4*cap(v.own.codes) + 8*cap(v.own.valid))
}

// Gather makes v the rows idx of src, in that order. Constant and dictionary forms stay; packed becomes flat.
func (v *Vector) Gather(src *Vector, idx []uint16) {
	n := len(idx)
	switch {
	case src.Form == Constant:
		v.Lend(src)
		v.Len = n
		return
	case src.Form == Dict:
		v.ResetDict(src.Type, src.Dict, n)
		gather(v.Codes, src.Codes, idx)
	case src.Form == Packed:
		v.Reset(src.Type, n)
		for i, j := range idx {
			v.putInt(i, src.Unpack(int(j)))
		}
	default:
		v.gatherFlat(src, idx)
	}
	if src.Valid != nil {
		v.own.valid = resize(v.own.valid, n)
		v.Valid = v.own.valid
		for i, j := range idx {
			if src.Valid.Get(int(j)) {
				v.Valid.Set(i)
			}
		}
	}
}

func (v *Vector) gatherFlat(src *Vector, idx []uint16) {
	v.Reset(src.Type, len(idx))
	if src.Type.Physical() != types.PhysBytes {
		v.GatherAt(0, src, idx)
		return
	}
	for _, j := range idx {
		v.AppendBytes(src.Data[src.Offsets[j]:src.Offsets[j+1]])
	}
}

// GatherAt writes the rows idx of src as rows at and following of v, which has room for them and the same type. Both
// have codes of the same dictionary, or are flat and no strings; booleans of v are false so far. Validity is not
// touched.
func (v *Vector) GatherAt(at int, src *Vector, idx []uint16) {
	if v.Form == Dict {
		gather(v.Codes[at:], src.Codes, idx)
		return
	}
	switch src.Type.Physical() {
	case types.PhysBool:
		from, to := src.Bools(), v.Bools()
		for i, j := range idx {
			k := uint(at + i)
			to[k>>6] |= (from[j>>6] >> (j & 63) & 1) << (k & 63)
		}
	case types.PhysInt16:
		gather(Values[int16](v)[at:], Values[int16](src), idx)
	case types.PhysInt32, types.PhysFloat32:
		gather(Values[int32](v)[at:], Values[int32](src), idx)
	case types.PhysInt64, types.PhysFloat64:
		gather(Values[int64](v)[at:], Values[int64](src), idx)
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		gather(Values[Int128](v)[at:], Values[Int128](src), idx)
	}
}

func gather[T any](dst, src []T, idx []uint16) {
	dst = dst[:len(idx)]
	for i, j := range idx {
		dst[i] = src[j]
	}
}

func (v *Vector) putInt(i int, x int64) {
	switch v.Type.Physical() {
	case types.PhysInt16:
		Values[int16](v)[i] = int16(x)
	case types.PhysInt32:
		Values[int32](v)[i] = int32(x)
	case types.PhysInt64:
		Values[int64](v)[i] = x
	}
}

// Flatten makes v the flat form of src. A flat src is lent, not copied.
func (v *Vector) Flatten(src *Vector) {
	switch src.Form {
	case Flat:
		v.Lend(src)
		return
	case Packed:
		v.Reset(src.Type, src.Len)
		for i := range src.Len {
			v.putInt(i, src.Unpack(i))
		}
	case Dict:
		v.Reset(src.Type, src.Len)
		for _, c := range src.Codes[:src.Len] {
			v.AppendBytes(src.Dict.At(int(c)))
		}
	case Constant:
		v.Reset(src.Type, src.Len)
		d := src.Datum(0)
		if d.Null {
			v.Reset(src.Type, src.Len)
			if src.Type.Physical() == types.PhysBytes {
				for range src.Len {
					v.AppendBytes(nil)
				}
			} else {
				clear(v.Data)
			}
			clear(v.Nulls(src.Len))
			return
		}
		for i := range src.Len {
			v.setDatum(i, d)
		}
		return
	}
	if src.Valid != nil {
		v.Valid = src.Valid
	}
}

// Slice makes v see rows [from, from+n) of a flat, dictionary or constant src without copying. For boolean vectors
// and for validity, from must be a multiple of 64.
func (v *Vector) Slice(src *Vector, from, n int) {
	v.Lend(src)
	v.Len = n
	if src.Form == Constant {
		return
	}
	if src.Valid != nil {
		v.Valid = src.Valid[from>>6 : Words(from+n)]
		v.sliceTail(&v.Valid, n)
	}
	switch {
	case src.Form == Dict:
		v.Codes = src.Codes[from : from+n]
	case src.Type.Physical() == types.PhysBytes:
		v.Offsets = src.Offsets[from : from+n+1]
	case src.Type.Physical() == types.PhysBool:
		v.Data = src.Data[from>>3 : Words(from+n)*8]
	default:
		w := src.Type.Physical().Width()
		v.Data = src.Data[from*w : (from+n)*w]
	}
}

// sliceTail copies a sliced bitmap when its last word has bits past n, which must read as zero.
func (v *Vector) sliceTail(b *Bitmap, n int) {
	if r := uint(n) & 63; r != 0 && (*b)[n>>6]>>r != 0 {
		v.own.valid = append(v.own.valid[:0], *b...)
		v.own.valid.trim(n)
		*b = v.own.valid
	}
}

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
