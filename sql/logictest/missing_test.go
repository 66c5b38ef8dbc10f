package logictest

import (
	"errors"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// TestMissing checks what is forgiven after records that were refused, and that nothing else is.
func TestMissing(t *testing.T) {
	var m missing
	refuse := func(sql string) { m.failed(sql, errs.Unsupported("it"), true) }
	refuse("CREATE VIEW v AS SELECT * FROM seen")
	refuse("UPDATE t SET a = (SELECT max(a) FROM asked)")
	refuse("CREATE INDEX i ON indexed(a)")
	undefined := errors.New("no such thing")
	for _, c := range []struct {
		sql      string
		err      error
		forgiven bool
	}{
		{"SELECT * FROM v", undefined, true},
		{"SELECT * FROM v", nil, false}, // there is no v: rows cannot come from it
		{"SELECT * FROM seen", nil, false},
		{"SELECT * FROM seen", undefined, false},
		{"SELECT * FROM T, seen", nil, true},
		{"SELECT * FROM asked", nil, false},
		{"SELECT * FROM indexed", nil, false},
		{"DROP INDEX i", undefined, true},
		{"DROP INDEX another", undefined, false},
		{"SELECT * FROM other", errs.Unsupported("more"), true},
	} {
		if got := m.failed(c.sql, c.err, false); (got != "") != c.forgiven {
			t.Errorf("%s (%v): %q", c.sql, c.err, got)
		}
	}
	m.passed("INSERT INTO copy SELECT * FROM t")
	if m.failed("SELECT * FROM copy", nil, false) == "" {
		t.Error("rows copied from a table with wrong rows are expected to be right")
	}
	m.passed("DROP TABLE t")
	if m.failed("SELECT * FROM t", nil, false) != "" {
		t.Error("a dropped table is still forgiven")
	}
}
