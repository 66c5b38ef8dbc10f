package smith

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestPostgresJSON asks PostgreSQL 15 the same as us about random json, jsonb and jsonpath: 250 expressions for each seed.
// Rows, types and SQLSTATEs must be equal. The variables are those of TestPostgres.
func TestPostgresJSON(t *testing.T) {
	address := os.Getenv("SILTSTONE_SMITH_POSTGRES")
	if address == "" {
		t.Skip("SILTSTONE_SMITH_POSTGRES is not set")
	}
	conn, err := pgconn.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	from, to := seeds(t)
	pg, ours := postgres{conn}, openDatabase(t, nil)
	asked, failed, soft, refused, errors := 0, 0, 0, map[string]int{}, 0
	for seed := from; seed <= to && failed < 20; seed++ {
		g := NewJSON(seed)
		for i := range 250 {
			sql := g.Statement()
			a, b := ours.run(sql), pg.run(sql)
			asked++
			if a.code != "" {
				errors++
			}
			switch problem := exact(a, b); {
			case problem == "":
			case a.code == "0A000":
				refused[a.text]++
			case data(a.code) && len(b.rows) == 1 && strings.Trim(strings.Join(b.rows[0], ""), null) == "":
				soft++ // PostgreSQL plans a strict call of a NULL as NULL, and never computes its other arguments
			default:
				failed++
				t.Errorf("seed %d, expression %d: %s\n%s\nours       %s\nPostgreSQL %s", seed, i, problem, sql, a, b)
			}
		}
	}
	t.Logf("%d expressions, %d of them errors, %d only with us, where a NULL decides before", asked, errors, soft)
	logCounts(t, "not supported", refused)
}

// TestJSON runs expressions on our side alone: none may be an internal error.
func TestJSON(t *testing.T) {
	ours := openDatabase(t, nil)
	g := NewJSON(1)
	for range 500 {
		sql := g.Statement()
		if a := ours.run(sql); a.code != "" && a.code[:2] == "XX" {
			t.Errorf("%s: %s %s", sql, a.code, a.text)
		}
	}
}
