// Command mutants finishes a mutation run: of the small faults that gremlins put into a package and that the package's own
// tests let live, or do not reach, it asks the tests of the packages that depend on it, and holds what is left against the
// list of those that change nothing anybody could see, with the reason for each.
//
//	mutants [-kept FILE] [-within 90] [-near] <package> <what gremlins wrote with -o> ...
//
// It prints a line for each package and every fault that nobody found. It fails when fewer than 90% of a package's
// faults are found, those on the list aside, or when a fault that is not on the list was not found.
//
// A line of the list is "package | file | kind | line of source | reason"; lines that begin with # are comments.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// near are the tests of dependents that most likely find what a package's own cannot, by what they are called.
var near = map[string][][2]string{
	"storage/field":    {{"./storage/manifest", ""}, {"./storage/catalog", ""}},
	"storage/record":   {{"./storage/wal", ""}, {"./storage/manifest", ""}, {"./storage/tokens", ""}},
	"storage/wal":      {{"./storage", "Missing|Torn|FullDisk|Life$|Retire"}},
	"storage/manifest": {{"./storage", "Missing|Life$|Positions|TestLoad$|Dump"}},
	"storage/tokens":   {{"./storage", "Token|Missing|FullDisk"}},
	"storage/persist":  {{"./storage/table", ""}, {"./storage", "Life$|DeleteModel|EmptySegments"}},
	"storage/ladder":   {{"./storage", "Golden|Missing"}},
	"storage/recovery": {{"./storage", "Missing|Token|Life$|Positions|Numbers|ReplaySeals|DeleteModel|NotNull"}},
	"storage/unique":   {{"./storage", "Keys|KeyDetail"}},
	"storage/keys":     {{"./storage/segment", "Keys"}, {"./storage/live", "Keys"}, {"./storage", "KeysAgainst"}},
	"storage/index":    {{"./storage/segment", ""}, {"./storage/live", ""}, {"./storage", "DeleteModel|Golden"}},
	"storage/compact":  {{"./storage", "Life$|DeleteModel|Growth"}},
	"storage/catalog":  {{"./sql/stmt", ""}, {"./sql/pgcatalog", ""}, {"./sql/logictest", "TestFiles/(alter|constraint|options|truncate)"}},
	"server/auth":      {{"./server/pgwire", "Login|Script|Matrix"}, {"./server/httpapi", "Route|Forms|Friend|Token"}, {"./server/node", "Login|Refusal|Doors"}},
	"server/pgwire":    {{"./server/siltstone", "Hostile|Wire"}},
	"ingest/httppush":  {{"./server/httpapi", "Push|Route|Forms|Body"}, {"./server/node", "Push|Doors"}},
}

// whole is asked last of a package of storage: all that may fail when data are lost.
var whole = [][2]string{{"./storage", ""}, {"./storage/metamorphic", ""}}

var nearOnly bool

// mutation is one fault, as gremlins writes it.
type mutation struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type file struct {
	Name      string     `json:"file_name"`
	Mutations []mutation `json:"mutations"`
}

func main() {
	kept := flag.String("kept", ".ci/survivors", "the list of faults that change nothing anybody could see")
	within := flag.Int("within", 90, "percent of the faults that must be found")
	flag.BoolVar(&nearOnly, "near", false, "leave out the tests of the whole of storage")
	flag.Parse()
	reasons, err := readKept(*kept)
	if err != nil || flag.NArg() == 0 || flag.NArg()%2 != 0 {
		fmt.Fprintln(os.Stderr, "usage: mutants [-kept FILE] [-within 90] [-near] <package> <output of gremlins> ...", err)
		os.Exit(2)
	}
	good := true
	for i := 0; i < flag.NArg(); i += 2 {
		ok, err := judge(flag.Arg(i), flag.Arg(i+1), reasons, *within)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		good = good && ok
	}
	if !good {
		os.Exit(1)
	}
}

// key is how the list names a fault: line numbers change too often.
func key(pkg, name, kind, source string) string {
	return strings.Join([]string{pkg, name, kind, strings.TrimSpace(source)}, " | ")
}

func readKept(name string) (map[string]bool, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " | ")
		if at < 0 || strings.Count(line[:at], " | ") < 3 {
			return nil, fmt.Errorf("%s: %q has no reason", name, line)
		}
		known[line[:at]] = true
	}
	return known, nil
}

// judge goes through the faults of a package.
func judge(pkg, report string, reasons map[string]bool, within int) (good bool, err error) {
	b, err := os.ReadFile(report)
	if err != nil {
		return false, err
	}
	var r struct {
		Files []file `json:"files"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return false, fmt.Errorf("%s: %w", report, err)
	}
	var own, others, explained int
	var left []string
	for _, f := range r.Files {
		path := filepath.Join(pkg, strings.TrimPrefix(f.Name, pkg+"/"))
		source, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		for _, m := range f.Mutations {
			switch m.Status {
			case "KILLED", "TIMED OUT":
				own++
				continue
			case "LIVED", "NOT COVERED":
			default:
				continue
			}
			k := key(pkg, filepath.Base(path), m.Type, lineOf(source, m.Line))
			if reasons[k] {
				explained++
				continue
			}
			found, err := foundByOthers(pkg, path, source, m)
			switch {
			case err != nil:
				return false, err
			case found:
				others++
			default:
				left = append(left, fmt.Sprintf("%s (line %d, column %d)", k, m.Line, m.Column))
			}
		}
	}
	all := own + others + len(left)
	share := 100 * (own + others) / max(all, 1)
	fmt.Printf("%-18s %4d faults, %4d found by its tests, %4d by others, %3d explained, %3d not found: %d%%\n", pkg, all+explained, own, others, explained, len(left), share)
	for _, k := range left {
		fmt.Println("    " + k)
	}
	return len(left) == 0 && share >= within, nil
}

func lineOf(source []byte, line int) string {
	lines := bytes.Split(source, []byte("\n"))
	if line < 1 || line > len(lines) {
		return ""
	}
	return string(lines[line-1])
}

// swaps are what gremlins writes in place of an operator.
var swaps = map[string][][2]string{
	"CONDITIONALS_BOUNDARY": {{"<=", "<"}, {">=", ">"}, {"<", "<="}, {">", ">="}},
	"CONDITIONALS_NEGATION": {{"==", "!="}, {"!=", "=="}, {"<=", ">"}, {">=", "<"}, {"<", ">="}, {">", "<="}},
	"ARITHMETIC_BASE":       {{"+", "-"}, {"-", "+"}, {"*", "/"}, {"/", "*"}, {"%", "*"}},
	"INVERT_NEGATIVES":      {{"-", "+"}},
	"INCREMENT_DECREMENT":   {{"++", "--"}, {"--", "++"}},
}

// mutate returns the source with the fault in it.
func mutate(source []byte, m mutation) ([]byte, error) {
	at := 0
	for line := 1; line < m.Line; line++ {
		n := bytes.IndexByte(source[at:], '\n')
		if n < 0 {
			return nil, fmt.Errorf("there is no line %d", m.Line)
		}
		at += n + 1
	}
	at += m.Column - 1
	for _, s := range swaps[m.Type] {
		if at < len(source) && bytes.HasPrefix(source[at:], []byte(s[0])) {
			return append(append(bytes.Clone(source[:at]), s[1]...), source[at+len(s[0]):]...), nil
		}
	}
	return nil, fmt.Errorf("line %d, column %d: no %s there: the report is of other sources", m.Line, m.Column, m.Type)
}

// foundByOthers tells whether the tests of a package that depends on pkg fail with the fault.
func foundByOthers(pkg, path string, source []byte, m mutation) (bool, error) {
	mutant, err := mutate(source, m)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	abs, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if err == nil {
		err = os.WriteFile(changed, mutant, 0o600)
	}
	if err == nil {
		err = os.WriteFile(overlay, b, 0o600)
	}
	if err != nil {
		return false, err
	}
	asked := append([][2]string{{"./" + pkg, ""}}, near[pkg]...)
	if !nearOnly && strings.HasPrefix(pkg, "storage/") {
		asked = append(asked, whole...)
	}
	for _, a := range asked {
		if failed, err := fails("test", "-short", "-failfast", "-count=1", "-overlay", overlay, "-run", a[1], a[0]); failed || err != nil {
			return failed, err
		}
	}
	return false, nil
}

// testTime is the longest that a package's short tests may take, on a loaded machine: a fault that makes them longer has
// been found.
const testTime = 5 * time.Minute

func fails(args ...string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) || ctx.Err() != nil {
		return err != nil, nil
	}
	return false, err
}
