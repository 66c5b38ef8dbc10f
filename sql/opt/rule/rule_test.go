package rule_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/opt/rule"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/errs"
)

const schema = `
CREATE TABLE t (a integer NOT NULL, b integer, c text, s smallint);
CREATE TABLE u (a integer NOT NULL, d integer);
CREATE TABLE v (d integer, e text);
`

var rules = []rule.Rule{rule.Fold, rule.Unnest, rule.MarkToSemi, rule.FactorOr, rule.DropSort, rule.Imply, rule.PushFilter, rule.EqualPairs,
	rule.JoinOrder, rule.BuildSide, rule.MergeProject, rule.SumPlus, rule.GroupKeys, rule.PushLimit, rule.PruneColumns, rule.TopK}

// TestRules applies one rule at a time. In testdata, "stats table=t rows=n" makes statistics up; "apply rule=Name
// [after=(Name,...)]" binds a query, applies the rules of after, in their order, and prints what the rule makes of it, or
// "unchanged".
//
// Whatever it does, a rule leaves its input as it was, keeps the columns of the root, and reads only what is made.
func TestRules(t *testing.T) {
	byName, used := map[string]rule.Rule{}, map[string]bool{}
	for _, r := range rules {
		byName[r.Name] = r
	}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		c, err := bindtest.New(schema)
		if err != nil {
			t.Fatal(err)
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "stats" {
				var table string
				var rows int
				d.ScanArgs(t, "table", &table)
				d.ScanArgs(t, "rows", &rows)
				if err := c.SetStats(table, int64(rows), d.Input); err != nil {
					d.Fatalf(t, "%v", err)
				}
				return ""
			}
			n, err := bound(c, d.Input)
			if err != nil {
				return fmt.Sprintf("%s: %s\n", errs.From(err).Code, err)
			}
			env := &rule.Env{Stats: stats.New(c, nil), NextID: plan.MaxID(n) + 1}
			var name string
			d.ScanArgs(t, "rule", &name)
			for _, a := range d.CmdArgs {
				if a.Key != "after" {
					continue
				}
				for _, before := range a.Vals {
					n = apply(t, d, env, byName[before], n)
				}
			}
			used[name] = true
			out := apply(t, d, env, byName[name], n)
			if out == n {
				return "unchanged\n"
			}
			return plan.String(out)
		})
	})
	for _, r := range rules {
		if !used[r.Name] {
			t.Errorf("nothing tests %s", r.Name)
		}
	}
}

func bound(c *bindtest.Catalog, sql string) (plan.Node, error) {
	statements, err := parse.Parse(sql)
	if err != nil {
		return nil, err
	}
	b, err := bind.New(c, nil, bind.Env{}).Statement(statements[0])
	if err != nil {
		return nil, err
	}
	return b.(*bind.Query).Plan, nil
}

// apply applies a rule and checks what holds for all of them.
func apply(t *testing.T, d *datadriven.TestData, env *rule.Env, r rule.Rule, n plan.Node) plan.Node {
	t.Helper()
	if r.Apply == nil {
		d.Fatalf(t, "no such rule")
	}
	before, cols := plan.String(n), n.Columns()
	out, err := r.Apply(env, n)
	if err != nil {
		d.Fatalf(t, "%s: %v", r.Name, err)
	}
	if plan.String(n) != before {
		t.Errorf("%s: %s changed its input", d.Pos, r.Name)
	}
	if free := plan.FreeColumns(out); len(free) > 0 {
		t.Errorf("%s: %s: %v is read and not made:\n%s", d.Pos, r.Name, free, plan.String(out))
	}
	made := out.Columns()
	if len(made) != len(cols) {
		t.Fatalf("%s: %s made %d columns of %d", d.Pos, r.Name, len(made), len(cols))
	}
	for i := range made {
		if made[i].ID != cols[i].ID || made[i].Type != cols[i].Type {
			t.Errorf("%s: %s: column %d is %+v, was %+v", d.Pos, r.Name, i, made[i], cols[i])
		}
	}
	return out
}
