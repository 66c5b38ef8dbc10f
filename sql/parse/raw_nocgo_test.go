//go:build !cgo

package parse

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
)

// TestCompilationMemory checks that what compiling the grammar takes is given back to the system: in a process of its
// own, since here the grammar is compiled already, and other tests have left garbage.
func TestCompilationMemory(t *testing.T) {
	if os.Getenv("SILTSTONE_COMPILE") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestCompilationMemory$")
		child.Env = append(os.Environ(), "SILTSTONE_COMPILE=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Parse("SELECT 1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(instances); n != 0 {
		t.Errorf("%d places are not given back", n)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if held := m.HeapSys - m.HeapReleased; held > 128<<20 {
		t.Errorf("the heap holds %d MB", held>>20)
	}
	if use.compiled == 0 {
		t.Error("nothing was compiled")
	}
}
