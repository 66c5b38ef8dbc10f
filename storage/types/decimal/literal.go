package decimal

import (
	"encoding/binary"
	"math/big"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// literal is a numeric as it was written: digits * 10^-scale, where the scale is negative when the exponent makes it so.
// It costs what it is long, whatever its exponent says: 1e131071 is a digit, and has 131,072 only when it is computed with.
type literal struct {
	special Decimal // when it is not finite
	neg     bool
	digits  []byte // without leading zeros; none: zero
	scale   int
}

// readLiteral takes text apart. ok is false for what is no numeric, overflow true for what is beyond numeric's range.
func readLiteral(t []byte) (l literal, ok, overflow bool) {
	body := t
	if len(body) > 0 && (body[0] == '-' || body[0] == '+') {
		l.neg, body = body[0] == '-', body[1:]
	}
	switch strings.ToLower(string(body[:min(len(body), 9)])) {
	case "nan":
		l.special = NaN
		return l, len(body) == len(t), false
	case "inf", "infinity":
		if l.special = Inf; l.neg {
			l.special = NegInf
		}
		return l, true, false
	}
	digits := make([]byte, 0, len(body))
	point, i := false, 0
	for ; i < len(body); i++ {
		if c := body[i]; ascii.IsDigit(c) {
			digits = append(digits, c)
			if point {
				l.scale++
			}
		} else if c == '.' && !point {
			point = true
		} else {
			break
		}
	}
	if len(digits) == 0 {
		return l, false, false
	}
	if i < len(body) {
		exp, ok := parseExponent(body[i:])
		if !ok {
			return l, false, false
		}
		if exp > 1<<30 || exp < -(1<<30) {
			return l, false, true
		}
		l.scale -= exp
	}
	l.digits = trimZeros(digits)
	large := len(l.digits) > 0 && len(l.digits)-l.scale > 4*(maxNumericWeight+1)
	return l, true, large || l.scale > maxNumericScale
}

// decimal returns the value.
func (l *literal) decimal() Decimal {
	switch {
	case l.special.class != finite:
		return l.special
	case len(l.digits) == 0:
		return Decimal{scale: int32(max(l.scale, 0))}
	}
	m := parseBig(l.digits)
	if l.scale < 0 {
		m.Mul(m, bigPow10(-l.scale))
	}
	return fromBig(l.neg, m, max(l.scale, 0))
}

// parseBig reads digits. Those of long numbers are halved, since reading costs the square of the length.
func parseBig(digits []byte) *big.Int {
	const short = 2000
	if len(digits) <= short {
		m, _ := new(big.Int).SetString(string(digits), 10)
		return m
	}
	half := len(digits) / 2
	low := parseBig(digits[len(digits)-half:])
	high := parseBig(digits[:len(digits)-half])
	high.Mul(high, bigPow10(half))
	return high.Add(high, low)
}

// AppendParsed appends the encoding (see Decimal) of a numeric in text form, without computing the number.
func AppendParsed(dst, s []byte) ([]byte, error) {
	t := ascii.TrimSpace(s)
	if d, ok := parseSmallDecimal(t); ok {
		return AppendEncoded(dst, d), nil
	}
	l, ok, overflow := readLiteral(t)
	switch {
	case overflow:
		return dst, errNumericOverflow()
	case !ok:
		return dst, ascii.SyntaxError("numeric", s)
	case l.special.class != finite || len(l.digits) == 0:
		return AppendEncoded(dst, l.decimal()), nil
	}
	digits, scale := l.digits, l.scale
	for digits[len(digits)-1] == '0' {
		digits, scale = digits[:len(digits)-1], scale-1
	}
	// Groups of four digits count from the point: zeros fill the last one.
	fill := (-scale%4 + 4) % 4
	digits = append(digits[:len(digits):len(digits)], "000"[:fill]...)
	groups := (len(digits) + 3) / 4
	weight := (-scale-fill)/4 + groups - 1
	class, flip := encPositive, uint16(0)
	if l.neg {
		class, flip = encNegative, 0xFFFF
	}
	dst = binary.BigEndian.AppendUint16(append(dst, class), uint16(weight+32768)^flip)
	for len(digits) > 0 {
		n := (len(digits)-1)%4 + 1
		x := uint16(0)
		for _, c := range digits[:n] {
			x = x*10 + uint16(c-'0')
		}
		dst = binary.BigEndian.AppendUint16(dst, (x+1)^flip)
		digits = digits[n:]
	}
	dst = binary.BigEndian.AppendUint16(dst, flip)
	return binary.BigEndian.AppendUint16(dst, uint16(max(l.scale, 0))), nil
}

// AppendText appends the text form of an encoded Decimal; bytes that are none append NaN.
func AppendText(dst, enc []byte) []byte {
	if len(enc) >= longEncoding && (enc[0] == encPositive || enc[0] == encNegative) || len(enc) >= 9 && farPoint(enc) {
		if out, ok := appendGroups(dst, enc); ok {
			return out
		}
	}
	d, err := Decode(enc)
	if err != nil {
		d = NaN
	}
	return d.Append(dst)
}

// longEncoding is what more digits take than a Decimal has in its struct.
const longEncoding = 5 + 2*10

// farPoint tells that there are more zeros between the digits and the point than digits.
func farPoint(enc []byte) bool {
	if enc[0] != encPositive && enc[0] != encNegative {
		return false
	}
	w := binary.BigEndian.Uint16(enc[1:])
	if enc[0] == encNegative {
		w = ^w
	}
	return w > 32768+9
}

// appendGroups prints the digits of an encoding as they stand. It leaves what is not sound to Decode.
func appendGroups(dst, enc []byte) (out []byte, ok bool) {
	scale := int(binary.BigEndian.Uint16(enc[len(enc)-2:]))
	key := enc[:len(enc)-2]
	flip := uint16(0)
	if enc[0] == encNegative {
		flip = 0xFFFF
	}
	weight := int(binary.BigEndian.Uint16(key[1:])^flip) - 32768
	groups := key[3 : len(key)-2]
	n := len(groups) / 2
	if len(groups)%2 != 0 || n == 0 || scale > maxNumericScale || 4*(n-1-weight)-3 > scale {
		return dst, false
	}
	group := func(i int) int {
		if i < 0 || i >= n {
			return 0
		}
		return int(binary.BigEndian.Uint16(groups[2*i:])^flip) - 1
	}
	for i := range n {
		if x := group(i); x < 0 || x > 9999 {
			return dst, false
		}
	}
	if last := group(n - 1); last == 0 || group(0) == 0 || trailing(last) < 4*(n-1-weight)-scale {
		return dst, false
	}
	if flip != 0 {
		dst = append(dst, '-')
	}
	if weight < 0 {
		dst = append(dst, '0')
	} else {
		dst = ascii.AppendInt(dst, int64(group(0)))
	}
	for i := 1; i <= weight; i++ {
		dst = append4(dst, group(i))
	}
	if scale == 0 {
		return dst, true
	}
	dst = append(dst, '.')
	start := len(dst)
	for i := weight + 1; len(dst)-start < scale; i++ {
		dst = append4(dst, group(i))
	}
	return dst[:start+scale], true
}

// trailing counts the zeros at the end of a group.
func trailing(x int) (n int) {
	for ; n < 4 && x%10 == 0; n++ {
		x /= 10
	}
	return n
}

func append4(dst []byte, x int) []byte { return ascii.Append2(ascii.Append2(dst, x/100), x%100) }
