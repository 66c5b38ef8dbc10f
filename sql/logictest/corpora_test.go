package logictest

import (
	"bufio"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "raise the floors in testdata to what passes")

// ciFiles are the corpora of a usual run, at most a minute on two cores: everything but the bulk of SQLite's files, of
// which one of each kind runs. SILTSTONE_CORPORA_FILES=all runs all; a list of patterns runs these.
var ciFiles = []string{
	"clickbench/*.slt", "h2o/*.slt", "risinglight/*.slt", "ssb/*.slt", "taxi/*.slt", "tpch/tpch_sf0.01.slt",
	"sqlite/select1.test", "sqlite/select2.test", "sqlite/evidence/*.test",
	"sqlite/random/aggregates/slt_good_0.test", "sqlite/random/expr/slt_good_0.test",
	"sqlite/index/between/*/*_0.test", "sqlite/index/in/*/*.test",
}

// TestCorpora runs files of other projects under SILTSTONE_CORPORA. A file fails when it has a wrong answer, or passes
// fewer queries than testdata/corpora.txt says. Records fail without being wrong when something named is not built
// yet (0A000), or when they need what such a record should have made.
func TestCorpora(t *testing.T) {
	root := os.Getenv("SILTSTONE_CORPORA")
	if root == "" {
		t.Skip("SILTSTONE_CORPORA does not point to the corpora")
	}
	floors := readFloors(t, "testdata/corpora.txt")
	var mu sync.Mutex
	reports := map[string]*Report{}
	t.Run("files", func(t *testing.T) {
		for _, name := range corpora(t, root) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := Options{Mode: Half, SQLite: strings.HasPrefix(name, "sqlite"), Blanks: strings.HasPrefix(name, "risinglight"),
					Foreign: true, Timeout: 2 * time.Minute}
				if m := os.Getenv("SILTSTONE_CORPORA_MODE"); m != "" {
					o.Mode = Mode(m)
				}
				r, err := Run(filepath.Join(root, name), t.TempDir(), o)
				if err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				reports[name] = r
				mu.Unlock()
				logFailures(t, r)
				if floor, ok := floors[name]; r.QueriesPassed < floor || !ok && !*rewrite {
					t.Errorf("%d of %d queries pass, testdata/corpora.txt wants %d", r.QueriesPassed, r.Queries, floor)
				}
			})
		}
	})
	names := make([]string, 0, len(reports))
	for name := range reports {
		names = append(names, name)
	}
	slices.Sort(names)
	table := fmt.Sprintf("%-52s %7s %7s %7s %7s\n", "file", "queries", "passed", "missing", "wrong")
	for _, name := range names {
		r := reports[name]
		wrong := r.Wrong()
		table += fmt.Sprintf("%-52s %7d %7d %7d %7d\n", name, r.Queries, r.QueriesPassed, len(r.Failures)-wrong, wrong)
		floors[name] = max(floors[name], r.QueriesPassed)
	}
	t.Logf("records by file (missing and wrong count statements too)\n%s", table)
	if *rewrite {
		writeFloors(t, "testdata/corpora.txt", "# Queries that must pass, by file of the corpora. Raised by -rewrite, never lowered.", floors)
	}
}

// logFailures reports wrong records as errors and the rest in the log.
func logFailures(t *testing.T, r *Report) {
	t.Helper()
	wrong, missing := 0, map[string]int{}
	for _, f := range r.Failures {
		if f.Missing != "" {
			missing[f.Missing]++
			continue
		}
		if wrong++; wrong <= 10 {
			t.Error(f)
		}
	}
	if wrong > 10 {
		t.Errorf("... %d more", wrong-10)
	}
	for m, n := range missing {
		t.Logf("%4d records: %s", n, m)
	}
}

// corpora returns the files to run, by their names below root.
func corpora(t *testing.T, root string) []string {
	patterns := ciFiles
	if v := os.Getenv("SILTSTONE_CORPORA_FILES"); v == "all" {
		return allCorpora(t, root)
	} else if v != "" {
		patterns = strings.Split(v, ",")
	}
	var names []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		for _, f := range files {
			name, _ := filepath.Rel(root, f)
			names = append(names, name)
		}
	}
	return names
}

func allCorpora(t *testing.T, root string) []string {
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		// The larger scales of TPC-H want data that is not part of the corpora.
		larger := strings.HasPrefix(name, "tpch/") && name != "tpch/tpch_sf0.01.slt"
		if (strings.HasSuffix(name, ".slt") || strings.HasSuffix(name, ".test")) && !larger {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// readFloors reads lines of a name and a number.
func readFloors(t *testing.T, path string) map[string]int {
	t.Helper()
	floors := map[string]int{}
	f, err := os.Open(path)
	if os.IsNotExist(err) && *rewrite {
		return floors
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		w := strings.Fields(scan.Text())
		if len(w) == 0 || w[0] == "#" {
			continue
		}
		n, err := strconv.Atoi(w[len(w)-1])
		if err != nil || len(w) != 2 {
			t.Fatalf("%s: %q is not a name and a number", path, scan.Text())
		}
		floors[w[0]] = n
	}
	return floors
}

func writeFloors(t *testing.T, path, head string, floors map[string]int) {
	t.Helper()
	names := make([]string, 0, len(floors))
	for name := range floors {
		names = append(names, name)
	}
	slices.Sort(names)
	text := head + "\n"
	for _, name := range names {
		text += fmt.Sprintf("%-52s %d\n", name, floors[name])
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
