package logictest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFiles runs our own files every way.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range files {
		for _, m := range Modes {
			t.Run(filepath.Base(f)+"/"+string(m), func(t *testing.T) { check(t, f, Options{Mode: m}) })
		}
		if !testing.Short() {
			t.Run(filepath.Base(f)+"/batches of 3", func(t *testing.T) {
				check(t, f, Options{Mode: Half, Settings: map[string]string{"siltstone.batch_rows": "3", "siltstone.workers": "2"}})
			})
		}
	}
}

func check(t *testing.T, path string, o Options) *Report {
	t.Helper()
	r, err := Run(path, t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Failures {
		if i == 10 {
			t.Errorf("... %d more", len(r.Failures)-i)
			break
		}
		t.Error(f)
	}
	return r
}

// TestCorpora runs the files under SILTSTONE_CORPORA whose names match SILTSTONE_CORPORA_FILES (all of a list by
// default), sealed and live.
func TestCorpora(t *testing.T) {
	root := os.Getenv("SILTSTONE_CORPORA")
	if root == "" {
		t.Log("SILTSTONE_CORPORA does not point to the corpora: nothing to do")
		return
	}
	list := "clickbench/hits_10k.slt,tpch/tpch_sf0.01.slt,risinglight/*.slt,sqlite/select1.test"
	if v := os.Getenv("SILTSTONE_CORPORA_FILES"); v != "" {
		list = v
	}
	for _, pattern := range strings.Split(list, ",") {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Errorf("no files %s: %v", pattern, err)
		}
		for _, f := range files {
			name, _ := filepath.Rel(root, f)
			t.Run(name, func(t *testing.T) {
				o := Options{Mode: Half, SQLite: strings.HasPrefix(name, "sqlite"), Blanks: strings.HasPrefix(name, "risinglight"),
					Timeout: 30 * time.Second}
				if m := os.Getenv("SILTSTONE_CORPORA_MODE"); m != "" {
					o.Mode = Mode(m)
				}
				r := check(t, f, o)
				t.Logf("%d of %d queries, %d of %d statements", r.QueriesPassed, r.Queries, r.StatementsPassed, r.Statements)
			})
		}
	}
}
