// Package template holds the templates of to_char, to_date, to_timestamp and to_number: Date with Stamp and DateReader for
// dates, times and intervals, NumberWriter and NumberReader for numbers. All of them keep the template that they read
// last, and belong to one evaluator.
package template

import "strings"

// Templates of dates and times (PostgreSQL manual, 9.8, "Template Patterns for Date/Time Formatting"), as to_char,
// to_date and to_timestamp read them.

// datePattern is what one part of a template asks for; see datePatterns for the words.
type datePattern uint8

// The patterns.
const (
	dateText  datePattern = iota // a character of the template
	dateBlank                    // white space
	datePunct                    // a separator: punctuation
	dateNoonDots
	dateNoon
	dateEraDots
	dateEra
	dateCentury
	dateDayName
	dateDayShort
	dateYearDay
	dateISOYearDay
	dateDay
	dateWeekday
	dateISOWeekday
	dateFraction1 // FF1 to FF6 follow each other
	dateFraction2
	dateFraction3
	dateFraction4
	dateFraction5
	dateFraction6
	dateFixed
	dateHour24
	dateHour12
	dateISOWeek
	dateISOYear
	dateISOYear3
	dateISOYear2
	dateISOYear1
	dateJulian
	dateMinute
	dateMonth
	dateMonthName
	dateMonthShort
	dateMilli
	dateOffset
	dateQuarter
	dateRoman
	dateDaySecond
	dateSecond
	dateZoneHour
	dateZoneMinute
	dateZone
	dateMicro
	dateWeek
	dateMonthWeek
	dateYearComma
	dateYear
	dateYear3
	dateYear2
	dateYear1
)

// convention is the calendar that a pattern belongs to; a template that is read may not mix them.
type convention uint8

const (
	noConvention convention = iota
	gregorian
	isoWeek
)

// dateWord is the word of a pattern.
type dateWord struct {
	word    string
	p       datePattern
	number  bool // it is read and written with digits
	mode    convention
	mixed   bool // it has a third form: Month
	capital bool // it is that form
}

// datePatterns holds all words, in upper and in lower case, longer ones before their prefixes.
var datePatterns = func() []dateWord {
	base := []dateWord{{word: "A.D.", p: dateEraDots}, {word: "A.M.", p: dateNoonDots}, {word: "AD", p: dateEra}, {word: "AM", p: dateNoon},
		{word: "B.C.", p: dateEraDots}, {word: "BC", p: dateEra}, {word: "CC", p: dateCentury, number: true},
		{word: "DAY", p: dateDayName, mixed: true}, {word: "DDD", p: dateYearDay, number: true, mode: gregorian},
		{word: "DD", p: dateDay, number: true, mode: gregorian}, {word: "DY", p: dateDayShort, mixed: true},
		{word: "D", p: dateWeekday, number: true, mode: gregorian}, {word: "FF1", p: dateFraction1, number: true},
		{word: "FF2", p: dateFraction2, number: true}, {word: "FF3", p: dateFraction3, number: true}, {word: "FF4", p: dateFraction4, number: true},
		{word: "FF5", p: dateFraction5, number: true}, {word: "FF6", p: dateFraction6, number: true}, {word: "FX", p: dateFixed},
		{word: "HH24", p: dateHour24, number: true}, {word: "HH12", p: dateHour12, number: true}, {word: "HH", p: dateHour12, number: true},
		{word: "IDDD", p: dateISOYearDay, number: true, mode: isoWeek}, {word: "ID", p: dateISOWeekday, number: true, mode: isoWeek},
		{word: "IW", p: dateISOWeek, number: true, mode: isoWeek}, {word: "IYYY", p: dateISOYear, number: true, mode: isoWeek},
		{word: "IYY", p: dateISOYear3, number: true, mode: isoWeek}, {word: "IY", p: dateISOYear2, number: true, mode: isoWeek},
		{word: "I", p: dateISOYear1, number: true, mode: isoWeek}, {word: "J", p: dateJulian, number: true},
		{word: "MI", p: dateMinute, number: true}, {word: "MM", p: dateMonth, number: true, mode: gregorian},
		{word: "MONTH", p: dateMonthName, mode: gregorian, mixed: true}, {word: "MON", p: dateMonthShort, mode: gregorian, mixed: true},
		{word: "MS", p: dateMilli, number: true}, {word: "OF", p: dateOffset}, {word: "P.M.", p: dateNoonDots}, {word: "PM", p: dateNoon},
		{word: "Q", p: dateQuarter, number: true}, {word: "RM", p: dateRoman, mode: gregorian}, {word: "SSSSS", p: dateDaySecond, number: true},
		{word: "SSSS", p: dateDaySecond, number: true}, {word: "SS", p: dateSecond, number: true}, {word: "TZH", p: dateZoneHour},
		{word: "TZM", p: dateZoneMinute, number: true}, {word: "TZ", p: dateZone}, {word: "US", p: dateMicro, number: true},
		{word: "WW", p: dateWeek, number: true, mode: gregorian}, {word: "W", p: dateMonthWeek, number: true, mode: gregorian},
		{word: "Y,YYY", p: dateYearComma, number: true, mode: gregorian}, {word: "YYYY", p: dateYear, number: true, mode: gregorian},
		{word: "YYY", p: dateYear3, number: true, mode: gregorian}, {word: "YY", p: dateYear2, number: true, mode: gregorian},
		{word: "Y", p: dateYear1, number: true, mode: gregorian}}
	var all []dateWord
	for _, w := range base {
		all = append(all, w)
		w.word = strings.ToLower(w.word)
		all = append(all, w)
		if w.mixed {
			w.word, w.capital = strings.ToUpper(w.word[:1])+w.word[1:], true
			all = append(all, w)
		}
	}
	return all
}()

// datePart is one part of a template.
type datePart struct {
	*dateWord
	p     datePattern
	text  string // of characters, blanks and punctuation
	fill  bool   // FM
	local bool   // TM
	th    byte   // 't' or 'T': an ordinal suffix
}

// Date is a template taken apart. The zero value is ready for use.
type Date struct {
	source string
	known  bool
	parts  []datePart
}

// Use reads a template, unless it is the one that was read last.
func (t *Date) Use(source []byte) {
	if t.known && t.source == string(source) {
		return
	}
	*t = Date{source: string(source), known: true, parts: t.parts[:0]}
	for s := t.source; len(s) > 0; {
		s = t.next(s)
	}
}

// next reads the part at the start of s and returns what follows.
func (t *Date) next(s string) string {
	var part datePart
	if len(s) >= 2 {
		switch s[:2] {
		case "FM", "fm":
			part.fill, s = true, s[2:]
		case "TM", "tm":
			part.local, s = true, s[2:]
		}
	}
	for i := range datePatterns {
		w := &datePatterns[i]
		if !strings.HasPrefix(s, w.word) {
			continue
		}
		part.dateWord, part.p = w, w.p
		s = s[len(w.word):]
		if len(s) >= 2 {
			switch s[:2] {
			case "TH", "th":
				part.th, s = s[0], s[2:]
			case "SP", "sp":
				s = s[2:]
			}
		}
		t.parts = append(t.parts, part)
		return s
	}
	if s == "" {
		return s
	}
	quoted := s[0] == '"'
	return templateText(s, func(char string) {
		p := dateText
		switch c := char[0]; {
		case quoted:
		case isPunct(c):
			p = datePunct
		case isBlank(c):
			p = dateBlank
		}
		t.parts = append(t.parts, datePart{p: p, text: char})
	})
}

// isPunct tells what separates fields: visible ASCII but letters and digits.
func isPunct(c byte) bool {
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z')
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
