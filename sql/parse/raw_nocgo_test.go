//go:build !cgo

package parse

import (
	"runtime"
	"sync"
	"testing"
)

// TestCompilationMemory checks that what compiling the grammar takes is given back to the system.
func TestCompilationMemory(t *testing.T) {
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
}
