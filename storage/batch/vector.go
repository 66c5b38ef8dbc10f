package batch

import (
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
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
		charged int64 // for data, see Charged
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
type Int128 = decimal.Int128

// Interval is the physical form of interval.
type Interval = datetime.Interval

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

// Resize moves the strings of a flat vector to a buffer of its own of size bytes; they must fit.
func (v *Vector) Resize(size int) {
	words := make([]uint64, (size+7)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)
	v.own.data = b
	v.Data = b[:copy(b, v.Data)]
}

// Drop forgets the buffer that v keeps for its values.
func (v *Vector) Drop() { v.own.data, v.Data = nil, nil }

// Charged returns what the owner of v has noted with SetCharged: what an account was charged for the buffer of v's values.
func (v *Vector) Charged() int64 { return v.own.charged }

// SetCharged notes what an account was charged.
func (v *Vector) SetCharged(n int64) { v.own.charged = n }

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

// ResetDict makes v a vector of n codes of a dictionary, which the caller fills in.
func (v *Vector) ResetDict(t types.Type, d *Dictionary, n int) {
	v.Type, v.Form, v.Len, v.Valid = t, Dict, n, nil
	v.Data, v.Offsets, v.Dict = nil, nil, d
	if cap(v.own.codes) < n {
		v.own.codes = make([]uint32, max(n, MaxRows))
	}
	v.Codes = v.own.codes[:n]
}

// Lend makes v see the values of o without copying; v is valid as long as o is.
func (v *Vector) Lend(o *Vector) {
	own := v.own
	*v = *o
	v.own = own
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

// Bytes returns the bytes of v's values, without what a dictionary holds.
func (v *Vector) Bytes() int64 {
	return int64(len(v.Data) + 4*len(v.Offsets) + 4*len(v.Codes) + 8*len(v.Valid))
}

// Held returns the bytes of the buffers that v keeps for its next Reset.
func (v *Vector) Held() int64 {
	return int64(cap(v.own.data) + 4*cap(v.own.offsets) + 4*cap(v.own.codes) + 8*cap(v.own.valid))
}
