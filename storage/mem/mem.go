// Package mem counts and hands out memory. A Pool has a limit; an Account belongs to one owner (a query, a merge, the
// cache, the live segments) and draws from its pool; a Part is what one piece of its work has of it. Reserve counts
// bytes that the owner has on the Go heap, Alloc, AllocExact and Slice bring pages outside of it. Whoever keeps bytes
// past the call that brought them holds the charge.
//
// Pools and accounts are safe for concurrent use. A refused reservation is error 53200 and changes nothing: the owner
// spills, waits or fails alone. Off-heap pages are never scanned by the garbage collector, so big tables live there.
package mem

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Pool is a limit shared by accounts.
type Pool struct {
	limit int64
	used  atomic.Int64
	peak  atomic.Int64
	share share
}

// NewPool returns a pool of limit bytes; 0 means no limit.
func NewPool(limit int64) *Pool { return &Pool{limit: limit} }

// Used returns the bytes reserved by all accounts.
func (p *Pool) Used() int64 { return p.used.Load() }

// Peak returns the most that Used ever was.
func (p *Pool) Peak() int64 { return p.peak.Load() }

// Limit returns the pool's limit in bytes, 0 for none.
func (p *Pool) Limit() int64 { return p.limit }

// Account returns a new account that may hold up to limit bytes (0: as much as the pool). The owner closes it.
func (p *Pool) Account(name string, limit int64) *Account {
	return &Account{pool: p, name: name, limit: limit}
}

// Overdraft returns a new account that is counted like any other but never refused: for what must be kept, such as rows
// that are acknowledged already. Its owner bounds it by other means.
func (p *Pool) Overdraft(name string) *Account { return &Account{pool: p, name: name, overdraft: true} }

// Part returns an account of one piece of the owner's work. What it holds its owner holds as well, with the owner's
// limit: a part tells how much of that is the piece's. It gives back all it holds before the owner is closed.
func (a *Account) Part() *Account {
	return &Account{whole: a, pool: a.pool, name: a.name, limit: a.limit, kind: a.kind}
}

// Share returns a Part that may not hold more than limit bytes itself; 0: as much as the owner.
func (a *Account) Share(limit int64) *Account {
	p := a.Part()
	if limit > 0 {
		p.limit = limit
	}
	return p
}

// Account is the memory of one owner.
type Account struct {
	overdraft bool
	kind      kind
	whole     *Account // of a part: what it is a part of
	pool      *Pool
	name      string
	limit     int64
	used      atomic.Int64
	peak      atomic.Int64
}

// Used returns the bytes reserved now.
func (a *Account) Used() int64 { return a.used.Load() }

// Peak returns the most bytes that were reserved at once.
func (a *Account) Peak() int64 { return a.peak.Load() }

// Limit returns the most bytes that the owner may hold, 0 for as much as the pool.
func (a *Account) Limit() int64 { return a.limit }

// Tight tells that less than a quarter of the account's limit is left, and that own bytes are an eighth of it or more.
// Who keeps that much and can put it elsewhere does so then, since others of the same owner, who cannot, need some.
func (a *Account) Tight(own int64) bool {
	for a.whole != nil && a.limit == a.whole.limit { // a share has a limit of its own
		a = a.whole
	}
	limit := a.allowance()
	return limit > 0 && a.used.Load() > limit-limit/4 && own >= limit/8
}

// Reserve charges n bytes, or returns 53200 and charges nothing.
func (a *Account) Reserve(n int64) error {
	if a.whole != nil {
		used := a.used.Add(n)
		if a.limit > 0 && used > a.limit {
			a.used.Add(-n)
			return a.refuse(n, a.limit)
		}
		if err := a.whole.Reserve(n); err != nil {
			a.used.Add(-n)
			return err
		}
		raise(&a.peak, used)
		return nil
	}
	used := a.used.Add(n)
	if limit := a.allowance(); limit > 0 && used > limit && n > 0 && !a.overdraft {
		a.used.Add(-n)
		return a.refuse(n, limit)
	}
	total := a.pool.used.Add(n)
	if most := a.pool.most(a.kind, used); most > 0 && total > most && n > 0 && !a.overdraft {
		a.pool.used.Add(-n)
		a.used.Add(-n)
		return a.refuse(n, most)
	}
	a.note(used-n, used)
	raise(&a.peak, used)
	raise(&a.pool.peak, total)
	return nil
}

// Room returns how many bytes Reserve would grant now, math.MaxInt64 when nothing limits them.
func (a *Account) Room() int64 {
	room := int64(math.MaxInt64)
	for ; a != nil && !a.overdraft; a = a.whole {
		limit := a.limit
		if a.whole == nil {
			limit = a.allowance()
		}
		if limit > 0 {
			room = min(room, limit-a.used.Load())
		}
		if most := a.pool.most(a.kind, a.used.Load()); a.whole == nil && most > 0 {
			room = min(room, most-a.pool.used.Load())
		}
	}
	return max(room, 0)
}

func (a *Account) refuse(n, limit int64) error {
	return errs.New(errs.OutOfMemory, "out of memory").
		WithDetail("%s holds %d bytes and asked for %d more; the limit is %d.", a.name, a.used.Load(), n, limit).
		WithHint("Raise work_mem, or the server's memory limit.")
}

func raise(peak *atomic.Int64, v int64) {
	for {
		p := peak.Load()
		if v <= p || peak.CompareAndSwap(p, v) {
			return
		}
	}
}

// Free gives back n reserved bytes.
func (a *Account) Free(n int64) {
	used := a.used.Add(-n)
	if a.whole != nil {
		a.whole.Free(n)
		return
	}
	a.note(used+n, used)
	a.pool.used.Add(-n)
}

// Close gives back whatever the account still holds and returns how much that was: 0 when its owner was tidy.
// Pages must have been released before.
func (a *Account) Close() int64 {
	n := a.used.Load()
	a.Free(n)
	return n
}

// Page classes are powers of two from 64 KiB up. Freed pages of up to 64 MiB wait in free lists for the next query,
// 256 MiB of them at most (a quarter of the smallest sensible server), since munmap plus the page faults of the next
// mmap cost about 0.25 ms per MiB. Larger pages go back to the system at once, idle ones with TrimIdle.
const (
	pageMinShift  = 16
	pageKeepShift = 26
	pageKeepBytes = 256 << 20
)

var free struct {
	sync.Mutex
	bytes  int
	lowest int // of bytes, since the last TrimIdle
	pages  [pageKeepShift + 1][][]byte
}

func class(n int) int { return max(pageMinShift, bits.Len(uint(n-1))) }

// Alloc returns n zeroed off-heap bytes, aligned to 4,096, charged to the account at the size of their class (the
// next power of two, at least 64 KiB). The owner calls Release with the same slice, exactly once.
func (a *Account) Alloc(n int) ([]byte, error) { return a.alloc(n, true) }

// AllocDirty is Alloc without the zeros: the bytes are whatever their last owner left. It is for memory that is
// written before it is read.
func (a *Account) AllocDirty(n int) ([]byte, error) { return a.alloc(n, false) }

func (a *Account) alloc(n int, zero bool) ([]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	c := class(n)
	if err := a.Reserve(1 << c); err != nil {
		return nil, err
	}
	b, err := page(c, zero)
	if err != nil {
		a.Free(1 << c)
		return nil, errs.New(errs.OutOfMemory, "out of memory").WithDetail("mmap of %d bytes: %v.", 1<<c, err)
	}
	return b[:n], nil
}

func page(c int, zero bool) ([]byte, error) {
	if c <= pageKeepShift {
		free.Lock()
		if l := free.pages[c]; len(l) > 0 {
			b := l[len(l)-1]
			free.pages[c] = l[:len(l)-1]
			free.bytes -= len(b)
			free.lowest = min(free.lowest, free.bytes)
			free.Unlock()
			if zero {
				clear(b)
			}
			return b, nil
		}
		free.Unlock()
	}
	b, err := syscall.Mmap(-1, 0, 1<<c, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil && c >= 21 {
		adviseHuge(b)
	}
	return b, err
}

// Release gives a page back. b must be what Alloc returned, at any length.
func (a *Account) Release(b []byte) {
	if cap(b) == 0 {
		return
	}
	b = b[:cap(b)]
	a.Free(int64(len(b)))
	if c := class(len(b)); c <= pageKeepShift {
		free.Lock()
		if free.bytes+len(b) <= pageKeepBytes {
			free.pages[c] = append(free.pages[c], b)
			free.bytes += len(b)
			free.Unlock()
			return
		}
		free.Unlock()
	}
	if err := syscall.Munmap(b); err != nil {
		panic("mem: Release of memory that Alloc did not return: " + err.Error())
	}
}
