package datetime

import (
	"math"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// fraction reads digits as a fraction of one.
func fraction(digits string) float64 {
	f, _ := strconv.ParseFloat("0."+digits, 64)
	return f
}

// fractionMicros reads the digits after the point of seconds, rounding to microseconds.
func fractionMicros(digits string) (int, bool) {
	for i := range len(digits) {
		if !ascii.IsDigit(digits[i]) {
			return 0, false
		}
	}
	return int(math.RoundToEven(fraction(digits) * 1e6)), true
}

// clock reads hh:mm[:ss[.f]] or mm:ss.f.
func (d *dateDecoder) clock(s string) dateFault {
	h, m, sec, us, ok := splitClock(s)
	if !ok {
		return faultFormat
	}
	d.hour, d.min, d.sec, d.micros = h, m, sec, us
	if m > 59 || sec > 60 {
		return faultRange
	}
	return d.add(hasTime)
}

// splitClock takes a time of day apart, whatever its numbers are.
func splitClock(s string) (h, m, sec, us int, ok bool) {
	body, frac, point := strings.Cut(s, ".")
	if point {
		if us, ok = fractionMicros(frac); !ok {
			return
		}
	}
	var part [3]int
	n := 0
	for rest := body; ; n++ {
		if n == 3 {
			return 0, 0, 0, 0, false
		}
		p, tail, more := strings.Cut(rest, ":")
		if p != "" { // "03:" is three o'clock
			v, err := strconv.ParseUint(p, 10, 31)
			if err != nil {
				return 0, 0, 0, 0, false
			}
			part[n] = int(v)
		}
		if !more {
			break
		}
		rest = tail
	}
	switch {
	case n == 0:
		return 0, 0, 0, 0, false
	case n == 1 && point:
		return 0, part[0], part[1], us, true
	}
	return part[0], part[1], part[2], us, true
}

// offset reads +hh, +hhmm or +hh:mm[:ss].
func (d *dateDecoder) offset(s string) dateFault {
	sec, f := parseOffset(s)
	if f != faultNone {
		return f
	}
	d.zoneSeconds = sec
	return d.add(hasZone)
}

// parseOffset returns an offset in seconds east of UTC.
func parseOffset(s string) (seconds int, f dateFault) {
	body := s[1:]
	var part [3]int
	parts := strings.Split(body, ":")
	if len(parts) > 3 {
		return 0, faultFormat
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return 0, faultFormat
		}
		part[i] = int(n)
	}
	if len(parts) == 1 && len(body) > 2 {
		part[0], part[1] = part[0]/100, part[0]%100
	}
	if part[0] > 15 || part[1] > 59 || part[2] > 59 {
		return 0, faultZoneRange
	}
	seconds = part[0]*3600 + part[1]*60 + part[2]
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, faultNone
}

// zoneOrTime reads, after the date, a zone's name with punctuation or a time run together with its zone.
func (d *dateDecoder) zoneOrTime(s string) dateFault {
	if ascii.IsDigit(s[0]) {
		i := strings.IndexByte(s, '-')
		if i < 0 || d.have&hasTime != 0 {
			return faultFormat
		}
		if f := d.offset(s[i:]); f != faultNone {
			return f
		}
		return d.together(s[:i], true)
	}
	return d.namedZone(s)
}

// namedZone reads the name of a time zone.
func (d *dateDecoder) namedZone(s string) dateFault {
	loc, err := LoadZone(s)
	if err != nil {
		d.zoneName = s
		return faultZoneName
	}
	d.zone = loc
	return d.add(hasZone)
}
