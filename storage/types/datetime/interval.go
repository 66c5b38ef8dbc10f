package datetime

import (
	"math"
	"math/bits"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Interval is the physical form of interval. Months, days and microseconds are kept apart, since months and days have no
// fixed length.
type Interval struct {
	Months, Days int32
	Micros       int64
}

// IntervalOutOfRange is PostgreSQL's 22008 for interval arithmetic.
func IntervalOutOfRange() error { return errs.New(errs.DatetimeFieldOverflow, "interval out of range") }

// span returns the interval in microseconds, for comparing: months have 30 days, days 24 hours.
func (v Interval) span() decimal.Int128 {
	days := int64(v.Months)*30 + int64(v.Days)
	return decimal.MulInt64(days, MicrosPerDay).AddWrapping(decimal.Int128From64(v.Micros))
}

// Cmp compares as PostgreSQL does: a month is 30 days, a day 24 hours.
func (v Interval) Cmp(o Interval) int { return v.span().Cmp(o.span()) }

// Key returns a number that equal intervals share and that is ordered as they are.
func (v Interval) Key() decimal.Int128 { return v.span() }

// Neg returns -v.
func (v Interval) Neg() (Interval, error) {
	if v.Months == math.MinInt32 || v.Days == math.MinInt32 || v.Micros == math.MinInt64 {
		return v, IntervalOutOfRange()
	}
	return Interval{-v.Months, -v.Days, -v.Micros}, nil
}

// Add returns v + o, field by field.
func (v Interval) Add(o Interval) (Interval, error) {
	months, days := int64(v.Months)+int64(o.Months), int64(v.Days)+int64(o.Days)
	us, ok := addInt64(v.Micros, o.Micros)
	if !ok || int64(int32(months)) != months || int64(int32(days)) != days {
		return v, IntervalOutOfRange()
	}
	return Interval{int32(months), int32(days), us}, nil
}

// Sub returns v - o, field by field.
func (v Interval) Sub(o Interval) (Interval, error) {
	n, err := o.Neg()
	if err != nil {
		return v, err
	}
	return v.Add(n)
}

func addInt64(a, b int64) (int64, bool) {
	s := a + b
	return s, (a^s)&(b^s) >= 0
}

// Mul returns v * f; fractions of months become days and fractions of days become time.
func (v Interval) Mul(f float64) (Interval, error) {
	months, days := float64(v.Months)*f, float64(v.Days)*f
	if !inInt32(months) || !inInt32(days) {
		return v, IntervalOutOfRange()
	}
	out := Interval{Months: int32(months), Days: int32(days)}
	monthDays := roundMicro((months - float64(out.Months)) * 30)
	sec := roundMicro((days - float64(out.Days) + monthDays - math.Trunc(monthDays)) * 86400)
	if math.Abs(sec) >= 86400 {
		out.Days += int32(sec / 86400)
		sec -= math.Trunc(sec/86400) * 86400
	}
	total := float64(out.Days) + math.Trunc(monthDays)
	us := math.RoundToEven(float64(v.Micros)*f + sec*MicrosPerSecond)
	if !inInt32(total) || !(us >= math.MinInt64 && us < math.MaxInt64) {
		return v, IntervalOutOfRange()
	}
	out.Days, out.Micros = int32(total), int64(us)
	return out, nil
}

// Quo returns v / f; f must not be 0.
func (v Interval) Quo(f float64) (Interval, error) {
	if f == 0 {
		return v, decimal.DivisionByZero()
	}
	months, days := float64(v.Months)/f, float64(v.Days)/f
	if !inInt32(months) || !inInt32(days) {
		return v, IntervalOutOfRange()
	}
	out := Interval{Months: int32(months), Days: int32(days)}
	monthDays := roundMicro((months - float64(out.Months)) * 30)
	sec := roundMicro((days - float64(out.Days) + monthDays - math.Trunc(monthDays)) * 86400)
	if math.Abs(sec) >= 86400 {
		out.Days += int32(sec / 86400)
		sec -= math.Trunc(sec/86400) * 86400
	}
	out.Days += int32(monthDays)
	us := math.RoundToEven(float64(v.Micros)/f + sec*MicrosPerSecond)
	if !(us >= math.MinInt64 && us < math.MaxInt64) {
		return v, IntervalOutOfRange()
	}
	out.Micros = int64(us)
	return out, nil
}

// roundMicro drops what is below a millionth: PostgreSQL's TSROUND.
func roundMicro(f float64) float64 { return math.RoundToEven(f*1e6) / 1e6 }

func inInt32(f float64) bool { return f >= math.MinInt32 && f <= math.MaxInt32 }

// AddToTimestamp returns us + v: months first, cutting the day to the month's length, then days, then time. Infinity
// stays.
func (v Interval) AddToTimestamp(us int64) (int64, error) {
	if !IsFiniteTimestamp(us) {
		return us, nil
	}
	us, ok := addCalendar(us, v.Months, v.Days)
	if ok {
		us, ok = addInt64(us, v.Micros)
	}
	if !ok || !TimestampInRange(us) {
		return 0, TimestampOutOfRange()
	}
	return us, nil
}

// AddToTimestamptz returns us + v: months and days move the wall clock of the zone, time moves the instant.
func (v Interval) AddToTimestamptz(us int64, loc *time.Location) (int64, error) {
	if !IsFiniteTimestamp(us) {
		return us, nil
	}
	ok := true
	// Months come first and lead to a moment of their own, since a clock may have been set there.
	if v.Months != 0 {
		if us, ok = addCalendar(LocalFromUTC(us, loc), v.Months, 0); ok {
			us = UTCFromLocal(us, loc)
		}
	}
	if v.Days != 0 && ok {
		if us, ok = addCalendar(LocalFromUTC(us, loc), 0, v.Days); ok {
			us = UTCFromLocal(us, loc)
		}
	}
	if ok {
		us, ok = addInt64(us, v.Micros)
	}
	if !ok || !TimestampInRange(us) {
		return 0, TimestampOutOfRange()
	}
	return us, nil
}

func addCalendar(us int64, months, days int32) (int64, bool) {
	if months != 0 {
		day, micros := SplitTimestamp(us)
		moved := int64(AddMonths(day, months))
		if moved > MaxTimestamp/MicrosPerDay || moved < MinTimestamp/MicrosPerDay {
			return 0, false
		}
		us = moved*MicrosPerDay + micros
	}
	if days == 0 {
		return us, true
	}
	hi, lo := bits.Mul64(uint64(max(days, -days)), MicrosPerDay)
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if days < 0 {
		return addInt64(us, -int64(lo))
	}
	return addInt64(us, int64(lo))
}

// AddMonths moves a day number by months and cuts the day to the length of the month it comes to.
func AddMonths(days, months int32) int {
	y, m, d := CivilFromDays(days)
	n := y*12 + m - 1 + int(months)
	y, m = floorDiv(n, 12), n-floorDiv(n, 12)*12+1
	return DaysFromCivil(y, m, min(d, DaysInMonth(y, m)))
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// TimestampDiff returns a - b as days and time, as PostgreSQL's minus does.
func TimestampDiff(a, b int64) (Interval, error) {
	if !IsFiniteTimestamp(a) || !IsFiniteTimestamp(b) {
		return Interval{}, errs.New(errs.DatetimeFieldOverflow, "cannot subtract infinite timestamps")
	}
	d := a - b
	if (a^b)&(a^d) < 0 {
		return Interval{}, IntervalOutOfRange()
	}
	return Interval{Days: int32(d / MicrosPerDay), Micros: d % MicrosPerDay}, nil
}

// Age returns a - b in years, months, days and time: the symbolic difference of PostgreSQL's age(timestamp, timestamp).
// As in PostgreSQL 15 infinity is its largest number, and -infinity is out of range (22008).
func Age(a, b int64) (Interval, error) { return AgeIn(a, b, 0) }

// AgeIn is Age of two times that are local to a time zone, which is offset microseconds ahead of UTC in the far future:
// infinity, which has no local time, is read there as well.
func AgeIn(a, b, offset int64) (Interval, error) {
	if a == TimestampNegInf || b == TimestampNegInf {
		return Interval{}, errs.New(errs.DatetimeFieldOverflow, "timestamp out of range")
	}
	neg := a < b
	if neg {
		a, b = b, a
	}
	da, ta := splitForAge(a, offset)
	db, tb := splitForAge(b, offset)
	ya, ma, dda := CivilFromDays(da)
	yb, mb, ddb := CivilFromDays(db)
	months, days, us := (ya-yb)*12+ma-mb, dda-ddb, ta-tb
	if us < 0 {
		us += MicrosPerDay
		days--
	}
	for days < 0 { // borrowed from the month of the earlier one
		days += DaysInMonth(yb, mb)
		months--
	}
	v := Interval{int32(months), int32(days), us}
	if neg {
		return v.Neg()
	}
	return v, nil
}

// splitForAge takes infinity for the last microsecond of 64 bits since 2000, since PostgreSQL 15 does so here.
func splitForAge(us, offset int64) (days int32, micros int64) {
	if us != TimestampInf {
		return SplitTimestamp(us)
	}
	const days2000 = 10957
	days, micros = SplitTimestamp(math.MaxInt64)
	more, micros := SplitTimestamp(micros + offset)
	return days + more + days2000, micros
}

// borrow gives the smaller of two fields the sign of the larger one, for one of the larger's units when they differ.
func borrow(larger, smaller, unit int64) (int64, int64) {
	switch {
	case larger > 0 && smaller < 0:
		return larger - 1, smaller + unit
	case larger < 0 && smaller > 0:
		return larger + 1, smaller - unit
	}
	return larger, smaller
}

// JustifyHours moves whole days of time to days.
func (v Interval) JustifyHours() (Interval, error) {
	days := int64(v.Days) + v.Micros/MicrosPerDay
	days, us := borrow(days, v.Micros%MicrosPerDay, MicrosPerDay)
	if int64(int32(days)) != days {
		return v, IntervalOutOfRange()
	}
	return Interval{v.Months, int32(days), us}, nil
}

// JustifyDays moves every 30 days to months.
func (v Interval) JustifyDays() (Interval, error) {
	months := int64(v.Months) + int64(v.Days/30)
	months, days := borrow(months, int64(v.Days%30), 30)
	if int64(int32(months)) != months {
		return v, IntervalOutOfRange()
	}
	return Interval{int32(months), int32(days), v.Micros}, nil
}

// JustifyInterval does both and gives all fields one sign.
func (v Interval) JustifyInterval() (Interval, error) {
	days := int64(v.Days) + v.Micros/MicrosPerDay
	us := v.Micros % MicrosPerDay
	months := int64(v.Months) + days/30
	days %= 30
	switch {
	case months > 0 && (days < 0 || days == 0 && us < 0):
		days += 30
		months--
	case months < 0 && (days > 0 || days == 0 && us > 0):
		days -= 30
		months++
	}
	days, us = borrow(days, us, MicrosPerDay)
	if int64(int32(months)) != months {
		return v, IntervalOutOfRange()
	}
	return Interval{int32(months), int32(days), us}, nil
}
