package template

import (
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Templates of numbers (PostgreSQL manual, 9.8, "Template Patterns for Numeric Formatting"), as to_char and to_number
// read them.

// numberPattern is what one part of a template asks for.
type numberPattern uint8

// The patterns. Several have a lower-case form of the same meaning.
const (
	patText     numberPattern = iota // not a pattern: text of the template
	patNine                          // 9: a digit, without leading zeros
	patZero                          // 0: a digit, with leading zeros
	patPoint                         // . and D
	patComma                         // ,
	patGroup                         // G
	patBlank                         // B
	patNothing                       // C, SP: known and without effect
	patScience                       // EEEE
	patFill                          // FM
	patMoney                         // L
	patMinus                         // MI
	patPlus                          // PL
	patAngle                         // PR
	patRoman                         // RN
	patLowRoman                      // rn
	patEither                        // SG
	patSign                          // S
	patUpTh                          // TH
	patLowTh                         // th
	patShift                         // V
)

// numberPatterns has longer words before their prefixes.
var numberPatterns = []struct {
	word string
	p    numberPattern
}{{"9", patNine}, {"0", patZero}, {".", patPoint}, {",", patComma}, {"D", patPoint}, {"G", patGroup}, {"FM", patFill},
	{"MI", patMinus}, {"PL", patPlus}, {"PR", patAngle}, {"RN", patRoman}, {"SG", patEither}, {"SP", patNothing}, {"S", patSign},
	{"TH", patUpTh}, {"L", patMoney}, {"V", patShift}, {"EEEE", patScience}, {"B", patBlank}, {"C", patNothing},
	{"d", patPoint}, {"g", patGroup}, {"fm", patFill}, {"mi", patMinus}, {"pl", patPlus}, {"pr", patAngle}, {"rn", patLowRoman},
	{"sg", patEither}, {"sp", patNothing}, {"s", patSign}, {"th", patLowTh}, {"l", patMoney}, {"v", patShift},
	{"eeee", patScience}, {"b", patBlank}, {"c", patNothing}}

// numberPart is one part of a template.
type numberPart struct {
	p    numberPattern
	text string // of patText: one character
}

// anchor says where the sign of the pattern S stands.
type anchor uint8

const (
	noAnchor anchor = iota
	before
	behind
)

// numberTemplate is a template taken apart. The zero value is ready for use.
type numberTemplate struct {
	source string
	known  bool // source has been read
	parts  []numberPart

	pre, post  int // digits before and behind the point
	multi      int // digits behind V
	zeroStart  int // position of the first 0, counted from 1
	zeroEnd    int // digits up to the last 0
	sign       anchor
	signDigits int // digits before the pattern S

	decimal, zero, blank, fill, plus, minus, angle, shift, science, roman, signed bool
}

// use reads a template, unless it is the one that was read last.
func (t *numberTemplate) use(source []byte) error {
	if t.known && t.source == string(source) {
		return nil
	}
	*t = numberTemplate{source: string(source), parts: t.parts[:0]}
	if err := t.read(t.source); err != nil {
		return err
	}
	t.known = true
	return nil
}

func (t *numberTemplate) read(s string) error {
next:
	for len(s) > 0 {
		for _, k := range numberPatterns {
			if strings.HasPrefix(s, k.word) {
				if err := t.add(k.p); err != nil {
					return err
				}
				t.parts = append(t.parts, numberPart{p: k.p})
				s = s[len(k.word):]
				continue next
			}
		}
		s = templateText(s, func(char string) { t.parts = append(t.parts, numberPart{text: char}) })
	}
	return nil
}

// templateText reads what is not a pattern: "quoted text", or one character. It returns what follows.
func templateText(s string, add func(char string)) string {
	if s[0] != '"' {
		if strings.HasPrefix(s, `\"`) {
			s = s[1:]
		}
		n := chars.Skip([]byte(s), 1)
		add(s[:n])
		return s[n:]
	}
	for s = s[1:]; len(s) > 0 && s[0] != '"'; {
		if s[0] == '\\' && len(s) > 1 {
			s = s[1:]
		}
		n := chars.Skip([]byte(s), 1)
		add(s[:n])
		s = s[n:]
	}
	return strings.TrimPrefix(s, `"`)
}

func templateError(text string) error { return errs.New(errs.SyntaxError, "%s", text) }

// add counts a pattern in, and refuses those that contradict each other.
func (t *numberTemplate) add(p numberPattern) error {
	if t.science && p != patScience {
		return templateError(`"EEEE" must be the last pattern used`)
	}
	switch p {
	case patNine, patZero:
		return t.digit(p)
	case patBlank:
		t.blank = t.blank || t.pre == 0 && t.post == 0 && !t.zero
	case patPoint:
		switch {
		case t.decimal:
			return templateError("multiple decimal points")
		case t.shift:
			return templateError(`cannot use "V" and decimal point together`)
		}
		t.decimal = true
	case patFill:
		t.fill = true
	case patSign, patMinus, patPlus, patEither, patAngle:
		return t.signs(p)
	case patRoman, patLowRoman:
		t.roman = true
	case patShift:
		if t.decimal {
			return templateError(`cannot use "V" and decimal point together`)
		}
		t.shift = true
	case patScience:
		switch {
		case t.science:
			return templateError(`cannot use "EEEE" twice`)
		case t.blank || t.fill || t.signed || t.angle || t.minus || t.plus || t.roman || t.shift:
			return errs.New(errs.SyntaxError, `"EEEE" is incompatible with other formats`).
				WithDetail(`"EEEE" may only be used together with digit and decimal point patterns.`)
		}
		t.science = true
	}
	return nil
}

func (t *numberTemplate) digit(p numberPattern) error {
	if t.angle {
		return templateError(map[numberPattern]string{patNine: `"9" must be ahead of "PR"`, patZero: `"0" must be ahead of "PR"`}[p])
	}
	switch {
	case p == patNine && t.shift:
		t.multi++
		return nil
	case t.decimal:
		t.post++
	default:
		if p == patZero && !t.zero {
			t.zero, t.zeroStart = true, t.pre+1
		}
		t.pre++
	}
	if p == patZero {
		t.zeroEnd = t.pre + t.post
	}
	return nil
}

func (t *numberTemplate) signs(p numberPattern) error {
	switch {
	case p == patSign && t.signed:
		return templateError(`cannot use "S" twice`)
	case p == patSign && (t.plus || t.minus || t.angle):
		return templateError(`cannot use "S" and "PL"/"MI"/"SG"/"PR" together`)
	case p == patMinus && t.signed:
		return templateError(`cannot use "S" and "MI" together`)
	case p == patPlus && t.signed:
		return templateError(`cannot use "S" and "PL" together`)
	case p == patEither && t.signed:
		return templateError(`cannot use "S" and "SG" together`)
	case p == patAngle && (t.signed || t.plus || t.minus):
		return templateError(`cannot use "PR" and "S"/"PL"/"MI"/"SG" together`)
	}
	switch p {
	case patSign:
		t.signed = true
		if !t.decimal {
			t.sign, t.signDigits = before, t.pre
		} else {
			t.sign = behind
		}
	case patMinus:
		t.minus = true
	case patPlus:
		t.plus = true
	case patEither:
		t.minus, t.plus = true, true
	case patAngle:
		t.angle = true
	}
	return nil
}
