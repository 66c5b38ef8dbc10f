package datetime

import "github.com/siltstone-db/siltstone/storage/types/ascii"

// dateToken is one word of a date or time as people write it; the splitting follows ParseDateTime of PostgreSQL's
// datetime.c, which decides early whether a run of characters is a date, a time, a zone or a number.
type dateToken struct {
	kind dateTokenKind
	text string // lower case
}

type dateTokenKind uint8

const (
	tokNumber  dateTokenKind = iota // digits, perhaps with one point
	tokDate                         // runs joined by - / or .
	tokTime                         // digits with colons
	tokZone                         // sign and digits
	tokWord                         // letters
	tokSpecial                      // sign and letters
)

// maxDateTokens and maxDateLength are PostgreSQL's MAXDATEFIELDS and MAXDATELEN: longer input is refused.
const (
	maxDateTokens = 25
	maxDateLength = 128
)

type dateTokens struct {
	n   int
	tok [maxDateTokens]dateToken
}

// splitDateTime cuts s; ok is false for characters or lengths that no date has.
func splitDateTime(s []byte, out *dateTokens) bool {
	s = ascii.TrimSpace(s)
	if len(s) > maxDateLength {
		return false
	}
	b := make([]byte, len(s))
	for i, c := range s {
		b[i] = ascii.Lower(c)
	}
	text := string(b)
	for i := 0; i < len(text); {
		c := text[i]
		if ascii.IsSpace(c) {
			i++
			continue
		}
		var kind dateTokenKind
		var end int
		switch {
		case ascii.IsDigit(c):
			kind, end = scanDigits(text, i)
		case c == '.':
			kind, end = tokNumber, skip(text, i+1, ascii.IsDigit)
		case ascii.IsAlpha(c):
			kind, end = scanWord(text, i)
		case c == '+' || c == '-':
			next := skip(text, i+1, ascii.IsSpace)
			if next >= len(text) {
				return false
			}
			switch {
			case ascii.IsDigit(text[next]):
				kind, end = tokZone, skip(text, next, func(c byte) bool { return ascii.IsDigit(c) || c == ':' || c == '.' || c == '-' })
			case ascii.IsAlpha(text[next]):
				kind, end = tokSpecial, skip(text, next, ascii.IsAlpha)
			default:
				return false
			}
			text = text[:i] + string(c) + text[next:] // blanks after the sign do not count
			end -= next - i - 1
		case c > ' ' && c < 0x7f:
			i++ // other punctuation separates
			continue
		default:
			return false
		}
		if out.n == maxDateTokens {
			return false
		}
		out.tok[out.n] = dateToken{kind, text[i:end]}
		out.n++
		i = end
	}
	return true
}

func skip(s string, i int, in func(byte) bool) int {
	for i < len(s) && in(s[i]) {
		i++
	}
	return i
}

func scanDigits(s string, i int) (dateTokenKind, int) {
	end := skip(s, i, ascii.IsDigit)
	if end == len(s) {
		return tokNumber, end
	}
	switch delim := s[end]; delim {
	case ':':
		return tokTime, skip(s, end, func(c byte) bool { return ascii.IsDigit(c) || c == ':' || c == '.' })
	case '-', '/', '.':
		end++
		if end == len(s) || !ascii.IsDigit(s[end]) {
			return tokDate, skip(s, end, func(c byte) bool { return ascii.IsDigit(c) || ascii.IsAlpha(c) || c == delim })
		}
		kind := tokDate
		if delim == '.' {
			kind = tokNumber
		}
		end = skip(s, end, ascii.IsDigit)
		if end < len(s) && s[end] == delim {
			return tokDate, skip(s, end, func(c byte) bool { return ascii.IsDigit(c) || c == delim })
		}
		return kind, end
	}
	return tokNumber, end
}

// scanWord also takes what looks like a date with a month's name or like a zone's name with punctuation.
func scanWord(s string, i int) (dateTokenKind, int) {
	end := skip(s, i, ascii.IsAlpha)
	if end == len(s) {
		return tokWord, end
	}
	c := s[end]
	joined := c == '-' || c == '/' || c == '.'
	if c == '+' || ascii.IsDigit(c) {
		_, known := findDateWord(s[i:end])
		joined = !known
	}
	if !joined {
		return tokWord, end
	}
	return tokDate, skip(s, end, func(c byte) bool {
		return ascii.IsDigit(c) || ascii.IsAlpha(c) || c == '+' || c == '-' || c == '/' || c == '_' || c == '.' || c == ':'
	})
}

// dateWord says what a word means in a date or time.
type dateWord struct {
	kind  dateWordKind
	value int
}

type dateWordKind uint8

const (
	wordMonth dateWordKind = iota
	wordWeekday
	wordMeridiem // 0 AM, 1 PM
	wordEra      // 0 AD, 1 BC
	wordIgnore
	wordSpecial // value is one of the special values below
	wordISOTime
	wordJulian
)

const (
	specialNone = iota
	specialEpoch
	specialInf
	specialNegInf
	specialNow
	specialToday
	specialTomorrow
	specialYesterday
	specialAllballs
)

var dateWords = map[string]dateWord{
	"am": {wordMeridiem, 0}, "pm": {wordMeridiem, 1}, "ad": {wordEra, 0}, "bc": {wordEra, 1},
	"at": {wordIgnore, 0}, "on": {wordIgnore, 0}, "t": {wordISOTime, 0},
	"j": {wordJulian, 0}, "jd": {wordJulian, 0}, "julian": {wordJulian, 0},
	"epoch": {wordSpecial, specialEpoch}, "infinity": {wordSpecial, specialInf},
	"-infinity": {wordSpecial, specialNegInf}, "now": {wordSpecial, specialNow}, "today": {wordSpecial, specialToday},
	"tomorrow": {wordSpecial, specialTomorrow}, "yesterday": {wordSpecial, specialYesterday},
	"allballs": {wordSpecial, specialAllballs},
	"jan":      {wordMonth, 1}, "january": {wordMonth, 1}, "feb": {wordMonth, 2}, "february": {wordMonth, 2},
	"mar": {wordMonth, 3}, "march": {wordMonth, 3}, "apr": {wordMonth, 4}, "april": {wordMonth, 4},
	"may": {wordMonth, 5}, "jun": {wordMonth, 6}, "june": {wordMonth, 6}, "jul": {wordMonth, 7},
	"july": {wordMonth, 7}, "aug": {wordMonth, 8}, "august": {wordMonth, 8}, "sep": {wordMonth, 9},
	"sept": {wordMonth, 9}, "september": {wordMonth, 9}, "oct": {wordMonth, 10}, "october": {wordMonth, 10},
	"nov": {wordMonth, 11}, "november": {wordMonth, 11}, "dec": {wordMonth, 12}, "december": {wordMonth, 12},
	"sun": {wordWeekday, 0}, "sunday": {wordWeekday, 0}, "mon": {wordWeekday, 1}, "monday": {wordWeekday, 1},
	"tue": {wordWeekday, 2}, "tues": {wordWeekday, 2}, "tuesday": {wordWeekday, 2}, "wed": {wordWeekday, 3},
	"weds": {wordWeekday, 3}, "wednesday": {wordWeekday, 3}, "thu": {wordWeekday, 4}, "thur": {wordWeekday, 4},
	"thurs": {wordWeekday, 4}, "thursday": {wordWeekday, 4}, "fri": {wordWeekday, 5}, "friday": {wordWeekday, 5},
	"sat": {wordWeekday, 6}, "saturday": {wordWeekday, 6},
}

func findDateWord(s string) (dateWord, bool) {
	w, ok := dateWords[s]
	return w, ok
}
