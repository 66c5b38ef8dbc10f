package stmt

import (
	"context"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestStatements prepares statements over tables t and u (a integer, b integer). "check" prints what Check says, for
// each list of values of $1, ... in params; "writes" prints the words with which a read-only transaction refuses the
// statement.
func TestStatements(t *testing.T) {
	ctx := context.Background()
	db, err := storage.Open(ctx, "db", storage.Options{FS: vfs.NewMem(), Pool: memtest.Pool(t, 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx := Begin(db, memtest.Pool(t, 0))
	defer tx.Rollback()
	c, err := bindtest.New("CREATE TABLE t (a integer, b integer); CREATE TABLE u (a integer, b integer)")
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{DB: db, Tx: tx, Resolver: c, Fn: &fn.Context{Ctx: ctx}}
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			statements, err := parse.Parse(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			b := bind.New(c, nil, bind.Env{Fn: env.Fn})
			s, err := b.Statement(statements[0])
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			if d.Cmd == "writes" {
				what, ok := Writes(s)
				if !ok {
					return "no\n"
				}
				return what + "\n"
			}
			cmd, err := Prepare(ctx, env, s, b.Parameters())
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			var out strings.Builder
			for _, values := range paramsOf(d) {
				var params []types.Datum
				for i, v := range values {
					p, err := types.Parse(cmd.Parameters[i], v)
					if err != nil {
						d.Fatalf(t, "%v", err)
					}
					params = append(params, p)
				}
				out.WriteString(strings.TrimSpace(strings.Join(values, " ") + " " + told(cmd.Check(ctx, params))))
				out.WriteByte('\n')
			}
			return out.String()
		})
	})
}

// paramsOf returns the lists of values of params=(1,2/3,4); one empty list without it.
func paramsOf(d *datadriven.TestData) [][]string {
	var lists [][]string
	for _, a := range d.CmdArgs {
		for _, v := range a.Vals {
			lists = append(lists, strings.Split(v, "/"))
		}
	}
	if lists == nil {
		return [][]string{nil}
	}
	return lists
}

func told(err error) string {
	if err == nil {
		return "ok"
	}
	return string(errs.From(err).Code) + ": " + err.Error()
}
