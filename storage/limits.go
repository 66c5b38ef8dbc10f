package storage

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// sealLimits say when a table's live segment is sealed.
type sealLimits struct {
	rows  int
	bytes int64
	age   time.Duration
}

// limitsOf reads the options seal_rows, seal_bytes and seal_age of a table.
func (db *DB) limitsOf(t *catalog.Table) (sealLimits, error) {
	l := sealLimits{db.o.SealRows, db.o.SealBytes, db.o.SealAge}
	bad := func(name string) error {
		return errs.New(errs.InvalidParameterValue, "invalid value for storage parameter %q: %q", name, t.Options[name])
	}
	if s, ok := t.Options["seal_rows"]; ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > sealRowsMax {
			return l, bad("seal_rows")
		}
		l.rows = n
	}
	if s, ok := t.Options["seal_bytes"]; ok {
		n, err := parseBytes(s)
		if err != nil || n < 1 {
			return l, bad("seal_bytes")
		}
		l.bytes = n
	}
	if s, ok := t.Options["seal_age"]; ok {
		d, err := parseAge(s)
		if err != nil || d <= 0 {
			return l, bad("seal_age")
		}
		l.age = d
	}
	for _, name := range sortKey(t) {
		if t.Column(name) < 0 {
			return l, errs.New(errs.UndefinedColumn, "column %q named in sort_key does not exist", name)
		}
	}
	return l, nil
}

// parseBytes reads a number of bytes with PostgreSQL's units: kB, MB, GB.
func parseBytes(s string) (int64, error) {
	s = strings.TrimSpace(s)
	shift := 0
	for _, u := range []struct {
		name  string
		shift int
	}{{"kB", 10}, {"MB", 20}, {"GB", 30}, {"B", 0}} {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, shift = strings.TrimSpace(rest), u.shift
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > 1<<(62-shift) {
		return 0, errs.New(errs.InvalidParameterValue, "invalid size %q", s)
	}
	return n << shift, nil
}

// parseAge reads a duration: a number with one of PostgreSQL's units ms, s, min, h, d, or such a unit spelled out.
func parseAge(s string) (time.Duration, error) {
	units := []struct {
		names string
		d     time.Duration
	}{
		{"ms", time.Millisecond}, {"min minute minutes", time.Minute}, {"s second seconds", time.Second},
		{"h hour hours", time.Hour}, {"d day days", 24 * time.Hour},
	}
	s = strings.TrimSpace(s)
	i := strings.LastIndexAny(s, "0123456789") + 1
	n, err := strconv.ParseInt(strings.TrimSpace(s[:i]), 10, 64)
	if err != nil {
		return 0, err
	}
	unit := strings.TrimSpace(s[i:])
	for _, u := range units {
		for _, name := range strings.Fields(u.names) {
			if name != unit {
				continue
			}
			if n > math.MaxInt64/int64(u.d) {
				return 0, errs.New(errs.InvalidParameterValue, "value %q is out of range", s)
			}
			return time.Duration(n) * u.d, nil
		}
	}
	return 0, errs.New(errs.InvalidParameterValue, "invalid unit %q", unit)
}

// sortKey returns the columns of the option sort_key.
func sortKey(t *catalog.Table) []string {
	var names []string
	for _, n := range strings.Split(t.Options["sort_key"], ",") {
		if n = strings.TrimSpace(n); n != "" {
			names = append(names, n)
		}
	}
	return names
}
