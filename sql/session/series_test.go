package session_test

import "testing"

// TestSeriesOfSteps: values between two marks are computed again from the one before, whatever the size of batches, and
// months keep the lengths that adding one after the other gives.
func TestSeriesOfSteps(t *testing.T) {
	s := open(t).session()
	for _, c := range []struct{ sql, want string }{
		{"SELECT g::date::text FROM generate_series('2024-01-31'::timestamp, '2024-05-31', '1 month') g", // PostgreSQL's answer
			"columns g; 2024-01-31; 2024-02-29; 2024-03-29; 2024-04-29; 2024-05-29; tag SELECT 5"},
		{"SELECT count(*)::text, count(DISTINCT g)::text, min(g)::text, max(g)::text FROM generate_series(0.5, 5000, 0.25) g",
			"columns count,count,min,max; 19999,19999,0.5,5000.00; tag SELECT 1"},
		{"SELECT count(*)::text, count(*) FILTER (WHERE g <> '2020-01-01'::timestamptz + (o - 1) * interval '1 second')::text FROM " +
			"generate_series('2020-01-01'::timestamptz, '2020-01-01 04:00', '1 second') WITH ORDINALITY AS s(g, o)",
			"columns count,count; 14401,0; tag SELECT 1"},
		{"SELECT count(*)::text FROM generate_series(3.0, 1, 1)", "columns count; 0; tag SELECT 1"},
	} {
		for _, rows := range []string{"0", "3", "2048"} {
			run(s, "SET siltstone.batch_rows = "+rows)
			if got := run(s, c.sql); got != c.want {
				t.Errorf("%s in batches of %s:\n got %s\nwant %s", c.sql, rows, got, c.want)
			}
		}
	}
}

// TestRowsFrom: functions beside each other are read as the query reads, however long they are and wherever the batches
// of each end; the shorter ones end in NULLs.
func TestRowsFrom(t *testing.T) {
	s := open(t).session()
	for _, c := range []struct{ sql, want string }{
		{"SELECT a::text, b::text, o::text FROM ROWS FROM (generate_series(1, 4), unnest(ARRAY['x', NULL])) WITH ORDINALITY AS s(a, b, o) ORDER BY o",
			"columns a,b,o; 1,x,1; 2,NULL,2; 3,NULL,3; 4,NULL,4; tag SELECT 4"},
		{"SELECT count(*)::text, count(a)::text, count(b)::text, sum(a)::text, sum(o)::text, count(*) FILTER (WHERE a <> o OR b <> o / 2.0)::text " +
			"FROM ROWS FROM (generate_series(1, 9000), generate_series(0.5, 3000, 0.5)) WITH ORDINALITY AS s(a, b, o)",
			"columns count,count,count,sum,sum,count; 9000,9000,6000,40504500,40504500,0; tag SELECT 1"},
		{"SELECT b FROM ROWS FROM (generate_series(1, 0), generate_series(3, 1)) AS s(a, b)", "columns b; tag SELECT 0"},
	} {
		for _, rows := range []string{"1", "3", "2048"} {
			run(s, "SET siltstone.batch_rows = "+rows)
			if got := run(s, c.sql); got != c.want {
				t.Errorf("%s in batches of %s:\n got %s\nwant %s", c.sql, rows, got, c.want)
			}
		}
	}
	// More rows than could lie in memory: nothing but a batch of each does.
	run(s, "SET work_mem = '1MB'")
	if got, want := run(s, "SELECT count(*)::text, max(b)::text FROM ROWS FROM (generate_series(1, 1100000), generate_series(1, 2)) AS s(a, b)"),
		"columns count,max; 1100000,2; tag SELECT 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
