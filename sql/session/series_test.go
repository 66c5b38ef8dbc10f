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
