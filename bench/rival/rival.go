// Package rival drives other databases through the same workloads: DuckDB and ClickHouse, embedded in a Node.js
// process by their npm packages @duckdb/node-api and chdb. The process is a small program (driver.mjs) that takes one
// JSON command a line and answers with one JSON line; it measures the time of a query itself, so that the pipe to it
// does not count.
package rival

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/bench/suite"
)

//go:embed driver.mjs
var driver []byte

// The packages and their versions; the same on every machine, so that figures are comparable.
var packages = map[string]string{
	"duckdb":     "@duckdb/node-api@1.5.6-r.1",
	"clickhouse": "chdb@3.4.0",
}

// Rival is one embedded database.
type Rival struct {
	name, version string
	dir           string // its data
	modules       string
	threads       int
	cmd           *exec.Cmd
	in            io.WriteCloser
	out           *bufio.Reader
}

// Open installs the npm package of the named database ("duckdb" or "clickhouse") below modules unless it is there,
// and starts it with its data in dir, limited to threads.
func Open(ctx context.Context, name, modules, dir string, threads int) (*Rival, error) {
	pkg, ok := packages[name]
	if !ok {
		return nil, fmt.Errorf("unknown rival %q: there are duckdb and clickhouse", name)
	}
	if err := install(ctx, modules, pkg); err != nil {
		return nil, err
	}
	r := &Rival{name: name, dir: dir, modules: modules, threads: threads}
	return r, r.start(ctx)
}

// start starts the process and waits until it answers.
func (r *Rival) start(ctx context.Context) error {
	r.cmd = exec.CommandContext(ctx, "node", "--max-old-space-size=4096", filepath.Join(r.modules, "driver.mjs"), r.name, r.dir,
		fmt.Sprint(r.threads))
	r.cmd.Stderr = os.Stderr
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	r.out = bufio.NewReaderSize(out, 1<<20)
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("start node: %w", err)
	}
	version, _, err := r.Query(ctx, "SELECT version()")
	if err != nil {
		return err
	}
	r.version = version[0][0]
	return nil
}

// Restart implements suite.Restarter.
func (r *Rival) Restart(ctx context.Context) error {
	if err := r.Close(); err != nil {
		return err
	}
	suite.DropPageCache()
	return r.start(ctx)
}

func install(ctx context.Context, modules, pkg string) error {
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(modules, "driver.mjs"), driver, 0o644); err != nil {
		return err
	}
	name := pkg[:strings.LastIndex(pkg, "@")]
	if _, err := os.Stat(filepath.Join(modules, "node_modules", name, "package.json")); err == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--prefix", modules, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// Name returns "duckdb" or "clickhouse".
func (r *Rival) Name() string { return r.name }

// Version returns the database's own version.
func (r *Rival) Version() string { return r.version }

type command struct {
	SQL string `json:"sql"`
}

type reply struct {
	Rows   [][]*string `json:"rows"`
	Micros float64     `json:"micros"`
	Error  string      `json:"error"`
}

// Query runs one statement and fetches its answer.
func (r *Rival) Query(ctx context.Context, sql string) (suite.Answer, time.Duration, error) {
	b, err := json.Marshal(command{SQL: r.dialect(sql)})
	if err != nil {
		return nil, 0, err
	}
	if _, err := r.in.Write(append(b, '\n')); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", r.name, err)
	}
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		return nil, 0, fmt.Errorf("%s ended: %w", r.name, err)
	}
	var rep reply
	if err := json.Unmarshal(line, &rep); err != nil {
		return nil, 0, err
	}
	if rep.Error != "" {
		return nil, 0, fmt.Errorf("%s: %s", r.name, rep.Error)
	}
	answer := make(suite.Answer, len(rep.Rows))
	for i, row := range rep.Rows {
		answer[i] = make([]string, len(row))
		for c, v := range row {
			if answer[i][c] = suite.Null; v != nil {
				answer[i][c] = *v
			}
		}
	}
	return answer, time.Duration(rep.Micros * 1e3), ctx.Err()
}

// dialect rewrites what a database spells otherwise: in ClickHouse's string literals a backslash is an escape.
func (r *Rival) dialect(sql string) string {
	if r.name == "clickhouse" {
		return strings.ReplaceAll(sql, `\`, `\\`)
	}
	return sql
}

// Load creates the tables and loads the files.
func (r *Rival) Load(ctx context.Context, w *suite.Workload) (suite.LoadResult, error) {
	for _, t := range w.Tables {
		if _, _, err := r.Query(ctx, r.create(t)); err != nil {
			return suite.LoadResult{}, err
		}
	}
	start := time.Now()
	for _, t := range w.Tables {
		for _, f := range t.Files {
			if err := r.loadFile(ctx, t, f); err != nil {
				return suite.LoadResult{}, err
			}
		}
	}
	if r.name == "duckdb" {
		if _, _, err := r.Query(ctx, "CHECKPOINT"); err != nil {
			return suite.LoadResult{}, err
		}
	}
	return suite.LoadResult{Elapsed: time.Since(start), DiskBytes: suite.DiskBytes(r.dir)}, nil
}

func (r *Rival) loadFile(ctx context.Context, t suite.Table, file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	sql := fmt.Sprintf("COPY %s FROM '%s' (FORMAT csv, HEADER false, ALLOW_QUOTED_NULLS false)", t.Name, path)
	if r.name == "clickhouse" {
		sql = fmt.Sprintf("INSERT INTO %s SELECT * FROM file('%s', 'CSV', '%s')", t.Name, path, columns(t.Schema))
	}
	_, _, err = r.Query(ctx, sql)
	return err
}

func (r *Rival) create(t suite.Table) string {
	if r.name == "duckdb" {
		return t.Schema
	}
	return fmt.Sprintf("CREATE TABLE %s (%s) ENGINE = MergeTree ORDER BY (%s)", t.Name, columns(t.Schema), t.Order)
}

// columns turns PostgreSQL's column list into ClickHouse's.
func columns(schema string) string {
	types := map[string]string{
		"BIGINT": "Int64", "SMALLINT": "Int16", "INTEGER": "Int32", "TEXT": "String", "TIMESTAMP": "DateTime",
		"DATE": "Date", "CHAR": "String", "DECIMAL(15,2)": "Decimal(15,2)",
	}
	var list []string
	for line := range strings.Lines(schema[strings.Index(schema, "(\n")+1:]) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		name := strings.ToUpper(strings.TrimSuffix(f[1], ","))
		if strings.HasPrefix(name, "VARCHAR(") {
			name = "TEXT"
		}
		if t, ok := types[name]; ok {
			list = append(list, f[0]+" "+t)
		}
	}
	return strings.Join(list, ", ")
}

// Memory returns the process's highest resident bytes.
func (r *Rival) Memory() int64 {
	_, peak := suite.ProcessMemory(r.cmd.Process.Pid)
	return peak
}

// Close ends the process.
func (r *Rival) Close() error {
	_ = r.in.Close()
	return r.cmd.Wait()
}
