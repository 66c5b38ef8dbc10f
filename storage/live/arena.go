package live

import (
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// arena hands out off-heap memory that is freed all at once. Small pieces share pages of 64 KiB; pieces start at
// multiples of 64 bytes. Only the writer asks; anybody may charge.
type arena struct {
	account *mem.Account
	bytes   atomic.Int64
	charged atomic.Int64 // of bytes, for what lies elsewhere
	pages   [][]byte
	rest    []byte
}

const arenaPage = 64 << 10

func (a *arena) get(n int) ([]byte, error) {
	size := (n + 63) &^ 63
	if size > arenaPage/2 {
		return a.page(n)
	}
	if size > len(a.rest) {
		p, err := a.page(arenaPage)
		if err != nil {
			return nil, err
		}
		a.rest = p
	}
	b := a.rest[:n:size]
	a.rest = a.rest[size:]
	return b, nil
}

func (a *arena) page(n int) ([]byte, error) {
	b, err := a.account.Alloc(n)
	if err != nil {
		return nil, err
	}
	a.bytes.Add(int64(cap(b)))
	a.pages = append(a.pages, b)
	return b, nil
}

// charge counts bytes that the segment holds on the heap, or no longer holds. The account does not refuse.
func (a *arena) charge(n int) {
	switch {
	case n > 0 && a.account.Reserve(int64(n)) != nil:
		return
	case n < 0:
		a.account.Free(int64(-n))
	}
	a.charged.Add(int64(n))
	a.bytes.Add(int64(n))
}

func (a *arena) release() {
	for _, p := range a.pages {
		a.account.Release(p)
	}
	a.account.Free(a.charged.Swap(0))
	a.pages, a.rest = nil, nil
	a.bytes.Store(0)
}
