package bind_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// columns lists n definitions of columns.
func columns(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", c%d numeric(9,2) DEFAULT 1", i)
	}
	return b.String()[2:]
}

// TestWideTable: a table of too many columns is refused at once, before its types and defaults are looked at, and one
// of as many as there may be takes a time that grows with their number and not with its square.
func TestWideTable(t *testing.T) {
	c := bindtest.NewCorpora(t)
	text := "CREATE TABLE w (" + columns(20000) + ")"
	start := time.Now()
	if _, err := parse.Parse(text); err != nil {
		t.Fatal(err)
	}
	parsed := time.Since(start)
	start = time.Now()
	_, _, err := bindOne(c, text)
	if !errs.Is(err, errs.TooManyColumns) || !strings.Contains(err.Error(), "tables can have at most 1600 columns") {
		t.Errorf("20,000 columns: %v", err)
	}
	if d := time.Since(start); d > 5*parsed { // it is hardly more than parsing; 100,000 took 15 times as long
		t.Errorf("20,000 columns are refused after %v, and parsed in %v", d, parsed)
	}
	st, _, err := bindOne(c, "CREATE TABLE w ("+columns(1600)+", PRIMARY KEY (c1599, c0))")
	if err != nil {
		t.Fatal(err)
	}
	if ct := st.(*bind.CreateTable); len(ct.Columns) != 1600 || !slices.Equal(ct.Constraints[0].Columns, []string{"c1599", "c0"}) {
		t.Errorf("%d columns, key %v", len(ct.Columns), ct.Constraints)
	}
	if _, _, err := bindOne(c, "CREATE TABLE w ("+columns(1599)+", c7 int)"); !errs.Is(err, errs.DuplicateColumn) {
		t.Errorf("a name twice: %v", err)
	}
}
