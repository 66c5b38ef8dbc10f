package template

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// NumberWriter prints one number after the other by a template. The digits of a number come first (one method per
// type), then print lays them out.
type NumberWriter struct {
	t numberTemplate

	number    []byte // digits with a point, without sign
	sign      byte   // '+' or '-'
	whole     bool   // number is the result: the forms with an exponent
	pre, post int    // those of the template, as changed by V and by the precision of floats
	spaces    int    // places before the first digit

	// The state of print.
	at       int // position in number
	place    int // digits of the template that came
	wrote    bool
	inNumber bool // a digit came
	last     int  // position of the last digit that counts, -1: all do
	count    int  // places for digits, and for the sign
	anchor   anchor
}

// Use reads the template, unless it is the one of the number before.
func (w *NumberWriter) Use(format []byte) error {
	if err := w.t.use(format); err != nil {
		return err
	}
	w.pre, w.post = w.t.pre, w.t.post
	return nil
}

// Int4 takes an integer.
func (w *NumberWriter) Int4(v int64) error {
	switch {
	case w.t.roman:
		w.roman(v)
	case w.t.science:
		w.scientific(strconv.AppendFloat(nil, float64(v), 'e', w.post, 64))
	default:
		if w.t.shift {
			p := math.Pow10(w.t.multi)
			if p > math.MaxInt32 || int64(int32(v*int64(p))) != v*int64(p) {
				return decimal.IntegerOutOfRange("integer")
			}
			v *= int64(p)
			w.pre += w.t.multi
		}
		w.integer(v)
	}
	return nil
}

// Int8 takes a bigint.
func (w *NumberWriter) Int8(v int64) error {
	switch {
	case w.t.roman:
		if v != int64(int32(v)) {
			return decimal.IntegerOutOfRange("integer")
		}
		w.roman(v)
	case w.t.science:
		w.scientific(scientificDecimal(decimal.FromInt64(v), w.post))
	default:
		if w.t.shift {
			p := math.Pow10(w.t.multi)
			if p >= math.MaxInt64 {
				return decimal.IntegerOutOfRange("bigint")
			}
			m, ok := decimal.Int128From64(v).Mul(decimal.Int128From64(int64(p)))
			if !ok || !m.IsInt64() {
				return decimal.IntegerOutOfRange("bigint")
			}
			v = int64(m.Lo)
			w.pre += w.t.multi
		}
		w.integer(v)
	}
	return nil
}

func (w *NumberWriter) integer(v int64) {
	w.number = ascii.AppendInt(w.number[:0], v)
	if w.post > 0 {
		w.number = append(append(w.number, '.'), bytes.Repeat([]byte{'0'}, w.post)...)
	}
	w.layout()
}

// Float4 takes a real.
func (w *NumberWriter) Float4(v float32) error {
	return w.float(float64(v), 6, func(v float64) float64 {
		return float64(float32(v) * float32(math.Pow10(w.t.multi)))
	})
}

// Float8 takes a double precision.
func (w *NumberWriter) Float8(v float64) error {
	return w.float(v, 15, func(v float64) float64 { return v * math.Pow10(w.t.multi) })
}

// float prints as many digits as the type surely has.
func (w *NumberWriter) float(v float64, digits int, shift func(float64) float64) error {
	switch {
	case w.t.roman:
		if !(math.Abs(math.RoundToEven(v)) <= math.MaxInt32) {
			v = 0
		}
		w.roman(int64(math.RoundToEven(v)))
		return nil
	case w.t.science && (math.IsNaN(v) || math.IsInf(v, 0)):
		w.scientific(nil)
		return nil
	case w.t.science:
		w.scientific(strconv.AppendFloat(nil, v, 'e', w.post, 64))
		return nil
	}
	if w.t.shift {
		v = shift(v)
		w.pre += w.t.multi
	}
	n := len(plainFloat(nil, math.Abs(v), 0))
	if n >= digits {
		w.post = 0
	} else {
		w.post = min(w.post, digits-n)
	}
	w.number = plainFloat(w.number[:0], v, w.post)
	w.layout()
	return nil
}

func plainFloat(dst []byte, v float64, post int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return types.AppendFloat64(dst, v)
	}
	return strconv.AppendFloat(dst, v, 'f', post, 64)
}

// Numeric takes a numeric.
func (w *NumberWriter) Numeric(v decimal.Decimal) error {
	switch {
	case w.t.roman:
		i, err := v.Int32()
		if err != nil {
			return err
		}
		w.roman(int64(i))
		return nil
	case w.t.science && !v.IsFinite():
		w.scientific(nil)
		return nil
	case w.t.science:
		w.scientific(scientificDecimal(v, w.post))
		return nil
	}
	if w.t.shift {
		p, err := decimal.Parse([]byte("1e" + strconv.Itoa(w.t.multi)))
		if err != nil {
			return err
		}
		if v, err = v.Mul(p); err != nil {
			return err
		}
		w.pre += w.t.multi
	}
	if v.IsFinite() {
		v = v.Round(w.post)
	}
	w.number = v.Append(w.number[:0])
	w.layout()
	return nil
}

// layout takes the sign off the number and compares its digits with the places for them.
func (w *NumberWriter) layout() {
	w.whole, w.sign = false, '+'
	if w.number[0] == '-' {
		w.sign, w.number = '-', append(w.number[:0], w.number[1:]...)
	}
	n := bytes.IndexByte(w.number, '.')
	if n < 0 {
		n = len(w.number)
	}
	w.spaces = max(w.pre-n, 0)
	if n > w.pre {
		w.number = bytes.Repeat([]byte{'#'}, w.pre+w.post+1)
		w.number[w.pre] = '.'
	}
}

// scientific makes a number with an exponent the result; nil stands for what has none.
func (w *NumberWriter) scientific(number []byte) {
	w.whole = true
	switch {
	case number == nil:
		w.number = append(append(w.number[:0], ' '), bytes.Repeat([]byte{'#'}, w.pre+w.post+5)...)
		w.number[w.pre+1] = '.'
	case number[0] == '-':
		w.number = append(w.number[:0], number...)
	default:
		w.number = append(append(w.number[:0], ' '), number...)
	}
}

// scientificDecimal prints a number as d.ddde+dd, rounding half away from zero.
func scientificDecimal(v decimal.Decimal, post int) []byte {
	digits := strings.TrimPrefix(v.String(), "-")
	whole, frac, _ := strings.Cut(digits, ".")
	all := strings.TrimLeft(whole+frac, "0")
	exponent := 0
	if all != "" {
		exponent = len(whole) - 1 - (len(whole+frac) - len(all))
	}
	mantissa := scaledDigits(all, post)
	sign := ""
	if v.Sign() < 0 {
		sign = "-"
	}
	out := []byte(sign + mantissa + "e")
	if exponent < 0 {
		out = append(out, '-')
		exponent = -exponent
	} else {
		out = append(out, '+')
	}
	if exponent < 10 {
		out = append(out, '0')
	}
	return strconv.AppendInt(out, int64(exponent), 10)
}

// scaledDigits is the number d.ddd of these digits with post digits behind the point, rounded half away from zero.
func scaledDigits(digits string, post int) string {
	if digits == "" {
		digits = "0"
	}
	d, err := decimal.Parse([]byte(digits[:1] + "." + digits[1:] + "0"))
	if err != nil {
		return digits
	}
	return d.Round(post).String()
}

// roman makes a Roman numeral the number.
func (w *NumberWriter) roman(v int64) {
	w.whole = false
	w.number = w.number[:0]
	if v < 1 || v > 3999 {
		w.number = append(w.number, "###############"...)
		return
	}
	for _, d := range []struct {
		v int64
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"},
		{5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; v >= d.v; v -= d.v {
			w.number = append(w.number, d.s...)
		}
	}
}

// Print appends the number. What the digits end before the template does ends the result too.
func (w *NumberWriter) Print(dst []byte) ([]byte, error) {
	if w.whole {
		return append(dst, w.number...), nil
	}
	w.begin()
	for _, p := range w.t.parts {
		var done bool
		if p.p == patUpTh || p.p == patLowTh {
			var err error
			if dst, err = w.ordinal(dst, p.p == patUpTh); err != nil {
				return dst, err
			}
			continue
		}
		if dst, done = w.part(dst, p); done {
			break
		}
	}
	return dst, nil
}

// ordinal appends st, nd, rd or th to a positive whole number.
func (w *NumberWriter) ordinal(dst []byte, up bool) ([]byte, error) {
	if w.t.roman || w.t.decimal || w.number[0] == '#' || w.sign == '-' {
		return dst, nil
	}
	if c := w.number[len(w.number)-1]; c < '0' || c > '9' {
		return dst, errs.New(errs.InvalidTextRepresentation, `"%s" is not a number`, w.number)
	}
	suffix := ordinal(string(w.number))
	if up {
		suffix = strings.ToUpper(suffix)
	}
	return append(dst, suffix...), nil
}

// begin prepares the state of print.
func (w *NumberWriter) begin() {
	t := &w.t
	w.at, w.place, w.inNumber, w.last, w.anchor = 0, 0, false, -1, t.sign
	if t.roman {
		w.sign = 0
		return
	}
	switch {
	case t.plus || t.minus:
		w.wrote = t.minus // PL alone writes no minus, so the number has it
	default:
		w.wrote = w.sign == '+' && t.fill && !t.signed
		if w.anchor == before && w.pre == t.signDigits {
			w.anchor = behind
		}
	}
	w.count = w.post + w.pre - 1
	if point := bytes.IndexByte(w.number, '.'); t.fill && t.decimal && point >= 0 {
		w.last = point
		for i := point + 1; i < len(w.number); i++ {
			if w.number[i] != '0' {
				w.last = i
			}
		}
		if t.zeroEnd > w.spaces { // digits that 0 asks for stay
			w.last = max(w.last, min(len(w.number)-1, t.zeroEnd-w.spaces))
		}
	}
	if !w.wrote && w.spaces == 0 {
		w.count++
	}
}

// part appends one part of the template; done tells that the digits are at an end.
func (w *NumberWriter) part(dst []byte, p numberPart) (out []byte, done bool) {
	fill := w.t.fill
	switch p.p {
	case patText:
		return append(dst, p.text...), false
	case patNine, patZero, patPoint:
		if w.t.roman {
			return dst, false
		}
		return w.digit(dst, p.p)
	case patComma, patGroup:
		switch {
		case w.inNumber:
			return append(dst, ','), false
		case fill:
			return dst, false
		}
		return append(dst, ' '), false
	case patMoney:
		return append(dst, ' '), false
	case patRoman, patLowRoman:
		s := string(w.number)
		if p.p == patLowRoman {
			s = strings.ToLower(s)
		}
		if !fill {
			s = strings.Repeat(" ", max(15-len(s), 0)) + s
		}
		return append(dst, s...), false
	case patMinus:
		return w.signOr(dst, '-'), false
	case patPlus:
		return w.signOr(dst, '+'), false
	case patEither:
		if w.sign == 0 {
			return dst, true
		}
		return append(dst, w.sign), false
	}
	return dst, false
}

// signOr appends the sign when it is this one, and a blank else.
func (w *NumberWriter) signOr(dst []byte, sign byte) []byte {
	switch {
	case w.sign == sign:
		return append(dst, sign)
	case w.t.fill:
		return dst
	}
	return append(dst, ' ')
}

// bare tells that the next digit is the 0 of 0.1, which 9.9 leaves out.
func (w *NumberWriter) bare() bool {
	return !w.t.zero && w.at == 0 && w.number[0] == '0' && w.post != 0
}

// pointLast tells that no digit behind the point counts.
func (w *NumberWriter) pointLast() bool { return w.last >= 0 && w.number[w.last] == '.' }

// digit appends what stands at the place of 9, 0 or the point.
func (w *NumberWriter) digit(dst []byte, p numberPattern) ([]byte, bool) {
	t, start := &w.t, w.t.zeroStart-1
	w.inNumber = false
	if !w.wrote && (w.place >= w.spaces || t.zero && start == w.place) && (!w.bare() || w.pointLast()) {
		dst = w.leadingSign(dst)
	}
	done := false
	switch {
	case w.place < w.spaces && (!t.zero || start > w.place):
		if !t.fill {
			dst = append(dst, ' ')
		}
	case w.place < w.spaces && t.zero:
		dst, w.inNumber = append(dst, '0'), true
	default:
		dst, done = w.real(dst, p)
	}
	end := w.count
	if w.spaces > 0 {
		end++
	}
	if t.decimal {
		end++
	}
	if w.last >= 0 && w.last == w.at {
		end = w.place
	}
	if w.place+1 == end {
		switch {
		case w.wrote && t.angle && !(t.fill && w.sign == '+'):
			dst = append(dst, closing(w.sign))
		case t.signed && w.anchor == behind:
			dst = append(dst, w.sign)
		}
	}
	w.place++
	return dst, done
}

func closing(sign byte) byte {
	if sign == '+' {
		return ' '
	}
	return '>'
}

func (w *NumberWriter) leadingSign(dst []byte) []byte {
	switch {
	case w.t.signed:
		if w.anchor != before {
			return dst
		}
		dst = append(dst, w.sign)
	case w.t.angle && w.sign == '-':
		dst = append(dst, '<')
	case w.sign == '+':
		if w.t.angle || !w.t.fill {
			dst = append(dst, ' ')
		}
	default:
		dst = append(dst, w.sign)
	}
	w.wrote = true
	return dst
}

// real appends the next character of the number.
func (w *NumberWriter) real(dst []byte, p numberPattern) (out []byte, done bool) {
	if w.at == len(w.number) {
		// A float has fewer digits than the template wants.
		if w.last >= 0 && w.at > w.last && p != patZero {
			return dst, false
		}
		return dst, true
	}
	switch c := w.number[w.at]; {
	case c == '.':
		if !w.pointLast() || w.t.fill {
			dst = append(dst, '.')
		}
	case w.last >= 0 && w.at > w.last && p != patZero:
	case w.bare():
		switch {
		case !w.t.fill:
			dst = append(dst, ' ')
		case w.pointLast():
			dst = append(dst, '0')
		}
	default:
		dst, w.inNumber = append(dst, c), true
	}
	w.at++
	return dst, false
}
