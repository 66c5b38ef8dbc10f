package ladder

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

func directory(t *testing.T, files ...string) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	for _, d := range []string{"db", "db/wal", "db/tokens", "db/segments"} {
		if err := m.MkdirAll(d); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		if err := vfs.WriteFile(m, "db", f, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestNewDirectory(t *testing.T) {
	m := directory(t)
	if v, err := Read(m, "db"); v != none || err != nil {
		t.Fatalf("a new directory has format %d: %v", v, err)
	}
	for range 2 {
		if err := Open(m, "db"); err != nil {
			t.Fatal(err)
		}
		if v, err := Read(m, "db"); v != Newest() || err != nil {
			t.Fatalf("format %d: %v", v, err)
		}
	}
	b, _ := vfs.ReadFile(m, "db/FORMAT", 100)
	if string(b) != "siltstone format 1, 7e3c9246\n" {
		t.Errorf("the file changed: %q", b)
	}
}

// A directory of the first builds has files and no number.
func TestFirstBuilds(t *testing.T) {
	for _, f := range []string{"CURRENT", "wal/0000000001.wal", "tokens/000001.tok", "segments/0000000001.seg"} {
		m := directory(t, f)
		err := Open(m, "db")
		if !errs.Is(err, errs.FeatureNotSupported) || !strings.Contains(err.Error(), "db/"+f) || !strings.Contains(errs.From(err).Hint, "COPY") {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// Each step is taken once, in order, also when a crash comes in between; no change of a bit of the file leads elsewhere.
func TestSteps(t *testing.T) {
	var taken []int
	steps := []Step{{To: 1, Name: "one"}}
	for i := 2; i <= 4; i++ {
		steps = append(steps, Step{Version(i), fmt.Sprint(i), func(vfs.FS, string) error { taken = append(taken, i); return nil }})
	}
	m := directory(t)
	if err := open(m, "db", steps[:2]); err != nil || taken != nil {
		t.Fatalf("a new directory takes the steps %v: %v", taken, err)
	}
	b := []byte(text(2))
	for bit := range 8 * len(b) {
		c := slices.Clone(b)
		c[bit/8] ^= 1 << (bit % 8)
		_ = vfs.WriteFile(m, "db", fileName, c)
		if _, err := read(m, "db", 1000); !errs.Is(err, errs.DataCorrupted) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	if _, err := read(directory(t, fileName), "db", 4); !errs.Is(err, errs.DataCorrupted) {
		t.Fatalf("a file without a number: %v", err)
	}
	_ = vfs.WriteFile(m, "db", fileName, b)
	boom := errors.New("boom")
	for n := 1; ; n++ {
		fsys := errorfs.New(m, errorfs.Changes)
		fsys.Fail(n, false, boom)
		if err := open(fsys, "db", steps); err == nil && fsys.Failed() == 0 {
			break
		}
	}
	slices.Sort(taken)
	if taken = slices.Compact(taken); !slices.Equal(taken, []int{3, 4}) {
		t.Fatalf("steps %v", taken)
	}
	if v, err := read(m, "db", 4); v != 4 || err != nil {
		t.Fatalf("format %d: %v", v, err)
	}
	if _, err := Read(m, "db"); !errs.Is(err, errs.FeatureNotSupported) || !strings.Contains(err.Error(), "format 4") {
		t.Fatalf("a newer format: %v", err)
	}
	steps[3].Migrate = func(vfs.FS, string) error { return boom }
	_ = vfs.WriteFile(m, "db", fileName, []byte(text(3)))
	if err := open(m, "db", steps); !errors.Is(err, boom) {
		t.Fatalf("a step that fails: %v", err)
	}
	if v, err := read(m, "db", 4); v != 3 || err != nil {
		t.Fatalf("format %d after a step that failed: %v", v, err)
	}
}
