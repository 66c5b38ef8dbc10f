package types

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// dateFault is why a date or time could not be read.
type dateFault uint8

const (
	faultNone dateFault = iota
	faultFormat
	faultRange     // a field is out of range
	faultMonthDay  // so is the month or day: perhaps they were meant the other way round
	faultInterval  // an interval's field
	faultZoneRange // a zone's offset
	faultZoneName  // no such zone
)

// dateError is PostgreSQL's DateTimeParseError.
func dateError(fault dateFault, typ string, s []byte, zone string) error {
	switch fault {
	case faultRange:
		return errs.New(errs.DatetimeFieldOverflow, "date/time field value out of range: %q", verbatim(s))
	case faultMonthDay:
		return errs.New(errs.DatetimeFieldOverflow, "date/time field value out of range: %q", verbatim(s)).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case faultInterval:
		return errs.New(errs.IntervalFieldOverflow, "interval field value out of range: %q", verbatim(s))
	case faultZoneRange:
		return errs.New(errs.TimeZoneDisplacementOverflow, "time zone displacement out of range: %q", verbatim(s))
	case faultZoneName:
		return errs.New(errs.InvalidParameterValue, "time zone %q not recognized", verbatim(zone))
	}
	return errs.New(errs.InvalidDatetimeFormat, "invalid input syntax for type %s: %q", typ, verbatim(s))
}

// fieldSet is a set of parts that a date or time has been given.
type fieldSet uint16

const (
	hasYear fieldSet = 1 << iota
	hasMonth
	hasDay
	hasDOY
	hasTime
	hasZone
	hasEra
	hasMeridiem
	hasWeekday
	hasDate = hasYear | hasMonth | hasDay
)

// dateDecoder gathers the fields of one date or time; it follows DecodeDateTime of PostgreSQL's datetime.c with
// DateStyle ISO, MDY.
type dateDecoder struct {
	have                   fieldSet
	year, month, day, doy  int
	hour, min, sec, micros int
	special                int
	bc, pm                 bool
	meridiem, twoDigits    bool
	textMonth, julian      bool
	zoneSeconds            int            // east of UTC
	zone                   *time.Location // or a named zone
	zoneName               string         // for the error
	timeOnly               bool           // type time: numbers are times
	next                   dateWordKind   // what the token before announced
	announced              bool
}

func (d *dateDecoder) decode(s []byte) dateFault {
	var toks dateTokens
	if !splitDateTime(s, &toks) || toks.n == 0 {
		return faultFormat
	}
	for i := range toks.n {
		if f := d.token(toks.tok[i], i+1 < toks.n); f != faultNone {
			return f
		}
	}
	if d.announced {
		return faultFormat
	}
	return d.finish()
}

// add takes note of fields; a second time is an error.
func (d *dateDecoder) add(f fieldSet) dateFault {
	if d.have&f != 0 {
		return faultFormat
	}
	d.have |= f
	return faultNone
}

func (d *dateDecoder) token(t dateToken, more bool) dateFault {
	announced := d.announced
	if announced && d.next == wordJulian && (t.kind == tokNumber || t.kind == tokDate) {
		d.announced = false
		return d.julianDay(t.text)
	}
	switch t.kind {
	case tokTime:
		d.announced = false
		return d.clock(t.text)
	case tokZone:
		return d.offset(t.text)
	case tokNumber:
		d.announced = false
		return d.lone(t.text, announced)
	case tokDate:
		d.announced = false
		if announced || d.have&(hasMonth|hasDay) == hasMonth|hasDay || d.timeOnly && !more && d.have == 0 {
			return d.zoneOrTime(t.text)
		}
		return d.date(t.text)
	}
	if announced {
		return faultFormat
	}
	return d.word(t.text, more)
}

func (d *dateDecoder) julianDay(s string) dateFault {
	day, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(day, 10, 32)
	if err != nil || n > MaxDate+julianEpoch {
		return faultRange
	}
	d.julian = true
	d.year, d.month, d.day = CivilFromDays(int32(n - julianEpoch))
	if frac != "" {
		us := int(fraction(frac) * MicrosPerDay)
		d.hour, d.min, d.sec, d.micros = us/MicrosPerHour, us/MicrosPerMinute%60, us/MicrosPerSecond%60, us%MicrosPerSecond
		d.have |= hasTime
	}
	return d.add(hasDate)
}

// fraction reads digits as a fraction of one.
func fraction(digits string) float64 {
	f, _ := strconv.ParseFloat("0."+digits, 64)
	return f
}

// fractionMicros reads the digits after the point of seconds, rounding to microseconds.
func fractionMicros(digits string) (int, bool) {
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return 0, false
		}
	}
	return int(math.RoundToEven(fraction(digits) * 1e6)), true
}

// clock reads hh:mm[:ss[.f]] or mm:ss.f.
func (d *dateDecoder) clock(s string) dateFault {
	h, m, sec, us, ok := splitClock(s)
	if !ok {
		return faultFormat
	}
	d.hour, d.min, d.sec, d.micros = h, m, sec, us
	if m > 59 || sec > 60 {
		return faultRange
	}
	return d.add(hasTime)
}

func splitClock(s string) (h, m, sec, us int, ok bool) {
	body, frac, point := strings.Cut(s, ".")
	if point {
		if us, ok = fractionMicros(frac); !ok {
			return
		}
	}
	var part [3]int
	n := 0
	for rest := body; ; n++ {
		if n == 3 {
			return 0, 0, 0, 0, false
		}
		p, tail, more := strings.Cut(rest, ":")
		if p != "" { // "03:" is three o'clock
			v, err := strconv.ParseUint(p, 10, 31)
			if err != nil {
				return 0, 0, 0, 0, false
			}
			part[n] = int(v)
		}
		if !more {
			break
		}
		rest = tail
	}
	switch {
	case n == 0:
		return 0, 0, 0, 0, false
	case n == 1 && point:
		return 0, part[0], part[1], us, true
	}
	return part[0], part[1], part[2], us, true
}

// offset reads +hh, +hhmm or +hh:mm[:ss].
func (d *dateDecoder) offset(s string) dateFault {
	sec, f := parseOffset(s)
	if f != faultNone {
		return f
	}
	d.zoneSeconds = sec
	return d.add(hasZone)
}

func parseOffset(s string) (seconds int, f dateFault) {
	body := s[1:]
	var part [3]int
	parts := strings.Split(body, ":")
	if len(parts) > 3 {
		return 0, faultFormat
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return 0, faultFormat
		}
		part[i] = int(n)
	}
	if len(parts) == 1 && len(body) > 2 {
		part[0], part[1] = part[0]/100, part[0]%100
	}
	if part[0] > 15 || part[1] > 59 || part[2] > 59 {
		return 0, faultZoneRange
	}
	seconds = part[0]*3600 + part[1]*60 + part[2]
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, faultNone
}

// lone reads a number that stands alone: part of a date, a date or time run together.
func (d *dateDecoder) lone(s string, isTime bool) dateFault {
	digits, _, point := strings.Cut(s, ".")
	switch {
	case isTime || d.timeOnly && (!point || len(digits) > 2):
		return d.together(s, true)
	case point && d.have&hasDate == 0:
		return d.date(s)
	case point && len(digits) > 2, len(s) >= 6 && (d.have&hasDate == 0 || d.have&hasTime == 0):
		return d.together(s, false)
	}
	return d.number(s)
}

// together reads yyyymmdd, hhmmss[.f] or hhmm.
func (d *dateDecoder) together(s string, isTime bool) dateFault {
	digits, frac, point := strings.Cut(s, ".")
	if point {
		us, ok := fractionMicros(frac)
		if !ok {
			return faultFormat
		}
		d.micros = us
	} else if !isTime && d.have&hasDate != hasDate && len(digits) >= 6 {
		n := len(digits)
		d.year, d.month, d.day = atoi(digits[:n-4]), atoi(digits[n-4:n-2]), atoi(digits[n-2:])
		d.twoDigits = n == 6
		return d.add(hasDate)
	}
	switch len(digits) {
	case 6:
		d.hour, d.min, d.sec = atoi(digits[:2]), atoi(digits[2:4]), atoi(digits[4:])
	case 4:
		d.hour, d.min = atoi(digits[:2]), atoi(digits[2:])
	default:
		return faultFormat
	}
	if d.min > 59 || d.sec > 60 {
		return faultRange
	}
	return d.add(hasTime)
}

// atoi reads digits, giving a number beyond every limit when there are too many.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > math.MaxInt32 {
		return math.MaxInt32
	}
	return n
}

// number reads one number of a date whose fields stand in the order month, day, year, or year, month, day.
func (d *dateDecoder) number(s string) dateFault {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return faultFormat
		}
	}
	n := atoi(s)
	if n == math.MaxInt32 {
		return faultRange
	}
	if len(s) == 3 && d.have&hasDate == hasYear && n >= 1 && n <= 366 {
		d.doy = n
		return d.add(hasDOY | hasMonth | hasDay)
	}
	long := len(s) >= 3
	switch d.have & hasDate {
	case 0:
		if long {
			return d.setYear(n, s)
		}
		d.month = n
		return d.add(hasMonth)
	case hasYear, hasDay:
		d.month = n
		return d.add(hasMonth)
	case hasMonth:
		if d.textMonth && long {
			return d.setYear(n, s)
		}
		d.day = n
		return d.add(hasDay)
	case hasYear | hasMonth:
		if d.textMonth && long && d.twoDigits { // the first number was the day after all
			d.day, d.year, d.twoDigits = d.year, n, false
			return d.add(hasDay)
		}
		d.day = n
		return d.add(hasDay)
	case hasMonth | hasDay:
		return d.setYear(n, s)
	}
	return d.together(s, false)
}

func (d *dateDecoder) setYear(n int, s string) dateFault {
	d.year, d.twoDigits = n, len(s) <= 2
	return d.add(hasYear)
}

// date reads a date whose parts are joined by punctuation.
func (d *dateDecoder) date(s string) dateFault {
	var parts [4]string
	n := 0
	for i := 0; i < len(s); {
		for i < len(s) && !isDigit(s[i]) && !isAlpha(s[i]) {
			i++
		}
		if i == len(s) || n == len(parts) {
			return faultFormat
		}
		class := isAlpha
		if isDigit(s[i]) {
			class = isDigit
		}
		end := skip(s, i, class)
		parts[n] = s[i:end]
		n++
		if i = end; i < len(s) && !isDigit(s[i]) && !isAlpha(s[i]) {
			if i++; i == len(s) {
				break // a separator at the end does not count
			}
		}
	}
	for _, p := range parts[:n] {
		if isDigit(p[0]) {
			continue
		}
		w, ok := findDateWord(p)
		if !ok || w.kind != wordMonth && w.kind != wordIgnore {
			return faultFormat
		}
		if w.kind == wordMonth {
			d.month, d.textMonth = w.value, true
			if f := d.add(hasMonth); f != faultNone {
				return f
			}
		}
	}
	for _, p := range parts[:n] {
		if !isDigit(p[0]) {
			continue
		}
		if d.have&hasDate == hasDate {
			return faultFormat
		}
		if f := d.number(p); f != faultNone {
			return f
		}
	}
	if d.have&^(hasDOY|hasZone) != hasDate { // a time or a weekday does not come before such a date
		return faultFormat
	}
	return faultNone
}

// zoneOrTime reads, after the date, a zone's name with punctuation or a time run together with its zone.
func (d *dateDecoder) zoneOrTime(s string) dateFault {
	if isDigit(s[0]) {
		i := strings.IndexByte(s, '-')
		if i < 0 || d.have&hasTime != 0 {
			return faultFormat
		}
		if f := d.offset(s[i:]); f != faultNone {
			return f
		}
		return d.together(s[:i], true)
	}
	return d.namedZone(s)
}

func (d *dateDecoder) namedZone(s string) dateFault {
	loc, err := LoadZone(s)
	if err != nil {
		d.zoneName = s
		return faultZoneName
	}
	d.zone = loc
	return d.add(hasZone)
}

func (d *dateDecoder) word(s string, more bool) dateFault {
	w, ok := findDateWord(s)
	if !ok {
		if minutes, ok := zoneAbbreviation(s); ok {
			d.zoneSeconds = minutes * 60
			return d.add(hasZone)
		}
		if s == "dst" && d.have&hasZone != 0 {
			d.zoneSeconds += 3600
			return faultNone
		}
		if f := d.namedZone(s); f != faultZoneName {
			return f
		}
		return faultFormat
	}
	switch w.kind {
	case wordMonth:
		if d.have&hasMonth != 0 && !d.textMonth && d.have&hasDay == 0 { // "17 March": the number was the day
			d.day = d.month
			d.have = d.have&^hasMonth | hasDay
		}
		d.month, d.textMonth = w.value, true
		return d.add(hasMonth)
	case wordWeekday:
		return d.add(hasWeekday)
	case wordMeridiem:
		d.meridiem, d.pm = true, w.value == 1
		return d.add(hasMeridiem)
	case wordEra:
		d.bc = w.value == 1
		return d.add(hasEra)
	case wordISOTime:
		if d.have&hasDate != hasDate && !d.timeOnly || !more {
			return faultFormat
		}
		d.next, d.announced = w.kind, true
	case wordJulian:
		d.next, d.announced = w.kind, true
	case wordSpecial:
		if d.special != specialNone {
			return faultFormat
		}
		d.special = w.value
	}
	return faultNone
}

// finish applies the era, the half of the day and the calendar.
func (d *dateDecoder) finish() dateFault {
	if d.special != specialNone {
		return faultNone
	}
	if d.have&hasTime != 0 {
		if d.meridiem {
			if d.hour > 12 {
				return faultRange
			}
			d.hour %= 12
			if d.pm {
				d.hour += 12
			}
		}
		if d.hour > 24 || d.hour == 24 && d.min+d.sec+d.micros > 0 {
			return faultRange
		}
	}
	if d.have&hasYear != 0 && !d.julian {
		switch {
		case d.bc && d.year <= 0:
			return faultRange
		case d.bc:
			d.year = 1 - d.year
		case d.twoDigits && d.year < 70:
			d.year += 2000
		case d.twoDigits && d.year < 100:
			d.year += 1900
		case d.year <= 0:
			return faultRange
		}
	}
	return d.validateDate()
}

func (d *dateDecoder) validateDate() dateFault {
	if d.have&hasDOY != 0 {
		days := DaysFromCivil(min(d.year, 1<<24), 1, 1) + d.doy - 1
		d.year, d.month, d.day = CivilFromDays(int32(min(days, math.MaxInt32)))
		return faultNone
	}
	if d.have&hasMonth != 0 && (d.month < 1 || d.month > 12) {
		return faultMonthDay
	}
	if d.have&hasDay != 0 && (d.day < 1 || d.day > 31) {
		return faultMonthDay
	}
	if d.have&hasDate == hasDate && d.day > DaysInMonth(d.year, d.month) {
		return faultRange
	}
	return faultNone
}

// micro returns the time of day in microseconds.
func (d *dateDecoder) micro() int64 {
	return int64(d.hour)*MicrosPerHour + int64(d.min)*MicrosPerMinute + int64(d.sec)*MicrosPerSecond + int64(d.micros)
}
