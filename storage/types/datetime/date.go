package datetime

import (
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// julianDay reads a day counted from 24 November 4714 BC, with a fraction that is its time.
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

// number reads one number of a date whose fields stand in the order of DateStyle, or year, month, day.
func (d *dateDecoder) number(s string) dateFault {
	for i := range len(s) {
		if !ascii.IsDigit(s[i]) {
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
		switch {
		case long || d.order == YMD:
			return d.setYear(n, s)
		case d.order == DMY:
			d.day = n
			return d.add(hasDay)
		}
		d.month = n
		return d.add(hasMonth)
	case hasYear, hasDay:
		d.month = n
		return d.add(hasMonth)
	case hasMonth:
		if d.textMonth && (long || d.order == YMD) {
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

// setYear takes a number as the year, of the century that finish decides when it has two digits.
func (d *dateDecoder) setYear(n int, s string) dateFault {
	d.year, d.twoDigits = n, len(s) <= 2
	return d.add(hasYear)
}

// date reads a date whose parts are joined by punctuation.
func (d *dateDecoder) date(s string) dateFault {
	var parts [4]string
	n := 0
	for i := 0; i < len(s); {
		for i < len(s) && !ascii.IsDigit(s[i]) && !ascii.IsAlpha(s[i]) {
			i++
		}
		if i == len(s) || n == len(parts) {
			return faultFormat
		}
		class := ascii.IsAlpha
		if ascii.IsDigit(s[i]) {
			class = ascii.IsDigit
		}
		end := skip(s, i, class)
		parts[n] = s[i:end]
		n++
		if i = end; i < len(s) && !ascii.IsDigit(s[i]) && !ascii.IsAlpha(s[i]) {
			if i++; i == len(s) {
				break // a separator at the end does not count
			}
		}
	}
	for _, p := range parts[:n] {
		if ascii.IsDigit(p[0]) {
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
		if !ascii.IsDigit(p[0]) {
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
