package datetime

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// AppendInterval appends an interval with IntervalStyle postgres, e.g. 1 year 2 mons -3 days +04:05:06.
func AppendInterval(dst []byte, v Interval) []byte {
	empty, neg := true, false
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		if !empty {
			dst = append(dst, ' ')
		}
		if neg && n > 0 {
			dst = append(dst, '+')
		}
		dst = append(append(ascii.AppendInt(dst, n), ' '), unit...)
		if n != 1 {
			dst = append(dst, 's')
		}
		empty, neg = false, n < 0
	}
	part(int64(v.Months/12), "year")
	part(int64(v.Months%12), "mon")
	part(int64(v.Days), "day")
	if v.Micros == 0 && !empty {
		return dst
	}
	if !empty {
		dst = append(dst, ' ')
	}
	us := uint64(v.Micros)
	if v.Micros < 0 {
		us = -us
		dst = append(dst, '-')
	} else if neg {
		dst = append(dst, '+')
	}
	hours := us / MicrosPerHour
	if hours < 100 {
		dst = ascii.Append2(dst, int(hours))
	} else {
		dst = ascii.AppendUint(dst, hours)
	}
	dst = ascii.Append2(append(dst, ':'), int(us/MicrosPerMinute%60))
	dst = ascii.Append2(append(dst, ':'), int(us/MicrosPerSecond%60))
	return appendFraction(dst, int(us%MicrosPerSecond))
}

// intervalUnits are the words for units of time, with the singular of what they count.
var intervalUnits = map[string]Unit{
	"us": UnitMicroseconds, "usec": UnitMicroseconds, "usecs": UnitMicroseconds, "usecond": UnitMicroseconds,
	"useconds": UnitMicroseconds, "microsecond": UnitMicroseconds, "microseconds": UnitMicroseconds, "microsecon": UnitMicroseconds,
	"ms": UnitMilliseconds, "msec": UnitMilliseconds, "msecs": UnitMilliseconds, "msecond": UnitMilliseconds,
	"mseconds": UnitMilliseconds, "millisecond": UnitMilliseconds, "milliseconds": UnitMilliseconds, "millisecon": UnitMilliseconds,
	"s": UnitSecond, "sec": UnitSecond, "secs": UnitSecond, "second": UnitSecond, "seconds": UnitSecond,
	"m": UnitMinute, "min": UnitMinute, "mins": UnitMinute, "minute": UnitMinute, "minutes": UnitMinute,
	"h": UnitHour, "hr": UnitHour, "hrs": UnitHour, "hour": UnitHour, "hours": UnitHour,
	"d": UnitDay, "day": UnitDay, "days": UnitDay, "w": UnitWeek, "week": UnitWeek, "weeks": UnitWeek,
	"mon": UnitMonth, "mons": UnitMonth, "month": UnitMonth, "months": UnitMonth,
	"y": UnitYear, "yr": UnitYear, "yrs": UnitYear, "year": UnitYear, "years": UnitYear,
	"dec": UnitDecade, "decs": UnitDecade, "decade": UnitDecade, "decades": UnitDecade,
	"c": UnitCentury, "cent": UnitCentury, "century": UnitCentury, "centuries": UnitCentury,
	"mil": UnitMillennium, "mils": UnitMillennium, "millennia": UnitMillennium, "millennium": UnitMillennium,
}

// intervalSum adds up the fields of an interval. Fractions flow down: of years to months, of months to days (30), of
// days to time.
type intervalSum struct {
	months, days int64
	micros       int64
	bad          bool
	seen         uint32 // units that were given, a bit each
}

// add counts whole and fraction of a unit; fraction has the sign of the number.
func (s *intervalSum) add(whole int64, fraction float64, u Unit) {
	switch u {
	case UnitMicroseconds:
		s.addMicros(whole, 1, fraction)
	case UnitMilliseconds:
		s.addMicros(whole, 1000, fraction)
	case UnitSecond:
		s.addMicros(whole, MicrosPerSecond, fraction)
	case UnitMinute:
		s.addMicros(whole, MicrosPerMinute, fraction)
	case UnitHour:
		s.addMicros(whole, MicrosPerHour, fraction)
	case UnitDay:
		s.addDays(whole, 1, fraction)
	case UnitWeek:
		s.addDays(whole, 7, fraction)
	case UnitMonth:
		s.addMonths(whole, 1)
		s.addDays(0, 30, fraction)
	case UnitYear:
		s.addMonths(whole, 12)
		s.addMonths(int64(math.RoundToEven(fraction*12)), 1)
	case UnitDecade:
		s.addMonths(whole, 120)
		s.addMonths(int64(math.RoundToEven(fraction*120)), 1)
	case UnitCentury:
		s.addMonths(whole, 1200)
		s.addMonths(int64(math.RoundToEven(fraction*1200)), 1)
	case UnitMillennium:
		s.addMonths(whole, 12000)
		s.addMonths(int64(math.RoundToEven(fraction*12000)), 1)
	default:
		s.bad = true
	}
}

func (s *intervalSum) addMicros(whole, unit int64, fraction float64) {
	f := fraction * float64(unit)
	n := int64(f)
	if f -= float64(n); f > 0.5 {
		n++
	} else if f < -0.5 {
		n--
	}
	p := decimal.MulInt64(whole, unit).AddWrapping(decimal.Int128From64(n))
	sum, ok := addInt64(s.micros, int64(p.Lo))
	s.micros = sum
	s.bad = s.bad || !ok || !p.IsInt64()
}

func (s *intervalSum) addDays(whole, unit int64, fraction float64) {
	f := fraction * float64(unit)
	n := int64(f)
	s.days += whole*unit + n
	s.bad = s.bad || whole > math.MaxInt32 || whole < math.MinInt32 || s.days != int64(int32(s.days))
	if rest := f - float64(n); rest != 0 {
		s.addMicros(0, MicrosPerDay, rest)
	}
}

func (s *intervalSum) addMonths(whole, unit int64) {
	s.months += whole * unit
	s.bad = s.bad || whole > math.MaxInt32 || whole < math.MinInt32 || s.months > math.MaxInt32*12 || s.months < math.MinInt32*12
}

// ParseInterval reads an interval: PostgreSQL's own forms (1 year 2 mons, @ 1 hour ago), SQL's (1-2, 3 4:05:06) and
// ISO 8601 (P1Y2M3DT4H5M6S, P0001-02-03T04:05:06).
func ParseInterval(s []byte) (Interval, error) {
	text := strings.ToLower(ascii.String(ascii.TrimSpace(s)))
	var sum intervalSum
	f := faultFormat
	if len(text) > 1 && text[0] == 'p' {
		f = sum.iso(text[1:])
	} else if len(text) <= 2*maxDateLength {
		f = sum.verbose(text)
	}
	if f == faultNone && sum.bad {
		f = faultInterval
	}
	if f != faultNone {
		return Interval{}, dateError(f, "interval", s, "")
	}
	if sum.months != int64(int32(sum.months)) || sum.days != int64(int32(sum.days)) {
		return Interval{}, IntervalOutOfRange()
	}
	return Interval{int32(sum.months), int32(sum.days), sum.micros}, nil
}

// verbose reads numbers with units, clocks, and year-month pairs. A number without a unit counts days before a clock,
// and seconds at the end.
func (s *intervalSum) verbose(text string) dateFault {
	text = strings.TrimPrefix(text, "@")
	seen, ago := false, false
	for i := 0; ; {
		i = skip(text, i, func(c byte) bool { return ascii.IsSpace(c) || c == ',' })
		if i == len(text) {
			break
		}
		if ascii.IsAlpha(text[i]) {
			end := skip(text, i, ascii.IsAlpha)
			if text[i:end] != "ago" || !seen {
				return faultFormat
			}
			ago, i = true, end
			continue
		}
		neg := false
		if text[i] == '-' || text[i] == '+' {
			neg = text[i] == '-'
			i = skip(text, i+1, ascii.IsSpace)
			if i == len(text) || !ascii.IsDigit(text[i]) {
				return faultFormat
			}
		}
		if text[i] == '.' && i > 0 && (text[i-1] == '-' || text[i-1] == '+') {
			return faultFormat
		}
		end := skip(text, i, func(c byte) bool { return ascii.IsDigit(c) || c == '.' || c == ':' || c == '-' })
		word := text[i:end]
		if word == "" {
			return faultFormat
		}
		unitStart := skip(text, end, ascii.IsSpace)
		unitEnd := skip(text, unitStart, ascii.IsAlpha)
		var f dateFault
		switch {
		case strings.IndexByte(word, ':') >= 0:
			f = s.clock(word, neg)
		case strings.IndexByte(word, '-') > 0:
			f = s.yearMonth(word, neg)
		case unitEnd > unitStart && text[unitStart:unitEnd] != "ago":
			u, ok := intervalUnits[text[unitStart:unitEnd]]
			if !ok {
				return faultFormat
			}
			f = s.number(word, neg, u)
			end = unitEnd
		default:
			u := bareUnit(text[unitStart:])
			if u == UnitNone {
				return faultFormat
			}
			f = s.number(word, neg, u)
		}
		if f != faultNone {
			return f
		}
		seen, i = true, end
	}
	if !seen {
		return faultFormat
	}
	if ago {
		s.months, s.days, s.micros = -s.months, -s.days, -s.micros
	}
	return faultNone
}

// bareUnit is the unit of a number without one: days before a clock, seconds at the end.
func bareUnit(rest string) Unit {
	if len(rest) > 0 && (rest[0] == '-' || rest[0] == '+') {
		rest = rest[1:]
	}
	n := skip(rest, 0, ascii.IsDigit)
	if n > 0 && n < len(rest) && rest[n] == ':' {
		return UnitDay
	}
	if rest == "" {
		return UnitSecond
	}
	return UnitNone
}

func (s *intervalSum) number(word string, neg bool, u Unit) dateFault {
	whole, frac, point := strings.Cut(word, ".")
	var n int64
	var err error
	if whole != "" || !point || frac == "" {
		if n, err = strconv.ParseInt(whole, 10, 64); err != nil {
			if errors.Is(err, strconv.ErrRange) {
				return faultInterval
			}
			return faultFormat
		}
	}
	f := 0.0
	if frac != "" {
		if skip(frac, 0, ascii.IsDigit) != len(frac) {
			return faultFormat
		}
		f = fraction(frac)
	}
	if neg {
		n, f = -n, -f
	}
	s.add(n, f, u)
	return s.once(1 << u)
}

func (s *intervalSum) clock(word string, neg bool) dateFault {
	h, m, sec, us, ok := splitClock(word)
	switch {
	case !ok:
		return faultFormat
	case m > 59 || sec > 60:
		return faultInterval
	}
	n := int64(h)*MicrosPerHour + int64(m)*MicrosPerMinute + int64(sec)*MicrosPerSecond + int64(us)
	if neg {
		n = -n
	}
	s.addMicros(n, 1, 0)
	return s.once(1<<UnitHour | 1<<UnitMinute | 1<<UnitSecond)
}

// once takes note of units; a second time is an error.
func (s *intervalSum) once(units uint32) dateFault {
	if s.seen&units != 0 {
		return faultFormat
	}
	s.seen |= units
	return faultNone
}

func (s *intervalSum) yearMonth(word string, neg bool) dateFault {
	y, m, _ := strings.Cut(word, "-")
	years, err1 := strconv.ParseInt(y, 10, 32)
	months, err2 := strconv.ParseInt(m, 10, 32)
	switch {
	case err1 != nil || err2 != nil:
		return faultFormat
	case months >= 12:
		return faultInterval
	}
	if neg {
		years, months = -years, -months
	}
	s.addMonths(years, 12)
	s.addMonths(months, 1)
	return s.once(1 << UnitMonth)
}

// iso reads ISO 8601 durations, with designators or in the alternative form. text is lower case, without the P.
func (s *intervalSum) iso(text string) dateFault {
	date, clock, hasClock := strings.Cut(text, "t")
	if date == "" && !hasClock {
		return faultFormat
	}
	if f := s.isoPart(date, "ymwd", [...]Unit{UnitYear, UnitMonth, UnitWeek, UnitDay}, '-'); f != faultNone {
		return f
	}
	if !hasClock {
		return faultNone
	}
	return s.isoPart(clock, "hms", [...]Unit{UnitHour, UnitMinute, UnitSecond, UnitSecond}, ':')
}

func (s *intervalSum) isoPart(text, letters string, units [4]Unit, delim byte) dateFault {
	if text != "" && ascii.IsDigit(text[len(text)-1]) { // no designator at the end: y-m-d or h:m:s
		plain := units
		if delim == '-' {
			plain[2] = UnitDay
		}
		parts := strings.Split(text, string(delim))
		if len(parts) > 3 || len(parts) < 2 {
			return faultFormat
		}
		for i, p := range parts {
			if f := s.number(p, false, plain[i]); f != faultNone {
				return f
			}
		}
		return faultNone
	}
	for text != "" {
		neg := text[0] == '-'
		if neg || text[0] == '+' {
			text = text[1:]
		}
		n := skip(text, 0, func(c byte) bool { return ascii.IsDigit(c) || c == '.' })
		if n == 0 || n == len(text) {
			return faultFormat
		}
		u := strings.IndexByte(letters, text[n])
		if u < 0 {
			return faultFormat
		}
		if f := s.number(text[:n], neg, units[u]); f != faultNone {
			return f
		}
		text = text[n+1:]
	}
	return faultNone
}
