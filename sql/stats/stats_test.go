package stats_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
)

// TestEstimates reads testdata: "stats table=t rows=n" makes statistics up, a column per line: name, distinct values,
// minimum, maximum; "rows" prints the estimates of a query's scans, joins and aggregations, the topmost first.
func TestEstimates(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		c := bindtest.NewCorpora(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "stats":
				var table string
				var rows int
				d.ScanArgs(t, "table", &table)
				d.ScanArgs(t, "rows", &rows)
				if err := c.SetStats(table, int64(rows), d.Input); err != nil {
					d.Fatalf(t, "%v", err)
				}
				return ""
			case "rows":
				return estimates(t, c, d)
			}
			d.Fatalf(t, "unknown command")
			return ""
		})
	})
}

func estimates(t *testing.T, c *bindtest.Catalog, d *datadriven.TestData) string {
	st, err := parse.Parse(d.Input)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	b, err := bind.New(c, nil, bind.Env{}).Statement(st[0])
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	n, _, err := opt.Optimize(context.Background(), b.(*bind.Query).Plan, opt.Env{Stats: c})
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	e := stats.New(c, nil)
	e.Rows(n)
	var out strings.Builder
	plan.Walk(n, func(n plan.Node) bool {
		switch x := n.(type) {
		case *plan.Scan:
			fmt.Fprintf(&out, "scan %s: %.0f\n", x.Table.Name, e.Rows(n))
		case *plan.Join:
			fmt.Fprintf(&out, "join: %.0f\n", e.Rows(n))
		case *plan.Aggregate:
			fmt.Fprintf(&out, "groups: %.0f\n", e.Rows(n))
		}
		return true
	})
	return out.String()
}
