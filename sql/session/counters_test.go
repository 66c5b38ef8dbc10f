package session_test

import (
	"strings"
	"testing"
)

// TestCounters checks what EXPLAIN ANALYZE says of the work of a scan: conditions on packed codes decode nothing, and
// only the rows that are left are decoded.
func TestCounters(t *testing.T) {
	s := open(t).session()
	defer s.Close()
	for _, sql := range []string{
		`CREATE TABLE h (id int, engine smallint, phrase text, url text)`,
		`INSERT INTO h SELECT i, CASE WHEN i % 10 = 0 THEN i % 7 ELSE 0 END, CASE WHEN i % 4 = 0 THEN 'phrase ' || i % 50 ELSE '' END,
			'http://host' || i % 100 || '/page' FROM generate_series(1, 20000) AS i`,
		`CHECKPOINT`,
	} {
		if got := run(s, sql); strings.Contains(got, "ERROR") {
			t.Fatal(got)
		}
	}
	for _, c := range []struct{ sql, rows, conditions, decoded string }{
		{`SELECT count(*) FROM h WHERE engine <> 0`, "20000, live 0, returned 1715", "on packed codes 20000, on decoded values 0, dictionary entries 0", "0"},
		{`SELECT max(id) FROM h WHERE phrase <> ''`, "20000, live 0, returned 5000", "on packed codes 20000, on decoded values 0, dictionary entries 0", "5000"},
		{`SELECT max(id) FROM h WHERE url LIKE '%host7/%'`, "20000, live 0, returned 200", "on packed codes 20000, on decoded values 0, dictionary entries 100", "200"},
		{`SELECT id FROM h WHERE engine = 6`, "20000, live 0, returned 286", "on packed codes 20000, on decoded values 0, dictionary entries 0", "286"},
		// Of one string column alone, the entries of its dictionary are read, each with the number of its rows.
		{`SELECT count(*) FROM h WHERE phrase <> ''`, "26, live 0, returned 25", "on packed codes 0, on decoded values 0, dictionary entries 0", "0"},
		{`SELECT count(*) FROM h WHERE url LIKE '%host7/%'`, "100, live 0, returned 1", "on packed codes 0, on decoded values 0, dictionary entries 100", "0"},
	} {
		got := run(s, "EXPLAIN (ANALYZE, TIMING OFF) "+c.sql)
		for _, want := range []string{"Rows Scanned: " + c.rows + ";", "Conditions: " + c.conditions + ";", "Values Decoded: " + c.decoded + ";"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", c.sql, want, got)
			}
		}
	}
}

// TestTopKBoundDescending: where NULLs would come first but there are none, the bound of a top-k drops rows in the scan.
func TestTopKBoundDescending(t *testing.T) {
	s := open(t).session()
	defer s.Close()
	run(s, `CREATE TABLE h (a int, b int); INSERT INTO h SELECT i % 7, CASE WHEN i % 1000 > 0 THEN i % 7 END FROM generate_series(1, 20000) AS i; CHECKPOINT`)
	for _, c := range []struct {
		sql  string
		fits bool
	}{
		{`SELECT * FROM h ORDER BY a DESC LIMIT 3`, true},
		{`SELECT * FROM h ORDER BY b DESC LIMIT 3`, false},
		{`SELECT * FROM h ORDER BY b DESC NULLS LAST LIMIT 3`, true},
	} {
		got := run(s, "EXPLAIN (ANALYZE, TIMING OFF) "+c.sql)
		if all := strings.Contains(got, "returned 20000;"); all == c.fits || !strings.Contains(got, "Rows Scanned: 20000,") {
			t.Errorf("%s: %s", c.sql, got)
		}
	}
	if got, want := run(s, `SELECT b FROM h ORDER BY b DESC LIMIT 3`), "columns b; NULL; NULL; NULL; tag SELECT 3"; got != want {
		t.Error(got)
	}
}
