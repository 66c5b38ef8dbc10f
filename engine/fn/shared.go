package fn

import (
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Shared keeps objects that several evaluators of one statement use together, by key, and the account that pays for
// them. It is safe for concurrent use. A nil Shared shares nothing and charges nobody.
type Shared struct {
	mu struct {
		sync.Mutex
		objects map[any]any
		account *mem.Account // nil: nobody asks what the objects take
		charged int64
	}
}

// unpaidBytes is the most that results may take where no account pays: parameters, defaults and settings are computed
// before a statement has one, and are no larger than a message that brings them.
const unpaidBytes = 64 << 20

// NewShared returns an empty Shared for one statement.
func NewShared() *Shared { return &Shared{} }

// Get returns the object of a key, making it on first use. A nil Shared makes a new one on every call.
func (s *Shared) Get(key any, create func() any) any {
	if s == nil {
		return create()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.mu.objects[key]
	if !ok {
		if s.mu.objects == nil {
			s.mu.objects = make(map[any]any)
		}
		v = create()
		s.mu.objects[key] = v
	}
	return v
}

// Bounded returns a Shared whose results may take so many bytes together, which nobody is charged for.
func Bounded(bytes int64) *Shared {
	s := NewShared()
	s.mu.account = mem.NewPool(bytes).Account("a constant", 0)
	return s
}

// Charge makes an account pay for what the objects grow to from now on. Drop ends it.
func (s *Shared) Charge(a *mem.Account) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.account, s.mu.charged = a, 0
}

// Reserve charges n bytes that a result cannot do without, or returns 53200.
func (s *Shared) Reserve(n int64) error {
	if s == nil {
		return unpaid(0, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if a := s.mu.account; a != nil {
		err = a.Reserve(n)
	} else {
		err = unpaid(s.mu.charged, n)
	}
	if err == nil {
		s.mu.charged += n
	}
	return err
}

func unpaid(have, more int64) error {
	if have+more <= unpaidBytes {
		return nil
	}
	return errs.New(errs.OutOfMemory, "out of memory").
		WithDetail("A value takes %d bytes where %d may be used.", more, unpaidBytes)
}

// Drop forgets the objects and gives back what they were charged for. No evaluator may run any more.
func (s *Shared) Drop() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.account != nil {
		s.mu.account.Free(s.mu.charged)
	}
	s.mu.objects, s.mu.account, s.mu.charged = nil, nil, 0
}

// Grow asks for n more bytes. It returns false when the account refuses them, and also when they would leave little
// for those that cannot do without: shared results save time, and whoever is refused computes without them.
func (s *Shared) Grow(n int64) bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.mu.account
	if a == nil {
		return true
	}
	if a.Reserve(n) != nil {
		return false
	}
	if a.Tight(s.mu.charged + n) {
		a.Free(n)
		return false
	}
	s.mu.charged += n
	return true
}

// Shrink gives back n bytes of what Grow got.
func (s *Shared) Shrink(n int64) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, s.mu.charged) // the rest went with Drop
	s.mu.charged -= n
	if s.mu.account != nil {
		s.mu.account.Free(n)
	}
}
