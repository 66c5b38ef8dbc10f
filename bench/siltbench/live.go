package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/bench/clickbench"
	"github.com/siltstone-db/siltstone/bench/gen"
	"github.com/siltstone-db/siltstone/bench/report"
	"github.com/siltstone-db/siltstone/bench/suite"
)

type liveCmd struct {
	common
	Rows     int      `help:"Rows of hits; half of them stay live." default:"1000000"`
	Seed     uint64   `help:"Seed of the data." default:"1"`
	Runs     int      `help:"Hot runs of each query; those under 5 ms are run more often." default:"7"`
	Queries  []string `help:"Only these queries, e.g. Q5,Q16."`
	Loaded   bool     `help:"The tables are there from an earlier run on the server at --pg: load nothing."`
	MaxRatio float64  `help:"Fail when a query over half live rows takes more than this times as long as over sealed rows." placeholder:"1.5"`
}

// goal is the ratio that the report judges by unless --max-ratio says another.
const goal = 1.5

// Run loads the same rows twice: into a table where all of them are sealed, and into one where the second half stays
// in the live segment; then it runs the same queries over both in turn and compares. CHECKPOINT seals all tables, so the
// sealed one comes first.
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
	sealed := &half{Siltstone: target, table: "hits_sealed", h: h, seal: c.Rows, loaded: c.Loaded}
	mixed := &half{Siltstone: target, table: "hits_half", h: h, seal: c.Rows / 2, loaded: c.Loaded}
	w := &suite.Workload{Name: "clickbench, half live and sealed", Rows: int64(c.Rows), Queries: clickbench.Queries()}
	if len(c.Queries) > 0 {
		w.Queries = slices.DeleteFunc(w.Queries, func(q suite.Query) bool { return !slices.Contains(c.Queries, q.Name) })
	}
	opt := suite.Options{Runs: c.Runs, HotTime: time.Duration(c.Runs) * 5 * time.Millisecond, Log: logf}
	runs, err := suite.Alternate(ctx, []suite.Target{sealed, mixed}, w, opt)
	if err != nil {
		return err
	}
	if _, err := mixed.parts(ctx); err != nil { // still
		return err
	}
	equal := suite.Compare(runs[0], runs[1])
	if err := report.New(w, c.Threads, runs).WriteText(os.Stdout); err != nil {
		return err
	}
	if m := target.Memory(); m > 0 {
		fmt.Printf("server with both tables: %.0f MB memory at most\n", float64(m)/1e6)
	}
	return c.judge(runs[1], runs[0], equal)
}

// judge prints which queries take too long over half live rows, and fails for them if the flag asks.
func (c *liveCmd) judge(mixed, sealed *suite.Run, equal int) error {
	limit := c.MaxRatio
	if limit == 0 {
		limit = goal
	}
	var over []string
	largest, which := 0.0, ""
	for i, t := range mixed.Timings {
		ratio := float64(t.Best) / float64(sealed.Timings[i].Best)
		if ratio > largest {
			largest, which = ratio, t.Query
		}
		if !(ratio <= limit) { // also when there is none
			over = append(over, fmt.Sprintf("%s (%.2f)", t.Query, ratio))
		}
	}
	fmt.Printf("half live / sealed: largest %.2f (%s); above %.2f: %d of %d queries", largest, which, limit, len(over), len(mixed.Timings))
	if len(over) > 0 {
		fmt.Print(": " + strings.Join(over, ", "))
	}
	fmt.Println()
	if n := len(mixed.Timings); equal != n {
		return fmt.Errorf("%d of %d answers are equal", equal, n)
	}
	if c.MaxRatio > 0 && len(over) > 0 {
		return fmt.Errorf("%d queries above %.2f", len(over), limit)
	}
	return nil
}

// half is a table of which the first seal rows are sealed and the rest is live.
type half struct {
	*suite.Siltstone
	table  string
	h      gen.Hits
	seal   int
	loaded bool
}

func (t *half) Name() string { return t.table }

// Memory returns 0: the server's memory is that of both tables.
func (t *half) Memory() int64 { return 0 }

// Load creates the table with sealing by rows, bytes and age out of the way, so that only CHECKPOINT seals, and checks
// that the rows lie as they should.
func (t *half) Load(ctx context.Context, _ *suite.Workload) (suite.LoadResult, error) {
	if t.loaded {
		return t.parts(ctx)
	}
	start := time.Now()
	schema := strings.Replace(clickbench.Schema(), "hits", t.table, 1)
	schema = strings.TrimRight(strings.TrimSpace(schema), ";") + " WITH (seal_rows = 4000000, seal_bytes = '8GB', seal_age = '1 day')"
	if err := t.Exec(ctx, schema[strings.Index(schema, "CREATE"):]); err != nil {
		return suite.LoadResult{}, err
	}
	if err := t.copyRows(ctx); err != nil {
		return suite.LoadResult{}, err
	}
	elapsed := time.Since(start)
	r, err := t.parts(ctx)
	r.Elapsed = elapsed
	return r, err
}

// copyRows loads the generated rows, with a CHECKPOINT behind the last that is to be sealed.
func (t *half) copyRows(ctx context.Context) error {
	loaded := 0
	var pending []byte
	flush := func() error {
		err := t.CopyBytes(ctx, t.table, pending)
		pending = pending[:0]
		return err
	}
	add := func(block []byte) error {
		for len(block) > 0 {
			cut := len(block)
			if loaded < t.seal {
				cut = lines(block, t.seal-loaded)
			}
			pending = append(pending, block[:cut]...)
			loaded += bytes.Count(block[:cut], []byte("\n"))
			block = block[cut:]
			if loaded != t.seal && len(pending) < 16<<20 {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
			if loaded == t.seal {
				if err := t.Exec(ctx, "CHECKPOINT"); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for p := range t.h.Parts() {
		if err := t.h.AppendPart(p, add); err != nil {
			return err
		}
	}
	if len(pending) == 0 {
		return nil
	}
	return flush()
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

// parts sums the bytes of the table's segments, and fails when other rows are live than should be.
func (t *half) parts(ctx context.Context) (r suite.LoadResult, err error) {
	answer, _, err := t.Siltstone.Query(ctx, "SELECT state, rows, bytes FROM siltstone.segments WHERE table_name = '"+t.table+"'")
	if err != nil {
		return r, err
	}
	live := 0
	for _, row := range answer {
		rows, err := strconv.Atoi(row[1])
		if err != nil {
			return r, err
		}
		size, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			return r, err
		}
		if row[0] == "published" {
			r.DiskBytes += size
		} else {
			live += rows
			r.LiveBytes += size
		}
	}
	if want := t.h.Rows - t.seal; live != want {
		return r, fmt.Errorf("%s: %d rows are live, want %d", t.table, live, want)
	}
	return r, nil
}

func (t *half) Query(ctx context.Context, sql string) (suite.Answer, time.Duration, error) {
	return t.Siltstone.Query(ctx, strings.ReplaceAll(sql, "FROM hits", "FROM "+t.table))
}
