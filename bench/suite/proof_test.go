package suite

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestProve holds the queries that a proof asks.
func TestProve(t *testing.T) {
	for _, tc := range []struct{ sql, hidden, members string }{
		{"SELECT a, COUNT(*) AS c FROM t GROUP BY a ORDER BY c DESC LIMIT 2", "",
			"SELECT a, COUNT(*) AS c FROM t WHERE ((a = 'x') OR (a = 'o''y')) GROUP BY a"},
		{"SELECT a, COUNT(*) AS c FROM t WHERE b <> 'GROUP BY' OR b = ' LIMIT ' GROUP BY a HAVING COUNT(*) > 1 ORDER BY c DESC LIMIT 2 OFFSET 5", "",
			"SELECT a, COUNT(*) AS c FROM t WHERE (b <> 'GROUP BY' OR b = ' LIMIT ') AND ((a = 'x') OR (a = 'o''y')) GROUP BY a HAVING COUNT(*) > 1"},
		{"SELECT * FROM t ORDER BY e LIMIT 2", "SELECT e FROM t ORDER BY e LIMIT 2",
			"SELECT *, e FROM t WHERE ((id = 'x' AND e = '7') OR (id = 'o''y' AND e IS NULL))"},
		{"SELECT extract(minute FROM e) AS m FROM t ORDER BY e, m LIMIT 2", "SELECT e FROM t ORDER BY e, m LIMIT 2",
			"SELECT extract(minute FROM e) AS m, e FROM t WHERE ((extract(minute FROM e) = 'x' AND e = '7') OR (extract(minute FROM e) = 'o''y' AND e IS NULL))"},
	} {
		p, err := Prove(tc.sql, "id")
		if err != nil {
			t.Errorf("%s: %v", tc.sql, err)
			continue
		}
		rows := Answer{{"x", "1"}, {"o'y", "2"}}
		hidden := Answer{{"7"}, {Null}}
		if got := p.hiddenKeys(); got != tc.hidden {
			t.Errorf("%s: keys by %q, want %q", tc.sql, got, tc.hidden)
		}
		if got := p.members(rows, hidden); got != tc.members {
			t.Errorf("%s: members by\n%q, want\n%q", tc.sql, got, tc.members)
		}
	}
	if p, err := Prove("SELECT COUNT(*) FROM t", "id"); p != nil || err != nil {
		t.Errorf("one row: %v, %v", p, err)
	}
	for _, sql := range []string{"UPDATE t SET a = 1", "SELECT a FROM t, u ORDER BY a", "SELECT a FROM (SELECT 1) x ORDER BY a", "SELECT a FROM t GROUP BY a ORDER BY b"} {
		if p, err := Prove(sql, "id"); err == nil {
			t.Errorf("%s: %v", sql, p)
		}
	}
}

// book is a Target that answers what it is told.
type book struct {
	Target
	answers map[string]Answer
}

func (b *book) Query(_ context.Context, sql string) (Answer, time.Duration, error) {
	for prefix, a := range b.answers {
		if strings.HasPrefix(sql, prefix) {
			return a, time.Millisecond, nil
		}
	}
	return nil, 0, context.Canceled
}

// TestJudge: every kind of wrong answer is found, and other choices among ties are right.
func TestJudge(t *testing.T) {
	grouped := Query{SQL: "SELECT a, COUNT(*) AS c FROM t GROUP BY a ORDER BY c DESC LIMIT 3"}
	hidden := Query{SQL: "SELECT a FROM t ORDER BY e LIMIT 2"}
	for _, q := range []*Query{&grouped, &hidden} {
		var err error
		if q.Proof, err = Prove(q.SQL, "id"); err != nil {
			t.Fatal(err)
		}
	}
	checked := Answer{{"x", "5"}, {"y", "3"}, {"z", "3"}}
	whole := &book{answers: map[string]Answer{
		"SELECT a, COUNT(*) AS c FROM t WHERE": {{"x", "5"}, {"y", "3"}, {"z", "3"}, {"w", "3"}, {"v", "1"}},
		"SELECT e FROM t ORDER":                {{"1"}, {"2"}},
		"SELECT a, e FROM t WHERE":             {{"p", "1"}, {"q", "2"}, {"r", "2"}},
	}}
	for _, tc := range []struct {
		name    string
		q       Query
		checked Answer
		timed   Answer
		wrong   string
	}{
		{"the same", grouped, checked, checked, ""},
		{"another choice of ties", grouped, checked, Answer{{"x", "5"}, {"w", "3"}, {"y", "3"}}, ""},
		{"a row twice", grouped, checked, Answer{{"x", "5"}, {"y", "3"}, {"y", "3"}}, "no row of the whole"},
		{"an invented row", grouped, checked, Answer{{"x", "5"}, {"y", "3"}, {"u", "3"}}, "no row of the whole"},
		{"another count", grouped, checked, Answer{{"x", "6"}, {"y", "3"}, {"z", "3"}}, "row 1 has key"},
		{"a smaller one", grouped, checked, Answer{{"x", "5"}, {"y", "3"}, {"v", "1"}}, "row 3 has key"},
		{"out of order", grouped, checked, Answer{{"y", "3"}, {"x", "5"}, {"z", "3"}}, "row 1 has key"},
		{"too few", grouped, checked, Answer{{"x", "5"}}, "1 rows, want 3"},
		{"too many", grouped, checked, append(append(Answer{}, checked...), checked[2]), "4 rows, want 3"},
		{"none", grouped, nil, nil, ""},
		{"hidden key", hidden, Answer{{"p"}, {"q"}}, Answer{{"p"}, {"r"}}, ""},
		{"hidden key, wrong row", hidden, Answer{{"p"}, {"q"}}, Answer{{"q"}, {"p"}}, "no row of the whole"},
		{"no proof", Query{SQL: "SELECT 1"}, Answer{{"1"}}, Answer{{"2"}}, "want \"1\""},
	} {
		if got := judge(t.Context(), whole, tc.q, tc.checked, tc.timed); (tc.wrong == "") != (got == "") || !strings.Contains(got, tc.wrong) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.wrong)
		}
	}
}
