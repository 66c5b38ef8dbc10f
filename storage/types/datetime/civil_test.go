package datetime

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestCivil(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(days int32) {
		y, m, d := CivilFromDays(days)
		if DaysFromCivil(y, m, d) != int(days) {
			t.Fatalf("day %d is %d-%d-%d, which is day %d", days, y, m, d, DaysFromCivil(y, m, d))
		}
		w := time.Unix(int64(days)*86400, 0).UTC()
		if w.Year() != y || int(w.Month()) != m || w.Day() != d || int(w.Weekday()) != Weekday(days) || w.YearDay() != DayOfYear(days) {
			t.Fatalf("day %d is %d-%d-%d, want %s", days, y, m, d, w)
		}
		if iy, iw := w.ISOWeek(); func() bool { y, w := ISOWeek(days); return y != iy || w != iw }() {
			t.Fatalf("ISO week of day %d", days)
		}
		if DaysInMonth(y, m) != time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
			t.Fatalf("length of %d-%d", y, m)
		}
	}
	for d := int32(-200000); d < 200000; d += 7 {
		check(d)
	}
	for range 20000 {
		check(int32(r.IntN(MaxDate-MinDate)) + MinDate)
	}
}

func TestZones(t *testing.T) {
	for name, offset := range map[string]int{"UTC": 0, "europe/PARIS": 3600, "america/port_of_spain": -4 * 3600, "est": -5 * 3600, "+5": 5 * 3600,
		"-3.5": -12600, "+05:30": -19800, "-02:00": 7200, "<+03:30>-03:30": 12600, "UTC-3": 3 * 3600, "Etc/GMT+3": -3 * 3600, "jst": 9 * 3600, "EST5EDT": -5 * 3600, "us/eastern": -5 * 3600} {
		loc, err := LoadZone(name)
		if err != nil {
			t.Error(err)
			continue
		}
		winter := int64(1704067200) * MicrosPerSecond
		if got, _ := ZoneOffset(winter, loc); got != offset {
			t.Errorf("%s: got %d, want %d", name, got, offset)
		}
	}
	for _, name := range []string{"", "Local", "../etc/passwd", "Mars/Phobos", "UTC+200"} {
		if loc, err := LoadZone(name); err == nil {
			t.Errorf("%q is %s", name, loc)
		}
	}
}
