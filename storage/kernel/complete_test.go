package kernel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryKernelIsCompared fails when an exported function of the package is called by no test: each has to be compared
// with what it does value by value. The list is read from the sources, so that nobody has to remember it.
func TestEveryKernelIsCompared(t *testing.T) {
	kernels, calls := readPackage(t)
	if len(kernels) < 30 {
		t.Fatalf("only %d kernels were found", len(kernels))
	}
	reached := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		for _, c := range calls[name] {
			visit(c)
		}
	}
	for name := range calls {
		if strings.HasPrefix(name, "Test") && name != t.Name() {
			visit(name)
		}
	}
	for _, k := range kernels {
		if !reached[k] {
			t.Errorf("%s is compared with nothing: no test calls it", k)
		}
	}
	if reached["NoSuchKernel"] {
		t.Error("the guard finds what is not there")
	}
}

// readPackage returns the exported functions and methods of the package, and what each function of its tests calls.
func readPackage(t *testing.T) (kernels []string, calls map[string][]string) {
	t.Helper()
	calls = map[string][]string{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fd, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case strings.HasSuffix(name, "_test.go"):
				calls[fd.Name.Name] = callsIn(fd)
			case fd.Name.IsExported():
				kernels = append(kernels, fd.Name.Name)
			}
		}
	}
	slices.Sort(kernels)
	return slices.Compact(kernels), calls
}

// callsIn returns the names that a function mentions: those of functions may be called, or handed to what calls them.
func callsIn(fd *ast.FuncDecl) []string {
	var out []string
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			out = append(out, id.Name)
		}
		return true
	})
	return out
}
