package enginetest

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Shape is how a plan is run: the same rows must come out of every one.
type Shape struct {
	BatchRows, Workers int
	Spill              bool // every operator that can spill does, after each batch
}

// Shapes are those that operator tests go through.
var Shapes = []Shape{{1, 1, false}, {3, 2, false}, {2048, 1, false}, {2048, 2, false}, {700, 2, true}}

// Run runs the pipelines, the last of which gets a sink that collects rows, and checks that all memory was given back
// and that no temporary file is left.
func Run(t testing.TB, s Shape, ts []types.Type, pipelines ...*exec.Pipeline) ([]Row, error) {
	t.Helper()
	return RunContext(context.Background(), t, s, ts, pipelines...)
}

// RunContext is Run under a context.
func RunContext(ctx context.Context, t testing.TB, s Shape, ts []types.Type, pipelines ...*exec.Pipeline) ([]Row, error) {
	t.Helper()
	acc := mem.NewPool(0).Account("test", 0)
	space, clean := Space(t, spill.Options{Force: s.Spill})
	defer clean()
	var rows []Row
	pipelines[len(pipelines)-1].Sink = exec.NewResult(ts, func(b *batch.Batch) error {
		rows = append(rows, Rows(b)...)
		return nil
	})
	for i, p := range pipelines {
		if _, both := p.Source.(op.Sink); s.Workers > 1 && !both { // a sink keeps its identity
			p.Source = unsized{p.Source}
		}
		if i > 0 && p.DependsOn == nil {
			p.DependsOn = []int{i - 1}
		}
	}
	err := exec.Run(&op.Task{Ctx: ctx, Workers: s.Workers, Account: acc, BatchRows: s.BatchRows, Spill: space}, &exec.Plan{Pipelines: pipelines})
	if n := acc.Used(); n != 0 {
		t.Errorf("%d bytes were not given back", n)
	}
	return rows, err
}

// Space returns temporary files in memory, and a function that closes them and checks that nothing of them is left:
// operators have closed theirs before.
func Space(t testing.TB, o spill.Options) (*spill.Space, func()) {
	t.Helper()
	fs, pool := vfs.NewMem(), mem.NewPool(0)
	dir, err := spill.Open(fs, "spill", pool)
	if err != nil {
		t.Fatal(err)
	}
	space := dir.Space(o)
	return space, func() {
		t.Helper()
		if files, err := fs.List("spill"); err != nil || len(files) > 0 || fs.OpenFiles() > 0 {
			t.Errorf("%d temporary files are left, %d open: %v", len(files), fs.OpenFiles(), err)
		}
		space.Close()
		if n := pool.Used(); n != 0 {
			t.Errorf("%d bytes of spill buffers were not given back", n)
		}
	}
}

// Rows returns the rows of a batch.
func Rows(b *batch.Batch) []Row {
	rows := make([]Row, b.Len)
	for i := range rows {
		for _, c := range b.Cols {
			rows[i] = append(rows[i], c.Datum(i))
		}
	}
	return rows
}

// String prints a row: values separated by |, NULL as \N, floats with 12 digits since their sums depend on the order.
func (r Row) String() string {
	var s strings.Builder
	for i, d := range r {
		if i > 0 {
			s.WriteByte('|')
		}
		switch {
		case d.Null:
			s.WriteString(`\N`)
		case d.Type.Physical() == types.PhysFloat64 || d.Type.Physical() == types.PhysFloat32:
			f := d.F
			if f == 0 {
				f = 0 // of either sign
			}
			if math.IsNaN(f) {
				s.WriteString("NaN")
			} else {
				fmt.Fprintf(&s, "%.9g", f)
			}
		default:
			s.Write(types.Append(nil, d))
		}
	}
	return s.String()
}

// Sorted returns the rows as text, sorted.
func Sorted(rows []Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.String()
	}
	sort.Strings(out)
	return out
}

// Equal reports the first difference between two answers that need not be in the same order.
func Equal(t testing.TB, what string, got, want []Row) {
	t.Helper()
	g, w := Sorted(got), Sorted(want)
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			t.Fatalf("%s: %d rows, want %d: missing %s", what, len(g), len(w), w[i])
		case i >= len(w):
			t.Fatalf("%s: %d rows, want %d: extra %s", what, len(g), len(w), g[i])
		case g[i] != w[i]:
			t.Fatalf("%s: row %d of %d (want %d): got %s, want %s", what, i, len(g), len(w), g[i], w[i])
		}
	}
}

// unsized hides how small a source is, so that it gets all workers.
type unsized struct{ op.Source }

// Parts returns the pieces of a composite source.
func (u unsized) Parts() ([]op.Source, []op.Operator) {
	if c, ok := u.Source.(exec.Composite); ok {
		return c.Parts()
	}
	return nil, nil
}
