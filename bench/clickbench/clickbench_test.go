package clickbench

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"reflect"
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
	if len(w.Tables[0].Files) != 1 || w.Rows != 1000 {
		t.Fatalf("got %d files, %d rows", len(w.Tables[0].Files), w.Rows)
	}
}

// TestFromFile reads hits as ClickBench has them: every field of a TSV comes out as it was.
func TestFromFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, zipped bool) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var w io.Writer = f
		if zipped {
			z := gzip.NewWriter(f)
			defer z.Close()
			w = z
		}
		io.WriteString(w, text)
		return path
	}
	tsv := "1\ta\\tb\t\\N\tq\"uote\t\n2\tc\\nd\tback\\\\slash\t,\t\\'"
	want := [][]string{{"1", "a\tb", "", `q"uote`, ""}, {"2", "c\nd", `back\slash`, ",", "'"}}
	for _, path := range []string{put("hits.tsv", tsv, false), put("zipped.tsv.gz", tsv, true), put("hits.csv", "x", false), put("z.csv.gz", "1,2\n", true)} {
		w, err := FromFile(filepath.Join(dir, "out"), path)
		if err != nil || len(w.Tables[0].Files) != 1 || len(w.Queries) != 43 {
			t.Fatalf("%s: %+v, %v", path, w, err)
		}
		b, err := os.ReadFile(w.Tables[0].Files[0])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(path, ".tsv") {
			continue
		}
		if !strings.Contains(string(b), ",,") || strings.Contains(string(b), "\\N") {
			t.Errorf("%s: NULL in %q", path, b)
		}
		if got, err := csv.NewReader(bytes.NewReader(b)).ReadAll(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	for _, path := range []string{filepath.Join(dir, "none.csv"), filepath.Join(dir, "none.tsv"), put("hits.parquet", "", false)} {
		if w, err := FromFile(dir, path); err == nil {
			t.Errorf("%s: %+v", path, w)
		}
	}
}
