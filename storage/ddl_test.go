package storage

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestTableLimits: the options that say when a table's live rows are sealed, and values that say nothing.
func TestTableLimits(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	for _, c := range []struct {
		option, value string
		ok            bool
	}{
		{"seal_age", "90 s", true}, {"seal_age", "1 day", true}, {"seal_age", "100000d", true}, {"seal_age", "2147483647d", false},
		{"seal_age", "99999999999999999999 s", false}, {"seal_age", "0s", false}, {"seal_age", "-1h", false}, {"seal_age", "1 fortnight", false},
		{"seal_age", "", false}, {"seal_rows", "1", true}, {"seal_rows", "0", false}, {"seal_rows", "16777217", false},
		{"seal_bytes", "1MB", true}, {"seal_bytes", "9999999999GB", false}, {"seal_bytes", "-1", false},
	} {
		def := clicks(c.option + " " + c.value)
		def.Options = map[string]string{c.option: c.value}
		err := db.Apply(ctx, catalog.CreateTable{Table: def})
		if c.ok && err != nil || !c.ok && !errs.Is(err, errs.InvalidParameterValue) {
			t.Errorf("%s = %q: %v", c.option, c.value, err)
		}
	}
	mustClose(t, db)
}
