package logictest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestClients runs what real clients send (SILTSTONE_PGCOMPAT points to the capture) and compares errors, transaction
// states, column names and types, tags and rows with PostgreSQL's. testdata/clients.txt says how many blocks of each
// client must be equal. SILTSTONE_PGCOMPAT_CLIENTS is a list of clients; with -v, what differs is logged.
func TestClients(t *testing.T) {
	root := os.Getenv("SILTSTONE_PGCOMPAT")
	if root == "" {
		t.Skip("SILTSTONE_PGCOMPAT does not point to the capture")
	}
	names, err := filepath.Glob(filepath.Join(root, "expected", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no capture: %v", err)
	}
	runClients(t, "testdata/clients.txt", "blocks", clientNames(names), func(c *clientRun, name string) { c.run(name) }, root)
}

// clientNames returns the clients of a list of files, or those that SILTSTONE_PGCOMPAT_CLIENTS asks for.
func clientNames(files []string) []string {
	if v := os.Getenv("SILTSTONE_PGCOMPAT_CLIENTS"); v != "" {
		return strings.Split(v, ",")
	}
	for i, f := range files {
		name := filepath.Base(f)
		files[i] = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return files
}

// runClients runs each client on a fresh database and holds what passed against the floors of a file.
func runClients(t *testing.T, file, what string, names []string, run func(c *clientRun, name string), root string) {
	floors := readFloors(t, file)
	table := fmt.Sprintf("%-20s %10s %7s %7s %7s\n", "client", what, "passed", "missing", "other")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			c := newClientRun(t, root)
			defer c.db.close()
			run(c, name)
			table += fmt.Sprintf("%-20s %10d %7d %7d %7d\n", name, c.blocks, c.passed, c.lacking, c.blocks-c.passed-c.lacking)
			if c.passed < floors[name] {
				t.Errorf("%d of %d %s pass, %s wants %d", c.passed, c.blocks, what, file, floors[name])
			}
			floors[name] = max(floors[name], c.passed)
		})
	}
	t.Logf("%s by client\n%s", what, table)
	if *rewrite {
		writeFloors(t, file, "# What must be answered as PostgreSQL does ("+what+"), by client. Raised by -rewrite, never lowered.", floors)
	}
}

type wantedSet struct {
	Cols [][2]string          `json:"cols"`
	Tag  string               `json:"tag"`
	Mode string               `json:"mode"`
	Mask []int                `json:"mask"`
	Want [][2]json.RawMessage `json:"want"` // a row as text of a JSON array, and how often it comes
}

type wantedBlock struct {
	Err  string      `json:"err"`
	Tx   string      `json:"tx"`
	Sets []wantedSet `json:"sets"`
}

// clientRun runs one file on a fresh database with the tables of the capture.
type clientRun struct {
	t       *testing.T
	root    string
	db      *database
	s       *session.Session
	missing missing
	blocks  int
	passed  int
	lacking int
}

// standIn finds the types of columns that a table cannot have yet. The table is made with text in their place: statements
// that do not touch such a column are judged, those that show it differ.
var standIn = regexp.MustCompile(` +(jsonb?|text\[\]|integer\[\])`)

func newClientRun(t *testing.T, root string) *clientRun {
	db, err := open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &clientRun{t: t, root: root, db: db}
	c.connect()
	for _, b := range readBlocks(t, filepath.Join(root, "schema.sql")) {
		err := c.simple(b, &client{})
		if err != nil {
			c.missing.failed(b, err, true)
			if testing.Verbose() {
				t.Logf("schema: %v", err)
			}
			_ = c.simple(standIn.ReplaceAllString(b, " text"), &client{})
		}
	}
	return c
}

func (c *clientRun) connect() {
	if c.s != nil {
		c.s.Close()
	}
	var err error
	c.s, err = c.db.engine.Connect(context.Background(), session.Startup{User: "tester", Database: c.db.engine.Database(), Port: -1})
	if err != nil {
		c.t.Fatal(err)
	}
	c.db.sessions["default"] = c.s
}

func (c *clientRun) simple(sql string, a *client) error {
	a.set = c.s.TypeSettings()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	return c.s.Simple(ctx, sql, a)
}

func readBlocks(t *testing.T, path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all, block []string
	for _, l := range strings.Split(string(data), "\n") {
		if l != ";;" {
			block = append(block, l)
			continue
		}
		if strings.TrimSpace(strings.Join(block, "")) != "" {
			all = append(all, strings.Join(block, "\n"))
		}
		block = nil
	}
	return all
}

func (c *clientRun) run(name string) {
	raw, err := os.ReadFile(filepath.Join(c.root, "expected", name+".json"))
	if err != nil {
		c.t.Fatal(err)
	}
	var want struct{ Blocks []wantedBlock }
	if err := json.Unmarshal(raw, &want); err != nil {
		c.t.Fatal(err)
	}
	blocks := readBlocks(c.t, filepath.Join(c.root, name+".sql"))
	if len(blocks) != len(want.Blocks) {
		c.t.Fatalf("%d blocks, %d answers", len(blocks), len(want.Blocks))
	}
	for i, b := range blocks {
		c.block(b, &want.Blocks[i])
	}
}

func (c *clientRun) block(text string, want *wantedBlock) {
	sql, a := c.directives(text)
	c.blocks++
	err := c.simple(sql, a)
	c.count(sql, c.compare(want, a, err), err)
	if state := string(c.s.TxStatus()); state != want.Tx {
		if state != "I" {
			_ = c.simple("ROLLBACK", &client{})
		}
		if want.Tx != "I" {
			_ = c.simple("BEGIN", &client{})
		}
	}
}

// count counts a statement by what differs, "" when nothing does, and by why.
func (c *clientRun) count(sql, problem string, err error) {
	if problem == "" {
		c.passed++
		c.missing.passed(sql)
		return
	}
	if why := c.missing.failed(sql, err, true); why != "" {
		c.lacking++
		problem += " (missing: " + why + ")"
	}
	if testing.Verbose() {
		c.t.Logf("%s\n   %.400s", problem, strings.ReplaceAll(sql, "\n", " "))
	}
}

// directives takes the lines that were never sent out of a block.
func (c *clientRun) directives(text string) (string, *client) {
	a := &client{}
	var sql, input []string
	reading, base := false, false
	for _, l := range strings.Split(text, "\n") {
		switch {
		case reading:
			input = append(input, l)
		case l == "-- @conn":
			c.connect()
		case l == "-- @stdin", l == "-- @stdin64":
			reading, base = true, l == "-- @stdin64"
		case l == "-- @copyfail":
			a.fail = true
		case !strings.HasPrefix(l, "-- @"):
			sql = append(sql, l)
		}
	}
	if a.input = strings.Join(input, "\n"); base {
		data, _ := base64.StdEncoding.DecodeString(strings.Join(input, ""))
		a.input = string(data)
	} else if reading {
		a.input += "\n"
	}
	return c.fill(strings.Join(sql, "\n")), a
}

var hole = regexp.MustCompile(`\{\{(\w+)(?::(\w+))?\}\}`)

// fill replaces the placeholders.
func (c *clientRun) fill(text string) string {
	return hole.ReplaceAllStringFunc(text, func(h string) string {
		m := hole.FindStringSubmatch(h)
		sql := ""
		switch m[1] {
		case "db":
			return c.db.engine.Database()
		case "user":
			return "tester"
		case "oid":
			sql = "SELECT oid FROM pg_class WHERE relname = '" + m[2] + "'"
		case "typ":
			sql = "SELECT oid FROM pg_type WHERE typname = '" + m[2] + "'"
		case "con":
			sql = "SELECT oid FROM pg_constraint WHERE conname = '" + m[2] + "'"
		case "nsp":
			sql = "SELECT oid FROM pg_namespace WHERE nspname = '" + m[2] + "'"
		}
		a := &client{}
		if err := c.simple(sql, a); err != nil || len(a.sets) == 0 || len(a.sets[0].rows) == 0 {
			return "0"
		}
		return *a.sets[0].rows[0][0]
	})
}

func (c *clientRun) compare(want *wantedBlock, a *client, err error) string {
	code := ""
	if err != nil {
		code = string(errs.From(err).Code)
	}
	if code != want.Err {
		return fmt.Sprintf("error %q %v, want %q", code, err, want.Err)
	}
	if err != nil && a.open {
		a.sets = a.sets[:len(a.sets)-1] // it failed before its tag
	}
	if state := string(c.s.TxStatus()); state != want.Tx {
		return fmt.Sprintf("transaction %s, want %s", state, want.Tx)
	}
	if len(a.sets) != len(want.Sets) {
		return fmt.Sprintf("%d results, want %d", len(a.sets), len(want.Sets))
	}
	for i := range a.sets {
		if p := c.compareSet(&want.Sets[i], &a.sets[i]); p != "" {
			return p
		}
	}
	return ""
}

func (c *clientRun) compareSet(want *wantedSet, got *clientSet) string {
	if !slices.Equal(got.cols, want.Cols) {
		return fmt.Sprintf("columns %v, want %v", got.cols, want.Cols)
	}
	if want.Mode == "" && got.tag != want.Tag {
		return fmt.Sprintf("tag %q, want %q", got.tag, want.Tag)
	}
	if want.Mode != "full" && want.Mode != "user" {
		return ""
	}
	return c.compareRows(want, got.rows)
}

func (c *clientRun) compareRows(want *wantedSet, rows [][]*string) string {
	have := map[string]int{}
	for _, row := range rows {
		var kept []*string
		for i, v := range row {
			if !slices.Contains(want.Mask, i) {
				kept = append(kept, v)
			}
		}
		have[rowText(kept)]++
	}
	total := 0
	for _, w := range want.Want {
		var row string
		var row2 []*string
		n := 0
		if json.Unmarshal(w[0], &row) != nil || json.Unmarshal([]byte(row), &row2) != nil || json.Unmarshal(w[1], &n) != nil {
			return "the capture is malformed"
		}
		for i := range row2 {
			if row2[i] != nil {
				v := c.fill(*row2[i])
				row2[i] = &v
			}
		}
		total += n
		if text := rowText(row2); have[text] < n {
			return fmt.Sprintf("%d of %d rows %s among %d", have[text], n, text, len(rows))
		}
	}
	if want.Mode == "full" && total != len(rows) {
		return fmt.Sprintf("%d rows, want %d", len(rows), total)
	}
	return ""
}

func rowText(row []*string) string {
	b, _ := json.Marshal(row)
	return string(b)
}

type clientSet struct {
	cols [][2]string
	rows [][]*string
	tag  string
}

// client takes all results of a block.
type client struct {
	set    *types.Settings
	sets   []clientSet
	open   bool // the last set has no tag yet
	encode []pgtype.Encoder
	input  string
	fail   bool
}

var _ session.Output = (*client)(nil)

func (a *client) Columns(cols []session.Column) error {
	s := clientSet{cols: [][2]string{}}
	a.encode = nil
	for _, c := range cols {
		s.cols = append(s.cols, [2]string{c.Name, typeName(c.Type)})
		a.encode = append(a.encode, pgtype.TextEncoder(c.Type, a.set))
	}
	a.sets, a.open = append(a.sets, s), true
	return nil
}

// typeName writes a type as the capture does.
func typeName(t types.Type) string {
	info, _ := pgtype.Of(t)
	switch name, array := strings.CutPrefix(info.Name, "_"); {
	case array:
		return name + "[]"
	case name == "char":
		return `"char"`
	}
	return info.Name
}

func (a *client) Rows(b *batch.Batch) error {
	s := &a.sets[len(a.sets)-1]
	for i := range b.Len {
		row := make([]*string, len(b.Cols))
		for c, v := range b.Cols {
			if !v.Datum(i).Null {
				text := string(a.encode[c](nil, v, i))
				row[c] = &text
			}
		}
		s.rows = append(s.rows, row)
	}
	return nil
}

func (a *client) Complete(tag string) error {
	if !a.open {
		a.sets = append(a.sets, clientSet{})
	}
	a.sets[len(a.sets)-1].tag, a.open = tag, false
	return nil
}

func (a *client) Empty() error {
	a.sets = append(a.sets, clientSet{tag: "(empty)"})
	return nil
}

func (a *client) Notice(string, string, string, ...string) error { return nil }
func (a *client) Setting(string, string) error                   { return nil }

func (a *client) CopyOut(int8, int) (io.WriteCloser, error) {
	a.sets, a.open = append(a.sets, clientSet{cols: [][2]string{{"(copy)", "copy"}}}), true
	return nopCloser{copyRows{a}}, nil
}

// copyRows takes a row of COPY TO STDOUT per call.
type copyRows struct{ a *client }

func (c copyRows) Write(b []byte) (int, error) {
	line := strings.TrimSuffix(string(b), "\n")
	s := &c.a.sets[len(c.a.sets)-1]
	s.rows = append(s.rows, []*string{&line})
	return len(b), nil
}

func (a *client) CopyIn(int8, int) (io.Reader, error) {
	if a.fail {
		return failing{}, nil
	}
	return strings.NewReader(a.input), nil
}

// failing is a client that gives up a copy.
type failing struct{}

func (failing) Read([]byte) (int, error) {
	return 0, errs.New(errs.QueryCanceled, "COPY from stdin failed: %w", errors.New("given up"))
}
