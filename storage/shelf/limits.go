package shelf

import (
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/quantity"
)

// RowsMax is the most rows that a table may ask to have sealed together: sixteen times the default. A segment's rows are
// sorted and encoded in memory.
const RowsMax = 1 << 24

// Limits say when a live segment takes no more rows.
type Limits struct {
	Rows  int
	Bytes int64
	Age   time.Duration
}

// Of returns the limits of a table: those that it has by its options seal_rows, seal_bytes and seal_age, for the others
// l. After an error they are l.
func (l Limits) Of(t *catalog.Table) (Limits, error) {
	was := l
	bad := func(name string) error {
		return errs.New(errs.InvalidParameterValue, "invalid value for storage parameter %q: %q", name, t.Options[name])
	}
	if s, ok := t.Options["seal_rows"]; ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > RowsMax {
			return was, bad("seal_rows")
		}
		l.Rows = n
	}
	if s, ok := t.Options["seal_bytes"]; ok {
		n, err := quantity.ParseBytes(s)
		if err != nil || n < 1 {
			return was, bad("seal_bytes")
		}
		l.Bytes = n
	}
	if s, ok := t.Options["seal_age"]; ok {
		d, err := quantity.ParseDuration(s)
		if err != nil || d <= 0 {
			return was, bad("seal_age")
		}
		l.Age = d
	}
	for _, name := range SortKey(t) {
		if t.Column(name) < 0 {
			return was, errs.New(errs.UndefinedColumn, "column %q named in sort_key does not exist", name)
		}
	}
	return l, nil
}

// SortKey returns the columns of the option sort_key.
func SortKey(t *catalog.Table) []string {
	var names []string
	for _, n := range strings.Split(t.Options["sort_key"], ",") {
		if n = strings.TrimSpace(n); n != "" {
			names = append(names, n)
		}
	}
	return names
}
