package jsonb

import (
	"bytes"
	"encoding/binary"
	"math"
	"sort"

	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Kind is what a value is. The order is PostgreSQL's, in which values of different kinds compare.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	String
	Number
	Bool
	Array
	Object
)

// The head bytes of a body; see the package comment.
const (
	headNull    = 0x00
	headFalse   = 0x01
	headTrue    = 0x02
	headString  = 0x10
	headInteger = 0x20
	headDecimal = 0x30
	headBig     = 0x40
	headArray   = 0x50
	headObject  = 0x60
	headSmall   = 0x80
	headShort   = 0xc0
	smallMax    = 0x3f
)

// zeroBytes is the size of an entry of the tail, tailBytes that of what stands behind them.
const (
	zeroBytes = 6
	tailBytes = 5
)

// Value is a value inside an encoded jsonb. The zero Value is null. It is valid as long as the bytes are.
type Value struct {
	b     []byte // from the head byte on, to the end of the value
	zeros []byte // the entries of the whole value
	base  uint32 // position of b in the body
}

// Open returns the value of an encoding.
func Open(enc []byte) Value {
	body, zeros := split(enc)
	return Value{b: body, zeros: zeros}
}

// split takes an encoding apart.
func split(enc []byte) (body, zeros []byte) {
	n := len(enc)
	if n == 0 || enc[n-1] == 0 {
		return enc[:max(n-1, 0)], nil
	}
	if n < tailBytes {
		return nil, nil
	}
	size := uint64(binary.LittleEndian.Uint32(enc[n-tailBytes:])) * zeroBytes
	if uint64(n-tailBytes) < size {
		return nil, nil
	}
	at := n - tailBytes - int(size)
	return enc[:at], enc[at : n-tailBytes]
}

// Key returns the part of an encoding that equal values share.
func Key(enc []byte) []byte {
	body, _ := split(enc)
	return body
}

func (v Value) head() byte {
	if len(v.b) == 0 {
		return headNull
	}
	return v.b[0]
}

// Kind returns what v is.
func (v Value) Kind() Kind {
	switch h := v.head(); {
	case h >= headShort || h&0xf0 == headString:
		return String
	case h >= headSmall || h >= headInteger && h < headArray:
		return Number
	case h == headFalse || h == headTrue:
		return Bool
	case h&0xf0 == headArray:
		return Array
	case h&0xf0 == headObject:
		return Object
	}
	return Null
}

// IsScalar tells whether v is neither an array nor an object.
func (v Value) IsScalar() bool { return v.Kind() < Array }

// Bool returns the value of a boolean.
func (v Value) Bool() bool { return v.head() == headTrue }

// number reads w bytes at i; 0 outside of b.
func number(b []byte, i, w int) int {
	if i < 0 || i+w > len(b) {
		return 0
	}
	switch w {
	case 1:
		return int(b[i])
	case 2:
		return int(binary.LittleEndian.Uint16(b[i:]))
	case 4:
		return int(binary.LittleEndian.Uint32(b[i:]))
	}
	return 0
}

// cut returns b[from:to], empty when that is outside of b.
func cut(b []byte, from, to int) []byte {
	if from < 0 || to < from || to > len(b) {
		return nil
	}
	return b[from:to:to]
}

// String returns the bytes of a string.
func (v Value) String() []byte {
	h := v.head()
	if h >= headShort {
		n := int(h - headShort)
		return cut(v.b, 1, 1+n)
	}
	w := int(h & 15)
	return cut(v.b, 1+w, 1+w+number(v.b, 1, w))
}

// shape is where the parts of a container are.
type shape struct {
	n, w          int
	ends          int // of the elements or values
	keys, values  int
	keysEnd, stop int
}

// shape reads the counts of a container; n is 0 when they lead outside of it.
func (v Value) shape() (s shape) {
	h := v.head()
	s.w = int(h & 15)
	if s.w != 1 && s.w != 2 && s.w != 4 {
		return shape{}
	}
	s.n = number(v.b, 1, s.w)
	tables := 1
	if h&0xf0 == headObject {
		tables = 2
	}
	first := 1 + s.w
	s.keys = first + tables*s.n*s.w
	if s.keys > len(v.b) {
		return shape{}
	}
	s.ends, s.values, s.keysEnd = first, s.keys, first
	if tables == 2 {
		s.ends = first + s.n*s.w
		if s.n > 0 {
			s.values = s.keys + number(v.b, first+(s.n-1)*s.w, s.w)
		}
	}
	s.stop = len(v.b)
	return s
}

// Len returns how many elements an array, or keys an object, has; 0 for scalars.
func (v Value) Len() int {
	if v.Kind() < Array {
		return 0
	}
	return v.shape().n
}

// value returns element or value i.
func (v Value) value(s *shape, i int) Value {
	from := 0
	if i > 0 {
		from = number(v.b, s.ends+(i-1)*s.w, s.w)
	}
	to := number(v.b, s.ends+i*s.w, s.w)
	return v.part(s.values+from, s.values+to)
}

func (v Value) part(from, to int) Value {
	return Value{b: cut(v.b, from, to), zeros: v.zeros, base: v.base + uint32(from)}
}

func (v Value) key(s *shape, i int) []byte {
	from := 0
	if i > 0 {
		from = number(v.b, s.keysEnd+(i-1)*s.w, s.w)
	}
	return cut(v.b, s.keys+from, s.keys+number(v.b, s.keysEnd+i*s.w, s.w))
}

// At returns element i of an array, from 0; from the end when i is negative. ok is false outside of it.
func (v Value) At(i int) (e Value, ok bool) {
	if v.Kind() != Array {
		return Value{}, false
	}
	s := v.shape()
	if i < 0 {
		i += s.n
	}
	if i < 0 || i >= s.n {
		return Value{}, false
	}
	return v.value(&s, i), true
}

// Field returns key and value i of an object, in the order in which they are stored.
func (v Value) Field(i int) (key []byte, e Value) {
	if v.Kind() != Object {
		return nil, Value{}
	}
	s := v.shape()
	if i < 0 || i >= s.n {
		return nil, Value{}
	}
	return v.key(&s, i), v.value(&s, i)
}

// compareKeys orders keys: by length, then by bytes.
func compareKeys(a, b []byte) int {
	if len(a) != len(b) {
		if len(a) < len(b) {
			return -1
		}
		return 1
	}
	return bytes.Compare(a, b)
}

// Get returns the value of a key of an object; ok is false where there is none.
func (v Value) Get(key []byte) (e Value, ok bool) {
	i, s := v.find(key)
	if i < 0 {
		return Value{}, false
	}
	return v.value(&s, i), true
}

// find returns the number of a key, -1 when v does not have it.
func (v Value) find(key []byte) (int, shape) {
	if v.head()&0xf0 != headObject {
		return -1, shape{}
	}
	s := v.shape()
	lo, hi := 0, s.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch c := compareKeys(v.key(&s, mid), key); {
		case c == 0:
			return mid, s
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return -1, s
}

// Int64 returns the value of a number that is an integer of 64 bits without zeros to show.
func (v Value) Int64() (n int64, ok bool) {
	n, ok = v.integer()
	return n, ok && (len(v.zeros) == 0 || v.extra() == 0)
}

// integer returns the value of a number that is an integer of 64 bits.
func (v Value) integer() (n int64, ok bool) {
	h := v.head()
	if h >= headSmall && h < headShort {
		return int64(h - headSmall), true
	}
	if h&0xf0 != headInteger || h < headInteger {
		return 0, false
	}
	return signed(v.b, 1, int(h&15)), true
}

// signed reads a two's complement of w bytes at i; 0 outside of b.
func signed(b []byte, i, w int) int64 {
	if i+w > len(b) {
		return 0
	}
	switch w {
	case 1:
		return int64(int8(b[i]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b[i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b[i:])))
	case 8:
		return int64(binary.LittleEndian.Uint64(b[i:]))
	}
	return 0
}

// extra returns how many zeros a number shows behind its last digit.
func (v Value) extra() int {
	n := len(v.zeros) / zeroBytes
	if n == 0 {
		return 0
	}
	i := sort.Search(n, func(i int) bool { return binary.LittleEndian.Uint32(v.zeros[i*zeroBytes:]) >= v.base })
	if i == n || binary.LittleEndian.Uint32(v.zeros[i*zeroBytes:]) != v.base {
		return 0
	}
	return int(binary.LittleEndian.Uint16(v.zeros[i*zeroBytes+4:]))
}

// bare returns a number at its least scale.
func (v Value) bare() decimal.Decimal {
	if n, ok := v.integer(); ok {
		return decimal.FromInt64(n)
	}
	h := v.head()
	w := int(h & 15)
	switch h & 0xf0 {
	case headDecimal:
		if len(v.b) > 1 {
			return decimal.FromInt128(decimal.Int128From64(signed(v.b, 2, w)), int(v.b[1]))
		}
	case headBig:
		if d, err := decimal.Decode(cut(v.b, 1+w, 1+w+number(v.b, 1, w))); err == nil {
			return d
		}
	}
	return decimal.FromInt64(0)
}

// Decimal returns the value of a number, with the scale that it shows.
func (v Value) Decimal() decimal.Decimal {
	d := v.bare()
	if z := v.extra(); z > 0 {
		return d.Round(d.Scale() + z)
	}
	return d
}

// Float64 returns the value of a number as the nearest float.
func (v Value) Float64() float64 {
	if n, ok := v.integer(); ok {
		return float64(n)
	}
	return v.bare().Float64()
}

// AppendTo appends v as an encoding of its own.
func (v Value) AppendTo(dst []byte) []byte {
	if len(v.b) == 0 {
		return append(dst, headNull, 0)
	}
	dst = append(dst, v.b...)
	if len(v.zeros) == 0 {
		return append(dst, 0)
	}
	return appendTail(dst, v.zeros, v.base, v.base+uint32(len(v.b)))
}

// appendTail appends the entries of the numbers between two positions.
func appendTail(dst, zeros []byte, from, to uint32) []byte {
	n := uint32(0)
	for ; len(zeros) >= zeroBytes; zeros = zeros[zeroBytes:] {
		if at := binary.LittleEndian.Uint32(zeros); at >= from && at < to {
			dst = binary.LittleEndian.AppendUint32(dst, at-from)
			dst = append(dst, zeros[4:6]...)
			n++
		}
	}
	if n == 0 {
		return append(dst, 0)
	}
	return append(binary.LittleEndian.AppendUint32(dst, n), 1)
}

// Size returns the bytes of v's body.
func (v Value) Size() int { return len(v.b) }

// Equal tells whether two values are equal.
func (v Value) Equal(o Value) bool { return bytes.Equal(v.b, o.b) }

// maxSize is PostgreSQL's bound on the elements of one array or object, in bytes.
const maxSize = math.MaxInt32 >> 3

// depthMax bounds what recurses over values. A text nests jsontext.MaxDepth levels deep, and functions put such values into
// each other; deeper ones than this are taken for damaged.
const depthMax = 100_000

// Position returns where v stands in the value that was opened.
func (v Value) Position() int { return int(v.base) }
