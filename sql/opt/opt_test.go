package opt_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

func bound(c *bindtest.Catalog, text string) (*bind.Query, error) {
	st, err := parse.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(st) == 0 {
		return nil, errors.New("empty text")
	}
	b, err := bind.New(c, nil, bind.Env{}).Statement(st[0])
	if err != nil {
		return nil, err
	}
	q, ok := b.(*bind.Query)
	if !ok {
		return nil, fmt.Errorf("%T is not a query", b)
	}
	return q, nil
}

// TestPlans reads testdata: "stats table=t rows=n" makes statistics up; "opt [expect=Rule] [expect-not=Rule] [off=Rule]"
// prints the optimized plan of a query.
func TestPlans(t *testing.T) {
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
			case "opt":
				return optCommand(t, c, d)
			}
			d.Fatalf(t, "unknown command")
			return ""
		})
	})
}

func optCommand(t *testing.T, c *bindtest.Catalog, d *datadriven.TestData) string {
	q, err := bound(c, d.Input)
	if err != nil {
		return fmt.Sprintf("%s: %s\n", errs.From(err).Code, err)
	}
	env := opt.Env{Stats: c, Disable: map[string]bool{}}
	for _, a := range d.CmdArgs {
		if a.Key == "off" {
			for _, v := range a.Vals {
				env.Disable[v] = true
			}
		}
	}
	n, traces, err := opt.Optimize(context.Background(), q.Plan, env)
	if err != nil {
		return err.Error() + "\n"
	}
	fired := map[string]bool{}
	for _, tr := range traces {
		fired[tr.Pass] = fired[tr.Pass] || tr.Changed
	}
	for _, a := range d.CmdArgs {
		for _, v := range a.Vals {
			if a.Key == "expect" && !fired[v] {
				t.Errorf("%s: %s did not fire", d.Pos, v)
			}
			if a.Key == "expect-not" && fired[v] {
				t.Errorf("%s: %s fired", d.Pos, v)
			}
		}
	}
	return plan.String(n)
}

// Every query of the corpora optimizes, with all passes and with each one off, to a plan that has the same columns and
// reads only what it makes.
func TestCorporaOptimize(t *testing.T) {
	c := bindtest.NewCorpora(t)
	for _, corpus := range bindtest.Corpora {
		for _, text := range corpus.Texts(t) {
			q, err := bound(c, text)
			if err != nil {
				continue // package bind tests which do
			}
			checkOptimized(t, c, text, q, nil)
			if testing.Short() {
				continue
			}
			for _, p := range opt.Passes() {
				checkOptimized(t, c, text, q, map[string]bool{p: true})
			}
		}
	}
}

func checkOptimized(t *testing.T, c *bindtest.Catalog, text string, q *bind.Query, off map[string]bool) {
	t.Helper()
	before := plan.String(q.Plan)
	n, _, err := opt.Optimize(context.Background(), q.Plan, opt.Env{Stats: c, Disable: off})
	if err != nil {
		t.Errorf("%s\n%v", text, err)
		return
	}
	if plan.String(q.Plan) != before {
		t.Errorf("%s: the plan was changed in place", text)
	}
	got, want := n.Columns(), q.Plan.Columns()
	if len(got) != len(want) {
		t.Errorf("%s: %d columns, want %d\n%s", text, len(got), len(want), plan.String(n))
		return
	}
	for i := range got {
		if got[i].ID != want[i].ID || got[i].Type != want[i].Type || got[i].Name != want[i].Name {
			t.Errorf("%s: column %d is %+v, want %+v", text, i, got[i], want[i])
		}
	}
	if free := plan.FreeColumns(n); len(free) > 0 {
		t.Errorf("off %v: %s: reads %v, which nothing makes\n%s", off, text, free, plan.String(n))
	}
	checkScopes(t, text, n)
	for _, s := range plan.SharedOf(n) {
		checkScopes(t, text, s.Plan)
	}
}

// checkScopes checks that every node reads only columns of its inputs.
func checkScopes(t *testing.T, text string, n plan.Node) {
	t.Helper()
	var outer []plan.Set
	if err := inScope(n, outer); err != nil {
		t.Errorf("%s\n%v\n%s", text, err, plan.String(n))
	}
}
