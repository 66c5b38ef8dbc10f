package shelf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// "parts" describes live segments that take rows, "pick" prints which of them the policy freezes: when memory is
// short, and when others wait to be sealed.
func TestPickFrozen(t *testing.T) {
	var parts []Candidate
	var names []string
	datadriven.RunTest(t, "testdata/freeze", func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "parts":
			parts, names = nil, nil
			for _, line := range strings.Split(d.Input, "\n") {
				var name string
				var age, limit float64 // minutes
				var p Candidate
				if _, err := fmt.Sscanf(line, "%s %d bytes, %f of %f min", &name, &p.Bytes, &age, &limit); err != nil {
					d.Fatalf(t, "%s: %v", line, err)
				}
				p.Age, p.AgeMax = time.Duration(age*float64(time.Minute)), time.Duration(limit*float64(time.Minute))
				parts, names = append(parts, p), append(names, name)
			}
			return ""
		case "pick":
			var picked []string
			for _, i := range PickFrozen(parts, d.HasArg("short"), d.HasArg("waiting")) {
				picked = append(picked, names[i])
			}
			return fmt.Sprintln(picked)
		}
		d.Fatalf(t, "unknown command %q", d.Cmd)
		return ""
	})
}
