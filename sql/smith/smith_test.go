package smith

import (
	"context"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/sql/opt"
)

// seedsOf is how many seeds a test goes through.
func seedsOf(few, many uint64) uint64 {
	if testing.Short() {
		return few
	}
	return many
}

// fill makes the tables of a generator. Rows come in two statements, so that half can be sealed in between.
func fill(t *testing.T, d *database, tables []*Table, half, all bool) {
	t.Helper()
	for _, x := range tables {
		n := len(x.Rows) / 2
		for i, sql := range []string{x.Create(), x.Insert(0, n), x.Insert(n, len(x.Rows))} {
			if r := d.run(sql); r.code != "" {
				t.Fatalf("%s: %s", sql, r)
			}
			if i == 1 && half || i == 2 && all {
				if err := d.db.Checkpoint(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestPartition checks that the rows for which a condition is true, false and unknown are together all rows.
func TestPartition(t *testing.T) {
	checked := 0
	for seed := range seedsOf(2, 6) {
		d, g := openDatabase(t, nil), New(seed)
		fill(t, d, g.Tables(4, 20), true, false)
		for range 60 {
			whole, parts := g.Partition()
			want := d.run(whole)
			got := &result{oids: want.oids}
			for _, p := range parts {
				r := d.run(p)
				if r.code != "" {
					got = nil
					if !expected(r.code) {
						t.Errorf("seed %d: %s: %s", seed, p, r)
					}
					break
				}
				got.rows = append(got.rows, r.rows...)
			}
			if got == nil || want.code != "" {
				continue
			}
			checked++
			if problem := sameRows(want, got, false); problem != "" {
				t.Errorf("seed %d: %s\n%s", seed, problem, strings.Join(parts[:], "\n"))
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d conditions were checked", checked)
	}
}

// expected tells the errors that random expressions may raise: those of data, of types that do not go together, and what
// is not built. Anything else, an internal error above all, is a fault.
func expected(code string) bool {
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "42") || code == "0A000" || code == "21000"
}

// TestWays checks that a query answers the same however rows lie, in small batches, and without the passes that
// rearrange its plan.
func TestWays(t *testing.T) {
	checked := 0
	for seed := range seedsOf(1, 3) {
		ways := []struct {
			name      string
			half, all bool
			settings  map[string]string
		}{
			{"live", false, false, nil},
			{"sealed", false, true, nil},
			{"half", true, false, nil},
			{"batches of 3", true, false, map[string]string{"siltstone.batch_rows": "3", "siltstone.workers": "2"}},
			{"no statistics", false, true, map[string]string{"siltstone.cache": "off", "siltstone.batch_rows": "1"}},
			{"passes off", false, true, map[string]string{"siltstone.disable_passes": strings.Join(opt.Passes(), ",")}},
		}
		g := New(seed)
		tables := g.Tables(4, 20)
		var dbs []*database
		for _, w := range ways {
			d := openDatabase(t, w.settings)
			fill(t, d, tables, w.half, w.all)
			dbs = append(dbs, d)
		}
		for range 40 {
			n, ordered := g.Query()
			sql := n.String()
			want := dbs[0].run(sql)
			if want.code != "" && !expected(want.code) {
				t.Errorf("seed %d: %s: %s", seed, sql, want)
			}
			for i, d := range dbs[1:] {
				got := d.run(sql)
				if want.code != "" || got.code != "" {
					// Which rows are looked at first, and so which error comes, is free.
					if expected(want.code) || expected(got.code) || want.code == got.code {
						continue
					}
				}
				checked++
				if sameRows(want, got, ordered) == "" {
					continue
				}
				Reduce(n, 300, func(sql string) bool { return differs(dbs[0].run(sql), d.run(sql), ordered) })
				sql = n.String()
				t.Errorf("seed %d, %s: %s\nlive %s\ngot  %s", seed, ways[i+1].name, sql, dbs[0].run(sql), d.run(sql))
				break
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d answers were compared", checked)
	}
}

// differs tells whether two answers differ.
func differs(a, b *result, ordered bool) bool {
	return a.code == "" && b.code == "" && sameRows(a, b, ordered) != ""
}
