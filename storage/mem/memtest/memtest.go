// Package memtest has the pool of tests: at the end of a test, errors in its middle or not, all that was charged is given
// back, accounts of queries, caches, pins and what is on its way. Goroutines that were left are found by goleak, which the
// packages that start some call in TestMain.
package memtest

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// Pool returns a pool of limit bytes, 0 for no limit. The test fails when something is still charged at its end.
func Pool(t testing.TB, limit int64) *mem.Pool {
	t.Helper()
	p := mem.NewPool(limit)
	t.Cleanup(func() {
		if n := p.Used(); n != 0 {
			t.Errorf("%d bytes are still charged at the end", n)
		}
	})
	return p
}
