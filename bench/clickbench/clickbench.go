// Package clickbench is the ClickBench workload: one wide table, 43 queries, on data of package gen.
package clickbench

import (
	"bufio"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/siltstone-db/siltstone/bench/gen"
	"github.com/siltstone-db/siltstone/bench/suite"
)

//go:embed schema.sql
var schema string

//go:embed queries.sql
var queries string

// Schema returns the CREATE TABLE statement of hits, in PostgreSQL's dialect.
func Schema() string { return schema }

// Queries returns the 43 queries.
func Queries() []suite.Query {
	var qs []suite.Query
	for line := range strings.Lines(queries) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		if check, ok := strings.CutPrefix(line, "-- check: "); ok {
			qs[len(qs)-1].Check = check
		} else if line != "" && !strings.HasPrefix(line, "--") {
			qs = append(qs, suite.Query{Name: fmt.Sprintf("Q%d", len(qs)+1), SQL: line, Proof: proof(line)})
		}
	}
	return qs
}

// proof returns what judges the timed answer of a query.
func proof(sql string) *suite.Proof {
	p, err := suite.Prove(sql, "WatchID")
	if err != nil { // a query of this package that its test has not seen
		panic("clickbench: " + err.Error())
	}
	return p
}

// Workload returns the workload over rows rows, writing the data files into dir unless they are there.
func Workload(dir string, seed uint64, rows int) (*suite.Workload, error) {
	files, err := Files(dir, seed, rows)
	if err != nil {
		return nil, err
	}
	return &suite.Workload{Name: "clickbench", Tables: tables(files...), Rows: int64(rows), Queries: Queries()}, nil
}

// tables is the table with its files.
func tables(files ...string) []suite.Table {
	return []suite.Table{{Name: "hits", Schema: schema, Files: files, Order: "CounterID, EventDate, UserID, EventTime, WatchID"}}
}

// Files writes the CSV files of the data, one per million rows, and returns their paths. Files of an earlier run with
// the same seed and number of rows are used again.
func Files(dir string, seed uint64, rows int) ([]string, error) {
	h := gen.Hits{Seed: seed, Rows: rows}
	var files []string
	for p := range h.Parts() {
		n := min(gen.PartRows, rows-p*gen.PartRows)
		path := filepath.Join(dir, fmt.Sprintf("hits-%d-%03d-%d.csv", seed, p, n))
		if err := writePart(h, p, path); err != nil {
			return nil, err
		}
		files = append(files, path)
	}
	return files, nil
}

func writePart(h gen.Hits, part int, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := h.AppendPart(part, func(b []byte) error { _, err := w.Write(b); return err }); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
