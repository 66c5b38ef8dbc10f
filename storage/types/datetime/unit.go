package datetime

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Unit is a field of date_trunc and extract.
type Unit uint8

// The units. Those up to UnitMillennium can be truncated to.
const (
	UnitNone Unit = iota
	UnitMicroseconds
	UnitMilliseconds
	UnitSecond
	UnitMinute
	UnitHour
	UnitDay
	UnitWeek
	UnitMonth
	UnitQuarter
	UnitYear
	UnitDecade
	UnitCentury
	UnitMillennium
	UnitDOW
	UnitISODOW
	UnitDOY
	UnitISOYear
	UnitEpoch
	UnitJulian
	UnitTimezone
	UnitTimezoneHour
	UnitTimezoneMinute
)

// UnrecognizedUnit is PostgreSQL's 22023 for a unit that a type's date_trunc or extract does not know.
func UnrecognizedUnit(name, typ string) error {
	return errs.New(errs.InvalidParameterValue, "unit %q not recognized for type %s", ascii.Verbatim(strings.ToLower(name)), typ)
}

// UnsupportedUnit is PostgreSQL's 0A000 for a unit that exists and has no meaning for a type.
func UnsupportedUnit(name, typ string) error {
	return errs.New(errs.FeatureNotSupported, "unit %q not supported for type %s", ascii.Verbatim(strings.ToLower(name)), typ)
}

var unitNames = map[string]Unit{
	"quarter": UnitQuarter, "qtr": UnitQuarter, "dow": UnitDOW, "isodow": UnitISODOW, "doy": UnitDOY,
	"isoyear": UnitISOYear, "epoch": UnitEpoch, "julian": UnitJulian, "j": UnitJulian, "jd": UnitJulian,
	"timezone": UnitTimezone, "timezone_hour": UnitTimezoneHour, "timezone_minute": UnitTimezoneMinute,
	"timezone_h": UnitTimezoneHour, "timezone_m": UnitTimezoneMinute,
}

// ParseUnit returns the unit of a name in any case, as date_trunc and extract take it; ok is false for others.
func ParseUnit(name string) (Unit, bool) {
	name = strings.ToLower(name)
	if u, ok := unitNames[name]; ok {
		return u, true
	}
	u, ok := intervalUnits[name]
	return u, ok
}

// Trunc cuts a timestamp to a unit of the calendar, from UnitMicroseconds to UnitMillennium. Infinity stays. For
// timestamptz the caller truncates the wall clock. ok is false when the unit cannot be truncated to. The result may be
// before MinTimestamp, which the caller refuses (TimestampInRange).
func (u Unit) Trunc(us int64) (v int64, ok bool) {
	if !IsFiniteTimestamp(us) {
		return us, u >= UnitMicroseconds && u <= UnitMillennium
	}
	switch u {
	case UnitMicroseconds:
		return us, true
	case UnitMilliseconds:
		return floorTo(us, 1000), true
	case UnitSecond:
		return floorTo(us, MicrosPerSecond), true
	case UnitMinute:
		return floorTo(us, MicrosPerMinute), true
	case UnitHour:
		return floorTo(us, MicrosPerHour), true
	case UnitDay:
		return floorTo(us, MicrosPerDay), true
	}
	days, _ := SplitTimestamp(us)
	days, ok = u.TruncDate(days)
	return int64(days) * MicrosPerDay, ok
}

func floorTo(v, unit int64) int64 {
	r := v % unit
	if r < 0 {
		r += unit
	}
	return v - r
}

// TruncDate cuts a day number to a unit from UnitDay to UnitMillennium; smaller units change nothing.
func (u Unit) TruncDate(days int32) (int32, bool) {
	switch u {
	case UnitMicroseconds, UnitMilliseconds, UnitSecond, UnitMinute, UnitHour, UnitDay:
		return days, true
	case UnitWeek:
		return days - int32(isoWeekday(days)-1), true
	}
	y, m, _ := CivilFromDays(days)
	switch u {
	case UnitMonth:
	case UnitQuarter:
		m = (m-1)/3*3 + 1
	case UnitYear:
		m = 1
	case UnitDecade:
		y, m = floorDiv(y, 10)*10, 1
	case UnitCentury:
		y, m = floorDiv(y-1, 100)*100+1, 1
	case UnitMillennium:
		y, m = floorDiv(y-1, 1000)*1000+1, 1
	default:
		return 0, false
	}
	return int32(DaysFromCivil(y, m, 1)), true
}

// Weekday returns 0 (Sunday) to 6.
func Weekday(days int32) int { return floorMod(int(days)+4, 7) }

func isoWeekday(days int32) int { return floorMod(int(days)+3, 7) + 1 }

func floorMod(a, b int) int { return a - floorDiv(a, b)*b }

// ISOWeek returns the year and week number of ISO 8601.
func ISOWeek(days int32) (year, week int) {
	thursday := days + int32(4-isoWeekday(days))
	y, _, _ := CivilFromDays(thursday)
	return y, (int(thursday)-DaysFromCivil(y, 1, 1))/7 + 1
}

// DayOfYear returns 1 to 366.
func DayOfYear(days int32) int {
	y, _, _ := CivilFromDays(days)
	return int(days) - DaysFromCivil(y, 1, 1) + 1
}

// Extract returns a field of a finite timestamp without zone as v * 10^-scale, with the scale that PostgreSQL's extract
// prints. ok is false for units it does not have. For timestamptz give the wall clock, except for UnitEpoch.
func (u Unit) Extract(us int64) (v int64, scale int, ok bool) {
	switch u {
	case UnitEpoch:
		return us, 6, true
	case UnitJulian:
		return 0, 0, false // see ExtractJulian: it has more digits than an int64
	}
	days, t := SplitTimestamp(us)
	if v, scale, ok = u.extractTime(t); ok {
		return v, scale, true
	}
	v, ok = u.ExtractDate(days)
	return v, 0, ok
}

// extractTime returns a field of a time of day or of the time part of an interval.
func (u Unit) extractTime(t int64) (v int64, scale int, ok bool) {
	switch u {
	case UnitMicroseconds:
		return t % MicrosPerMinute, 0, true
	case UnitMilliseconds:
		return t % MicrosPerMinute, 3, true
	case UnitSecond:
		return t % MicrosPerMinute, 6, true
	case UnitMinute:
		return t / MicrosPerMinute % 60, 0, true
	case UnitHour:
		return t / MicrosPerHour, 0, true
	}
	return 0, 0, false
}

// ExtractTime returns a field of a time of day.
func (u Unit) ExtractTime(t int64) (v int64, scale int, ok bool) {
	if u == UnitEpoch {
		return t, 6, true
	}
	return u.extractTime(t)
}

// ExtractDate returns a field of a day number: day and all larger units, dow, isodow, doy, isoyear, week, julian,
// epoch.
func (u Unit) ExtractDate(days int32) (int64, bool) {
	y, m, d := CivilFromDays(days)
	shown := y // there is no year 0
	if y <= 0 {
		shown--
	}
	switch u {
	case UnitDay:
		return int64(d), true
	case UnitMonth:
		return int64(m), true
	case UnitQuarter:
		return int64((m-1)/3 + 1), true
	case UnitYear:
		return int64(shown), true
	case UnitDecade:
		return int64(floorDiv(y, 10)), true
	case UnitCentury:
		return int64(period(shown, 100)), true
	case UnitMillennium:
		return int64(period(shown, 1000)), true
	case UnitWeek:
		_, w := ISOWeek(days)
		return int64(w), true
	case UnitISOYear:
		iso, _ := ISOWeek(days)
		if iso <= 0 {
			iso--
		}
		return int64(iso), true
	case UnitDOW:
		return int64(Weekday(days)), true
	case UnitISODOW:
		return int64(isoWeekday(days)), true
	case UnitDOY:
		return int64(DayOfYear(days)), true
	case UnitJulian:
		return int64(days) + julianEpoch, true
	case UnitEpoch:
		return int64(days) * 86400, true
	}
	return 0, false
}

// period numbers centuries and millennia: from 1 on, and from -1 down.
func period(year, n int) int {
	if year > 0 {
		return (year + n - 1) / n
	}
	return -((n - 1 - year) / n)
}

// ExtractJulian returns the Julian day of a timestamp with its fraction, as extract(julian) prints it.
func ExtractJulian(us int64) decimal.Decimal {
	days, t := SplitTimestamp(us)
	f, _ := decimal.FromInt64(t).Quo(decimal.FromInt64(MicrosPerDay))
	sum, _ := f.Add(decimal.FromInt64(int64(days) + julianEpoch))
	return sum
}

// ExtractInterval returns a field of an interval as v * 10^-scale. ok is false for units it does not have.
func (u Unit) ExtractInterval(i Interval) (v int64, scale int, ok bool) {
	if v, scale, ok = u.extractTime(i.Micros); ok {
		return v, scale, true
	}
	years, months := int64(i.Months/12), int64(i.Months%12)
	switch u {
	case UnitDay:
		return int64(i.Days), 0, true
	case UnitMonth:
		return months, 0, true
	case UnitQuarter:
		return months/3 + 1, 0, true
	case UnitYear:
		return years, 0, true
	case UnitDecade:
		return years / 10, 0, true
	case UnitCentury:
		return years / 100, 0, true
	case UnitMillennium:
		return years / 1000, 0, true
	case UnitEpoch:
		e := IntervalEpoch(i)
		return int64(e.Lo), 6, e.IsInt64()
	}
	return 0, 0, false
}

// IntervalEpoch returns the microseconds that extract(epoch) counts: a year has 365.25 days, a month 30. Those of
// intervals beyond 292,000 years do not fit an int64, and ExtractInterval then has none.
func IntervalEpoch(i Interval) decimal.Int128 {
	days := int64(i.Months/12)*36525 + int64(i.Months%12)*3000 + int64(i.Days)*100 // hundredths
	return decimal.MulInt64(days, MicrosPerDay/100).AddWrapping(decimal.Int128From64(i.Micros))
}
