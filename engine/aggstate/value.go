package aggstate

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// AppendValue appends a value that is not NULL: w are its words, or strings has it by its number or reference w[0].
func AppendValue(dst []byte, phys types.Physical, strings *hashtable.Interner, w []uint64) []byte {
	switch phys {
	case types.PhysBool:
		return append(dst, byte(w[0]))
	case types.PhysInt16:
		return binary.LittleEndian.AppendUint16(dst, uint16(w[0]))
	case types.PhysInt32:
		return binary.LittleEndian.AppendUint32(dst, uint32(w[0]))
	case types.PhysFloat32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(math.Float64frombits(w[0]))))
	case types.PhysInt64, types.PhysFloat64:
		return appendWord(dst, w[0])
	case types.PhysBytes:
		return AppendBytes(dst, strings.Referred(w[0]))
	}
	return appendWord(appendWord(dst, w[0]), w[1])
}

// AppendBytes appends bytes behind their length.
func AppendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendWord(dst []byte, w uint64) []byte { return binary.LittleEndian.AppendUint64(dst, w) }

// Reader reads what AppendValue and states appended. Bytes that are none of that make it fail; what was read before is
// then worth nothing.
type Reader struct {
	rest []byte
	bad  bool
	err  error // of an interner, a decimal
}

// NewReader returns a reader of a record.
func NewReader(record []byte) Reader { return Reader{rest: record} }

// ErrDamaged is the error of bytes that no state has: XX001.
func ErrDamaged() error { return errs.Corrupt("the binary form of an aggregate's state is damaged") }

// Done returns the error of the whole record, which must be at its end.
func (x *Reader) Done() error {
	if x.err != nil {
		return x.err
	}
	if x.bad || len(x.rest) > 0 {
		return ErrDamaged()
	}
	return nil
}

// Damaged makes the reader fail: the values are none that can be.
func (x *Reader) Damaged() { x.bad = true }

// Failed tells whether the reader has failed.
func (x *Reader) Failed() bool { return x.bad || x.err != nil }

// Take returns the next n bytes, or zeros when there are fewer.
func (x *Reader) Take(n uint64) []byte {
	if n > uint64(len(x.rest)) {
		x.bad, x.rest = true, nil
		return zeros[:min(n, uint64(len(zeros)))]
	}
	b := x.rest[:n]
	x.rest = x.rest[n:]
	return b
}

var zeros [16]byte

// Byte reads a byte.
func (x *Reader) Byte() byte { return x.Take(1)[0] }

// Flag reads 0 or 1.
func (x *Reader) Flag() bool {
	b := x.Byte()
	x.bad = x.bad || b > 1
	return b == 1
}

// Word reads 8 bytes.
func (x *Reader) Word() uint64 { return binary.LittleEndian.Uint64(x.Take(8)) }

// Uvarint reads a number.
func (x *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(x.rest)
	if n <= 0 {
		x.bad, x.rest = true, nil
		return 0
	}
	x.rest = x.rest[n:]
	return v
}

// Bytes reads bytes behind their length.
func (x *Reader) Bytes() []byte {
	b := x.Take(x.Uvarint())
	if x.bad {
		return nil
	}
	return b
}

// Value reads a value that is not NULL into words; strings get a number.
func (x *Reader) Value(t types.Type, strings *hashtable.Interner) (w [2]uint64) {
	switch t.Physical() {
	case types.PhysBool:
		if x.Flag() {
			w[0] = 1
		}
	case types.PhysInt16:
		w[0] = uint64(int64(int16(binary.LittleEndian.Uint16(x.Take(2)))))
	case types.PhysInt32:
		w[0] = uint64(int64(int32(binary.LittleEndian.Uint32(x.Take(4)))))
	case types.PhysFloat32:
		w[0] = math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(x.Take(4)))))
	case types.PhysInt64, types.PhysFloat64:
		w[0] = x.Word()
	case types.PhysBytes:
		b := x.Bytes()
		if t.Kind == types.Numeric && !x.bad {
			if _, err := decimal.Decode(b); err != nil {
				x.bad = true
			}
		}
		w[0] = x.Number(strings, b)
	default:
		w[0], w[1] = x.Word(), x.Word()
	}
	return w
}

// Number returns the number of a string, 0 when the reader failed.
func (x *Reader) Number(strings *hashtable.Interner, b []byte) uint64 {
	if x.Failed() {
		return 0
	}
	id, err := strings.Number(b)
	if err != nil {
		x.err = err
	}
	return uint64(id)
}
