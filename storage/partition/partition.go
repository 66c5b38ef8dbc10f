// Package partition says which rows of a table belong together because of their time: those of an hour, a day, a month. A
// Rule gives the number of a value's partition, Rows collects the partitions of many rows and divides them among files,
// and a Range is what is durable of all that: the least and the greatest value that a file has. What its partition is
// follows from its range and the rule that the table has now, so that a rule may change while old files stay.
//
// # Numbers
//
// Numbers ascend with values: hours, days, weeks (from Monday) since 1970, months and years since year 0, or multiples of
// a width. Timestamps are cut in UTC, with and without time zone. -infinity is a partition before all others, infinity one
// behind them, and NULLs have one of their own.
//
// # Files
//
// A file has the rows of one partition where that is worth it (Rows.Split); the few rows of many partitions stay together
// in a mixed file, until they are enough.
//
// Everything here is a plain value; nothing does I/O.
package partition

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// Unit is how long a partition is. The numbers are durable.
type Unit uint8

// The units.
const (
	Default Unit = iota // chosen by Rule
	Hour
	Day
	Week
	Month
	Year
	Width // so many values of an integer column
)

// Words are the units as text, by unit: those of the option "partition".
var Words = [...]string{Hour: "hour", Day: "day", Week: "week", Month: "month", Year: "year"}

// Rule divides the values of a column into partitions.
type Rule struct {
	Kind  types.Kind // of the column
	Unit  Unit       // not Default
	Width int64      // of Unit Width
}

// Of returns the unit that a table has when it says none: the one that makes about a hundred partitions or fewer out of
// what is retained, which is 0 for everything. A partition costs a file or more, whatever it holds.
func Of(kind types.Kind, retain time.Duration) Unit {
	const day = 24 * time.Hour
	switch {
	case retain == 0 || retain > 100*day:
		return Month
	case retain > 4*day || kind == types.Date: // a date is a day
		return Day
	}
	return Hour
}

// Timed tells whether values of a kind are times.
func Timed(k types.Kind) bool {
	return k == types.Date || k == types.Timestamp || k == types.Timestamptz
}

// Hourly tells whether values of a kind can lie in an hour.
func Hourly(k types.Kind) bool { return k == types.Timestamp || k == types.Timestamptz }

// Integral tells whether values of a kind are integers.
func Integral(k types.Kind) bool { return k == types.Int2 || k == types.Int4 || k == types.Int8 }

// The numbers that no finite value has.
const (
	Null        = math.MaxInt64
	Infinity    = math.MaxInt64 - 1
	NegInfinity = math.MinInt64
)

// Number returns the number of a value's partition. Values are as columns hold them: days, microseconds, integers.
func (r Rule) Number(v int64) int64 {
	if r.Unit == Width {
		return min(floor(v, r.Width), Infinity) // none is that of NULLs
	}
	day := v
	if r.Kind == types.Date {
		switch v {
		case datetime.DateInf:
			return Infinity
		case datetime.DateNegInf:
			return NegInfinity
		}
	} else {
		switch v {
		case datetime.TimestampInf:
			return Infinity
		case datetime.TimestampNegInf:
			return NegInfinity
		}
		if r.Unit == Hour {
			return floor(v, datetime.MicrosPerHour)
		}
		day = floor(v, datetime.MicrosPerDay)
	}
	switch r.Unit {
	case Week:
		return floor(day+3, 7) // 1970-01-01 was a Thursday
	case Month, Year:
		y, m, _ := datetime.CivilFromDays(int32(day))
		if r.Unit == Year {
			return int64(y)
		}
		return 12*int64(y) + int64(m) - 1
	}
	return day
}

// floor divides and rounds down.
func floor(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}

// Start returns the first value of a partition, or the nearest one that there is. Its number is not Null.
func (r Rule) Start(number int64) int64 {
	date := r.Kind == types.Date
	switch {
	case date && number == Infinity:
		return datetime.DateInf
	case date && number == NegInfinity:
		return datetime.DateNegInf
	case number == Infinity:
		return math.MaxInt64
	case number == NegInfinity:
		return math.MinInt64
	}
	day := number
	switch r.Unit {
	case Width:
		return times(number, r.Width)
	case Hour: // never of a date
		return times(number, datetime.MicrosPerHour)
	case Week:
		day = 7*number - 3
	case Month:
		day = int64(datetime.DaysFromCivil(int(floor(number, 12)), int(number-12*floor(number, 12))+1, 1))
	case Year:
		day = int64(datetime.DaysFromCivil(int(number), 1, 1))
	}
	if date {
		return day
	}
	return times(day, datetime.MicrosPerDay)
}

// times multiplies; what is too large is the extreme.
func times(n, by int64) int64 {
	switch {
	case n > math.MaxInt64/by:
		return math.MaxInt64
	case n < math.MinInt64/by:
		return math.MinInt64
	}
	return n * by
}

// Ended tells whether all of a partition lies before a time. NULLs and infinity have none.
func (r Rule) Ended(number int64, before time.Time) bool {
	switch {
	case !Timed(r.Kind) || number == Null || number == Infinity:
		return false
	case number == NegInfinity:
		return true
	}
	return r.Start(number+1) <= r.Value(before)
}

// Value returns a time as the column has it: all rows of a partition that has Ended before it are below.
func (r Rule) Value(t time.Time) int64 {
	if r.Kind == types.Date {
		return floor(t.UnixMicro(), datetime.MicrosPerDay)
	}
	return t.UnixMicro()
}

// Text names a partition by its start: 2026-11-30, 2026-11, 2026-11-30 14h.
func (r Rule) Text(number int64) string {
	switch number {
	case Null:
		return "null"
	case Infinity:
		return "infinity"
	case NegInfinity:
		return "-infinity"
	}
	start := r.Start(number)
	if r.Unit == Width {
		return strconv.FormatInt(start, 10)
	}
	if r.Kind != types.Date {
		start = floor(start, datetime.MicrosPerDay)
	}
	y, m, d := datetime.CivilFromDays(int32(start))
	era := ""
	if y <= 0 {
		y, era = 1-y, " BC"
	}
	switch r.Unit {
	case Year:
		return fmt.Sprintf("%04d%s", y, era)
	case Month:
		return fmt.Sprintf("%04d-%02d%s", y, m, era)
	case Hour:
		return fmt.Sprintf("%04d-%02d-%02d %02dh%s", y, m, d, number-24*floor(number, 24), era)
	}
	return fmt.Sprintf("%04d-%02d-%02d%s", y, m, d, era)
}

// Range is the values of the column that some rows have.
type Range struct {
	Least, Greatest int64 // when Valued
	Valued          bool  // some are not NULL
	Nulls           bool  // some are
	// Unit and Width are those of the rule by which the rows were divided among files; Default: they were not.
	Unit  Unit
	Width int64
}

// Known tells that the range says anything: rows of a table without partitions have none.
func (x Range) Known() bool { return x.Valued || x.Nulls }

// Join returns the range of the rows of two.
func (x Range) Join(y Range) Range {
	switch {
	case !x.Valued:
		x.Least, x.Greatest, x.Valued = y.Least, y.Greatest, y.Valued
	case y.Valued:
		x.Least, x.Greatest = min(x.Least, y.Least), max(x.Greatest, y.Greatest)
	}
	x.Nulls = x.Nulls || y.Nulls
	return x
}

// Short tells that partitions are days or shorter, or of a width, whose number nobody knows.
func (r Rule) Short() bool { return r.Unit == Hour || r.Unit == Day || r.Unit == Width }

// Divided tells whether the rows of a range were divided by the rule.
func (r Rule) Divided(x Range) bool { return x.Unit == r.Unit && x.Width == r.Width }

// Partition returns the number of the partition that all rows of a range belong to; false when there are several.
func (r Rule) Partition(x Range) (number int64, one bool) {
	if !x.Valued {
		return Null, x.Nulls
	}
	number = r.Number(x.Least)
	return number, !x.Nulls && r.Number(x.Greatest) == number
}
