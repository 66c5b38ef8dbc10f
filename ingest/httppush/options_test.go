package httppush

import (
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// "validate" sets the fields that are named, and prints what Validate says. New must say the same.
func TestOptions(t *testing.T) {
	datadriven.RunTest(t, "testdata/options", func(t *testing.T, d *datadriven.TestData) string {
		var o Options
		for _, arg := range d.CmdArgs {
			switch arg.Key {
			case "Store":
				o.Store = &store{}
			case "Terms":
				o.Terms = (&store{}).terms
			case "BodyMaxBytes":
				o.BodyMaxBytes, _ = strconv.ParseInt(arg.Vals[0], 10, 64)
			default:
				d.Fatalf(t, "no field %s", arg.Key)
			}
		}
		err := o.Validate()
		h, made := New(o)
		switch {
		case err == nil && made == nil:
			return "body " + strconv.FormatInt(h.opt.BodyMaxBytes, 10) + "\n"
		case err == nil || made == nil || made.Error() != err.Error():
			t.Errorf("Validate says %v, New %v", err, made)
		}
		return err.Error() + "\n"
	})
}
