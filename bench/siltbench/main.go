// Command siltbench runs benchmarks against Siltstone over its wire, and the same ones against other databases.
//
//	siltbench clickbench --rows 1000000 --rivals duckdb,clickhouse
//	siltbench clickbench --data hits.tsv.gz  over the real rows
//	siltbench tpch       --sf 1 --rivals duckdb
//	siltbench live       --rows 1000000      the same queries over sealed rows, and over half live, half sealed rows
//	siltbench ingest                         rows/s and commits/s over COPY, HTTP and INSERT
//	siltbench mixed                          queries while rows arrive: running totals and latency
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/siltstone-db/siltstone/bench/suite"
)

// common are the flags of every benchmark.
type common struct {
	Dir     string `help:"Directory for data files, databases and npm packages." default:"bench-data" type:"path"`
	Threads int    `help:"Threads that each database may use." default:"2"`
	PG      string `help:"Address of a running server's PostgreSQL wire; empty: start one." placeholder:"HOST:PORT"`
	HTTP    string `help:"Address of a running server's HTTP." placeholder:"HOST:PORT"`
}

var cli struct {
	Clickbench clickbenchCmd `cmd:"" help:"Run the 43 ClickBench queries."`
	TPCH       tpchCmd       `cmd:"" help:"Run the 22 TPC-H queries." name:"tpch"`
	Live       liveCmd       `cmd:"" help:"Compare sealed rows with half live, half sealed rows."`
	Ingest     ingestCmd     `cmd:"" help:"Measure intake over COPY, HTTP and INSERT."`
	Mixed      mixedCmd      `cmd:"" help:"Query while rows arrive."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k := kong.Parse(&cli, kong.Name("siltbench"), kong.Description("Benchmarks of Siltstone and its rivals."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "siltbench:", err)
		os.Exit(1)
	}
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// start starts a server with an empty data directory named name, or returns one that only has the given addresses.
func (c *common) start(ctx context.Context, name string) (server *suite.Server, own bool, err error) {
	if c.PG != "" {
		return &suite.Server{PG: c.PG, HTTP: c.HTTP}, false, nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, false, err
	}
	program, err := suite.Build(ctx, c.Dir)
	if err != nil {
		return nil, false, err
	}
	dir := filepath.Join(c.Dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, false, err
	}
	server, err = suite.Start(ctx, program, dir, c.Threads)
	return server, true, err
}
