package types

import (
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/types/datetime"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// TestCalendarOracle compares timestamp and interval arithmetic, date_trunc and extract with PostgreSQL's.
func TestCalendarOracle(t *testing.T) {
	zone, err := datetime.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	set := &datetime.Settings{Location: zone}
	oracle(t, "testdata/calendar.tsv", func(f []string) {
		want := f[len(f)-1]
		got, err := evalCalendar(t, f[0], f[1:len(f)-1], set)
		if got = answer(got, err); got != want {
			infinite := strings.Contains(strings.Join(f[1:], " "), "infinity")
			if f[0] == "age" && infinite || f[0] == "trunc" && infinite && strings.HasPrefix(got, "!22023") {
				return // PostgreSQL 15 computes on; we refuse
			}
			t.Errorf("%v: got %s, want %s", f[:len(f)-1], got, want)
		}
	})
}

func evalCalendar(t *testing.T, op string, a []string, set *datetime.Settings) (string, error) {
	span := func(i int) datetime.Interval {
		v, err := datetime.ParseInterval([]byte(a[i]))
		if err != nil {
			t.Fatal(a[i], err)
		}
		return v
	}
	stamp := func(i int) int64 {
		v, err := datetime.ParseTimestamp([]byte(a[i]), nil)
		if err != nil {
			t.Fatal(a[i], err)
		}
		return v
	}
	text := func(v datetime.Interval, err error) (string, error) {
		return string(datetime.AppendInterval(nil, v)), err
	}
	switch op {
	case "ts+":
		us, err := span(1).AddToTimestamp(stamp(0))
		return string(datetime.AppendTimestamp(nil, us)), err
	case "tz+":
		us, err := datetime.ParseTimestamptz([]byte(a[0]), set)
		if err != nil {
			t.Fatal(err)
		}
		us, err = span(1).AddToTimestamptz(us, set.Location)
		return string(datetime.AppendTimestamptz(nil, us, set.Location)), err
	case "iv*", "iv/":
		f, err := ParseFloat64([]byte(a[1]))
		if err != nil {
			t.Fatal(err)
		}
		if op == "iv*" {
			return text(span(0).Mul(f))
		}
		return text(span(0).Quo(f))
	case "neg":
		return text(span(0).Neg())
	case "iv+":
		return text(span(0).Add(span(1)))
	case "iv-":
		return text(span(0).Sub(span(1)))
	case "iv<":
		if span(0).Cmp(span(1)) < 0 {
			return "1", nil
		}
		return "0", nil
	case "justify_hours":
		return text(span(0).JustifyHours())
	case "justify_days":
		return text(span(0).JustifyDays())
	case "justify_interval":
		return text(span(0).JustifyInterval())
	case "age":
		return text(datetime.Age(stamp(0), stamp(1)))
	case "ts-":
		return text(datetime.TimestampDiff(stamp(0), stamp(1)))
	case "trunc":
		u, _ := datetime.ParseUnit(a[0])
		us, ok := u.Trunc(stamp(1))
		if !ok {
			return "", datetime.UnrecognizedUnit(a[0], T(Timestamp).String())
		}
		if datetime.IsFiniteTimestamp(us) && !datetime.TimestampInRange(us) {
			return "", datetime.TimestampOutOfRange()
		}
		return string(datetime.AppendTimestamp(nil, us)), nil
	case "extract_iv":
		u, _ := datetime.ParseUnit(a[0])
		if u == datetime.UnitEpoch {
			return string(decimal.Append128(nil, datetime.IntervalEpoch(span(1)), 6)), nil
		}
		v, scale, ok := u.ExtractInterval(span(1))
		if !ok {
			return "", datetime.UnsupportedUnit(a[0], T(Interval).String())
		}
		return string(decimal.Append64(nil, v, scale)), nil
	}
	return evalExtract(a[0], stamp(1)), nil
}

func evalExtract(unit string, us int64) string {
	u, _ := datetime.ParseUnit(unit)
	if !datetime.IsFiniteTimestamp(us) {
		switch u {
		case datetime.UnitYear, datetime.UnitDecade, datetime.UnitCentury, datetime.UnitMillennium, datetime.UnitISOYear, datetime.UnitEpoch, datetime.UnitJulian:
			return map[bool]string{true: "Infinity", false: "-Infinity"}[us > 0]
		}
		return "NULL"
	}
	if u == datetime.UnitJulian {
		return datetime.ExtractJulian(us).String()
	}
	v, scale, ok := u.Extract(us)
	if !ok {
		return "no unit " + unit
	}
	return string(decimal.Append64(nil, v, scale))
}
