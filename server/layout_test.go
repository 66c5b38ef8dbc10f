// Package server holds the guard of the repository's layout; the program is server/siltstone.
package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/siltstone-db/siltstone/"

// folders lists what each folder may import, besides itself.
var folders = map[string][]string{
	"storage": {},
	"engine":  {"storage"},
	"ingest":  {"storage"},
	"sql":     {"engine", "storage"},
	"server":  {"sql", "engine", "ingest", "storage"},
	"bench":   {}, // over the wire only, so that it can measure other databases too
}

// orders lists the packages of each folder bottom-up; packages of one line know nothing of each other unless they are
// parent and child. A package imports only what stands on lines above its own. "." is the folder itself. A package
// stands where its longest listed prefix stands.
var orders = map[string][][]string{
	"storage": {
		{"errs", "invariants"}, {"quantity"}, {"types/ascii"}, {"types/decimal"}, {"types/datetime"}, {"types"}, {"field", "positions"}, {"counter"}, {"mem"}, {"metric", "event"}, {"clock"}, {"batch"}, {"kernel"}, {"vfs", "objstore"}, {"vfs/errorfs"}, {"ladder"}, {"partition"},
		{"format"}, {"scan"}, {"encoding", "index", "keys"}, {"cache", "handle"}, {"segment"}, {"live"}, {"record"}, {"wal"}, {"persist"}, {"catalog"}, {"manifest", "unique"}, {"shelf"},
		{"compact"}, {"tokens"}, {"table"}, {"archive"}, {"rebuild"}, {"recovery"}, {"lake"}, {"check"}, {"."}, {"metamorphic"},
	},
	"engine": {
		{"fn/chars"}, {"fn/pattern", "fn/template"}, {"fn"}, {"expr"}, {"spill"}, {"op"}, {"profile"}, {"hashtable"}, {"aggstate"}, {"source", "relop"}, {"agg", "join"}, {"order"}, {"window"}, {"exec"}, {"enginetest"},
	},
	"sql": {
		{"parse"}, {"pgtype", "plan"}, {"pgcatalog"}, {"bind"}, {"stats"}, {"opt"}, {"compile"}, {"stmt", "view"}, {"setting", "tablefunc"}, {"session"}, {"bind/bindtest", "logictest", "smith"},
	},
	"ingest": {{"."}, {"batcher"}, {"httppush", "kafka", "files", "cdc", "kinesis", "sink", "replay"}, {"ingesttest"}},
	"server": {{"auth"}, {"config"}, {"pgwire"}, {"httpapi", "console"}, {"node"}, {"siltstone"}, {"pgtest"}, {"."}},
	"bench":  {{"suite", "gen"}, {"tpch", "clickbench", "ingestrate", "mixed"}, {"rival", "report"}, {"siltbench"}},
}

// sameLevel are pairs of one line, or against the order, with their reason.
var sameLevel = map[string]string{
	"storage/errs -> storage/invariants": "an assertion that fails makes an error",
	"sql/stmt -> sql/view":               "DDL of views",
}

// forbidden are packages that nobody may import, with the reason.
var forbidden = map[string]string{
	"github.com/apache/arrow/go/v15/parquet": "its symbols clash with arrow-go v18's at link time",
	"github.com/apache/arrow/go/v15/flight":  "it pulls in parquet and gRPC",
	"github.com/RoaringBitmap/roaring":       "version 1 panics on damaged bytes; use v2",
}

// pkg is what the guard looks at of a package: its path and what it and its tests import.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// violations returns every import that breaks the rules.
func violations(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		from, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		for _, set := range []struct {
			imports []string
			test    bool
		}{{p.Imports, false}, {p.TestImports, true}, {p.XTestImports, true}} {
			for _, imp := range set.imports {
				for bad, why := range forbidden {
					if imp == bad || strings.HasPrefix(imp, bad+"/") && !strings.HasPrefix(imp, bad+"/v2") {
						out = append(out, fmt.Sprintf("%s imports %s: %s", from, imp, why))
					}
				}
				if to, ours := strings.CutPrefix(imp, module); ours {
					if why := illegal(from, to, set.test); why != "" {
						out = append(out, fmt.Sprintf("%s imports %s: %s", from, to, why))
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// illegal tells why package from may not import package to, or "". Tests may look further up inside their folder
// (a scan's test may use a table), but not into another folder.
func illegal(from, to string, test bool) string {
	ff, fp := split(from)
	tf, tp := split(to)
	if ff != tf {
		allowed, known := folders[ff]
		switch {
		case !known:
			return "the folder is not one of the six"
		case !slices.Contains(allowed, tf):
			return fmt.Sprintf("%s may import only %v", ff, allowed)
		}
		return ""
	}
	if _, ok := sameLevel[from+" -> "+to]; ok {
		return ""
	}
	fl, fe := level(ff, fp)
	tl, te := level(tf, tp)
	switch {
	case fl < 0:
		return fmt.Sprintf("%s has no place in the order of %s", fp, ff)
	case tl < 0:
		return fmt.Sprintf("%s has no place in the order of %s", tp, tf)
	case test, tl < fl, fe == te && fe != ".":
		return ""
	}
	return "it stands above it in the order"
}

func split(path string) (folder, rest string) {
	folder, rest, _ = strings.Cut(path, "/")
	if rest == "" {
		rest = "."
	}
	return folder, rest
}

// level returns the line of a package in its folder's order and the entry it was found by, or -1.
func level(folder, path string) (int, string) {
	best, entry := -1, ""
	for i, line := range orders[folder] {
		for _, e := range line {
			if (path == e || strings.HasPrefix(path, e+"/")) && len(e) > len(entry) {
				best, entry = i, e
			}
		}
	}
	return best, entry
}

// list asks go list for every package of the module.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 10 {
		t.Fatalf("go list found only %d packages", len(pkgs))
	}
	return pkgs
}

func TestImportDirection(t *testing.T) {
	for _, v := range violations(list(t)) {
		t.Error(v)
	}
}

// TestGuardFails shows the guard what it must refuse: a guard that cannot fail guards nothing.
func TestGuardFails(t *testing.T) {
	for _, tc := range []struct{ from, to string }{
		{"storage/segment", "engine/op"},
		{"storage", "sql/session"},
		{"engine/agg", "sql/plan"},
		{"ingest/kafka", "sql/session"},
		{"ingest/httppush", "server/httpapi"},
		{"ingest/httppush", "ingest/kafka"},
		{"ingest", "engine/op"},
		{"sql/bind", "server/pgwire"},
		{"bench/suite", "storage/batch"},
		{"bench/siltbench", "server/node"},
		{"storage/errs", "storage/types"},
		{"storage/batch", "storage/kernel"},
		{"storage/segment", "storage/table"},
		{"storage/encoding", "storage/index"},
		{"engine/expr", "engine/op"},
		{"engine/agg", "engine/join"},
		{"sql/plan", "sql/bind"},
		{"server/auth", "server/pgwire"},
		{"storage/newcomer", "storage/errs"},
		{"tools/x", "storage/errs"},
	} {
		if violations([]pkg{{ImportPath: module + tc.from, Imports: []string{module + tc.to}}}) == nil {
			t.Errorf("%s may import %s, says the guard", tc.from, tc.to)
		}
	}
	for _, imp := range []string{"github.com/apache/arrow/go/v15/parquet", "github.com/apache/arrow/go/v15/parquet/file",
		"github.com/apache/arrow/go/v15/flight", "github.com/RoaringBitmap/roaring"} {
		for _, p := range []pkg{{Imports: []string{imp}}, {TestImports: []string{imp}}, {XTestImports: []string{imp}}} {
			p.ImportPath = module + "storage/format/parquet"
			if violations([]pkg{p}) == nil {
				t.Errorf("%s may be imported, says the guard", imp)
			}
		}
	}
}

// TestGuardPasses shows it what it must let through.
func TestGuardPasses(t *testing.T) {
	for _, tc := range []struct{ from, to string }{
		{"server/pgwire", "sql/session"},
		{"server/node", "storage"},
		{"server/httpapi", "ingest/httppush"},
		{"ingest/httppush", "storage/format/ndjson"},
		{"sql/bind", "engine/expr"},
		{"engine/op", "storage/batch"},
		{"storage/kernel", "storage/batch"},
		{"storage/vfs/errorfs", "storage/vfs"},
		{"storage/format/csv", "storage/batch"},
		{"storage", "storage/table"},
		{"sql/opt/rule", "sql/opt"},
		{"sql/opt", "sql/opt/rule"},
	} {
		if v := violations([]pkg{{ImportPath: module + tc.from, Imports: []string{module + tc.to}}}); v != nil {
			t.Error(v)
		}
	}
	ok := pkg{ImportPath: module + "storage/index", Imports: []string{"github.com/RoaringBitmap/roaring/v2", "fmt"}}
	if v := violations([]pkg{ok}); v != nil {
		t.Error(v)
	}
}

// TestTopLevel: the top level is exactly the six folders and a few files.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, folder := folders[e.Name()]; e.IsDir() && !folder && !strings.HasPrefix(e.Name(), ".") && e.Name() != "siltstone-data" {
			t.Errorf("folder %s: the top level is %v", e.Name(), []string{"bench", "engine", "ingest", "server", "sql", "storage"})
		}
	}
}

// TestPackageComments: every package says what it is for.
func TestPackageComments(t *testing.T) {
	for _, p := range list(t) {
		if has, err := hasComment(p.Dir, p.Name); err != nil {
			t.Error(err)
		} else if !has {
			t.Errorf("%s has no package comment", strings.TrimPrefix(p.ImportPath, module))
		}
	}
}

func TestPackageCommentsFails(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"package x\n", "// some words\n\npackage x\n", "// Other words.\npackage x\n"} {
		if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if has, err := hasComment(dir, "x"); err != nil || has {
			t.Errorf("%q passes as a package comment: %v, %v", text, has, err)
		}
	}
}

// hasComment tells whether a file of the package's directory carries a package comment ("Package x ...", or "Command"
// or the program's name for a main).
func hasComment(dir, name string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return false, err
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.PackageClauseOnly|parser.ParseComments)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if file.Doc == nil {
			continue
		}
		text := file.Doc.Text()
		if strings.HasPrefix(text, "Package "+name+" ") || name == "main" && len(text) > 20 {
			return true, nil
		}
	}
	return len(files) == 0, nil
}
