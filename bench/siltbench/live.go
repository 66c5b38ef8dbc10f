package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/bench/clickbench"
	"github.com/siltstone-db/siltstone/bench/gen"
	"github.com/siltstone-db/siltstone/bench/report"
	"github.com/siltstone-db/siltstone/bench/suite"
)

type liveCmd struct {
	common
	Rows int    `help:"Rows of hits; half of them stay live." default:"1000000"`
	Seed uint64 `help:"Seed of the data." default:"1"`
	Runs int    `help:"Hot runs of each query." default:"3"`
}

// Run loads the same rows twice: into a table where all of them are sealed, and into one where the second half stays
// in the live segment; then it runs the same queries over both and compares.
func (c *liveCmd) Run(ctx context.Context) error {
	server, own, err := c.start(ctx, "siltstone-live")
	if err != nil {
		return err
	}
	target, err := connect(ctx, server, own)
	if err != nil {
		return err
	}
	defer target.Close()
	h := gen.Hits{Seed: c.Seed, Rows: c.Rows}
	sealed := &half{Siltstone: target, table: "hits_sealed", h: h, seal: c.Rows}
	mixed := &half{Siltstone: target, table: "hits_half", h: h, seal: c.Rows / 2}
	opt := suite.Options{Runs: c.Runs, Log: logf}
	w := &suite.Workload{Name: "clickbench, sealed and half live", Rows: int64(c.Rows), Queries: clickbench.Queries()}
	a, err := suite.Execute(ctx, mixed, w, opt)
	if err != nil {
		return err
	}
	b, err := suite.Execute(ctx, sealed, w, opt)
	if err != nil {
		return err
	}
	suite.Compare(a, b)
	fmt.Println("The ratio is sealed / half live: 0.67 and above is a query over half live rows within 1.5x.")
	return report.New(w, c.Threads, []*suite.Run{a, b}).WriteText(os.Stdout)
}

// half is a table of which the first seal rows are sealed and the rest is live.
type half struct {
	*suite.Siltstone
	table string
	h     gen.Hits
	seal  int
}

func (t *half) Name() string { return t.table }

// Load creates the table with sealing by rows, bytes and age out of the way, so that only CHECKPOINT seals.
func (t *half) Load(ctx context.Context, _ *suite.Workload) (suite.LoadResult, error) {
	schema := strings.Replace(clickbench.Schema(), "hits", t.table, 1)
	schema = strings.TrimRight(strings.TrimSpace(schema), ";") + " WITH (seal_rows = 4000000, seal_bytes = '8GB', seal_age = '1 day')"
	if err := t.Exec(ctx, schema[strings.Index(schema, "CREATE"):]); err != nil {
		return suite.LoadResult{}, err
	}
	start, loaded := time.Now(), 0
	for p := range t.h.Parts() {
		var pending []byte
		flush := func(all bool) error {
			if len(pending) == 0 || !all && len(pending) < 16<<20 {
				return nil
			}
			err := t.CopyBytes(ctx, t.table, pending)
			pending = pending[:0]
			return err
		}
		err := t.h.AppendPart(p, func(block []byte) error {
			for len(block) > 0 {
				cut := len(block)
				if loaded < t.seal {
					cut = lines(block, t.seal-loaded)
				}
				pending = append(pending, block[:cut]...)
				loaded += strings.Count(string(block[:cut]), "\n")
				block = block[cut:]
				if err := flush(loaded == t.seal); err != nil {
					return err
				}
				if loaded == t.seal && cut > 0 {
					if err := t.Exec(ctx, "CHECKPOINT"); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err == nil {
			err = flush(true)
		}
		if err != nil {
			return suite.LoadResult{}, err
		}
	}
	return suite.LoadResult{Elapsed: time.Since(start)}, nil
}

// lines returns the length of the first n lines of a block, or of all of it.
func lines(block []byte, n int) int {
	for i, c := range block {
		if c == '\n' {
			if n--; n == 0 {
				return i + 1
			}
		}
	}
	return len(block)
}

func (t *half) Query(ctx context.Context, sql string) (suite.Answer, time.Duration, error) {
	return t.Siltstone.Query(ctx, strings.ReplaceAll(sql, "FROM hits", "FROM "+t.table))
}
