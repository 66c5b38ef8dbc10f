package fn

import "sync"

// Shared keeps objects that several evaluators of one statement use together, by key. It is safe for concurrent use.
type Shared struct {
	mu sync.Mutex
	m  map[any]any
}

// NewShared returns an empty Shared for one statement.
func NewShared() *Shared { return &Shared{m: make(map[any]any)} }

// Get returns the object of a key, making it on first use. A nil Shared makes a new one on every call.
func (s *Shared) Get(key any, make func() any) any {
	if s == nil {
		return make()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.m[key]
	if !ok {
		v = make()
		s.m[key] = v
	}
	return v
}
