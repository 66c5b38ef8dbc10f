package storage

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDrawing: the drawing of the packages in DESIGN.md has all of them, and each imports only what stands above it.
func TestDrawing(t *testing.T) {
	text, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, drawing, _ := strings.Cut(string(text), "## Order of packages")
	drawing, _, _ = strings.Cut(drawing, "\n## ")
	line := map[string]int{}
	for i, l := range strings.Split(drawing, "\n") {
		if names, ok := strings.CutPrefix(l, "    "); ok && !strings.HasPrefix(names, " ") {
			names, _, _ = strings.Cut(names, "   ")
			for _, name := range strings.Fields(names) {
				line[name] = i + 1
			}
		}
	}
	for dir, imports := range importsBelow(t, ".") {
		if dir == "." {
			continue
		}
		at := line[dir]
		if parent, _, ok := strings.Cut(dir, "/"); at == 0 && ok { // part of what stands there
			at = line[parent]
		}
		if at == 0 {
			t.Errorf("the drawing has no package %s", dir)
		}
		for _, other := range imports {
			if line[other] > at {
				t.Errorf("%s imports %s, which stands below it", dir, other)
			}
		}
	}
}

// importsBelow returns which packages of storage those below a folder import, but for their tests.
func importsBelow(t *testing.T, root string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		all[dir] = append(all[dir], []string{}...)
		for _, i := range f.Imports {
			name, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "github.com/siltstone-db/siltstone/storage/")
			if ok && !slices.Contains(all[dir], name) {
				all[dir] = append(all[dir], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
