package smith

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestPostgres asks PostgreSQL 15 the same as us: SILTSTONE_SMITH_POSTGRES is a connection string of an empty database,
// SILTSTONE_SMITH_SEEDS a range of seeds like 1-100.
//
// Errors count as well. Of a scalar query they are defined. Of a query over many rows only its rows are: which condition
// is looked at first, and whether at all, is each planner's choice, so there an error on one side proves nothing.
func TestPostgres(t *testing.T) {
	address := os.Getenv("SILTSTONE_SMITH_POSTGRES")
	if address == "" {
		t.Skip("SILTSTONE_SMITH_POSTGRES is not set")
	}
	from, to := seeds(t)
	c := &comparison{unsupported: map[string]int{}, soft: map[string]int{}}
	for seed := from; seed <= to; seed++ {
		c.seed(t, address, seed)
	}
	t.Logf("%d scalar queries, %d queries (%d with rows), %d errors on both sides", c.scalars, c.queries, c.answered, c.bothFailed)
	logCounts(t, "not supported", c.unsupported)
	logCounts(t, "an error on one side, or another one", c.soft)
}

func seeds(t *testing.T) (from, to uint64) {
	v := os.Getenv("SILTSTONE_SMITH_SEEDS")
	if v == "" {
		return 1, 10
	}
	a, b, _ := strings.Cut(v, "-")
	from, err := strconv.ParseUint(a, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if to, err = strconv.ParseUint(b, 10, 64); err != nil {
		to = from
	}
	return from, to
}

func logCounts(t *testing.T, what string, counts map[string]int) {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return counts[b] - counts[a] })
	for _, k := range keys[:min(60, len(keys))] {
		t.Logf("%s: %d x %s", what, counts[k], k)
	}
}

type comparison struct {
	scalars, queries, answered, bothFailed int
	unsupported, soft                      map[string]int
}

type postgres struct{ conn *pgconn.PgConn }

func (p postgres) run(sql string) *result {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	out := &result{}
	all := p.conn.Exec(ctx, sql)
	for all.NextResult() {
		r := all.ResultReader()
		for _, f := range r.FieldDescriptions() {
			out.oids = append(out.oids, f.DataTypeOID)
		}
		for r.NextRow() {
			var values []string
			for _, v := range r.Values() {
				if v == nil {
					values = append(values, null)
				} else {
					values = append(values, string(v))
				}
			}
			out.rows = append(out.rows, values)
		}
	}
	if err := all.Close(); err != nil {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return &result{code: e.Code, text: e.Message}
		}
		return &result{code: "lost", text: err.Error()}
	}
	return out
}

// seed compares the answers over the tables of one seed.
func (c *comparison) seed(t *testing.T, address string, seed uint64) {
	conn, err := pgconn.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	pg, ours := postgres{conn}, openDatabase(t, nil)
	g := New(seed)
	for _, x := range g.Tables(4, 24) {
		half := len(x.Rows) / 2
		for _, sql := range []string{"DROP TABLE IF EXISTS " + x.Name, x.Create(), x.Insert(0, half), x.Insert(half, len(x.Rows))} {
			a, b := ours.run(sql), pg.run(sql)
			if a.code != b.code {
				t.Fatalf("seed %d: %s\nours %s %s\nPostgreSQL %s %s", seed, sql, a.code, a.text, b.code, b.text)
			}
		}
	}
	zone := pick(g, []string{"UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata"})
	ours.run("SET TimeZone = '" + zone + "'")
	pg.run("SET TimeZone = '" + zone + "'")
	failed := 0
	for i := range 400 {
		if i == 200 {
			if err := ours.db.Checkpoint(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		c.scalars++
		n, check := g.Scalar(), c.scalar
		if i%2 == 1 {
			c.scalars--
			c.queries++
			query, ordered := g.Query()
			n, check = query, c.rows(ordered)
		}
		sql := n.String()
		a, b := ours.run(sql), pg.run(sql)
		if (a.code == "0A000" || a.code == "42883") && b.code != a.code {
			c.unsupported[a.text]++
			continue
		}
		if check(sql, a, b) == "" {
			c.count(a, i%2 == 1)
			continue
		}
		if again := pg.run(sql); again.code == "lost" {
			t.Fatalf("seed %d: %s: %s", seed, sql, again.text)
		}
		Reduce(n, 300, func(sql string) bool { return c.fails(sql, ours.run(sql), pg.run(sql), check) })
		sql = n.String()
		a, b = ours.run(sql), pg.run(sql)
		t.Errorf("seed %d, query %d (%s): %s\n%s\nours       %s\nPostgreSQL %s", seed, i, zone, check(sql, a, b), sql, a, b)
		if failed++; failed == 10 {
			return
		}
	}
}

// fails tells whether a smaller statement is still one that shows a fault: one that PostgreSQL does not even understand
// is not.
func (c *comparison) fails(sql string, a, b *result, check check) bool {
	return a.code != "0A000" && a.code != "42883" && (b.code == "" || b.code[:2] == "22") && check(sql, a, b) != ""
}

func (c *comparison) count(a *result, query bool) {
	switch {
	case a.code != "":
		c.bothFailed++
	case query && len(a.rows) > 0:
		c.answered++
	}
}

// check compares answers to a statement and returns what is wrong.
type check func(sql string, ours, theirs *result) string

// branches are the constructs of which PostgreSQL computes what is constant while it plans, whether or not it is needed.
var branches = regexp.MustCompile(`(?i)\b(CASE|coalesce|AND|OR)\b`)

// scalar compares everything, but the error of a branch that is not taken.
func (c *comparison) scalar(sql string, a, b *result) string {
	if data(a.code) && b.code != "" && data(b.code) && a.code != b.code && branches.MatchString(sql) {
		c.soft[fmt.Sprintf("%s %s / %s %s", a.code, a.text, b.code, b.text)]++
		return ""
	}
	return exact(a, b)
}

// rows compares what is defined of a query over many rows.
func (c *comparison) rows(ordered bool) check {
	return func(sql string, a, b *result) string {
		if a.code != "" || b.code != "" {
			if a.code == b.code {
				return ""
			}
			if data(a.code) && data(b.code) {
				c.soft[fmt.Sprintf("%s %s / %s %s", a.code, a.text, b.code, b.text)]++
				return ""
			}
			return "SQLSTATE"
		}
		// PostgreSQL takes equal items for one key of the order, although grouping sets may have one of them and not the other.
		return sameRows(a, b, ordered && !groupingSets.MatchString(sql))
	}
}

var groupingSets = regexp.MustCompile(`GROUPING SETS|ROLLUP|CUBE`)

// data tells whether an outcome depends on the data: an answer, an error of class 22, or PostgreSQL's refusal to make
// a number of infinity.
func data(code string) bool { return code == "" || code == "0A000" || strings.HasPrefix(code, "22") }

// String prints an answer for a report.
func (r *result) String() string {
	if r.code != "" {
		return r.code + " " + r.text
	}
	s := fmt.Sprintf("%v %d rows", r.oids, len(r.rows))
	for _, row := range r.rows[:min(8, len(r.rows))] {
		s += fmt.Sprintf(" %q", row)
	}
	return s
}
