package template

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// Stamp is a timestamp or an interval taken apart. The fields of an interval have its signs; it has no place in a week.
type Stamp struct {
	span                   bool
	year, month, day       int
	yearDay, weekday       int
	hour, minute, sec, mic int
	zone                   string
	offset                 int
}

// NewStamp takes a local time apart; zone and offset (seconds east of UTC) are those of a timestamp with time zone.
func NewStamp(local int64, zone string, offset int) *Stamp {
	s := &Stamp{zone: zone, offset: offset}
	days, t := datetime.SplitTimestamp(local)
	s.year, s.month, s.day = datetime.CivilFromDays(days)
	s.yearDay, s.weekday = datetime.DayOfYear(days), datetime.Weekday(days)
	s.clock(t)
	return s
}

// NewSpan takes an interval apart.
func NewSpan(v datetime.Interval) *Stamp {
	s := &Stamp{span: true, year: int(v.Months / 12), month: int(v.Months % 12), day: int(v.Days)}
	s.yearDay = int(v.Months)*30 + s.day
	s.clock(v.Micros)
	return s
}

func (s *Stamp) clock(t int64) {
	s.hour, s.minute = int(t/datetime.MicrosPerHour), int(t/datetime.MicrosPerMinute%60)
	s.sec, s.mic = int(t/datetime.MicrosPerSecond%60), int(t%datetime.MicrosPerSecond)
}

// shown is a year as people write it: those BC count from 1.
func (s *Stamp) shown(year int) int {
	if !s.span && year <= 0 {
		return 1 - year
	}
	return year
}

// julian is the Julian day of the fields. Those of an interval need not be a date.
func (s *Stamp) julian() int { return julianDay(s.year, s.month, s.day) }

// julianDay counts days from 4714-11-24 BC, also of months and days that no calendar has.
func julianDay(year, month, day int) int {
	if month > 2 {
		month, year = month+1, year+4800
	} else {
		month, year = month+13, year+4799
	}
	century := year / 100
	return year*365 - 32167 + year/4 - century + century/4 + 7834*month/256 + day
}

// isoWeekStart is the Julian day of the Monday of a week.
func isoWeekStart(year, week int) int {
	fourth := julianDay(year, 1, 4)
	return (week-1)*7 + fourth - julianWeekday(fourth-1)
}

// julianWeekday counts from Sunday, 0.
func julianWeekday(day int) int {
	d := (day + 1) % 7
	if d < 0 {
		d += 7
	}
	return d
}

// iso returns year and week of the ISO calendar, and the day of that year.
func (s *Stamp) iso() (year, week, day int) {
	year = s.year
	j := s.julian()
	first := isoWeekStart(year, 1)
	if j < first {
		year--
		first = isoWeekStart(year, 1)
	} else if next := isoWeekStart(year+1, 1); j >= next {
		year, first = year+1, next
	}
	return year, (j-first)/7 + 1, j - first + 1
}

// Print appends a stamp by the template.
func (t *Date) Print(dst []byte, s *Stamp) ([]byte, error) {
	for i := range t.parts {
		p := &t.parts[i]
		if p.dateWord == nil {
			dst = append(dst, p.text...)
			continue
		}
		text, ok := s.number(p)
		if !ok {
			if s.span && calendarOnly(p.p) {
				return dst, errs.New(errs.InvalidDatetimeFormat, "invalid format specification for an interval value").
					WithHint("Intervals are not tied to specific calendar dates.")
			}
			dst = append(dst, s.word(p)...)
			continue
		}
		dst = append(dst, text...)
		if p.th != 0 && text != "" {
			suffix := ordinal(text)
			if p.th == 'T' {
				suffix = strings.ToUpper(suffix)
			}
			dst = append(dst, suffix...)
		}
	}
	return dst, nil
}

// calendarOnly tells the patterns that intervals do not have.
func calendarOnly(p datePattern) bool {
	switch p {
	case dateZone, dateOffset, dateZoneHour, dateZoneMinute, dateEra, dateEraDots, dateMonthName, dateMonthShort, dateDayName, dateDayShort,
		dateWeekday, dateISOWeekday:
		return true
	}
	return false
}

// padded prints a number with leading zeros, which FM takes away; a minus does not count.
func (p *datePart) padded(v, width int) string {
	switch {
	case p.fill:
		width = 0
	case v < 0:
		width++
	}
	return fmt.Sprintf("%0*d", width, v)
}

// number prints the patterns that are written with digits.
func (s *Stamp) number(p *datePart) (text string, ok bool) {
	switch p.p {
	case dateHour12:
		h := s.hour % 12
		if h == 0 {
			h = 12
		}
		if s.hour < 0 && h > 0 && !p.fill {
			return fmt.Sprintf("%03d", h), true
		}
		return p.padded(h, 2), true
	case dateHour24:
		return p.padded(s.hour, 2), true
	case dateMinute:
		return p.padded(s.minute, 2), true
	case dateSecond:
		return p.padded(s.sec, 2), true
	case dateFraction1, dateFraction2, dateFraction3, dateFraction4, dateFraction5, dateFraction6:
		n, v := int(p.p-dateFraction1)+1, s.mic
		for range 6 - n {
			v /= 10
		}
		return fmt.Sprintf("%0*d", n, v), true
	case dateMilli:
		return fmt.Sprintf("%03d", s.mic/1000), true
	case dateMicro:
		return fmt.Sprintf("%06d", s.mic), true
	case dateDaySecond:
		return strconv.Itoa(s.hour*3600 + s.minute*60 + s.sec), true
	case dateMonth:
		return p.padded(s.month, 2), true
	case dateYearDay:
		return fixedWidth(p, s.yearDay, 3), true
	case dateDay:
		return fixedWidth(p, s.day, 2), true
	case dateWeek:
		return fixedWidth(p, (s.yearDay-1)/7+1, 2), true
	case dateMonthWeek:
		return strconv.Itoa((s.day-1)/7 + 1), true
	case dateQuarter:
		if s.month == 0 {
			return "", true
		}
		return strconv.Itoa((s.month-1)/3 + 1), true
	case dateJulian:
		return strconv.Itoa(s.julian()), true
	case dateWeekday, dateISOWeekday:
		if s.span {
			return "", false
		}
		if p.p == dateISOWeekday && s.weekday == 0 {
			return "7", true
		}
		if p.p == dateWeekday {
			return strconv.Itoa(s.weekday + 1), true
		}
		return strconv.Itoa(s.weekday), true
	}
	return s.yearNumber(p)
}

// fixedWidth prints a number with leading zeros, which FM takes away; a minus counts.
func fixedWidth(p *datePart, v, width int) string {
	if p.fill {
		width = 0
	}
	return fmt.Sprintf("%0*d", width, v)
}

// yearNumber prints the patterns of years, weeks of the ISO calendar and centuries.
func (s *Stamp) yearNumber(p *datePart) (text string, ok bool) {
	isoYear, week, day := 0, 0, 0
	wider := 0 // for a minus, which is that of the calendar's year
	if s.shown(s.year) < 0 {
		wider = 1
	}
	if p.mode == isoWeek {
		isoYear, week, day = s.iso()
	}
	switch p.p {
	case dateISOYearDay:
		return fixedWidth(p, day, 3), true
	case dateISOWeek:
		return fixedWidth(p, week, 2), true
	case dateCentury:
		c := s.year / 100
		if !s.span {
			if c = (s.year-1)/100 + 1; s.year <= 0 {
				c = s.year/100 - 1
			}
		}
		if c > 99 || c < -99 {
			return strconv.Itoa(c), true
		}
		return p.padded(c, 2), true
	case dateYearComma:
		y := s.shown(s.year)
		return fmt.Sprintf("%d,%03d", y/1000, y%1000), true
	case dateYear:
		return fixedWidth(p, s.shown(s.year), 4+wider), true
	case dateYear3:
		return fixedWidth(p, s.shown(s.year)%1000, 3+wider), true
	case dateYear2:
		return fixedWidth(p, s.shown(s.year)%100, 2+wider), true
	case dateYear1:
		return strconv.Itoa(s.shown(s.year) % 10), true
	case dateISOYear:
		return fixedWidth(p, s.shown(isoYear), 4+wider), true
	case dateISOYear3:
		return fixedWidth(p, s.shown(isoYear)%1000, 3+wider), true
	case dateISOYear2:
		return fixedWidth(p, s.shown(isoYear)%100, 2+wider), true
	case dateISOYear1:
		return strconv.Itoa(s.shown(isoYear) % 10), true
	}
	return "", false
}

// word prints the patterns that are written with letters.
func (s *Stamp) word(p *datePart) string {
	width := 0
	text := ""
	switch p.p {
	case dateNoon, dateNoonDots:
		if text = "AM"; s.hour%24 >= 12 {
			text = "PM"
		}
		text = dotted(p, text)
	case dateEra, dateEraDots:
		if text = "AD"; s.year <= 0 {
			text = "BC"
		}
		text = dotted(p, text)
	case dateMonthName:
		text, width = time.Month(s.month).String(), 9
	case dateMonthShort:
		text = time.Month(s.month).String()[:3]
	case dateDayName:
		text, width = time.Weekday(s.weekday).String(), 9
	case dateDayShort:
		text = time.Weekday(s.weekday).String()[:3]
	case dateRoman:
		text, width = s.romanMonth(), 4
	case dateZone:
		text = s.zone
	case dateOffset, dateZoneHour, dateZoneMinute:
		return s.zoneOffset(p)
	}
	switch {
	case p.capital:
	case p.word == strings.ToLower(p.word):
		text = strings.ToLower(text)
	case p.p != dateZone:
		text = strings.ToUpper(text)
	}
	if width > 0 && text != "" && !p.fill && !p.local {
		text = fmt.Sprintf("%-*s", width, text)
	}
	return text
}

func dotted(p *datePart, text string) string {
	if p.p == dateNoonDots || p.p == dateEraDots {
		return text[:1] + "." + text[1:] + "."
	}
	return text
}

// romanMonths are in the order of the months.
var romanMonths = [12]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

// romanMonth counts the negative months of an interval from the end of the year; whole years are XII.
func (s *Stamp) romanMonth() string {
	switch {
	case s.month == 0 && s.year == 0:
		return ""
	case s.month == 0 && s.year > 0:
		return romanMonths[11]
	case s.month == 0:
		return romanMonths[0]
	case s.month < 0:
		return romanMonths[12+s.month]
	}
	return romanMonths[s.month-1]
}

func (s *Stamp) zoneOffset(p *datePart) string {
	sign, abs := '+', s.offset
	if abs < 0 {
		sign, abs = '-', -abs
	}
	switch p.p {
	case dateZoneHour:
		return fmt.Sprintf("%c%02d", sign, abs/3600)
	case dateZoneMinute:
		return fmt.Sprintf("%02d", abs%3600/60)
	}
	text := string(sign) + fixedWidth(p, abs/3600, 2)
	if abs%3600 != 0 {
		text += fmt.Sprintf(":%02d", abs%3600/60)
	}
	return text
}

// ordinal returns st, nd, rd or th for a number in digits.
func ordinal(n string) string {
	last := n[len(n)-1]
	if len(n) > 1 && n[len(n)-2] == '1' {
		return "th"
	}
	switch last {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}
