package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// loadRows is how many rows a large load has: more than a transaction keeps as batches in the least memory, and two
// segments of the table.
const loadRows = 90_000

// lines returns rows of a writer as COPY text.
func (l *ledger) lines(from, to int64) *bytes.Buffer {
	var text bytes.Buffer
	for i := from; i < to; i++ {
		text.WriteString(l.name)
		text.WriteByte('\t')
		text.WriteString(strconv.FormatInt(i, 10))
		text.WriteByte('\t')
		text.WriteString(payload(i))
		text.WriteByte('\n')
	}
	return &text
}

func copyText(ctx context.Context, c *pgx.Conn, text *bytes.Buffer) error {
	_, err := c.PgConn().CopyFrom(ctx, text, "COPY events FROM STDIN")
	return err
}

// largeCopies writes large loads, each by one COPY; every other one has a bad last line and must leave nothing.
func largeCopies(ctx context.Context, p *process, l *ledger) error {
	c, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for {
		g := l.begin(loadRows)
		if err := copyText(ctx, c, l.lines(g.from, g.to)); err != nil {
			return err
		}
		g.fate = acknowledged
		bad := l.lines(l.next, l.next+loadRows)
		bad.WriteString("no row\n")
		if err := copyText(ctx, c, bad); err == nil || c.IsClosed() {
			return fmt.Errorf("a bad last line: %w", err)
		}
	}
}

// largeBlocks writes large loads inside of transaction blocks that also load what they roll back.
func largeBlocks(ctx context.Context, p *process, l *ledger) error {
	c, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for {
		g := l.begin(loadRows)
		half := (g.from + g.to) / 2
		for _, step := range []func() error{
			func() error { return execute(ctx, c, "BEGIN") },
			func() error { return copyText(ctx, c, l.lines(g.from, half)) },
			func() error { return execute(ctx, c, "SAVEPOINT s") },
			func() error { return copyText(ctx, c, l.lines(g.from+1_000_000_000, g.to+1_000_000_000)) },
			func() error { return execute(ctx, c, "ROLLBACK TO s") },
			func() error { return copyText(ctx, c, l.lines(half, g.to)) },
			func() error { return execute(ctx, c, "COMMIT") },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		g.fate = acknowledged
	}
}

// vanishing begins large loads and goes away in the middle: none of its rows may ever be there.
func vanishing(ctx context.Context, p *process, l *ledger) error {
	for i := int64(0); ; i++ {
		c, err := p.connect(ctx)
		if err != nil {
			return err
		}
		l.groups = append(l.groups, group{from: i, to: i}) // it did something
		limited, cancel := context.WithTimeout(ctx, time.Duration(20+30*(i%5))*time.Millisecond)
		_ = copyText(limited, c, l.lines(0, 5*loadRows))
		cancel()
		c.PgConn().Conn().Close()
	}
}

func execute(ctx context.Context, c *pgx.Conn, sql string) error {
	_, err := c.Exec(ctx, sql)
	return err
}

// TestKillDuringLoads kills the server again and again in the middle of large loads, next to single inserts and
// checkpoints: each load is there whole, or not at all when it was not acknowledged, and no file of another is left.
func TestKillDuringLoads(t *testing.T) {
	kills := 4
	if testing.Short() {
		kills = 2
	}
	if text := os.Getenv("SILTSTONE_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	p := mustLaunch(t, dir, "--memory", "64MiB")
	mustExec(t, mustConnect(t, p), "CREATE TABLE events (writer text NOT NULL, seq bigint NOT NULL, payload text) WITH (seal_rows = '40000')")
	ledgers := []*ledger{{name: "insert"}, {name: "copy"}, {name: "block"}, {name: "gone"}}
	writers := []writer{insertRows, largeCopies, largeBlocks, vanishing}
	for k := range kills {
		writeUntil(t, p, ledgers, writers, func() {
			time.Sleep(time.Duration(400+383*(k%4)) * time.Millisecond)
			if k%2 == 1 {
				go func() { // in the middle of a checkpoint
					if c, err := p.connect(context.Background()); err == nil {
						_ = execute(context.Background(), c, "CHECKPOINT")
					}
				}()
				time.Sleep(20 * time.Millisecond)
			}
			p.kill()
		})
		if out, err := program("check", "--data", dir).CombinedOutput(); err != nil {
			t.Errorf("check: %v, %s", err, out)
		}
		p = mustLaunch(t, dir, "--memory", "64MiB")
		rows := verify(t, p, ledgers)
		if t.Failed() {
			t.Fatalf("after kill %d: %s", k, p.said())
		}
		t.Logf("kill %d: %d rows, all of them right", k, rows)
	}
	c := mustConnect(t, p)
	mustExec(t, c, "CHECKPOINT")
	verify(t, p, ledgers)
	// Segments are merged meanwhile: each file belongs to one as soon as no merge is on its way.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var segments int
		if err := c.QueryRow(context.Background(), "SELECT count(*) FROM siltstone.segments WHERE state = 'published'").Scan(&segments); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Join(dir, "segments"))
		if err == nil && len(files) == segments {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d files for %d segments: %v", len(files), segments, err)
		}
	}
}
