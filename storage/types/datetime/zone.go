package datetime

import (
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are known on machines without a zone database

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// ZoneOffset returns the seconds east of UTC in a zone at an instant (microseconds since 1970 UTC), and the zone's
// abbreviation. loc nil is UTC.
func ZoneOffset(us int64, loc *time.Location) (seconds int, abbreviation string) {
	if loc == nil || loc == time.UTC {
		return 0, "UTC"
	}
	sec := us / MicrosPerSecond
	if us%MicrosPerSecond < 0 {
		sec--
	}
	name, off := time.Unix(sec, 0).In(loc).Zone()
	return off, name
}

// LocalFromUTC returns the wall clock of a zone at an instant, as a timestamp without zone.
func LocalFromUTC(us int64, loc *time.Location) int64 {
	if loc == nil || loc == time.UTC || !IsFiniteTimestamp(us) {
		return us
	}
	off, _ := ZoneOffset(us, loc)
	return us + int64(off)*MicrosPerSecond
}

// UTCFromLocal returns the instant at which a zone's wall clock shows local. A time that a spring transition skips is
// read with the offset before it, one that an autumn transition repeats with the offset after it, as PostgreSQL does.
func UTCFromLocal(local int64, loc *time.Location) int64 {
	if loc == nil || loc == time.UTC || !IsFiniteTimestamp(local) {
		return local
	}
	before, _ := ZoneOffset(local-MicrosPerDay, loc)
	after, _ := ZoneOffset(local+MicrosPerDay, loc)
	late := local - int64(after)*MicrosPerSecond
	if before == after {
		return late
	}
	early := local - int64(before)*MicrosPerSecond
	off, _ := ZoneOffset(late, loc)
	if off == after {
		return late
	}
	return early
}

// zones holds *time.Location by lower-case name: those of the tz database that were asked for.
var zones sync.Map

// LoadZone returns a time zone by its name in the tz database (any case), an abbreviation that PostgreSQL knows, an
// offset in hours to the east (+5, -3.5) or in hours and minutes to the west (+05:30), or a POSIX zone without rules (UTC-3, which is east of Greenwich).
// Unknown names give 22023.
func LoadZone(name string) (*time.Location, error) {
	key := strings.ToLower(name)
	if l, ok := zones.Load(key); ok {
		return l.(*time.Location), nil
	}
	if l := loadZone(name, key); l != nil {
		return l, nil
	}
	return nil, errs.New(errs.InvalidParameterValue, "time zone %q not recognized", ascii.Verbatim(name))
}

func loadZone(name, key string) *time.Location {
	if key == "" || len(key) > 64 || key == "local" {
		return nil
	}
	if key == "utc" || key == "gmt" || key == "z" || key == "zulu" {
		return time.UTC
	}
	for _, n := range [...]string{name, titleZone(key), strings.ToUpper(key)} {
		if l, err := time.LoadLocation(n); err == nil {
			zones.Store(key, l)
			return l
		}
	}
	if minutes, ok := zoneAbbreviation(key); ok {
		return time.FixedZone(strings.ToUpper(key), minutes*60)
	}
	if sec, ok := numericZone(key); ok {
		return time.FixedZone(name, sec)
	}
	return posixZone(key)
}

// titleZone guesses the case of names such as America/Port_of_Spain, Etc/GMT+3 and EST5EDT.
func titleZone(key string) string {
	b := []byte(key)
	up := true
	for i, c := range b {
		if up && c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
		up = c == '/' || c == '_' || c == '-'
	}
	s := strings.NewReplacer("_Of_", "_of_", "_Es_", "_es_", "-Au-", "-au-", "Etc/Gmt", "Etc/GMT", "Etc/Utc", "Etc/UTC",
		"Us/", "US/").Replace(string(b))
	return s
}

// numericZone reads hours with a fraction or with minutes.
func numericZone(s string) (seconds int, ok bool) {
	if h, err := strconv.ParseFloat(s, 64); err == nil {
		return int(h * 3600), h >= -168 && h <= 168
	}
	seconds, ok = clockOffset(s) // as POSIX has it: to the west
	return -seconds, ok
}

// clockOffset reads [+-]hh:mm[:ss].
func clockOffset(s string) (seconds int, ok bool) {
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, false
	}
	unit := 3600
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil || unit < 3600 && n > 59 || n > 167 {
			return 0, false
		}
		seconds += int(n) * unit
		unit /= 60
	}
	return sign * seconds, true
}

// posixZone reads an abbreviation, or any name in angle brackets, with an offset that counts to the west.
func posixZone(key string) *time.Location {
	if name, west, ok := strings.Cut(strings.TrimPrefix(key, "<"), ">"); ok && key[0] == '<' {
		if sec, ok := clockOffset(west); ok {
			return time.FixedZone(strings.ToUpper(name), -sec)
		}
		return nil
	}
	i := strings.IndexAny(key, "+-0123456789")
	if i < 3 || strings.Trim(key[:i], "abcdefghijklmnopqrstuvwxyz") != "" {
		return nil
	}
	sec, ok := clockOffset(key[i:])
	if !ok {
		return nil
	}
	return time.FixedZone(strings.ToUpper(key[:i]), -sec)
}
