package quantity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// Commands read a quantity per line: "bytes" and "duration" with any spelling, "format unit=kB" prints a number of the
// unit as SHOW does.
func TestQuantities(t *testing.T) {
	datadriven.RunTest(t, "testdata/quantity", func(t *testing.T, d *datadriven.TestData) string {
		var b strings.Builder
		for _, line := range strings.Split(d.Input, "\n") {
			var v any
			var err error
			switch d.Cmd {
			case "bytes":
				v, err = ParseBytes(line)
			case "duration":
				v, err = ParseDuration(line)
			default:
				t.Fatalf("unknown command %s", d.Cmd)
			}
			if err != nil {
				v = err
			}
			fmt.Fprintf(&b, "%s: %v\n", line, v)
		}
		return b.String()
	})
}

// TestFormatParses: what is printed is read as the same.
func TestFormatParses(t *testing.T) {
	for n := int64(1); n < 1<<40; n = n*3 + 1 {
		for _, u := range []Units{Bytes, Time} {
			text, ok := u.Format(n, 1, 1)
			if back, err := u.Parse(text, 0); !ok || err != nil || back != n {
				t.Fatalf("%d prints as %q, which is %d (%v)", n, text, back, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1.5 GB", "10min", "9223372036854775807", "1e300 d", "-1 s", "NaN", "0x10k", ".", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseBytes(s); err == nil && n < 0 {
			t.Errorf("%q is %d bytes", s, n)
		}
		if d, err := ParseDuration(s); err == nil && d < 0 {
			t.Errorf("%q takes %v", s, d)
		} else if _, unit := Split(s); err == nil && unit == "" {
			t.Errorf("%q has no unit and takes %v", s, d)
		}
	})
}
