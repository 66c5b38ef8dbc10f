package fn

import (
	"fmt"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Templates of to_char(timestamp, text) (PostgreSQL manual, 9.8). Patterns that are not here are refused by name when
// they are PostgreSQL's, and copied when they are not.
func init() {
	for _, t := range list(tTS, tTSTZ) {
		vol := Immutable
		if t == tTSTZ {
			vol = Stable
		}
		register(&Overload{Name: "to_char", Args: list(t, tText), Result: returns(tText), Volatility: vol,
			Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
				us := r.int8(0)
				if !finiteTS(us) || len(r.bytes(1)) == 0 {
					return nil, nil
				}
				var z zone
				if t == tTSTZ {
					var err error
					if z, err = c.zone(); err != nil {
						return dst, err
					}
				}
				return toChar(notNil(dst), us, z, string(r.bytes(1)))
			})})
	}
	for _, t := range list(tNumeric, tInt4, tInt8, tFloat4, tFloat8, tIntvl) {
		textFn("to_char", list(t, tText), func(*Context, *row, []byte) ([]byte, error) {
			return nil, errs.Unsupported("to_char of %s", t)
		})
	}
}

// stamp is a timestamp taken apart.
type stamp struct {
	days                   int32
	year, month, day       int
	hour, minute, sec, mic int
	zone                   string
	offset                 int
}

func newStamp(us int64, z zone) stamp {
	var s stamp
	if z.loc != nil {
		s.zone, s.offset = "UTC", 0
		if z.loc != time.UTC {
			s.offset, s.zone = types.ZoneOffset(us, z.loc)
		}
		us = z.local(us)
	}
	days, t := types.SplitTimestamp(us)
	s.days = days
	s.year, s.month, s.day = types.CivilFromDays(days)
	s.hour, s.minute = int(t/microsPerHour), int(t/microsPerMinute%60)
	s.sec, s.mic = int(t/microsPerSecond%60), int(t%microsPerSecond)
	return s
}

// charPatterns are tried in order: longer ones come before their prefixes.
var charPatterns = []struct {
	name string
	f    func(s *stamp, fm bool) string
}{
	{"Y,YYY", func(s *stamp, _ bool) string {
		return fmt.Sprintf("%d,%03d", shownYear(s.year)/1000, shownYear(s.year)%1000)
	}},
	{"YYYY", func(s *stamp, fm bool) string { return digits(shownYear(s.year), 4, fm) }},
	{"YYY", func(s *stamp, fm bool) string { return digits(shownYear(s.year)%1000, 3, fm) }},
	{"YY", func(s *stamp, fm bool) string { return digits(shownYear(s.year)%100, 2, fm) }},
	{"Y", func(s *stamp, fm bool) string { return digits(shownYear(s.year)%10, 1, fm) }},
	{"IYYY", func(s *stamp, fm bool) string { y, _ := types.ISOWeek(s.days); return digits(y, 4, fm) }},
	{"IW", func(s *stamp, fm bool) string { _, w := types.ISOWeek(s.days); return digits(w, 2, fm) }},
	{"IDDD", nil}, {"ID", func(s *stamp, _ bool) string { return digits((types.Weekday(s.days)+6)%7+1, 1, true) }},
	{"HH24", func(s *stamp, fm bool) string { return digits(s.hour, 2, fm) }},
	{"HH12", func(s *stamp, fm bool) string { return digits((s.hour+11)%12+1, 2, fm) }},
	{"HH", func(s *stamp, fm bool) string { return digits((s.hour+11)%12+1, 2, fm) }},
	{"MI", func(s *stamp, fm bool) string { return digits(s.minute, 2, fm) }},
	{"SSSSS", func(s *stamp, fm bool) string { return digits(s.hour*3600+s.minute*60+s.sec, 1, fm) }},
	{"SSSS", func(s *stamp, fm bool) string { return digits(s.hour*3600+s.minute*60+s.sec, 1, fm) }},
	{"SS", func(s *stamp, fm bool) string { return digits(s.sec, 2, fm) }},
	{"MS", func(s *stamp, _ bool) string { return digits(s.mic/1000, 3, false) }},
	{"US", func(s *stamp, _ bool) string { return digits(s.mic, 6, false) }},
	{"MM", func(s *stamp, fm bool) string { return digits(s.month, 2, fm) }},
	{"DDD", func(s *stamp, fm bool) string { return digits(types.DayOfYear(s.days), 3, fm) }},
	{"DD", func(s *stamp, fm bool) string { return digits(s.day, 2, fm) }},
	{"WW", func(s *stamp, fm bool) string { return digits((types.DayOfYear(s.days)-1)/7+1, 2, fm) }},
	{"W", func(s *stamp, _ bool) string { return digits((s.day-1)/7+1, 1, true) }},
	{"CC", func(s *stamp, fm bool) string { return digits((shownYear(s.year)+99)/100, 2, fm) }},
	{"Q", func(s *stamp, _ bool) string { return digits((s.month-1)/3+1, 1, true) }},
	{"J", func(s *stamp, _ bool) string { return digits(int(s.days)+2440588, 1, true) }},
	{"TZH", func(s *stamp, _ bool) string { return fmt.Sprintf("%+03d", s.offset/3600) }},
	{"TZ", func(s *stamp, _ bool) string { return s.zone }}, {"tz", func(s *stamp, _ bool) string { return strings.ToLower(s.zone) }},
	{"OF", nil}, {"RM", nil}, {"rm", nil},
	{"IYY", func(s *stamp, fm bool) string { y, _ := types.ISOWeek(s.days); return digits(y%1000, 3, fm) }},
	{"IY", func(s *stamp, fm bool) string { y, _ := types.ISOWeek(s.days); return digits(y%100, 2, fm) }},
	{"I", func(s *stamp, _ bool) string { y, _ := types.ISOWeek(s.days); return digits(y%10, 1, true) }},
	{"D", func(s *stamp, _ bool) string { return digits(types.Weekday(s.days)+1, 1, true) }},
}

// shownYear counts years BC from 1.
func shownYear(y int) int {
	if y <= 0 {
		return 1 - y
	}
	return y
}

func digits(v, width int, fm bool) string {
	if fm {
		width = 1
	}
	return fmt.Sprintf("%0*d", width, v)
}

// words are the patterns whose letters tell the case of the result; long ones are padded to 9.
func (s *stamp) word(f string, fm bool) (text string, n int) {
	month, day := time.Month(s.month).String(), time.Weekday(types.Weekday(s.days)).String()
	noon, dotted, era := "AM", "A.M.", "AD"
	if s.hour >= 12 {
		noon, dotted = "PM", "P.M."
	}
	if s.year <= 0 {
		era = "BC"
	}
	for _, w := range []struct {
		pattern, text string
		long          bool
	}{{"month", month, true}, {"mon", month[:3], false}, {"day", day, true}, {"dy", day[:3], false}, {"a.m.", dotted, false},
		{"p.m.", dotted, false}, {"am", noon, false}, {"pm", noon, false}, {"bc", era, false}, {"ad", era, false}} {
		if len(f) < len(w.pattern) || !strings.EqualFold(f[:len(w.pattern)], w.pattern) {
			continue
		}
		text := w.text
		switch p := f[:len(w.pattern)]; {
		case p == strings.ToUpper(p):
			text = strings.ToUpper(text)
		case p == strings.ToLower(p):
			text = strings.ToLower(text)
		}
		if w.long && !fm {
			text = fmt.Sprintf("%-9s", text)
		}
		return text, len(w.pattern)
	}
	return "", 0
}

func toChar(dst []byte, us int64, z zone, f string) ([]byte, error) {
	s := newStamp(us, z)
next:
	for len(f) > 0 {
		if f[0] == '"' {
			end := strings.IndexByte(f[1:], '"')
			if end < 0 {
				return append(dst, f[1:]...), nil
			}
			dst = append(dst, f[1:1+end]...)
			f = f[end+2:]
			continue
		}
		fm := strings.HasPrefix(f, "FM") || strings.HasPrefix(f, "fm")
		if fm {
			f = f[2:]
		}
		if text, n := s.word(f, fm); n > 0 {
			dst, f = append(dst, text...), f[n:]
			continue
		}
		for _, p := range charPatterns {
			if len(f) < len(p.name) || !strings.EqualFold(f[:len(p.name)], p.name) || p.name[0] == 't' && f[0] != 't' ||
				p.name == "TZ" && f[0] == 't' {
				continue
			}
			if p.f == nil {
				return dst, errs.Unsupported("the pattern %s of to_char", p.name)
			}
			text := p.f(&s, fm)
			f = f[len(p.name):]
			dst = append(dst, text...)
			if len(f) >= 2 && strings.EqualFold(f[:2], "th") {
				suffix := ordinal(text)
				if f[0] == 'T' {
					suffix = strings.ToUpper(suffix)
				}
				dst, f = append(dst, suffix...), f[2:]
			}
			continue next
		}
		if len(f) > 0 {
			dst, f = append(dst, f[0]), f[1:]
		}
	}
	return dst, nil
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
