package template

import (
	"bytes"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// NumberReader reads texts by a template: it collects the digits that stand where the template has some.
type NumberReader struct {
	t numberTemplate

	s         []byte
	at        int
	sign      byte // 0: none came
	digits    []byte
	pre, post int // digits that came before and behind the point
	point     bool
}

// Read reads a number.
func (r *NumberReader) Read(s, template []byte) (decimal.Decimal, error) {
	if err := r.t.use(template); err != nil {
		return decimal.Decimal{}, err
	}
	switch {
	case r.t.science:
		return decimal.Decimal{}, errs.New(errs.FeatureNotSupported, `"EEEE" not supported for input`)
	case r.t.roman:
		return decimal.Decimal{}, errs.New(errs.FeatureNotSupported, `"RN" not supported for input`)
	}
	r.s, r.at, r.sign, r.digits, r.pre, r.post, r.point = s, 0, 0, r.digits[:0], 0, 0, false
	for _, p := range r.t.parts {
		if r.end() {
			break
		}
		r.part(p)
	}
	text := make([]byte, 0, len(r.digits)+1)
	if r.sign != 0 {
		text = append(text, r.sign)
	} else {
		text = append(text, ' ')
	}
	text = append(text, bytes.TrimSuffix(r.digits, []byte{'.'})...)
	v, err := decimal.Parse(text)
	if err != nil {
		return v, err
	}
	precision := r.t.pre + r.t.multi + r.post
	if precision == 0 && !v.IsZero() {
		return v, decimal.FieldOverflow(0, 0)
	}
	if v, err = v.Constrain(precision, r.post); err != nil || !r.t.shift {
		return v, err
	}
	shift, err := decimal.FromInt64(10).Power(decimal.FromInt64(-int64(r.t.multi)))
	if err != nil {
		return v, err
	}
	return v.Mul(shift)
}

func (r *NumberReader) end() bool { return r.at >= len(r.s) }

// skip passes over characters that are no part of a number.
func (r *NumberReader) skip(n int) {
	for ; n > 0 && !r.end() && bytes.IndexByte([]byte("0123456789.,+-"), r.s[r.at]) < 0; n-- {
		r.at += chars.Skip(r.s[r.at:], 1)
	}
}

// part reads what one part of the template asks for.
func (r *NumberReader) part(p numberPart) {
	c := r.s[r.at]
	switch p.p {
	case patText:
		r.at += chars.Skip(r.s[r.at:], 1)
	case patNine, patZero, patPoint:
		r.digit(p.p)
		r.at++
	case patComma, patGroup:
		if c == ',' && !r.t.fill {
			r.at++
		}
	case patMoney:
		r.skip(1)
	case patUpTh, patLowTh:
		if !r.t.decimal {
			r.skip(2)
		}
	case patMinus, patPlus, patEither:
		switch {
		case c == '-' && p.p != patPlus, c == '+' && p.p != patMinus:
			r.sign = c
			r.at++
		default:
			r.skip(1)
		}
	}
}

// digit reads a digit, the point, or a sign next to them. It ends on the last character that it used.
func (r *NumberReader) digit(p numberPattern) {
	if r.s[r.at] == ' ' {
		r.at++
	}
	if r.end() {
		return
	}
	if r.sign == 0 && p != patPoint && r.pre+r.post == 0 {
		switch c := r.s[r.at]; {
		case c == '-', c == '<' && r.t.angle:
			r.sign = '-'
			r.at++
		case c == '+':
			r.sign = '+'
			r.at++
		}
	}
	if r.end() {
		return
	}
	read := false
	switch c := r.s[r.at]; {
	case c >= '0' && c <= '9':
		if r.point && r.post == r.t.post {
			return
		}
		r.digits = append(r.digits, c)
		if r.point {
			r.post++
		} else {
			r.pre++
		}
		read = true
	case r.t.decimal && !r.point && c == '.':
		r.digits = append(r.digits, '.')
		r.point, read = true, true
	}
	if r.end() || r.sign != 0 || r.pre+r.post == 0 {
		return
	}
	r.signBehind(read)
}

// signBehind reads a sign that stands right behind the last digit.
func (r *NumberReader) signBehind(read bool) {
	switch {
	case r.t.signed && read && r.at+1 < len(r.s):
		if c := r.s[r.at+1]; c == '-' || c == '+' {
			r.sign = c
			r.at++
		}
	case !read && !r.t.signed && (r.t.plus || r.t.minus):
		if c := r.s[r.at]; c == '-' || c == '+' {
			r.sign = c
		}
	}
}
