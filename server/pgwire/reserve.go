package pgwire

import (
	"os"
	"sync"
)

// reserve is a descriptor that is kept back. When there is none left for a client that knocks, it is given up: the client
// is let in as far as to be told 53300, which it would wait for in vain otherwise. Then it is taken again.
type reserve struct {
	mu struct {
		sync.Mutex
		f *os.File // nil: given up
	}
}

// take keeps a descriptor back, if there is one.
func (r *reserve) take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.f == nil {
		r.mu.f, _ = os.Open(os.DevNull) // none left: the next try may find one
	}
}

// give gives it up; false when it was given up already.
func (r *reserve) give() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.f == nil {
		return false
	}
	r.mu.f.Close()
	r.mu.f = nil
	return true
}
