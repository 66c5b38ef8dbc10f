package decimal

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// The class byte of an encoded Decimal.
const (
	encNegInf byte = 1 + iota
	encNegative
	encZero
	encPositive
	encInf
	encNaN
)

// Digits is a Decimal in base 10000, as PostgreSQL's binary wire form has it.
type Digits struct {
	Negative bool
	Weight   int // of the first digit
	Digits   []int16
}

// AppendEncoded appends the encoding of d (see Decimal).
func AppendEncoded(dst []byte, d Decimal) []byte {
	switch d.class {
	case negInf:
		return append(dst, encNegInf, 0, 0)
	case posInf:
		return append(dst, encInf, 0, 0)
	case notANumber:
		return append(dst, encNaN, 0, 0)
	}
	var buf [12]int16
	g := d.Base10000(buf[:0])
	if len(g.Digits) == 0 {
		return binary.BigEndian.AppendUint16(append(dst, encZero), uint16(d.scale))
	}
	class, flip := encPositive, uint16(0)
	if d.neg {
		class, flip = encNegative, 0xFFFF
	}
	dst = binary.BigEndian.AppendUint16(append(dst, class), uint16(g.Weight+32768)^flip)
	for _, x := range g.Digits {
		dst = binary.BigEndian.AppendUint16(dst, uint16(x+1)^flip)
	}
	dst = binary.BigEndian.AppendUint16(dst, flip)
	return binary.BigEndian.AppendUint16(dst, uint16(d.scale))
}

// Key returns the part of an encoding that equal values share.
func Key(enc []byte) []byte { return enc[:max(len(enc)-2, 0)] }

// Base10000 returns the digits of a finite d, appended to buf: no leading and no trailing zeros, none at all for 0.
func (d Decimal) Base10000(buf []int16) Digits {
	pad := (4 - int(d.scale)%4) % 4 // align the point to a digit boundary
	frac := (int(d.scale) + pad) / 4
	out := Digits{Negative: d.neg, Digits: buf[:0]}
	if m, ok := d.coef.mul(pow10[pad]); ok && d.big == nil {
		for !m.isZero() {
			var r uint64
			m, r = m.quoRem64(10000)
			out.Digits = append(out.Digits, int16(r))
		}
		for i, j := 0, len(out.Digits)-1; i < j; i, j = i+1, j-1 {
			out.Digits[i], out.Digits[j] = out.Digits[j], out.Digits[i]
		}
	} else {
		s := append(d.mag().Append(nil, 10), "000"[:pad]...)
		for len(s) > 0 {
			n := (len(s)-1)%4 + 1
			x := int16(0)
			for _, c := range s[:n] {
				x = x*10 + int16(c-'0')
			}
			out.Digits = append(out.Digits, x)
			s = s[n:]
		}
	}
	out.Weight = len(out.Digits) - frac - 1
	for n := len(out.Digits); n > 0 && out.Digits[n-1] == 0; n-- {
		out.Digits = out.Digits[:n-1]
	}
	if len(out.Digits) == 0 {
		out.Weight = 0
	}
	return out
}

// FromBase10000 is the inverse of Base10000. Digits beyond the display scale are rounded away, as PostgreSQL
// does with binary input.
func FromBase10000(g Digits, scale int) Decimal {
	places := (len(g.Digits) - 1 - g.Weight) * 4 // decimal digits after the point in the sequence of digits
	if len(g.Digits) <= 9 {
		var m uint128
		for _, x := range g.Digits {
			m, _ = m.mul(uint128{10000, 0})
			m, _ = m.add(uint128{uint64(x), 0})
		}
		d := Decimal{neg: g.Negative && !m.isZero(), coef: m, scale: int32(places)}
		return d.rescaled(scale)
	}
	s := make([]byte, 0, len(g.Digits)*4)
	for _, x := range g.Digits {
		s = append(s, byte('0'+x/1000), byte('0'+x/100%10), byte('0'+x/10%10), byte('0'+x%10))
	}
	return fromBig(g.Negative, parseBig(s), places).rescaled(scale)
}

// Decode reads the encoding that AppendEncoded wrote. It copies what it needs of enc. Bytes that are no
// encoding give XX001.
func Decode(enc []byte) (Decimal, error) {
	if len(enc) < 3 {
		return Decimal{}, errs.Corrupt("numeric of %d bytes", len(enc))
	}
	scale := int(binary.BigEndian.Uint16(enc[len(enc)-2:]))
	key := enc[:len(enc)-2]
	switch class := key[0]; {
	case scale > maxNumericScale:
	case class == encNegInf && len(enc) == 3:
		return NegInf, nil
	case class == encInf && len(enc) == 3:
		return Inf, nil
	case class == encNaN && len(enc) == 3:
		return NaN, nil
	case class == encZero && len(enc) == 3:
		return Decimal{scale: int32(scale)}, nil
	case (class == encPositive || class == encNegative) && len(key) >= 7 && len(key)%2 == 1:
		flip := uint16(0)
		if class == encNegative {
			flip = 0xFFFF
		}
		return decodeDigits(key, flip, scale)
	}
	return Decimal{}, errs.Corrupt("numeric of %d bytes with class %d and scale %d", len(enc), key[0], scale)
}

func decodeDigits(key []byte, flip uint16, scale int) (Decimal, error) {
	var buf [12]int16
	g := Digits{Negative: flip != 0, Digits: buf[:0]}
	g.Weight = int(binary.BigEndian.Uint16(key[1:])^flip) - 32768
	for i := 3; i < len(key)-2; i += 2 {
		x := binary.BigEndian.Uint16(key[i:]) ^ flip
		if x == 0 || x > 10000 {
			return Decimal{}, errs.Corrupt("numeric digit %d", int(x)-1)
		}
		g.Digits = append(g.Digits, int16(x-1))
	}
	return FromBase10000(g, scale), nil
}
