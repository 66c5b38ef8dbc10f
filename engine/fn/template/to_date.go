package template

import (
	"bytes"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// DateReader reads texts by a template. It first collects what the fields say, then makes a moment of it.
type DateReader struct {
	t Date
	f dateFields
	m moment

	s     []byte
	at    int
	extra int // blanks skipped beyond those of the template
}

// dateFields holds what a text says, 0 where it says nothing.
type dateFields struct {
	mode                                   convention
	hour, minute, second, daySecond        int
	milli, micro                           int
	precision                              int  // digits behind the point that the result has, 0: all
	twelve                                 bool // a clock of 12 hours
	half                                   int  // of it: 1 is p.m.
	weekday, day, yearDay, month           int
	year, yearDigits, era, century, julian int
	week, monthWeek                        int
	zoneSign, zoneHour, zoneMinute         int
}

// moment is what the fields mean.
type moment struct {
	year, month, day             int
	hour, minute, second, micros int
}

// Date reads a date.
func (r *DateReader) Date(s, template []byte) (int32, error) {
	if err := r.read(s, template); err != nil {
		return 0, err
	}
	days := int64(julianDay(r.m.year, r.m.month, r.m.day)) - unixJulian
	if r.m.year < -4713 || r.m.year > 5874897 || days < datetime.MinDate || days > datetime.MaxDate {
		return 0, errs.New(errs.DatetimeFieldOverflow, `date out of range: "%s"`, s)
	}
	return int32(days), nil
}

// unixJulian is the Julian day of 1970-01-01.
const unixJulian = 2440588

// Timestamp reads a moment. With an offset in the text zoned is true and us is UTC, otherwise it is local time.
func (r *DateReader) Timestamp(s, template []byte) (us int64, zoned bool, err error) {
	if err := r.read(s, template); err != nil {
		return 0, false, err
	}
	m := &r.m
	days := int64(julianDay(m.year, m.month, m.day)) - unixJulian
	if m.year > 300000 || days < datetime.MinDate || days > datetime.MaxDate {
		return 0, false, datetime.TimestampOutOfRange()
	}
	local, ok := datetime.TimestampFromDays(int32(days))
	if !ok {
		return 0, false, datetime.TimestampOutOfRange()
	}
	local += int64(m.hour)*datetime.MicrosPerHour + int64(m.minute)*datetime.MicrosPerMinute + int64(m.second)*datetime.MicrosPerSecond + int64(m.micros)
	if r.f.precision > 0 {
		local = datetime.RoundMicros(local, r.f.precision)
	}
	if r.f.zoneSign == 0 {
		return local, false, nil
	}
	return local - int64(r.f.zoneSign)*(int64(r.f.zoneHour)*datetime.MicrosPerHour+int64(r.f.zoneMinute)*datetime.MicrosPerMinute), true, nil
}

// read fills f and m.
func (r *DateReader) read(s, template []byte) error {
	r.t.Use(template)
	r.f, r.m = dateFields{}, moment{month: 1, day: 1}
	if err := r.fields(s); err != nil {
		return err
	}
	if err := r.clock(); err != nil {
		return err
	}
	if ok, err := r.calendar(); err != nil {
		return err
	} else if !ok {
		return fieldOverflow(s)
	}
	m := &r.m
	m.micros = r.f.milli*1000 + r.f.micro
	if m.hour < 0 || m.hour >= 24 || m.minute < 0 || m.minute >= 60 || m.second < 0 || m.second >= 60 || m.micros < 0 || m.micros >= 1e6 {
		return fieldOverflow(s)
	}
	if r.f.zoneSign != 0 && (r.f.zoneHour < 0 || r.f.zoneHour > 15 || r.f.zoneMinute < 0 || r.f.zoneMinute >= 60) {
		return errs.New(errs.TimeZoneDisplacementOverflow, `time zone displacement out of range: "%s"`, s)
	}
	return nil
}

func fieldOverflow(s []byte) error {
	return errs.New(errs.DatetimeFieldOverflow, `date/time field value out of range: "%s"`, s)
}

// clock settles the time of day.
func (r *DateReader) clock() error {
	f, m := &r.f, &r.m
	if f.daySecond != 0 {
		m.hour, m.minute, m.second = f.daySecond/3600, f.daySecond%3600/60, f.daySecond%60
	}
	if f.second != 0 {
		m.second = f.second
	}
	if f.minute != 0 {
		m.minute = f.minute
	}
	if f.hour != 0 {
		m.hour = f.hour
	}
	if !f.twelve {
		return nil
	}
	switch {
	case m.hour < 1 || m.hour > 12:
		return errs.New(errs.InvalidDatetimeFormat, `hour "%d" is invalid for the 12-hour clock`, m.hour).
			WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
	case f.half == 1 && m.hour < 12:
		m.hour += 12
	case f.half == 0 && m.hour == 12:
		m.hour = 0
	}
	return nil
}

// calendar settles the date; ok false is one that no calendar has.
func (r *DateReader) calendar() (ok bool, err error) {
	f, m := &r.f, &r.m
	year, month, day := r.year(), false, false
	if f.julian != 0 {
		m.year, m.month, m.day = fromJulian(f.julian)
		year, month, day = true, true, true
	}
	if f.week != 0 {
		if f.mode == isoWeek {
			j := isoWeekStart(m.year, f.week)
			switch {
			case f.weekday > 1:
				j += f.weekday - 2
			case f.weekday == 1: // Sunday ends the week
				j += 6
			}
			m.year, m.month, m.day = fromJulian(j)
			year, month, day = true, true, true
		} else {
			f.yearDay = (f.week-1)*7 + 1
		}
	}
	if f.monthWeek != 0 {
		f.day = (f.monthWeek-1)*7 + 1
	}
	if f.day != 0 {
		m.day, day = f.day, true
	}
	if f.month != 0 {
		m.month, month = f.month, true
	}
	if f.yearDay != 0 && (m.month <= 1 || m.day <= 1) {
		if m.year == 0 && f.era == 0 {
			return false, errs.New(errs.InvalidDatetimeFormat, "cannot calculate day of year without year information")
		}
		r.dayOfYear()
		month, day = true, true
		year = year || f.mode == isoWeek
	}
	switch {
	case month && (m.month < 1 || m.month > 12), day && (m.day < 1 || m.day > 31):
		return false, nil
	case year && month && day && m.day > datetime.DaysInMonth(m.year, m.month):
		return false, nil
	}
	return true, nil
}

// year settles the year and tells whether there is one.
func (r *DateReader) year() bool {
	f, m := &r.f, &r.m
	switch {
	case f.year != 0 && f.century != 0 && f.yearDigits <= 2: // a year of a century; those BC count backwards
		if f.era == 1 {
			f.century = -f.century
		}
		m.year = f.year % 100
		switch {
		case m.year != 0 && f.century < 0:
			m.year = (f.century+1)*100 - m.year + 1
		case m.year != 0:
			m.year += (f.century - 1) * 100
		case f.century >= 0:
			m.year = f.century * 100
		default:
			m.year = f.century*100 + 1
		}
	case f.year != 0:
		if m.year = f.year; f.era == 1 {
			m.year = -m.year
		}
		if m.year < 0 {
			m.year++
		}
	case f.century != 0:
		if f.era == 1 {
			f.century = -f.century
		}
		if f.century >= 0 {
			m.year = (f.century-1)*100 + 1
		} else {
			m.year = f.century*100 + 1
		}
	default:
		return false
	}
	return true
}

// dayOfYear gives what is not known of month and day.
func (r *DateReader) dayOfYear() {
	f, m := &r.f, &r.m
	if f.mode == isoWeek {
		m.year, m.month, m.day = fromJulian(isoWeekStart(m.year, 1) - 1 + f.yearDay)
		return
	}
	month, before := 1, 0
	for month <= 12 && f.yearDay > before+datetime.DaysInMonth(m.year, month) {
		before += datetime.DaysInMonth(m.year, month)
		month++
	}
	if m.month <= 1 {
		m.month = month
	}
	if m.day <= 1 {
		if month > 12 {
			before -= datetime.DaysInMonth(m.year, 12)
		}
		m.day = f.yearDay - before
	}
}

// fromJulian returns the date of a Julian day.
func fromJulian(j int) (year, month, day int) { return datetime.CivilFromDays(int32(j - unixJulian)) }

// fields reads a text part by part. Template or text may end first.
func (r *DateReader) fields(s []byte) error {
	r.s, r.at, r.extra = s, 0, 0
	fixed := false
	for i := range r.t.parts {
		p := &r.t.parts[i]
		if r.at >= len(r.s) {
			break
		}
		if !fixed && (p.dateWord != nil || i == 0) {
			r.extra += r.blanks()
		}
		switch {
		case p.dateWord != nil:
		case p.p != dateText && !fixed: // one separator stands for one, or for none
			r.extra--
			if r.at < len(r.s) && (isBlank(r.s[r.at]) || isPunct(r.s[r.at])) {
				r.at++
				r.extra++
			}
			continue
		case p.p == dateText && !fixed && r.extra > 0:
			r.extra--
			continue
		default:
			r.skip()
			continue
		}
		if p.p == dateFixed {
			fixed = true
		} else if err := r.field(p, i); err != nil {
			return err
		}
		if !fixed {
			r.extra = r.blanks()
		}
	}
	return nil
}

// blanks skips white space and returns how much.
func (r *DateReader) blanks() int {
	start := r.at
	for r.at < len(r.s) && isBlank(r.s[r.at]) {
		r.at++
	}
	return r.at - start
}

// skip passes over one character.
func (r *DateReader) skip() {
	if r.at < len(r.s) {
		r.at += chars.Skip(r.s[r.at:], 1)
	}
}

// set gives a field its value, which may come twice but not differ.
func (r *DateReader) set(field *int, v int, p *datePart) error {
	if *field != 0 && *field != v {
		return errs.New(errs.InvalidDatetimeFormat, `conflicting values for "%s" field in formatting string`, p.word).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	*field = v
	return nil
}

// field reads what part i asks for.
func (r *DateReader) field(p *datePart, i int) error {
	f := &r.f
	if p.mode != noConvention {
		if f.mode != noConvention && f.mode != p.mode {
			return errs.New(errs.InvalidDatetimeFormat, "invalid combination of date conventions").
				WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
		}
		f.mode = p.mode
	}
	switch p.p {
	case dateZone, dateOffset:
		return errs.New(errs.FeatureNotSupported, `formatting field "%s" is only supported in to_char`, p.word)
	case dateNoon, dateNoonDots, dateEra, dateEraDots, dateMonthName, dateMonthShort, dateDayName, dateDayShort, dateRoman:
		return r.name(p)
	case dateZoneHour:
		return r.zoneHour(p, i)
	case dateZoneMinute:
		if f.zoneSign == 0 {
			f.zoneSign = 1
		}
		_, err := r.integer(&f.zoneMinute, 2, p, i)
		return err
	case dateYearComma:
		return r.commaYear(p)
	}
	err := r.number(p, i)
	if err == nil && p.th != 0 {
		r.skip()
		r.skip()
	}
	return err
}

// number reads the patterns that are digits.
func (r *DateReader) number(p *datePart, i int) error {
	f, width := &r.f, len(p.word)
	if p.p >= dateFraction1 && p.p <= dateFraction6 || p.p == dateMicro {
		if width = 6; p.p != dateMicro {
			width = int(p.p-dateFraction1) + 1
			f.precision = width
		}
		return r.fraction(&f.micro, width, 6, p, i)
	}
	var ignored int
	field := &ignored
	switch p.p {
	case dateMilli:
		return r.fraction(&f.milli, 3, 3, p, i)
	case dateYear, dateISOYear, dateYear3, dateISOYear3, dateYear2, dateISOYear2, dateYear1, dateISOYear1:
		return r.yearNumber(p, i)
	case dateISOWeekday:
		if _, err := r.integer(&f.weekday, 1, p, i); err != nil {
			return err
		}
		if f.weekday++; f.weekday > 7 { // weeks begin on Sunday here
			f.weekday = 1
		}
		return nil
	case dateHour12:
		field, width, f.twelve = &f.hour, 2, true
	case dateHour24:
		field, width = &f.hour, 2
	case dateMinute:
		field = &f.minute
	case dateSecond:
		field = &f.second
	case dateDaySecond:
		field = &f.daySecond
	case dateMonth:
		field = &f.month
	case dateYearDay:
		field = &f.yearDay
	case dateISOYearDay:
		field, width = &f.yearDay, 3
	case dateDay:
		field = &f.day
	case dateWeekday:
		field = &f.weekday
	case dateWeek, dateISOWeek:
		field = &f.week
	case dateCentury:
		field = &f.century
	case dateMonthWeek:
		field = &f.monthWeek
	case dateJulian:
		field = &f.julian
	}
	_, err := r.integer(field, width, p, i)
	return err
}

// fraction reads digits behind a point: 5 and 500 milliseconds are the same.
func (r *DateReader) fraction(field *int, width, digits int, p *datePart, i int) error {
	n, err := r.integer(field, width, p, i)
	for ; n < digits; n++ {
		*field *= 10
	}
	return err
}

// yearNumber reads a year; one of less than four digits is near 2020.
func (r *DateReader) yearNumber(p *datePart, i int) error {
	f, width := &r.f, len(p.word)
	n, err := r.integer(&f.year, width, p, i)
	if err != nil {
		return err
	}
	if width < 4 && n < 4 {
		switch y := f.year; {
		case y < 70:
			f.year += 2000
		case y < 100:
			f.year += 1900
		case y < 520:
			f.year += 2000
		case y < 1000:
			f.year += 1000
		}
	}
	f.yearDigits = width
	return nil
}

// commaYear reads 2,024.
func (r *DateReader) commaYear(p *datePart) error {
	start := r.at
	thousands, n, _ := scanInt(r.s[r.at:])
	r.at += n
	if n == 0 || r.at >= len(r.s) || r.s[r.at] != ',' {
		r.at = start
		return errs.New(errs.InvalidDatetimeFormat, `invalid input string for "Y,YYY"`)
	}
	r.at++
	years, n, _ := scanInt(r.s[r.at:min(r.at+3, len(r.s))])
	if n == 0 {
		return errs.New(errs.InvalidDatetimeFormat, `invalid input string for "Y,YYY"`)
	}
	r.at += n
	if err := r.set(&r.f.year, int(int32(thousands*1000+years)), p); err != nil {
		return err
	}
	r.f.yearDigits = 4
	if p.th != 0 {
		r.skip()
		r.skip()
	}
	return nil
}

// zoneHour reads a sign and hours. The sign may have been taken for a separator.
func (r *DateReader) zoneHour(p *datePart, i int) error {
	f := &r.f
	switch c := r.byte(); {
	case c == '-':
		f.zoneSign = -1
		r.at++
	case c == '+' || c == ' ':
		f.zoneSign = 1
		r.at++
	case r.extra > 0 && r.at > 0 && r.s[r.at-1] == '-':
		f.zoneSign = -1
	default:
		f.zoneSign = 1
	}
	_, err := r.integer(&f.zoneHour, 2, p, i)
	return err
}

func (r *DateReader) byte() byte {
	if r.at < len(r.s) {
		return r.s[r.at]
	}
	return 0
}

// openEnded tells that what follows part i cannot be a digit, so that a number may be as long as it is.
func (r *DateReader) openEnded(i int) bool {
	if r.t.parts[i].th != 0 || i+1 == len(r.t.parts) {
		return true
	}
	next := &r.t.parts[i+1]
	if next.dateWord != nil {
		return !next.number
	}
	return !(next.text[0] >= '0' && next.text[0] <= '9')
}

// integer reads a number of a width and returns how many characters it took.
func (r *DateReader) integer(field *int, width int, p *datePart, i int) (int, error) {
	start := r.at
	r.blanks()
	rest := r.s[r.at:]
	copied := rest[:min(width, len(rest))]
	var v int64
	var n int
	var fits bool
	if p.fill || r.openEnded(i) {
		v, n, fits = scanInt(rest)
	} else {
		const hint = "If your source string is not fixed-width, try using the \"FM\" modifier."
		if len(rest) < width {
			return 0, errs.New(errs.InvalidDatetimeFormat, `source string too short for "%s" formatting field`, p.word).
				WithDetail("Field requires %d characters, but only %d remain.", width, len(rest)).WithHint(hint)
		}
		if v, n, fits = scanInt(copied); n > 0 && n < width {
			return 0, errs.New(errs.InvalidDatetimeFormat, `invalid value "%s" for "%s"`, copied, p.word).
				WithDetail("Field requires %d characters, but only %d could be parsed.", width, n).WithHint(hint)
		}
	}
	if n == 0 {
		r.at = start
		return 0, errs.New(errs.InvalidDatetimeFormat, `invalid value "%s" for "%s"`, copied, p.word).
			WithDetail("Value must be an integer.")
	}
	r.at += n
	if !fits {
		return 0, errs.New(errs.DatetimeFieldOverflow, `value for "%s" in source string is out of range`, p.word).
			WithDetail("Value must be in the range -2147483648 to 2147483647.")
	}
	return r.at - start, r.set(field, int(v), p)
}

// scanInt reads an integer behind white space, as C's strtol does; n is 0 when there is none, fits false when it has
// more than 32 bits.
func scanInt(s []byte) (v int64, n int, fits bool) {
	i := 0
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	neg := i < len(s) && s[i] == '-'
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := i
	for fits = true; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if v = v*10 + int64(s[i]-'0'); v > 1<<40 {
			v, fits = 1<<40, false
		}
	}
	if i == digits {
		return 0, 0, true
	}
	if neg {
		v = -v
	}
	return v, i, fits && v == int64(int32(v))
}

// name reads the patterns that are words.
func (r *DateReader) name(p *datePart) error {
	f := &r.f
	var names []string
	switch p.p {
	case dateNoon:
		names = []string{"am", "pm"}
	case dateNoonDots:
		names = []string{"a.m.", "p.m."}
	case dateEra:
		names = []string{"ad", "bc"}
	case dateEraDots:
		names = []string{"a.d.", "b.c."}
	case dateMonthName:
		names = monthNames
	case dateMonthShort:
		names = shortMonths
	case dateDayName:
		names = dayNames
	case dateDayShort:
		names = shortDays
	case dateRoman:
		names = romanMonths[:]
	}
	v, n := -1, 0
	for i, name := range names { // of Roman numerals the longest
		if len(name) > n && len(r.s)-r.at >= len(name) && bytes.EqualFold(r.s[r.at:r.at+len(name)], []byte(name)) {
			v, n = i, len(name)
		}
	}
	if v < 0 {
		word := r.s[r.at:]
		if end := bytes.IndexFunc(word, func(c rune) bool { return c < 0x80 && isBlank(byte(c)) }); end >= 0 {
			word = word[:end]
		}
		return errs.New(errs.InvalidDatetimeFormat, `invalid value "%s" for "%s"`, word, p.word).
			WithDetail("The given value did not match any of the allowed values for this field.")
	}
	r.at += n
	switch p.p {
	case dateNoon, dateNoonDots:
		f.twelve = true
		return r.set(&f.half, v, p)
	case dateEra, dateEraDots:
		return r.set(&f.era, v, p)
	case dateDayName, dateDayShort:
		if err := r.set(&f.weekday, v, p); err != nil {
			return err
		}
		f.weekday++
		return nil
	}
	return r.set(&f.month, v+1, p)
}

// The names of months and days, and their first three letters.
var monthNames, shortMonths, dayNames, shortDays = func() (months, short, days, shortDays []string) {
	for m := time.January; m <= time.December; m++ {
		months, short = append(months, m.String()), append(short, m.String()[:3])
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		days, shortDays = append(days, d.String()), append(shortDays, d.String()[:3])
	}
	return months, short, days, shortDays
}()
