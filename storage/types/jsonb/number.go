package jsonb

import (
	"encoding/binary"
	"math"

	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// appendString appends the encoding of a string, without a tail.
func appendString(dst, s []byte) []byte {
	n := len(s)
	switch {
	case n <= smallMax:
		dst = append(dst, headShort+byte(n))
	case n < 1<<8:
		dst = append(dst, headString|1, byte(n))
	case n < 1<<16:
		dst = binary.LittleEndian.AppendUint16(append(dst, headString|2), uint16(n))
	default:
		dst = binary.LittleEndian.AppendUint32(append(dst, headString|4), uint32(n))
	}
	return append(dst, s...)
}

// widthOf returns the least bytes of a two's complement.
func widthOf(n int64) int {
	switch {
	case n == int64(int8(n)):
		return 1
	case n == int64(int16(n)):
		return 2
	case n == int64(int32(n)):
		return 4
	}
	return 8
}

func appendInteger(dst []byte, n int64) []byte {
	if n >= 0 && n <= smallMax {
		return append(dst, headSmall+byte(n))
	}
	w := widthOf(n)
	return appendSized(append(dst, headInteger|byte(w)), uint64(n), w)
}

// appendScaled appends coef / 10^scale, which has no zeros behind its last digit.
func appendScaled(dst []byte, coef int64, scale int) []byte {
	w := widthOf(coef)
	return appendSized(append(dst, headDecimal|byte(w), byte(scale)), uint64(coef), w)
}

// Int adds an integer.
func (b *Builder) Int(n int64) {
	start := len(b.heap)
	b.heap = appendInteger(b.heap, n)
	b.scalar(start, 0)
}

// Decimal adds a number, which must be finite.
func (b *Builder) Decimal(d decimal.Decimal) {
	if !b.room(d.Size()) {
		return
	}
	least := d.TrimScale()
	extra := d.Scale() - least.Scale()
	start := len(b.heap)
	b.heap = appendDecimal(b.heap, least)
	b.scalar(start, extra)
}

// appendDecimal appends a number at its least scale.
func appendDecimal(dst []byte, d decimal.Decimal) []byte {
	if d.Scale() <= math.MaxUint8 {
		if v, err := d.Scaled(decimal.Precision128, d.Scale()); err == nil && v.IsInt64() {
			if d.Scale() == 0 {
				return appendInteger(dst, int64(v.Lo))
			}
			return appendScaled(dst, int64(v.Lo), d.Scale())
		}
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0)
	dst = decimal.AppendEncoded(dst, d)
	n := len(dst) - start - 5
	w := 4
	if n < 1<<8 {
		w = 1
	} else if n < 1<<16 {
		w = 2
	}
	head := appendSized([]byte{headBig | byte(w)}, uint64(n), w)
	k := copy(dst[start:], head)
	return append(dst[:start+k], dst[start+5:]...)
}

// fastDigits is how many digits a coefficient has that surely fits.
const fastDigits = 18

// Number adds a number in JSON's notation. The error is that of a value which numeric cannot hold.
func (b *Builder) Number(s []byte) error {
	coef, scale, zeros, ok := readNumber(s)
	if !ok {
		d, err := decimal.Parse(s)
		if err != nil {
			return err
		}
		b.Decimal(d)
		return b.err
	}
	start := len(b.heap)
	if scale == 0 {
		b.heap = appendInteger(b.heap, coef)
	} else {
		b.heap = appendScaled(b.heap, coef, scale)
	}
	b.scalar(start, zeros)
	return b.err
}

// readNumber reads numbers of few digits without an exponent: coef / 10^scale, and how many zeros follow.
func readNumber(s []byte) (coef int64, scale, zeros int, ok bool) {
	if len(s) > fastDigits+2 || len(s) == 0 {
		return 0, 0, 0, false
	}
	neg := s[0] == '-'
	digits, point := 0, -1
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9':
			coef = coef*10 + int64(c-'0')
			digits++
		case c == '.':
			point = i
		case c == '-' && i == 0:
		default:
			return 0, 0, 0, false
		}
	}
	if digits > fastDigits {
		return 0, 0, 0, false
	}
	if point >= 0 {
		scale = len(s) - point - 1
	}
	for ; scale > 0 && coef%10 == 0; scale-- {
		coef /= 10
		zeros++
	}
	if neg {
		coef = -coef
	}
	return coef, scale, zeros, true
}
