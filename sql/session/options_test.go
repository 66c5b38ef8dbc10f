package session

import (
	"context"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// "validate" sets the fields that are named, and settings of all other names, and prints what Validate says. NewEngine
// must say the same.
func TestOptions(t *testing.T) {
	db, err := storage.Open(context.Background(), "db", storage.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	datadriven.RunTest(t, "testdata/options", func(t *testing.T, d *datadriven.TestData) string {
		o := Options{Settings: map[string]string{}}
		for _, arg := range d.CmdArgs {
			n, _ := strconv.ParseInt(arg.Vals[0], 10, 64)
			switch arg.Key {
			case "QueryBytes":
				o.QueryBytes = n
			case "Workers":
				o.Workers = int(n)
			case "MaxSessions":
				o.MaxSessions = int(n)
			default:
				o.Settings[arg.Key] = arg.Vals[0]
			}
		}
		err := o.Validate()
		e, made := NewEngine(db, o)
		switch {
		case err == nil && made == nil:
			return "TimeZone " + e.defaults["timezone"] + ", work_mem " + e.defaults["work_mem"] + "\n"
		case err == nil || made == nil || made.Error() != err.Error():
			t.Errorf("Validate says %v, NewEngine %v", err, made)
		}
		return err.Error() + "\n"
	})
}
