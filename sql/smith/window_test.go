package smith

import (
	"fmt"
	"strings"
	"testing"
)

// TestManyWindows computes as many window functions as a select list holds: over one window, with a frame each, and over
// hundreds of windows that share nothing.
func TestManyWindows(t *testing.T) {
	d := openDatabase(t, nil)
	for _, c := range []struct {
		calls int
		call  string
	}{
		{1600, "sum(x + %d) OVER (ORDER BY x)"},
		{1600, "count(*) OVER (ORDER BY x ROWS %d PRECEDING)"},
		{200, "max(x + 0 * %[1]d) OVER (ORDER BY x %% (%[1]d + 1), x)"},
	} {
		var calls []string
		for i := range c.calls {
			calls = append(calls, fmt.Sprintf(c.call, i))
		}
		r := d.run("SELECT " + strings.Join(calls, ", ") + " FROM generate_series(1, 20) x ORDER BY 1")
		if r.code != "" || len(r.rows) != 20 || len(r.rows[19]) != c.calls {
			t.Fatalf("%s: %d rows, %s %s", c.call, len(r.rows), r.code, r.text)
		}
	}
}
