package clock

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// "start [noted=<time>]" makes a guard. "read" takes readings, a line each: how much time has passed, and by how much the
// clock was set meanwhile.
func TestGuard(t *testing.T) {
	datadriven.RunTest(t, "testdata/guard", func(t *testing.T, d *datadriven.TestData) string {
		const form = "2006-01-02 15:04"
		var g Guard
		now, elapsed := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), 17*time.Second
		var out strings.Builder
		for _, line := range strings.Split(d.Input, "\n") {
			if text, ok := strings.CutPrefix(line, "noted "); ok {
				noted, err := time.Parse(form, text)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				g = Since(noted)
				continue
			}
			var passed, set time.Duration
			for i, word := range strings.Fields(line) {
				n, err := time.ParseDuration(word)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				if i == 0 {
					passed = n
				} else {
					set += n
				}
			}
			elapsed += passed
			now = now.Add(passed + set)
			believed, change := g.Read(now, elapsed)
			fmt.Fprintf(&out, "%s: ", now.Format(form))
			fmt.Fprintf(&out, "%s%s\n", map[bool]string{true: "believed", false: "doubted"}[believed],
				map[Change]string{None: "", Doubts: ", it has jumped", Believes: ", again"}[change])
		}
		return out.String()
	})
}
