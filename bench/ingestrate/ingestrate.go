// Package ingestrate measures intake: rows per second over COPY and HTTP, durable commits per second over single-row
// INSERTs. Every case counts its rows afterwards: a rate whose rows are not all there is an error.
package ingestrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siltstone-db/siltstone/bench/gen"
	"github.com/siltstone-db/siltstone/bench/suite"
)

// Result is the outcome of one case.
type Result struct {
	Case    string        `json:"case"`
	Clients int           `json:"clients"`
	Rows    int64         `json:"rows"`
	Commits int64         `json:"commits"`
	Elapsed time.Duration `json:"elapsed"`
	P50     time.Duration `json:"p50"` // of one commit, as its client sees it
	P99     time.Duration `json:"p99"`
}

// RowsPerSecond returns the rate of rows over the whole case.
func (r Result) RowsPerSecond() float64 { return float64(r.Rows) / r.Elapsed.Seconds() }

// CommitsPerSecond returns the rate of commits over the whole case.
func (r Result) CommitsPerSecond() float64 { return float64(r.Commits) / r.Elapsed.Seconds() }

// Target is where rows go.
type Target struct{ PG, HTTP string }

// worker sends one commit and returns its rows.
type worker func(ctx context.Context) (rows int64, err error)

// run lets clients workers commit until the time is over, then checks the table's count.
func (t Target) run(ctx context.Context, name, table string, clients int, d time.Duration, start func(client int) (worker, func(), error)) (Result, error) {
	r := Result{Case: name, Clients: clients}
	var rows, commits atomic.Int64
	latencies := make([][]time.Duration, clients)
	workers := []worker{}
	for c := range clients {
		w, closeWorker, err := start(c)
		if err != nil {
			return r, err
		}
		defer closeWorker()
		workers = append(workers, w)
	}
	errs := make([]error, clients)
	begun := time.Now()
	var wg sync.WaitGroup
	for c, w := range workers {
		wg.Go(func() {
			for time.Since(begun) < d {
				begin := time.Now()
				n, err := w(ctx)
				if err != nil {
					errs[c] = err
					return
				}
				latencies[c] = append(latencies[c], time.Since(begin))
				rows.Add(n)
				commits.Add(1)
			}
		})
	}
	wg.Wait()
	r.Elapsed, r.Rows, r.Commits = time.Since(begun), rows.Load(), commits.Load()
	if err := errors.Join(errs...); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	if len(all) > 0 {
		r.P50, r.P99 = all[len(all)/2], all[len(all)*99/100]
	}
	return r, t.verify(ctx, name, table, r.Rows)
}

func (t Target) verify(ctx context.Context, name, table string, want int64) error {
	conn, err := pgx.Connect(ctx, suite.ConnString(t.PG))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var got int64
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s: %d rows acknowledged, %d found", name, want, got)
	}
	return nil
}

func (t Target) create(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, suite.ConnString(t.PG))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// Insert measures single-row INSERTs, each its own durable commit, as prepared statements.
func (t Target) Insert(ctx context.Context, clients int, d time.Duration) (Result, error) {
	table := fmt.Sprintf("insert_%d", clients)
	if err := t.create(ctx, "CREATE TABLE "+table+" (id bigint NOT NULL, client integer NOT NULL, note text)"); err != nil {
		return Result{}, err
	}
	return t.run(ctx, "insert", table, clients, d, func(client int) (worker, func(), error) {
		conn, err := pgx.Connect(ctx, suite.ConnString(t.PG))
		if err != nil {
			return nil, nil, err
		}
		id := int64(client) << 40
		sql := "INSERT INTO " + table + " VALUES ($1, $2, $3)"
		return func(ctx context.Context) (int64, error) {
			id++
			_, err := conn.Exec(ctx, sql, id, client, "a note of ordinary length")
			return 1, err
		}, func() { conn.Close(context.Background()) }, nil
	})
}

// HTTP20 measures POSTs of batches of NDJSON rows of 20 columns.
func (t Target) HTTP20(ctx context.Context, clients, batch int, d time.Duration) (Result, error) {
	table := fmt.Sprintf("events_%d", clients)
	if err := t.create(ctx, fmt.Sprintf(gen.EventsSchema, table)); err != nil {
		return Result{}, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	url := "http://" + t.HTTP + "/v1/tables/" + table + "/rows"
	return t.run(ctx, fmt.Sprintf("http ndjson, 20 columns, %d rows a request", batch), table, clients, d, func(c int) (worker, func(), error) {
		var bodies [][]byte // made before the clock starts
		for i := range 8 {
			var b []byte
			for k := range batch {
				b = gen.Events{Seed: uint64(c)}.AppendJSON(b, uint64(i*batch+k))
			}
			bodies = append(bodies, b)
		}
		n := 0
		return func(ctx context.Context) (int64, error) {
			n++
			return int64(batch), post(ctx, client, url, fmt.Sprintf("%s-%d-%d", table, c, n), bodies[n%len(bodies)])
		}, func() {}, nil
	})
}

func post(ctx context.Context, client *http.Client, url, key string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Idempotency-Key", key)
	for {
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			return nil
		case http.StatusTooManyRequests:
			time.Sleep(50 * time.Millisecond)
			req.Body = io.NopCloser(bytes.NewReader(body))
		default:
			return fmt.Errorf("%s: %s", resp.Status, answer)
		}
	}
}

// Copy measures COPY csv of hits (105 columns): each client copies batches of rows rows.
func (t Target) Copy(ctx context.Context, schema string, clients, rows int, d time.Duration) (Result, error) {
	if err := t.create(ctx, schema); err != nil {
		return Result{}, err
	}
	var data []byte
	if err := (gen.Hits{Seed: 1, Rows: rows}).AppendPart(0, func(b []byte) error { data = append(data, b...); return nil }); err != nil {
		return Result{}, err
	}
	return t.run(ctx, fmt.Sprintf("copy csv, 105 columns, %d rows a statement", rows), "hits", clients, d, func(int) (worker, func(), error) {
		conn, err := pgx.Connect(ctx, suite.ConnString(t.PG))
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) (int64, error) {
			return int64(rows), suite.Copy(ctx, conn.PgConn(), "hits", bytes.NewReader(data))
		}, func() { conn.Close(context.Background()) }, nil
	})
}
