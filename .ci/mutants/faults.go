package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// fault is one small change of a source.
type fault struct {
	id           int // 1 and up
	kind         string
	file         *sourceFile
	line, column int
	source       string // the line
}

// sourceFile is a file of the package with what is written into it.
type sourceFile struct {
	name, path string
	text       []byte
	edits      []edit
}

// edit puts text in the place of the bytes from at to end. Edits are listed in the order of a walk through the syntax
// tree, in which what is outside comes first at its beginning and last at its end, so that those at one place may stay in
// their order.
type edit struct {
	at, end int
	text    string
}

// source is a package and the faults that can be put into it.
type source struct {
	path    string // from the root of the repository
	dir     string
	files   []*sourceFile
	faults  []*fault
	name    string
	unbuilt int

	fset       *token.FileSet
	parsed     []*ast.File
	leave      *regexp.Regexp
	info       *types.Info
	statements bool
	without    map[string]bool // "file:line" that do not compile with a fault
}

// load finds the faults of a package: those of its files that this system builds, but for names that leave matches.
func load(pkg string, leave *regexp.Regexp, statements bool) (*source, error) {
	p := &source{path: pkg, leave: leave, statements: statements, without: map[string]bool{}}
	var listed struct {
		Name, Dir string
		GoFiles   []string
	}
	out, err := output("go", "list", "-json=Name,Dir,GoFiles", "./"+pkg)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &listed); err != nil {
		return nil, err
	}
	p.name, p.dir = listed.Name, listed.Dir
	exports, err := exportsOf(pkg)
	if err != nil {
		return nil, err
	}
	p.fset = token.NewFileSet()
	var parsed []*ast.File
	for _, name := range listed.GoFiles {
		f := &sourceFile{name: name, path: filepath.Join(listed.Dir, name)}
		if f.text, err = os.ReadFile(f.path); err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(p.fset, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files, parsed = append(p.files, f), append(parsed, tree)
	}
	p.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	conf := types.Config{Importer: importer.ForCompiler(p.fset, "gc", lookup)}
	if _, err := conf.Check(pkg, p.fset, parsed, p.info); err != nil {
		return nil, err
	}
	p.parsed = parsed
	p.find(parsed, leave)
	return p, nil
}

// find lists the faults, without those of lines in p.without.
func (p *source) find(parsed []*ast.File, leave *regexp.Regexp) {
	p.faults = nil
	for i, f := range p.files {
		f.edits = nil
		if leave.MatchString(f.name) {
			continue
		}
		w := &walk{source: p, file: f}
		w.into(parsed[i])
	}
}

func exportsOf(pkg string) (map[string]string, error) {
	out, err := output("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./"+pkg)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			exports[path] = file
		}
	}
	return exports, nil
}

func output(name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}
