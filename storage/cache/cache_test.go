package cache

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

func newCache(t *testing.T, limit int64) (*Cache, *mem.Account) {
	t.Helper()
	a := memtest.Pool(t, 0).Account("cache", limit)
	c := New(a, 0)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n := a.Close(); n != 0 {
			t.Errorf("%d bytes are still charged", n)
		}
	})
	return c, a
}

// aligned tells that a buffer starts at a multiple of 64.
func aligned(b []byte) bool { return uintptr(unsafe.Pointer(unsafe.SliceData(b)))&63 == 0 }

// fill writes the key into every word, so that a reader can tell whose bytes it sees.
func fill(k Key) func([]byte) error {
	return func(dst []byte) error {
		for i := 0; i+8 <= len(dst); i += 8 {
			binary.LittleEndian.PutUint64(dst[i:], k.File<<32|k.Offset)
		}
		return nil
	}
}

func check(t *testing.T, b *Buffer, k Key, size int) {
	t.Helper()
	data := b.Bytes()
	if len(data) != size || cap(data) < size+Padding || !aligned(data) {
		t.Fatalf("%d bytes of %d, aligned %v; want %d", len(data), cap(data), aligned(data), size)
	}
	for i := 0; i+8 <= len(data); i += 8 {
		if got := binary.LittleEndian.Uint64(data[i:]); got != k.File<<32|k.Offset {
			t.Fatalf("word %d of %v is %#x", i, k, got)
		}
	}
	for i, x := range data[size : size+Padding] {
		if x != 0 {
			t.Fatalf("padding byte %d is %d", i, x)
		}
	}
}

func TestLoad(t *testing.T) {
	c, a := newCache(t, 0)
	sizes := []int{1, 8, 64, 192, 193, 256, 300, 4096, 100000, 1<<20 - 64, 1 << 20, 3 << 20}
	var held []*Buffer
	for i, size := range sizes {
		k := Key{1, uint64(i)}
		if c.Lookup(k) != nil {
			t.Fatal("found before it was loaded")
		}
		b, err := c.Load(k, size, fill(k))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, b)
		again := c.Lookup(k)
		if again != b {
			t.Fatal("not found after it was loaded")
		}
		again.Release()
	}
	for i, b := range held {
		check(t, b, Key{1, uint64(i)}, sizes[i])
		b.Release()
	}
	if used := a.Used(); used > 20<<20 {
		t.Errorf("%d bytes charged", used)
	}
	c.Drop(1)
	if used := a.Used(); used != 0 {
		t.Errorf("%d bytes charged after Drop", used)
	}
}

func TestLoadError(t *testing.T) {
	c, a := newCache(t, 0)
	want := errors.New("no such bytes")
	if _, err := c.Load(Key{1, 1}, 100, func([]byte) error { return want }); !errors.Is(err, want) {
		t.Fatalf("got %v", err)
	}
	if a.Used() != 0 {
		t.Errorf("%d bytes kept", a.Used())
	}
	b, err := c.Load(Key{1, 1}, 100, fill(Key{1, 1}))
	if err != nil {
		t.Fatal(err)
	}
	b.Release()
}

// A loader that panics must not leave others waiting, nor its memory behind.
func TestLoadPanic(t *testing.T) {
	c, a := newCache(t, 0)
	started, waited := make(chan struct{}), make(chan error)
	go func() {
		<-started
		_, err := c.Load(Key{1, 1}, 100, func([]byte) error { return errors.New("loaded twice at once") })
		waited <- err
	}()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = c.Load(Key{1, 1}, 100, func([]byte) error {
			close(started)
			for c.pins(Key{1, 1}) < 2 {
				runtime.Gosched()
			}
			panic("a bug in a loader")
		})
	}()
	if err := <-waited; !errs.Is(err, errs.InternalError) {
		t.Errorf("who waited got %v", err)
	}
	if a.Used() != 0 {
		t.Errorf("%d bytes kept", a.Used())
	}
}

// pins tells how many hold or wait for a buffer.
func (c *Cache) pins(k Key) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.table[k].pins
}

func TestEvict(t *testing.T) {
	c, _ := newCache(t, 1<<20)
	pinned, err := c.Load(Key{1, 0}, 200000, fill(Key{1, 0}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(50) {
		k := Key{2, i}
		b, err := c.Load(k, 200000, fill(k))
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	check(t, pinned, Key{1, 0}, 200000)
	if c.Stats().Evictions.Load() == 0 {
		t.Error("nothing was evicted")
	}
	if _, err := c.Load(Key{3, 0}, 2<<20, fill(Key{3, 0})); !errs.Is(err, errs.OutOfMemory) {
		t.Errorf("a buffer above the limit: %v", err)
	}
	c.Drop(1) // while pinned
	check(t, pinned, Key{1, 0}, 200000)
	if c.Lookup(Key{1, 0}) != nil {
		t.Error("found after Drop")
	}
	pinned.Release()
}

func TestSingleFlight(t *testing.T) {
	c, _ := newCache(t, 0)
	var loads atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range uint64(100) {
				k := Key{1, i}
				b, err := c.Load(k, 5000, func(dst []byte) error { loads.Add(1); return fill(k)(dst) })
				if err != nil {
					t.Error(err)
					return
				}
				check(t, b, k, 5000)
				b.Release()
			}
		})
	}
	wg.Wait()
	if loads.Load() != 100 {
		t.Errorf("%d loads of 100 buffers", loads.Load())
	}
}

func TestConcurrentEviction(t *testing.T) {
	c, _ := newCache(t, 8<<20)
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(g, 1))
			for range 3000 {
				k := Key{1 + r.Uint64N(3), r.Uint64N(200)}
				size := 64 << (k.Offset % 12)
				b := c.Lookup(k)
				if b == nil {
					var err error
					if b, err = c.Load(k, size, fill(k)); err != nil {
						t.Error(err)
						return
					}
				}
				if r.IntN(4) == 0 {
					check(t, b, k, size)
				}
				b.Release()
				if r.IntN(500) == 0 {
					c.Drop(3)
				}
			}
		})
	}
	wg.Wait()
}

func TestClassOf(t *testing.T) {
	for n := 1; n <= 1<<slotMaxShift; n += 1 + n/97 {
		c, size := classOf(n)
		if size < n || size&63 != 0 || c >= classes || size > 256 && size > n+n/4+64 {
			t.Fatalf("%d bytes: class %d of %d bytes", n, c, size)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	c := New(memtest.Pool(b, 0).Account("cache", 0), 0)
	k := Key{1, 1}
	buf, err := c.Load(k, 4096, fill(k))
	if err != nil {
		b.Fatal(err)
	}
	buf.Release()
	b.ReportAllocs()
	for b.Loop() {
		c.Lookup(k).Release()
	}
}

// TestPinnedMayPassTheLimit: what a query needs at once is held even if it is more than the cache keeps; afterwards the
// cache is back within its limit.
func TestPinnedMayPassTheLimit(t *testing.T) {
	const size, limit = 2 << 20, 8 << 20
	a := memtest.Pool(t, 0).Account("cache", 0)
	c := New(a, limit)
	var pinned []*Buffer
	for i := range 10 {
		k := Key{File: 1, Offset: uint64(i)}
		b, err := c.Load(k, size, fill(k))
		if err != nil {
			t.Fatalf("buffer %d: %v", i, err)
		}
		check(t, b, k, size)
		pinned = append(pinned, b)
	}
	if a.Used() < 10*size {
		t.Fatalf("%d bytes are charged for 10 pinned buffers", a.Used())
	}
	for _, b := range pinned {
		b.Release()
	}
	if used := a.Used(); used > limit {
		t.Errorf("%d bytes stay, the limit is %d", used, limit)
	}
	if c.Lookup(Key{File: 1, Offset: 9}) == nil {
		t.Error("the cache keeps nothing")
	} else {
		pinned[9].Release()
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := a.Close(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}
