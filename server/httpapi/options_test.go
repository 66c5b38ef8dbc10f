package httpapi

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/server/auth"
)

// "validate" sets the fields that are named, and prints what Validate says. NewServer must say the same.
func TestOptions(t *testing.T) {
	datadriven.RunTest(t, "testdata/options", func(t *testing.T, d *datadriven.TestData) string {
		var o Options
		for _, arg := range d.CmdArgs {
			n := int64(0)
			if len(arg.Vals) > 0 {
				n, _ = strconv.ParseInt(arg.Vals[0], 10, 64)
			}
			switch arg.Key {
			case "Store":
				o.Store = &store{}
			case "Open":
				o.Open = func(context.Context, string, net.Addr) (Session, error) { return &conn{}, nil }
			case "Auth":
				o.Auth = &auth.Rules{}
			case "BodyMaxBytes":
				o.BodyMaxBytes = n
			case "ReadTimeout":
				o.ReadTimeout = time.Duration(n)
			default:
				d.Fatalf(t, "no field %s", arg.Key)
			}
		}
		err := o.Validate()
		s, made := NewServer(o)
		switch {
		case err == nil && made == nil:
			return "body " + strconv.FormatInt(s.opt.BodyMaxBytes, 10) + ", time " + s.opt.ReadTimeout.String() + "\n"
		case err == nil || made == nil || made.Error() != err.Error():
			t.Errorf("Validate says %v, NewServer %v", err, made)
		}
		return err.Error() + "\n"
	})
}
