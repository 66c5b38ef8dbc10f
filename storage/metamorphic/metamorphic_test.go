package metamorphic

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "run the history of this seed alone")
	forFlag    = flag.Duration("for", 0, "run random histories for so long")
	opsFlag    = flag.Int("ops", 150, "operations of a history")
	shrinkFlag = flag.Int("shrink", 0, "how many tries to make a history that fails shorter")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A few histories that are always the same; with -for others, and with -seed one.
func TestHistories(t *testing.T) {
	if *seedFlag != 0 {
		run(t, *seedFlag)
		return
	}
	first, last := uint64(1), uint64(6)
	if testing.Short() {
		last = 3
	}
	if *forFlag > 0 {
		first, last = uint64(time.Now().UnixNano()), 1<<63
	}
	deadline := time.Now().Add(*forFlag)
	n := 0
	for seed := first; seed <= last && !t.Failed() && (*forFlag == 0 || time.Now().Before(deadline)); seed++ {
		run(t, seed)
		n++
	}
	t.Logf("%d histories of %d operations", n, *opsFlag)
}

func run(t *testing.T, seed uint64) {
	h := Generate(seed, *opsFlag)
	err := Run(h)
	if err == nil {
		return
	}
	if *shrinkFlag > 0 {
		failed := func(c *History) bool { return Run(c) != nil }
		h = Shrink(h, failed, *shrinkFlag)
		if e := Run(h); e != nil {
			err = e
		}
	}
	name := filepath.Join(os.TempDir(), fmt.Sprintf("history-%d.txt", seed))
	if e := os.WriteFile(name, []byte(fmt.Sprintf("# %v\n%s", err, h)), 0o644); e != nil {
		t.Error(e)
	}
	t.Errorf("seed %d: %v\nThe history is in %s; shorter with -seed %d -shrink 1000. Once repaired it belongs to testdata.", seed, err, name, seed)
}

// Histories that failed once.
func TestKept(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			h, err := Parse(string(text))
			if err == nil {
				err = Run(h)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
