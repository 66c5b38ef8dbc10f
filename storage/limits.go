package storage

import (
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/quantity"
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
		n, err := quantity.ParseBytes(s)
		if err != nil || n < 1 {
			return l, bad("seal_bytes")
		}
		l.bytes = n
	}
	if s, ok := t.Options["seal_age"]; ok {
		d, err := quantity.ParseDuration(s)
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
