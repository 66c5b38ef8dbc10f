package compile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Both tables have columns a (0, 1, 2, ...) and b, which is NULL in every fifth row and a % 3 in the others.
const schema = `
CREATE TABLE t (a bigint NOT NULL, b bigint);
CREATE TABLE u (a bigint NOT NULL, b bigint);
`

// tables are the relations of the schema, by table number.
type tables map[catalog.TableID]scan.Relation

func (t tables) Table(_ context.Context, id catalog.TableID) (scan.Relation, error) {
	return t[id], nil
}

func relation(rows int) scan.Relation {
	big := types.T(types.Int8)
	var all []enginetest.Row
	for i := range rows {
		b := types.IntOf(big, int64(i%3))
		if i%5 == 4 {
			b = types.NullOf(big)
		}
		all = append(all, enginetest.Row{types.IntOf(big, int64(i)), b})
	}
	return enginetest.NewRelation([]types.Type{big, big}, all, 3, nil)
}

// TestCompile runs queries of testdata over real relations: "run [off=Pass]" prints what EXPLAIN would, and the rows.
// The rows must be the same with one worker and two, and with batches of one row; "sort" puts them in order.
func TestCompile(t *testing.T) {
	c, err := bindtest.New(schema)
	if err != nil {
		t.Fatal(err)
	}
	env := tables{1: relation(12), 2: relation(6)}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			q, err := bound(c, d.Input)
			if err != nil {
				return err.Error() + "\n"
			}
			off := map[string]bool{}
			for _, a := range d.CmdArgs {
				for _, v := range a.Vals {
					off[v] = true
				}
			}
			n, _, err := opt.Optimize(context.Background(), q.Plan, opt.Env{Fn: &fn.Context{}, Disable: off})
			if err != nil {
				return err.Error() + "\n"
			}
			var want string
			for _, s := range []enginetest.Shape{{Workers: 1, BatchRows: 2048}, {Workers: 2, BatchRows: 3}, {Workers: 1, BatchRows: 1}} {
				got := run(t, n, env, s, d.HasArg("sort"))
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s: %+v answers\n%s\nnot\n%s", d.Pos, s, got, want)
				}
			}
			return want
		})
	})
}

func bound(c *bindtest.Catalog, sql string) (*bind.Query, error) {
	statements, err := parse.Parse(sql)
	if err != nil {
		return nil, err
	}
	b, err := bind.New(c, nil, bind.Env{}).Statement(statements[0])
	if err != nil {
		return nil, err
	}
	return b.(*bind.Query), nil
}

// run compiles a plan, runs it, and checks that all memory is given back.
func run(t *testing.T, n plan.Node, rels tables, s enginetest.Shape, sorted bool) string {
	t.Helper()
	ctx := context.Background()
	p, err := compile.Compile(ctx, n, &compile.Env{Relations: rels, Fn: &fn.Context{Ctx: ctx}, Estimate: func(plan.Node) float64 { return 1 }})
	if err != nil {
		return string(errs.From(err).Code) + ": " + err.Error() + "\n"
	}
	lines := p.Root.Text(compile.Show{})
	pool := memtest.Pool(t, 0)
	account := pool.Account("test", 0)
	var rows []string
	err = p.Run(&op.Task{Ctx: ctx, Workers: s.Workers, BatchRows: s.BatchRows, Account: account}, func(b *batch.Batch) error {
		for i := range b.Len {
			var vals []string
			for _, v := range b.Cols {
				d := v.Datum(i)
				text := fmt.Sprint(d.I)
				if d.Null {
					text = "NULL"
				}
				vals = append(vals, text)
			}
			rows = append(rows, strings.Join(vals, " "))
		}
		return nil
	})
	if err != nil {
		rows = append(rows, string(errs.From(err).Code)+": "+err.Error())
	}
	account.Close()
	if used := pool.Used(); used != 0 {
		t.Errorf("%d bytes are left", used)
	}
	if sorted {
		slices.Sort(rows)
	}
	return strings.Join(append(append(lines, "--"), rows...), "\n") + "\n"
}
