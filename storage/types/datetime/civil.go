// Package datetime owns dates, times, timestamps and intervals: the calendar, time zones, the fields of date_trunc and
// extract, arithmetic, and the text forms that PostgreSQL reads and prints.
//
// A date is an int32 of days since 1970-01-01, a time an int64 of microseconds since midnight, a timestamp one since
// 1970-01-01 00:00 (UTC); the extremes of the widths are the infinities. Interval keeps months, days and microseconds
// apart. Settings carry what a session may change. Everything is a plain value and safe for concurrent use; zones are
// loaded once and shared.
package datetime

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Microseconds of the units of time.
const (
	MicrosPerSecond = 1_000_000
	MicrosPerMinute = 60 * MicrosPerSecond
	MicrosPerHour   = 60 * MicrosPerMinute
	MicrosPerDay    = 24 * MicrosPerHour
)

// Infinite dates and timestamps.
const (
	DateInf         = math.MaxInt32
	DateNegInf      = math.MinInt32
	TimestampInf    = math.MaxInt64
	TimestampNegInf = math.MinInt64
)

// Limits. Dates are PostgreSQL's: 4713-11-24 BC to 5874897-12-31. Timestamps begin there too and end at 294247-01-10
// 04:00:54.775806, what int64 microseconds since 1970 hold; PostgreSQL counts from 2000 and gets 29 years further.
const (
	MinDate      = -2440588 // Julian day 0
	MaxDate      = 2145042905
	MinTimestamp = MinDate * MicrosPerDay
	MaxTimestamp = math.MaxInt64 - 1
	julianEpoch  = 2440588 // Julian day of 1970-01-01
)

// Eras of 400 years that make every int32 day number positive in CivilFromDays.
const (
	civilEras  = 14706
	civilShift = 719468 + 146097*civilEras
)

// CivilFromDays returns the proleptic Gregorian date of a day number since 1970-01-01. Year 0 is 1 BC. The method is
// Neri and Schneider's, "Euclidean affine functions and their application to calendar algorithms" (2022): three
// multiplications, no table, no branch.
func CivilFromDays(days int32) (year, month, day int) {
	n1 := 4*uint64(int64(days)+civilShift) + 3
	century := n1 / 146097
	nc := uint32(n1%146097) / 4
	p2 := uint64(2939745) * uint64(4*nc+3)
	ny := uint32(p2) / 2939745 / 4
	n3 := 2141*ny + 197913
	year = int(100*century+p2>>32) - 400*civilEras
	month = int(n3 >> 16)
	day = int(n3&0xffff)/2141 + 1
	if ny >= 306 {
		year++
		month -= 12
	}
	return year, month, day
}

// DaysFromCivil is the inverse of CivilFromDays; month is 1 to 12, day may be any number near 1 to 31.
func DaysFromCivil(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	y := year + 400*civilEras
	return 365*y + y/4 - y/100 + y/400 + (153*(month-3)+2)/5 + day - 1 - civilShift
}

// IsLeap tells whether a year (0 is 1 BC) has 366 days.
func IsLeap(year int) bool { return year&3 == 0 && (year%100 != 0 || year%400 == 0) }

// DaysInMonth returns 28 to 31.
func DaysInMonth(year, month int) int {
	if month == 2 {
		if IsLeap(year) {
			return 29
		}
		return 28
	}
	return 30 + (month+month>>3)&1
}

// SplitTimestamp returns the day number and the microseconds since midnight of a finite timestamp.
func SplitTimestamp(us int64) (days int32, micros int64) {
	d := us / MicrosPerDay
	r := us % MicrosPerDay
	if r < 0 {
		d--
		r += MicrosPerDay
	}
	return int32(d), r
}

// TimestampFromDays returns midnight of a day number; ok is false beyond the range of timestamps. Infinity stays.
func TimestampFromDays(days int32) (us int64, ok bool) {
	switch {
	case days == DateInf:
		return TimestampInf, true
	case days == DateNegInf:
		return TimestampNegInf, true
	case days > MaxTimestamp/MicrosPerDay:
		return 0, false
	}
	return int64(days) * MicrosPerDay, true
}

// DateOfTimestamp returns the day number of a timestamp. Infinity stays.
func DateOfTimestamp(us int64) int32 {
	switch us {
	case TimestampInf:
		return DateInf
	case TimestampNegInf:
		return DateNegInf
	}
	d, _ := SplitTimestamp(us)
	return d
}

// IsFiniteTimestamp tells whether us is not one of the infinities.
func IsFiniteTimestamp(us int64) bool { return us != TimestampInf && us != TimestampNegInf }

// TimestampInRange tells whether us is a finite timestamp that is not before 4713-11-24 BC.
func TimestampInRange(us int64) bool { return us >= MinTimestamp && us <= MaxTimestamp }

// TimestampOutOfRange is PostgreSQL's 22008 for arithmetic.
func TimestampOutOfRange() error {
	return errs.New(errs.DatetimeFieldOverflow, "timestamp out of range")
}

// DateOutOfRange is PostgreSQL's 22008 for dates in arithmetic and casts.
func DateOutOfRange() error { return errs.New(errs.DatetimeFieldOverflow, "date out of range") }

// RoundMicros rounds microseconds to so many digits behind the point of a second, half away from zero, as the precision of
// a time or timestamp does.
func RoundMicros(us int64, digits int) int64 {
	unit := int64(1)
	for range 6 - min(max(digits, 0), 6) {
		unit *= 10
	}
	half := unit / 2
	if us < 0 {
		half = -half
	}
	return (us + half) / unit * unit
}
