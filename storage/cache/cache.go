// Package cache keeps buffers of immutable files in memory outside the Go heap, bounded by a memory account: encoded
// blocks, decompressed dictionary heaps. A buffer is found by (file, offset); it is checked and decompressed once, by
// the loader that brings it in, and is pinned while somebody reads it.
//
// A Cache is safe for concurrent use. Two goroutines that miss the same key at once load it once. When the account
// refuses memory, unpinned buffers are dropped by the clock rule (a buffer used since the hand last passed gets
// another round); when everything left is pinned, Load returns the account's 53200.
//
// The cache does not know what is in a buffer, and never writes to a file.
package cache

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Padding is the zero bytes behind each buffer, within its capacity, for kernels that read whole machine words.
const Padding = 64

// Key names a buffer. File is unique in the process (NewFile): offsets of a file never change their meaning.
type Key struct {
	File   uint64
	Offset uint64
}

var files atomic.Uint64

// NewFile returns a number for Key.File that no other file has.
func NewFile() uint64 { return files.Add(1) }

// Cache holds buffers.
type Cache struct {
	account *mem.Account
	limit   int64 // bytes above which nothing stays that is not pinned; 0: as the account allows
	stats   Stats
	mu      struct {
		sync.Mutex
		closed bool
		table  map[Key]*Buffer
		ring   []*Buffer // every loaded buffer, in the clock's order
		hand   int
		arena  arena
	}
}

// Stats counts what a cache did.
type Stats struct {
	Hits, Misses, Evictions atomic.Int64
	BytesLoaded             atomic.Int64
}

// New returns a cache that draws from account, which it does not close, and keeps at most limit bytes (0: as many as
// the account allows). Pinned buffers may take more than that, as long as the account agrees: a query that needs them
// at once would otherwise fail while there is memory.
func New(account *mem.Account, limit int64) *Cache {
	c := &Cache{account: account, limit: limit}
	c.mu.table = make(map[Key]*Buffer)
	c.mu.arena.account = account
	return c
}

// Limit returns the bytes above which nothing stays that is not pinned, 0 for as many as the account allows.
func (c *Cache) Limit() int64 { return c.limit }

// Stats returns the counters.
func (c *Cache) Stats() *Stats { return &c.stats }

// Buffer is a pinned buffer; Release unpins it. Its bytes are read-only.
type Buffer struct {
	cache  *Cache
	key    Key
	data   []byte // len is what was asked for; the capacity has at least Padding more
	slot   slot
	pins   int           // guarded by cache.mu
	used   bool          // since the hand passed; guarded by cache.mu
	gone   bool          // dropped from the table; freed with the last pin
	at     int           // in the ring
	loaded chan struct{} // closed when the loader ended
	err    error         // of the loader
}

// Bytes returns the content, 64-byte aligned.
func (b *Buffer) Bytes() []byte { return b.data }

// Lookup returns a pinned buffer that is loaded already, or nil. It allocates nothing.
func (c *Cache) Lookup(k Key) *Buffer {
	c.mu.Lock()
	b := c.mu.table[k]
	if b == nil || b.data == nil {
		c.mu.Unlock()
		return nil
	}
	b.pins++
	b.used = true
	c.mu.Unlock()
	c.stats.Hits.Add(1)
	return b
}

// Load returns the pinned buffer of a key, filling size bytes by load when it is not there. load gets zeroed or
// recycled memory and must write all of it; its error is returned to everybody who waits, and nothing is kept. A panic
// of load goes on to the caller, and who waits gets an error.
func (c *Cache) Load(k Key, size int, load func(dst []byte) error) (*Buffer, error) {
	c.mu.Lock()
	if c.mu.closed {
		c.mu.Unlock()
		return nil, errs.Internal("the cache is closed")
	}
	if b := c.mu.table[k]; b != nil {
		b.pins++ // keeps it while we wait
		b.used = true
		c.mu.Unlock()
		<-b.loaded
		if b.err == nil {
			c.stats.Hits.Add(1)
			return b, nil
		}
		return nil, b.err
	}
	b := &Buffer{cache: c, key: k, pins: 1, used: true, loaded: make(chan struct{})}
	c.mu.table[k] = b
	c.stats.Misses.Add(1)
	data, s, err := c.allocLocked(size)
	c.mu.Unlock()
	if err != nil {
		c.endLoad(b, nil, err)
		return nil, err
	}
	err = errs.Internal("the loader of a buffer panicked") // what stands when load does not return
	defer func() {
		if err != nil {
			c.mu.Lock()
			c.mu.arena.free(s)
			c.mu.Unlock()
			c.endLoad(b, nil, err)
		}
	}()
	if err = load(data[:size:size]); err != nil {
		return nil, err
	}
	clear(data[size:])
	b.slot = s
	c.endLoad(b, data[:size], nil)
	return b, nil
}

// endLoad tells those who wait for b how its load ended: with data, which b keeps, or with an error, and then the cache
// forgets b.
func (c *Cache) endLoad(b *Buffer, data []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		b.err = err
		delete(c.mu.table, b.key)
	} else {
		b.data = data
		b.at = len(c.mu.ring)
		c.mu.ring = append(c.mu.ring, b)
		c.stats.BytesLoaded.Add(int64(len(data)))
	}
	close(b.loaded)
}

// full tells whether size more bytes would pass the limit.
func (c *Cache) full(size int) bool { return c.limit > 0 && c.account.Used()+int64(size) > c.limit }

// allocLocked returns size bytes and the padding, evicting until they are below the limit or nothing is left to evict,
// and until the account agrees.
func (c *Cache) allocLocked(size int) ([]byte, slot, error) {
	for c.full(size) && c.evictLocked() {
	}
	for {
		b, s, err := c.mu.arena.alloc(size + Padding)
		if err == nil || !c.evictLocked() {
			return b, s, err
		}
	}
}

// evictLocked drops one unpinned buffer; false when there is none.
func (c *Cache) evictLocked() bool {
	for range 2*len(c.mu.ring) + 1 {
		if len(c.mu.ring) == 0 {
			return false
		}
		if c.mu.hand >= len(c.mu.ring) {
			c.mu.hand = 0
		}
		b := c.mu.ring[c.mu.hand]
		switch {
		case b.pins > 0:
		case b.used:
			b.used = false
		default:
			c.stats.Evictions.Add(1)
			c.dropLocked(b)
			return true
		}
		c.mu.hand++
	}
	return false
}

// dropLocked takes an unpinned buffer out and frees it.
func (c *Cache) dropLocked(b *Buffer) {
	last := c.mu.ring[len(c.mu.ring)-1]
	c.mu.ring[b.at], last.at = last, b.at
	c.mu.ring = c.mu.ring[:len(c.mu.ring)-1]
	if !b.gone {
		delete(c.mu.table, b.key)
	}
	c.mu.arena.free(b.slot)
	b.data = nil
}

// Release unpins the buffer. The caller must not touch its bytes afterwards.
func (b *Buffer) Release() {
	c := b.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	b.pins--
	if b.pins == 0 && (b.gone || c.full(0)) {
		c.dropLocked(b)
	}
}

// Drop forgets the buffers of a file: those that are pinned go with their last Release. The caller makes sure that
// nobody loads from the file any more.
func (c *Cache) Drop(file uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.mu.ring) - 1; i >= 0; i-- {
		b := c.mu.ring[i]
		if b.key.File != file || b.gone {
			continue
		}
		if b.pins == 0 {
			c.dropLocked(b)
			continue
		}
		b.gone = true
		delete(c.mu.table, b.key)
	}
}

// Close frees every buffer and all memory. It returns an error when a buffer is still pinned, and then keeps what
// that buffer needs.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.closed = true
	pinned := 0
	for i := len(c.mu.ring) - 1; i >= 0; i-- {
		if b := c.mu.ring[i]; b.pins == 0 {
			c.dropLocked(b)
		} else {
			pinned++
		}
	}
	if pinned > 0 {
		return errs.Internal("%d buffers of the cache are still pinned", pinned)
	}
	c.mu.arena.close()
	return nil
}
