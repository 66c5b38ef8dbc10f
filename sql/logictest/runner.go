package logictest

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Mode says where rows lie while a file runs.
type Mode string

// The modes.
const (
	Live    Mode = "live"    // nothing is sealed
	Sealed  Mode = "sealed"  // everything is sealed after each statement that writes
	Half    Mode = "half"    // after every second statement that writes, later after every 16th
	Restart Mode = "restart" // the database is closed and opened in the middle of the file
)

// Modes are all modes.
var Modes = []Mode{Live, Sealed, Half, Restart}

// Failure is a record that did not do what it should.
type Failure struct {
	Place   string
	SQL     string
	Problem string
	Missing string // what is not built yet, when the record failed for it; "": the answer is wrong
}

func (f Failure) String() string { return f.Place + ": " + f.SQL + "\n" + f.Problem }

// Report is what came of a file.
type Report struct {
	Queries, Statements             int
	QueriesPassed, StatementsPassed int
	Failures                        []Failure
}

// Wrong returns how many records had a wrong answer.
func (r *Report) Wrong() (n int) {
	for _, f := range r.Failures {
		if f.Missing == "" {
			n++
		}
	}
	return n
}

// Options of a run.
type Options struct {
	Mode     Mode
	SQLite   bool              // the layout of SQLite's corpus
	Blanks   bool              // columns are separated by blanks
	Foreign  bool              // texts of errors are another engine's: only that there is one counts
	Settings map[string]string // parameters of every session
	Timeout  time.Duration     // of one record; 0: a minute
	Stop     int               // after so many failures; 0: never
}

// Run runs a file in a database in dir.
func Run(path, dir string, o Options) (*Report, error) {
	records, err := parse(path)
	if err != nil {
		return nil, err
	}
	db, err := open(dir, o.Settings)
	if err != nil {
		return nil, err
	}
	r := &runner{o: o, db: db, dir: filepath.Dir(path), name: "default", report: &Report{}}
	if r.o.Timeout == 0 {
		r.o.Timeout = time.Minute
	}
	err = r.all(records)
	if e := db.close(); err == nil {
		err = e
	}
	return r.report, err
}

type runner struct {
	o       Options
	db      *database
	dir     string
	name    string // of the session
	writes  int
	missing missing
	report  *Report
}

func (r *runner) all(records []*record) error {
	restart := r.o.Mode == Restart
	for i, rec := range records {
		if restart && i >= len(records)/2 && !r.busy() {
			restart = false
			if err := r.db.restart(); err != nil {
				return err
			}
		}
		problem, failed, err := r.record(rec)
		if err != nil {
			return fmt.Errorf("%s: %w", rec, err)
		}
		if problem == "" {
			r.missing.passed(rec.sql)
			continue
		}
		why := r.missing.failed(rec.sql, failed, rec.kind != "query")
		r.report.Failures = append(r.report.Failures, Failure{rec.String(), rec.sql, problem, why})
		if r.o.Stop > 0 && len(r.report.Failures) >= r.o.Stop {
			return nil
		}
	}
	return nil
}

// busy tells whether a restart would lose a transaction, a prepared statement or a setting.
func (r *runner) busy() bool {
	for _, s := range r.db.sessions {
		if !s.Fresh() {
			return true
		}
	}
	return false
}

// record runs one record and returns what is wrong with its answer, and the error it answered.
func (r *runner) record(rec *record) (problem string, failed, err error) {
	switch rec.kind {
	case "session":
		r.name = rec.args[0]
		return "", nil, nil
	case "checkpoint":
		return "", nil, r.db.db.Checkpoint(context.Background())
	case "restart":
		return "", nil, r.db.restart()
	case "query":
		r.report.Queries++
		if problem, failed = r.query(rec); problem == "" {
			r.report.QueriesPassed++
		}
		return problem, failed, nil
	case "copyfrom":
		if rec.sql, problem, err = r.copyFrom(rec); err != nil {
			return "", nil, err
		}
	default:
		problem, failed = r.statement(rec)
	}
	r.report.Statements++
	if problem == "" {
		r.report.StatementsPassed++
		err = r.wrote(rec.sql)
	}
	return problem, failed, err
}

// run runs SQL in the current session.
func (r *runner) run(sql string, a *answer) error {
	s, err := r.db.session(r.name)
	if err != nil {
		return err
	}
	a.set = s.TypeSettings()
	if a.render == nil {
		a.render = func(_ int, d types.Datum, text string) string { return value(d, text) }
	}
	ctx, stop := context.WithTimeout(context.Background(), r.o.Timeout)
	defer stop()
	return s.Simple(ctx, sql, a)
}

func (r *runner) query(rec *record) (problem string, failed error) {
	a := &answer{}
	if r.o.SQLite && len(rec.args) > 0 {
		a.render = func(c int, d types.Datum, text string) string {
			if c >= len(rec.args[0]) {
				return text
			}
			return sqliteValue(rec.args[0][c], d, text)
		}
	}
	err := r.run(rec.sql, a)
	if len(rec.args) > 0 && rec.args[0] == "error" {
		return r.refused(rec, err)
	}
	if err != nil {
		return describe(err), err
	}
	return rec.compare(a.rows, r.o.SQLite, r.o.Blanks), nil
}

func describe(err error) string {
	e := errs.From(err)
	s := fmt.Sprintf("error %s: %s", e.Code, e.Message)
	for _, more := range []string{e.Detail, e.Hint, e.Context} {
		if more != "" {
			s += "\n  " + more
		}
	}
	return s
}

func (r *runner) statement(rec *record) (problem string, failed error) {
	a := &answer{}
	if rec.kind == "copy" {
		data := strings.Join(rec.expected, "\n")
		if data != "" {
			data += "\n"
		}
		a.input = []byte(strings.ReplaceAll(data, "<empty>", ""))
	}
	err := r.run(rec.sql, a)
	if len(rec.args) > 0 && rec.args[0] != "ok" {
		return r.refused(rec, err)
	}
	if err != nil {
		return describe(err), err
	}
	return r.expectations(rec, a), nil
}

// refused compares the error of a record that must fail. A foreign one names what its engine says, so
// any error will do but 0A000.
func (r *runner) refused(rec *record, err error) (problem string, failed error) {
	if err == nil {
		return "no error, want " + strings.Join(rec.args, " "), nil
	}
	e := errs.From(err)
	if r.o.Foreign {
		if e.Code == errs.FeatureNotSupported {
			return describe(err), err
		}
		return "", nil
	}
	if len(rec.args) > 1 && string(e.Code) != rec.args[1] {
		return describe(err) + "\nwant SQLSTATE " + rec.args[1], err
	}
	if rec.kind == "copy" {
		return "", nil
	}
	all := e.Message + "\n" + e.Detail + "\n" + e.Hint + "\n" + e.Context
	for _, want := range rec.expected {
		if !strings.Contains(all, want) {
			return describe(err) + "\nwant " + want, err
		}
	}
	return "", nil
}

// expectations compares the tags and notices of a statement with its expected lines.
func (r *runner) expectations(rec *record, a *answer) string {
	if rec.kind == "copy" || len(rec.expected) == 0 {
		return ""
	}
	got := append(append([]string(nil), a.notes...), a.tags...)
	if out := strings.TrimRight(a.output.String(), "\n"); out != "" {
		got = append(strings.Split(out, "\n"), got...)
	}
	if strings.Join(got, "\n") != strings.Join(rec.expected, "\n") {
		return fmt.Sprintf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(rec.expected, "\n"))
	}
	return ""
}

// copyFrom loads a CSV file and returns the statement that did it.
func (r *runner) copyFrom(rec *record) (sql, problem string, err error) {
	data, err := readFile(filepath.Join(r.dir, rec.args[1]))
	if err != nil {
		return "", "", err
	}
	delimiter := "|"
	if len(rec.args) > 2 {
		delimiter = rec.args[2]
	}
	sql = fmt.Sprintf("COPY %s FROM STDIN WITH (FORMAT csv, DELIMITER '%s')", rec.args[0], delimiter)
	if err := r.run(sql, &answer{input: data}); err != nil {
		return sql, describe(err), nil
	}
	return sql, "", nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// wrote seals rows behind a statement that wrote, as the mode says.
func (r *runner) wrote(sql string) error {
	sql = strings.ToUpper(strings.TrimSpace(sql))
	if !strings.HasPrefix(sql, "INSERT") && !strings.HasPrefix(sql, "COPY") && !strings.HasPrefix(sql, "COMMIT") {
		return nil
	}
	r.writes++
	// A long file of single-row INSERTs would make hundreds of segments and wait for the disk at each.
	half := r.writes%2 == 1 && (r.writes < 32 || r.writes%16 == 1)
	if r.o.Mode == Sealed || r.o.Mode == Half && half {
		return r.db.db.Checkpoint(context.Background())
	}
	return nil
}
