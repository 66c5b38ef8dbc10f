package stats_test

import (
	"context"
	"testing"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/catalog"
)

// sized is a table of some rows without more to tell.
type sized struct {
	made
	rows int64
}

func (s *sized) Table(*catalog.Table) (stats.Table, bool) { return s, true }
func (s *sized) Rows() int64                              { return s.rows }

func optimized(t *testing.T, text string) plan.Node {
	t.Helper()
	c, err := bindtest.New(`CREATE TABLE parcels (id int, city int, country int, shipped int, delivered int, note text)`)
	if err != nil {
		t.Fatal(err)
	}
	st, err := parse.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bind.New(c, nil, bind.Env{}).Statement(st[0])
	if err != nil {
		t.Fatal(err)
	}
	n, _, err := opt.Optimize(context.Background(), b.(*bind.Query).Plan, opt.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A node of a plan is estimated once, as long as its tables have about as many rows.
func TestKept(t *testing.T) {
	for _, c := range []struct {
		text   string
		counts []int64 // rows of the table in run after run
		want   int     // estimates
	}{
		{"SELECT city, count(*) FROM parcels WHERE country = 3 GROUP BY city", []int64{1000, 1000, 1100, 950}, 1},
		{"SELECT city, count(*) FROM parcels WHERE country = 3 GROUP BY city", []int64{1000, 1200, 1201, 1000}, 3},
		{"SELECT city, count(*) FROM parcels WHERE note = current_setting('x') GROUP BY city", []int64{1000, 1000}, 2},
		{"WITH a AS MATERIALIZED (SELECT city FROM parcels) SELECT count(*) FROM a x, a y", []int64{1000, 1000, 2000}, 2},
	} {
		n := optimized(t, c.text)
		k, of := stats.Keep(n), &sized{}
		asked := 0
		for _, rows := range c.counts {
			of.rows = rows
			k.Rows(n, of, func(plan.Node) float64 { asked++; return 5 })
		}
		if asked != c.want {
			t.Errorf("%s: estimated %d times, want %d", c.text, asked, c.want)
		}
	}
}

// Nodes that a run has made for itself are not remembered, nor is anything by nobody.
func TestKeptOfOtherPlans(t *testing.T) {
	n, other := optimized(t, "SELECT city FROM parcels"), optimized(t, "SELECT city FROM parcels")
	asked := 0
	estimate := func(plan.Node) float64 { asked++; return 5 }
	k := stats.Keep(n)
	for range 2 {
		k.Rows(other, &sized{rows: 10}, estimate)
		(*stats.Kept)(nil).Rows(n, &sized{rows: 10}, estimate)
	}
	if asked != 4 {
		t.Errorf("estimated %d times, want 4", asked)
	}
}
