package clickbench

import (
	"strings"
	"testing"
)

func TestQueries(t *testing.T) {
	qs := Queries()
	if len(qs) != 43 {
		t.Fatalf("queries: got %d, want 43", len(qs))
	}
	for _, q := range qs {
		if limited := strings.Contains(q.SQL, " LIMIT ") || strings.Contains(q.SQL, " ORDER BY "); limited != (q.Check != "") {
			t.Errorf("%s: limited %v, but check is %q", q.Name, limited, q.Check)
		}
	}
}

func TestWorkloadFiles(t *testing.T) {
	dir := t.TempDir()
	w, err := Workload(dir, 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Files) != 1 || w.Rows != 1000 {
		t.Fatalf("got %d files, %d rows", len(w.Files), w.Rows)
	}
}
