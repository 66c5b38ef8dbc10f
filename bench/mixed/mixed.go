// Package mixed queries while rows arrive and holds every answer against what must be true of it: a writer's rows
// appear in order, whole commits at a time, never missed, never doubled, and never later than their acknowledgement.
package mixed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siltstone-db/siltstone/bench/suite"
)

// Options say how much and how long.
type Options struct {
	PG       string
	Writers  int
	Readers  int
	Batch    int // rows of a commit
	Duration time.Duration
}

// Result is the outcome.
type Result struct {
	Rows     int64         `json:"rows"` // acknowledged
	Queries  int64         `json:"queries"`
	Wrong    int64         `json:"wrong"`
	Examples []string      `json:"examples"` // of wrong answers, 5 at most
	P50      time.Duration `json:"p50"`      // of a query
	P99      time.Duration `json:"p99"`
	Elapsed  time.Duration `json:"elapsed"`
}

// table seals every 20,000 rows, so that a run of half a minute sees many hand-offs between live and sealed rows.
const table = `CREATE TABLE running (writer integer NOT NULL, id bigint NOT NULL, v bigint NOT NULL, name text NOT NULL)
 WITH (seal_rows = 20000)`

// totals is asked by readers. The rows of writer w are ids 0, 1, 2, ... with v = id * 3 + w, in commits of Batch rows.
const totals = `SELECT writer, count(*), sum(v), min(id), max(id), count(DISTINCT id), count(DISTINCT name)
 FROM running GROUP BY writer`

type run struct {
	opt     Options
	sent    []atomic.Int64 // rows per writer handed to the server
	acked   []atomic.Int64 // rows per writer acknowledged
	queries atomic.Int64
	wrong   atomic.Int64
	mu      struct {
		sync.Mutex
		examples  []string
		latencies []time.Duration
	}
}

// Run creates the table, writes and reads at the same time, and returns what it saw.
func Run(ctx context.Context, opt Options) (Result, error) {
	conn, err := pgx.Connect(ctx, suite.ConnString(opt.PG))
	if err != nil {
		return Result{}, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, table); err != nil {
		return Result{}, err
	}
	r := &run{opt: opt, sent: make([]atomic.Int64, opt.Writers), acked: make([]atomic.Int64, opt.Writers)}
	start := time.Now()
	stop, cancel := context.WithTimeout(ctx, opt.Duration)
	defer cancel()
	errs := make([]error, opt.Writers+opt.Readers)
	var wg sync.WaitGroup
	for w := range opt.Writers {
		wg.Go(func() { errs[w] = r.write(ctx, stop, w) })
	}
	for i := range opt.Readers {
		wg.Go(func() { errs[opt.Writers+i] = r.read(ctx, stop) })
	}
	wg.Wait()
	res := Result{Elapsed: time.Since(start), Queries: r.queries.Load(), Wrong: r.wrong.Load(), Examples: r.mu.examples}
	for w := range r.acked {
		res.Rows += r.acked[w].Load()
	}
	slices.Sort(r.mu.latencies)
	if n := len(r.mu.latencies); n > 0 {
		res.P50, res.P99 = r.mu.latencies[n/2], r.mu.latencies[n*99/100]
	}
	if res.Queries == 0 {
		errs = append(errs, errors.New("no query finished"))
	}
	return res, errors.Join(errs...)
}

func (r *run) write(ctx, stop context.Context, w int) error {
	conn, err := pgx.Connect(ctx, suite.ConnString(r.opt.PG))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows := make([][]any, r.opt.Batch)
	for id := int64(0); stop.Err() == nil; id += int64(r.opt.Batch) {
		for i := range rows {
			n := id + int64(i)
			rows[i] = []any{int32(w), n, n*3 + int64(w), fmt.Sprintf("name %d", n%1000)}
		}
		r.sent[w].Add(int64(len(rows)))
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"running"}, []string{"writer", "id", "v", "name"}, pgx.CopyFromRows(rows)); err != nil {
			return fmt.Errorf("writer %d: %w", w, err)
		}
		r.acked[w].Add(int64(len(rows)))
	}
	return nil
}

func (r *run) read(ctx, stop context.Context) error {
	conn, err := pgx.Connect(ctx, suite.ConnString(r.opt.PG))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for stop.Err() == nil {
		least := make([]int64, r.opt.Writers)
		for w := range least {
			least[w] = r.acked[w].Load()
		}
		start := time.Now()
		seen, err := r.query(ctx, conn)
		elapsed := time.Since(start)
		if err != nil {
			return fmt.Errorf("reader: %w", err)
		}
		for w := range least {
			if n := seen[w]; n < least[w] || n > r.sent[w].Load() {
				r.fail("writer %d: %d rows seen, %d acknowledged before, %d sent", w, n, least[w], r.sent[w].Load())
			}
		}
		r.queries.Add(1)
		r.mu.Lock()
		r.mu.latencies = append(r.mu.latencies, elapsed)
		r.mu.Unlock()
	}
	return nil
}

// query returns the rows seen per writer, after checking that they are a prefix of what it wrote.
func (r *run) query(ctx context.Context, conn *pgx.Conn) ([]int64, error) {
	rows, err := conn.Query(ctx, totals, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seen := make([]int64, r.opt.Writers)
	for rows.Next() {
		var w int32
		var n, sum, low, high, ids, names int64
		if err := rows.Scan(&w, &n, &sum, &low, &high, &ids, &names); err != nil {
			return nil, err
		}
		seen[w] = n
		wantSum := n*(n-1)/2*3 + n*int64(w)
		if sum != wantSum || low != 0 || high != n-1 || ids != n || names != min(n, 1000) || n%int64(r.opt.Batch) != 0 {
			r.fail("writer %d: count %d, sum %d (want %d), min %d, max %d, distinct ids %d, distinct names %d", w, n, sum, wantSum, low, high, ids, names)
		}
	}
	return seen, rows.Err()
}

func (r *run) fail(format string, args ...any) {
	r.wrong.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mu.examples) < 5 {
		r.mu.examples = append(r.mu.examples, fmt.Sprintf(format, args...))
	}
}
