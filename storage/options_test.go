package storage

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// "validate" sets the fields that are named, and prints what Validate says; Open must say the same.
func TestOptions(t *testing.T) {
	datadriven.RunTest(t, "testdata/options", func(t *testing.T, d *datadriven.TestData) string {
		o := Options{FS: vfs.NewMem(), Pool: mem.NewPool(0)}
		for _, arg := range d.CmdArgs {
			n, err := strconv.ParseInt(arg.Vals[0], 10, 64)
			if err != nil {
				d.Fatalf(t, "%s: %v", arg.Key, err)
			}
			reflect.ValueOf(&o).Elem().FieldByName(arg.Key).SetInt(n)
		}
		before := o
		err := o.Validate()
		if before.SealBytes != o.SealBytes || before.LiveBytes != o.LiveBytes {
			t.Error("Validate changed the options")
		}
		db, openErr := Open(ctx, "db", o)
		if openErr == nil {
			mustClose(t, db)
		}
		if (err == nil) != (openErr == nil) || err != nil && !errs.Is(openErr, errs.InvalidParameterValue) {
			t.Errorf("Validate says %v, Open %v", err, openErr)
		}
		if err == nil {
			return "ok\n"
		}
		return err.Error() + "\n"
	})
}
