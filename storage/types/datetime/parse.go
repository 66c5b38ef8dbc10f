package datetime

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// ParseDate reads a date as days since 1970-01-01. The usual form YYYY-MM-DD takes a short path without allocation; all
// others that PostgreSQL takes with DateStyle ISO, MDY are read field by field. set may be nil.
func ParseDate(s []byte, set *Settings) (int32, error) {
	if len(s) == 10 {
		if days, ok := isoDate(s); ok {
			return days, nil
		}
	}
	d := dateDecoder{order: set.order()}
	if f := d.decode(s); f != faultNone {
		return 0, dateError(f, "date", s, d.zoneName)
	}
	switch d.special {
	case specialNone:
	case specialInf:
		return DateInf, nil
	case specialNegInf:
		return DateNegInf, nil
	default:
		us, ok := d.specialLocal(set)
		if !ok {
			return 0, dateError(faultFormat, "date", s, "")
		}
		return DateOfTimestamp(us), nil
	}
	if d.have&hasDate != hasDate {
		return 0, dateError(faultFormat, "date", s, "")
	}
	days, ok := d.days()
	if !ok || days < MinDate {
		return 0, errs.New(errs.DatetimeFieldOverflow, "date out of range: %q", ascii.Verbatim(s))
	}
	return days, nil
}

// days returns the day number; ok is false beyond the range of dates.
func (d *dateDecoder) days() (int32, bool) {
	if d.year < -4713 || d.year > 5874897 {
		return 0, false
	}
	n := DaysFromCivil(d.year, d.month, d.day)
	return int32(n), n >= MinDate-1 && n <= MaxDate // a zone may move the day before into the range
}

// specialLocal returns the wall clock that epoch, now, today, tomorrow and yesterday mean.
func (d *dateDecoder) specialLocal(set *Settings) (int64, bool) {
	now := LocalFromUTC(set.now(), set.Zone())
	midnight := int64(DateOfTimestamp(now)) * MicrosPerDay
	tod := int64(0)
	if d.have&hasTime != 0 { // "tomorrow 04:00"
		tod = d.micro()
	}
	switch d.special {
	case specialEpoch:
		return 0, true
	case specialNow:
		return now, true
	case specialToday:
		return midnight + tod, true
	case specialTomorrow:
		return midnight + MicrosPerDay + tod, true
	case specialYesterday:
		return midnight - MicrosPerDay + tod, true
	}
	return 0, false
}

// isoDate reads exactly YYYY-MM-DD.
func isoDate(s []byte) (int32, bool) {
	_ = s[9]
	y, ok1 := four(s)
	m, ok2 := two(s[5:])
	d, ok3 := two(s[8:])
	if !ok1 || !ok2 || !ok3 || s[4] != '-' || s[7] != '-' || y == 0 || m == 0 || m > 12 || d == 0 || d > 28 && d > DaysInMonth(y, m) {
		return 0, false
	}
	return int32(DaysFromCivil(y, m, d)), true
}

func two(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a < 10 && b < 10
}

func four(s []byte) (int, bool) {
	a, ok1 := two(s)
	b, ok2 := two(s[2:])
	return a*100 + b, ok1 && ok2
}

// isoTime reads HH:MM:SS with up to six digits after a point, below 24:00; n is the length that it read.
func isoTime(s []byte) (us int64, n int, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, 0, false
	}
	h, ok1 := two(s)
	m, ok2 := two(s[3:])
	sec, ok3 := two(s[6:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 59 {
		return 0, 0, false
	}
	us = int64((h*60+m)*60+sec) * MicrosPerSecond
	if len(s) == 8 || s[8] != '.' {
		return us, 8, true
	}
	n = 9
	frac, unit := int64(0), int64(MicrosPerSecond)
	for ; n < len(s) && ascii.IsDigit(s[n]); n++ {
		if n == 15 {
			return 0, 0, false
		}
		frac = frac*10 + int64(s[n]-'0')
		unit /= 10
	}
	return us + frac*unit, n, true
}

// isoStamp reads YYYY-MM-DD[ T]HH:MM:SS[.f] and returns what follows.
func isoStamp(s []byte) (us int64, rest []byte, ok bool) {
	if len(s) < 19 || s[10] != ' ' && s[10] != 'T' {
		return 0, nil, false
	}
	days, ok := isoDate(s[:10])
	if !ok {
		return 0, nil, false
	}
	us, n, ok := isoTime(s[11:])
	return int64(days)*MicrosPerDay + us, s[min(11+n, len(s)):], ok
}

// ParseTime reads a time of day in microseconds; a zone that follows is read and ignored.
func ParseTime(s []byte, set *Settings) (int64, error) {
	if us, n, ok := isoTime(s); ok && n == len(s) {
		return us, nil
	}
	d := dateDecoder{timeOnly: true, order: set.order()}
	if f := d.decode(s); f != faultNone {
		return 0, dateError(f, "time", s, d.zoneName)
	}
	switch {
	case d.special == specialAllballs:
		return 0, nil
	case d.special == specialNow:
		_, us := SplitTimestamp(LocalFromUTC(set.now(), set.Zone()))
		return us, nil
	case d.special != specialNone || d.have&hasTime == 0:
		return 0, dateError(faultFormat, "time", s, "")
	}
	if us := d.micro(); us <= MicrosPerDay {
		return us, nil
	}
	return 0, dateError(faultRange, "time", s, "")
}

// ParseTimestamp reads a timestamp without time zone, in microseconds since 1970-01-01 00:00; a zone is read and
// ignored.
func ParseTimestamp(s []byte, set *Settings) (int64, error) {
	if us, rest, ok := isoStamp(s); ok && len(rest) == 0 {
		return us, nil
	}
	if len(s) == 10 {
		if days, ok := isoDate(s); ok {
			return int64(days) * MicrosPerDay, nil
		}
	}
	d := dateDecoder{order: set.order()}
	us, err := d.stamp(s, "timestamp", set)
	if err == nil && us < MinTimestamp && us != TimestampNegInf {
		return 0, errs.New(errs.DatetimeFieldOverflow, "timestamp out of range: %q", ascii.Verbatim(s))
	}
	return us, err
}

// stamp reads a wall clock; d keeps the zone.
func (d *dateDecoder) stamp(s []byte, typ string, set *Settings) (int64, error) {
	if f := d.decode(s); f != faultNone {
		return 0, dateError(f, typ, s, d.zoneName)
	}
	switch d.special {
	case specialNone:
	case specialInf:
		return TimestampInf, nil
	case specialNegInf:
		return TimestampNegInf, nil
	default:
		us, ok := d.specialLocal(set)
		if !ok {
			return 0, dateError(faultFormat, typ, s, "")
		}
		return us, nil
	}
	if d.have&hasDate != hasDate {
		return 0, dateError(faultFormat, typ, s, "")
	}
	if days, ok := d.days(); ok {
		if us, ok := TimestampFromDays(days); ok && us <= MaxTimestamp-d.micro() {
			return us + d.micro(), nil
		}
	}
	return 0, errs.New(errs.DatetimeFieldOverflow, "timestamp out of range: %q", ascii.Verbatim(s))
}

// ParseTimestamptz reads an instant in microseconds since 1970-01-01 00:00 UTC. Text without a zone is in the
// session's.
func ParseTimestamptz(s []byte, set *Settings) (int64, error) {
	if us, rest, ok := isoStamp(s); ok {
		switch {
		case len(rest) == 0:
			return UTCFromLocal(us, set.Zone()), nil
		case len(rest) == 1 && rest[0] == 'Z':
			return us, nil
		case len(rest) >= 3 && (rest[0] == '+' || rest[0] == '-'):
			if sec, ok := isoOffset(rest); ok {
				return us - int64(sec)*MicrosPerSecond, nil
			}
		}
	}
	d := dateDecoder{order: set.order()}
	us, err := d.stamp(s, "timestamp with time zone", set)
	if err != nil || !IsFiniteTimestamp(us) {
		return us, err
	}
	var loc *time.Location
	switch {
	case d.special == specialEpoch:
		return us, nil
	case d.special == specialNow:
		return set.now(), nil
	case d.have&hasZone == 0:
		loc = set.Zone()
	case d.zone != nil:
		loc = d.zone
	default:
		us -= int64(d.zoneSeconds) * MicrosPerSecond
	}
	us = UTCFromLocal(us, loc)
	if !TimestampInRange(us) {
		return 0, errs.New(errs.DatetimeFieldOverflow, "timestamp out of range: %q", ascii.Verbatim(s))
	}
	return us, nil
}

// isoOffset reads +hh, +hhmm or +hh:mm.
func isoOffset(s []byte) (seconds int, ok bool) {
	h, ok := two(s[1:])
	m := 0
	switch {
	case len(s) == 3:
	case len(s) == 6 && s[3] == ':':
		var ok2 bool
		m, ok2 = two(s[4:])
		ok = ok && ok2
	case len(s) == 5:
		var ok2 bool
		m, ok2 = two(s[3:])
		ok = ok && ok2
	default:
		return 0, false
	}
	if !ok || h > 15 || m > 59 {
		return 0, false
	}
	seconds = h*3600 + m*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}
