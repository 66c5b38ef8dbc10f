package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// near are the tests of dependents that most likely find what a package's own cannot, by what they are called.
var near = map[string][][2]string{
	"storage/field":    {{"storage/manifest", ""}, {"storage/catalog", ""}},
	"storage/record":   {{"storage/wal", ""}, {"storage/manifest", ""}, {"storage/tokens", ""}},
	"storage/wal":      {{"storage", "Missing|Torn|FullDisk|Life$|Retire"}},
	"storage/manifest": {{"storage", "Missing|Life$|Positions|TestLoad$|Dump"}},
	"storage/tokens":   {{"storage", "Token|Missing|FullDisk"}},
	"storage/persist":  {{"storage/table", ""}, {"storage", "Life$|DeleteModel|EmptySegments"}},
	"storage/ladder":   {{"storage", "Golden|Missing"}},
	"storage/recovery": {{"storage", "Missing|Token|Life$|Positions|Numbers|ReplaySeals|DeleteModel|NotNull"}},
	"storage/unique":   {{"storage", "Keys|KeyDetail"}, {"sql/logictest", "TestFiles/(conflict|upsert).test/half"}},
	"storage/keys":     {{"storage/segment", "Keys"}, {"storage/live", "Keys"}, {"storage", "KeysAgainst"}},
	"storage/index":    {{"storage/segment", ""}, {"storage/live", ""}, {"storage", "DeleteModel|Golden"}},
	"storage/compact":  {{"storage", "Life$|DeleteModel|Growth"}},
	"storage/catalog":  {{"sql/stmt", ""}, {"sql/pgcatalog", ""}, {"sql/logictest", "TestFiles/(alter|constraint|options|truncate)"}},
	"server/auth":      {{"server/pgwire", "Login|Script|Matrix"}, {"server/httpapi", "Route|Forms|Friend|Token"}, {"server/node", "Login|Refusal|Doors"}},
	"server/pgwire":    {{"server/siltstone", "Hostile|Wire"}},
	"ingest/httppush":  {{"server/httpapi", "Push|Route|Forms|Body"}, {"server/node", "Push|Doors"}},
}

// whole is asked last of a package of storage: all that may fail when data are lost.
var whole = [][2]string{{"storage", ""}, {"storage/metamorphic", ""}}

// binary is the compiled tests of a package, with all faults in it.
type binary struct {
	file, dir string
	tests     []*test
}

// test is one of its tests, and which faults it reaches, by number.
type test struct {
	name      string
	wall, cpu time.Duration
	reaches   []byte
}

type testers []*binary

func (t testers) reached(f *fault) string {
	for _, b := range t {
		for _, x := range b.tests {
			if x.reaches[f.id] != 0 {
				return ""
			}
		}
	}
	return ", reached by no test"
}

// binaries builds the tests of the package and of those near it, runs each test once, and leaves out what fails without
// any fault.
func binaries(ctx context.Context, dir string, p *source, c config) (testers, error) {
	asked := [][2]string{{p.path, ""}}
	if !c.own {
		asked = append(asked, near[p.path]...)
	}
	if c.whole && strings.HasPrefix(p.path, "storage/") {
		asked = append(asked, whole...)
	}
	var list testers
	for i, a := range asked {
		b := &binary{file: filepath.Join(dir, fmt.Sprintf("tests%d", i))}
		if err := p.build(ctx, dir, a[0], b.file); err != nil {
			return nil, err
		}
		var err error
		if b.dir, err = filepath.Abs(a[0]); err != nil {
			return nil, err
		}
		if err := b.observe(ctx, dir, a[1], len(p.faults)+1); err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

var errorLine = regexp.MustCompile(`(?m)^\S*?([^/\s]+\.go):(\d+):(\d+)?`)

// build compiles the tests of a package. Lines with faults that do not compile lose their faults, and it begins anew.
func (p *source) build(ctx context.Context, dir, pkg, to string) error {
	for {
		if err := p.overlay(dir); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-vet=off", "-gcflags=-e", "-o", to, "./"+pkg)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		before := len(p.without)
		for _, m := range errorLine.FindAllSubmatch(out, -1) {
			p.without[string(m[1])+":"+string(m[2])] = true
		}
		if len(p.without) == before || pkg != p.path {
			return fmt.Errorf("build tests of %s: %w\n%s", pkg, err, out)
		}
		var parsed []*ast.File
		if parsed, err = p.again(); err != nil {
			return err
		}
		faults := len(p.faults)
		p.find(parsed, p.leave)
		p.unbuilt += faults - len(p.faults)
	}
}

// overlay writes the sources with their faults, and the file that tells the compiler of them.
func (p *source) overlay(dir string) error {
	replace := map[string]string{}
	write := func(path string, text []byte) error {
		replace[path] = filepath.Join(dir, filepath.Base(path))
		return os.WriteFile(replace[path], text, 0o600)
	}
	for _, f := range p.files {
		if err := write(f.path, f.changed()); err != nil {
			return err
		}
	}
	if err := write(filepath.Join(p.dir, "fault_hook.go"), fmt.Appendf(nil, hook, p.name)); err != nil {
		return err
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o600)
}

// changed returns the file with its edits.
func (f *sourceFile) changed() []byte {
	edits := slices.Clone(f.edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(f.text[at:e.at])
		out.WriteString(e.text)
		at = e.end
	}
	out.Write(f.text[at:])
	return out.Bytes()
}

// observe runs each test of the binary once by itself.
func (b *binary) observe(ctx context.Context, dir, names string, faults int) error {
	out, err := b.command(ctx, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return fmt.Errorf("%s: %w", b.dir, err)
	}
	top, _, _ := strings.Cut(names, "/")
	match, err := regexp.Compile(top)
	if err != nil {
		return err
	}
	seen := filepath.Join(dir, "seen")
	for _, name := range strings.Fields(string(out)) {
		if !match.MatchString(name) || name == "TestMain" {
			continue
		}
		t := &test{name: "^" + name + "$"}
		if _, below, ok := strings.Cut(names, "/"); ok {
			t.name += "/" + below
		}
		if err := os.WriteFile(seen, make([]byte, faults), 0o600); err != nil {
			return err
		}
		cmd := b.command(ctx, "-test.short", "-test.run", t.name)
		cmd.Env = append(cmd.Env, "SILTSTONE_FAULTS_SEEN="+seen)
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s fails without any fault and is not asked: %s\n", b.dir, name, lastLines(out))
			continue
		}
		t.wall, t.cpu = time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
		if t.reaches, err = os.ReadFile(seen); err != nil {
			return err
		}
		b.tests = append(b.tests, t)
	}
	slices.SortStableFunc(b.tests, func(x, y *test) int { return int(x.cpu - y.cpu) })
	return ctx.Err()
}

func lastLines(out []byte) string {
	return string(out[max(0, len(out)-500):])
}

// again reads the files once more, since a walk needs the types of the tree that it goes through.
func (p *source) again() ([]*ast.File, error) {
	q, err := load(p.path, p.leave, p.statements)
	if err != nil {
		return nil, err
	}
	p.fset, p.info, p.files = q.fset, q.info, q.files
	return q.parsed, nil
}

func (b *binary) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.file, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = b.dir, os.Environ(), time.Second
	return cmd
}
