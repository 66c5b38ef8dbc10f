package tpch

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestQueries(t *testing.T) {
	qs := Queries()
	if len(qs) != 22 {
		t.Fatalf("%d queries, want 22", len(qs))
	}
	for _, q := range qs {
		if !strings.HasPrefix(q.SQL, "SELECT") && !strings.HasPrefix(q.SQL, "WITH") {
			t.Errorf("%s: %s", q.Name, q.SQL)
		}
	}
}

// read returns the rows of each table at a scale.
func read(t *testing.T, dir string, scale float64) map[string][][]string {
	t.Helper()
	w, err := Workload(dir, 1, scale)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][][]string{}
	for _, tab := range w.Tables {
		f, err := os.Open(tab.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.FieldsPerRecord = strings.Count(tab.Schema, "\n") - 2
		if rows[tab.Name], err = r.ReadAll(); err != nil {
			t.Fatalf("%s: %v", tab.Name, err)
		}
	}
	return rows
}

// column returns a column, and fails when a value is there twice and must not be.
func column(t *testing.T, rows [][]string, unique bool, cols ...int) map[string]int {
	t.Helper()
	values := map[string]int{}
	for _, row := range rows {
		key := ""
		for _, c := range cols {
			key += row[c] + "/"
		}
		values[key]++
		if unique && values[key] > 1 {
			t.Fatalf("%s is there twice", key)
		}
	}
	return values
}

// TestData: sizes are the standard's, keys are unique, and what refers to a row finds it.
func TestData(t *testing.T) {
	rows := read(t, t.TempDir(), 0.002)
	for name, want := range map[string]int{"region": 5, "nation": 25, "part": 400, "supplier": 20, "partsupp": 1600, "customer": 300, "orders": 3000} {
		if n := len(rows[name]); n != want {
			t.Errorf("%s has %d rows, want %d", name, n, want)
		}
	}
	if n := len(rows["lineitem"]); n < 11000 || n > 13000 {
		t.Errorf("lineitem has %d rows, want about four for each order", n)
	}
	keys := map[string]map[string]int{
		"region": column(t, rows["region"], true, 0), "nation": column(t, rows["nation"], true, 0), "part": column(t, rows["part"], true, 0),
		"supplier": column(t, rows["supplier"], true, 0), "partsupp": column(t, rows["partsupp"], true, 0, 1),
		"customer": column(t, rows["customer"], true, 0), "orders": column(t, rows["orders"], true, 0), "lineitem": column(t, rows["lineitem"], true, 0, 3),
	}
	for _, ref := range []struct {
		from string
		cols []int
		to   string
	}{{"nation", []int{2}, "region"}, {"supplier", []int{3}, "nation"}, {"customer", []int{3}, "nation"}, {"partsupp", []int{0}, "part"},
		{"partsupp", []int{1}, "supplier"}, {"orders", []int{1}, "customer"}, {"lineitem", []int{0}, "orders"}, {"lineitem", []int{1, 2}, "partsupp"}} {
		for key := range column(t, rows[ref.from], false, ref.cols...) {
			if keys[ref.to][key] == 0 {
				t.Errorf("%s refers to %s %s, which is not there", ref.from, ref.to, key)
			}
		}
	}
	special := 0
	for _, row := range rows["orders"] {
		if at := strings.Index(row[8], "special"); at >= 0 && strings.Contains(row[8][at:], "requests") {
			special++
		}
	}
	if special == 0 || special > len(rows["orders"])/5 {
		t.Errorf("%d orders have special requests", special)
	}
}

// TestDataStable pins the bytes: a change of the data makes figures of different versions incomparable.
func TestDataStable(t *testing.T) {
	w, err := Workload(t.TempDir(), 1, 0.001)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, tab := range w.Tables {
		b, err := os.ReadFile(tab.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != "f3b2fde4a21b7f1a" {
		t.Errorf("the data has hash %s", got)
	}
}
