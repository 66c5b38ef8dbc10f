package pgwire

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/server/auth"
)

// "validate" sets the fields that are named, and prints what Validate says. NewServer must say the same.
func TestOptions(t *testing.T) {
	datadriven.RunTest(t, "testdata/options", func(t *testing.T, d *datadriven.TestData) string {
		var o Options
		for _, arg := range d.CmdArgs {
			switch arg.Key {
			case "Open":
				o.Open = newFake
			case "Auth":
				o.Auth = &auth.Rules{}
			default:
				n, err := strconv.ParseInt(arg.Vals[0], 10, 64)
				if err != nil {
					d.Fatalf(t, "%s: %v", arg.Key, err)
				}
				reflect.ValueOf(&o).Elem().FieldByName(arg.Key).SetInt(n)
			}
		}
		err := o.Validate()
		s, made := NewServer(o)
		switch {
		case err == nil && made == nil:
			s.Shutdown(context.Background())
			return fmt.Sprintf("sessions %d, pending %d, login %s, write %s, watch %s\n", s.opt.SessionsMax, s.opt.PendingMax,
				s.opt.LoginTimeout, s.opt.WriteTimeout, s.opt.WatchInterval)
		case err == nil || made == nil || made.Error() != err.Error():
			t.Errorf("Validate says %v, NewServer %v", err, made)
		}
		return err.Error() + "\n"
	})
}
