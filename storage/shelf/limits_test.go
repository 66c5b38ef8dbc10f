package shelf

import (
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
)

// A table's options say when its live rows are sealed, and the database where they say nothing.
func TestLimits(t *testing.T) {
	of := Limits{Rows: 7, Bytes: 8, Age: 9}
	def := catalog.NewTable("public", "t")
	if got := of.Of(def); got != of {
		t.Errorf("without options: %+v", got)
	}
	set(def, "seal_age", "90 s")
	set(def, "seal_bytes", "3MB")
	if got, want := of.Of(def), (Limits{7, 3 << 20, 90 * time.Second}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	set(def, "seal_rows", "5")
	if got := of.Of(def).Rows; got != 5 {
		t.Errorf("%d rows", got)
	}
}
