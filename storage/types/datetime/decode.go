package datetime

import (
	"math"
	"time"
)

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
	order                  Order
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

// decode reads all of s.
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

// token takes one token; more says that others follow.
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

// word takes a name: of a month, a weekday, half of a day, era, special value or zone.
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

// validateDate checks the date that was given, and makes one of a day of the year.
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
