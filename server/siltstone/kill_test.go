package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fate is what a writer knows of a row.
type fate uint8

const (
	inDoubt      fate = iota + 1 // sent, and the process died before the answer
	acknowledged                 // must be there, once
)

// ledger is what one writer wrote: row seq of group g belongs to one commit with all rows of the group.
type ledger struct {
	name   string
	next   int64
	groups []group
}

type group struct {
	from, to int64 // rows [from, to)
	fate     fate
}

func (l *ledger) begin(n int64) *group {
	l.groups = append(l.groups, group{l.next, l.next + n, inDoubt})
	l.next += n
	return &l.groups[len(l.groups)-1]
}

// writer writes until the server dies, and keeps its ledger.
type writer func(ctx context.Context, p *process, l *ledger) error

// insertRows writes single rows by INSERT.
func insertRows(ctx context.Context, p *process, l *ledger) error {
	c, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for {
		g := l.begin(1)
		if _, err := c.Exec(ctx, "INSERT INTO events VALUES ($1, $2, $3)", l.name, g.from, payload(g.from)); err != nil {
			return err
		}
		g.fate = acknowledged
	}
}

// copyRows writes groups of rows by COPY.
func copyRows(ctx context.Context, p *process, l *ledger) error {
	c, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for {
		g := l.begin(57)
		var text bytes.Buffer
		for i := g.from; i < g.to; i++ {
			fmt.Fprintf(&text, "%s\t%d\t%s\n", l.name, i, payload(i))
		}
		if _, err := c.PgConn().CopyFrom(ctx, &text, "COPY events FROM STDIN"); err != nil {
			return err
		}
		g.fate = acknowledged
	}
}

// pushRows writes groups of rows over HTTP. A push in doubt is sent again with its key until it is acknowledged.
func pushRows(ctx context.Context, p *process, l *ledger) error {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for {
		var g *group
		if n := len(l.groups); n > 0 && l.groups[n-1].fate == inDoubt {
			g = &l.groups[n-1]
		} else {
			g = l.begin(31)
		}
		var body bytes.Buffer
		for i := g.from; i < g.to; i++ {
			fmt.Fprintf(&body, "{\"writer\":%q,\"seq\":%d,\"payload\":%q}\n", l.name, i, payload(i))
		}
		r, err := http.NewRequestWithContext(ctx, "POST", p.http+"/v1/tables/events/rows", &body)
		if err != nil {
			return err
		}
		r.Header.Set("Idempotency-Key", fmt.Sprintf("%s/%d", l.name, g.from))
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		var a struct{ Stored int64 }
		if err := json.Unmarshal(answer, &a); err != nil || resp.StatusCode != 200 || a.Stored != g.to-g.from {
			return fmt.Errorf("push: %s %s", resp.Status, answer)
		}
		g.fate = acknowledged
	}
}

func payload(seq int64) string { return strings.Repeat(strconv.FormatInt(seq*7919, 36), 3) }

// verify compares the table with the ledgers: every acknowledged row once, every group whole or not at all, nothing
// twice, nothing that nobody wrote.
func verify(t *testing.T, p *process, ledgers []*ledger) (rows int64) {
	t.Helper()
	c := mustConnect(t, p)
	res, err := c.Query(context.Background(), "SELECT writer, seq, payload FROM events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Close()
	found := map[string]map[int64]int{}
	for res.Next() {
		var name, text string
		var seq int64
		if err := res.Scan(&name, &seq, &text); err != nil {
			t.Fatal(err)
		}
		if text != payload(seq) {
			t.Errorf("%s %d holds %q, want %q", name, seq, text, payload(seq))
		}
		if found[name] == nil {
			found[name] = map[int64]int{}
		}
		found[name][seq]++
		rows++
	}
	if err := res.Err(); err != nil {
		t.Fatal(err)
	}
	for _, l := range ledgers {
		for _, g := range l.groups {
			have := int64(0)
			for i := g.from; i < g.to; i++ {
				n := found[l.name][i]
				if n > 1 {
					t.Errorf("%s %d is there %d times", l.name, i, n)
				}
				have += int64(n)
				delete(found[l.name], i)
			}
			if have != g.to-g.from && (g.fate == acknowledged || have != 0) {
				t.Errorf("%s: of rows %d to %d (acknowledged: %v) %d are there", l.name, g.from, g.to, g.fate == acknowledged, have)
			}
		}
		if n := len(found[l.name]); n > 0 {
			t.Errorf("%s: %d rows that it never wrote", l.name, n)
		}
	}
	return rows
}

// createEvents makes the table of the writers, with small segments, so that rows are sealed and replayed alike.
func createEvents(t *testing.T, p *process) {
	t.Helper()
	mustExec(t, mustConnect(t, p), "CREATE TABLE events (writer text NOT NULL, seq bigint NOT NULL, payload text) WITH (seal_rows = '3000')")
}

// eventWriters returns two writers for each door, with their ledgers.
func eventWriters() (ledgers []*ledger, writers []writer) {
	for i := range 2 {
		for name, w := range map[string]writer{"insert": insertRows, "copy": copyRows, "push": pushRows} {
			ledgers, writers = append(ledgers, &ledger{name: fmt.Sprintf("%s-%d", name, i)}), append(writers, w)
		}
	}
	return ledgers, writers
}

// writeUntil runs the writers while end ends the server, and waits for them.
func writeUntil(t *testing.T, p *process, ledgers []*ledger, writers []writer, end func()) {
	t.Helper()
	var wg sync.WaitGroup
	errors := make([]error, len(writers))
	for i, w := range writers {
		wg.Go(func() { errors[i] = w(context.Background(), p, ledgers[i]) })
	}
	end()
	wg.Wait()
	for i, l := range ledgers {
		if len(l.groups) == 0 {
			t.Errorf("%s wrote nothing: %v", l.name, errors[i])
		}
	}
}

// TestStopUnderLoad: SIGTERM while rows come in by every door is a clean stop, within its grace, and what was
// acknowledged is there.
func TestStopUnderLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := mustLaunch(t, dir)
	createEvents(t, p)
	ledgers, writers := eventWriters()
	for range 2 {
		writeUntil(t, p, ledgers, writers, func() {
			time.Sleep(400 * time.Millisecond)
			began := time.Now()
			stop(t, p)
			if d := time.Since(began); d > 15*time.Second {
				t.Errorf("the stop took %s", d)
			}
		})
		if out, err := program("check", "--data", dir).CombinedOutput(); err != nil {
			t.Errorf("check: %v, %s", err, out)
		}
		p = mustLaunch(t, dir)
		t.Logf("%d rows, all of them right", verify(t, p, ledgers))
	}
}

// TestKill kills the server again and again while rows come in by every door, and finds every acknowledged row exactly
// once. SILTSTONE_KILLS sets how often.
func TestKill(t *testing.T) {
	kills := 5
	if testing.Short() {
		kills = 3
	}
	if text := os.Getenv("SILTSTONE_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	p := mustLaunch(t, dir)
	createEvents(t, p)
	ledgers, writers := eventWriters()
	for k := range kills {
		writeUntil(t, p, ledgers, writers, func() {
			time.Sleep(time.Duration(150+83*(k%5)) * time.Millisecond) // the moment of a power failure
			p.kill()
		})
		p = mustLaunch(t, dir)
		rows := verify(t, p, ledgers)
		if t.Failed() {
			t.Fatalf("after kill %d: %s", k, p.said())
		}
		t.Logf("kill %d: %d rows, all of them right", k, rows)
	}
	// And after an orderly seal of everything they are the same.
	if _, err := mustConnect(t, p).Exec(context.Background(), "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	verify(t, p, ledgers)
}
