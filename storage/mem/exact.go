package mem

import (
	"os"
	"syscall"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// AllocExact returns n zeroed off-heap bytes like Alloc, but charges whole system pages instead of the next power of
// two and keeps nothing for later: for large buffers that live long, such as caches. ReleaseExact gives it back.
func (a *Account) AllocExact(n int) ([]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	size := exact(n)
	if err := a.Reserve(int64(size)); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		a.Free(int64(size))
		return nil, errs.New(errs.OutOfMemory, "out of memory").WithDetail("mmap of %d bytes: %v.", size, err)
	}
	if size >= 4<<20 {
		adviseHuge(b)
	}
	return b[:n], nil
}

func exact(n int) int {
	page := os.Getpagesize()
	return (n + page - 1) &^ (page - 1)
}

// ReleaseExact gives back what AllocExact returned, at any length.
func (a *Account) ReleaseExact(b []byte) {
	if cap(b) == 0 {
		return
	}
	b = b[:cap(b)]
	a.Free(int64(len(b)))
	if err := syscall.Munmap(b); err != nil {
		panic("mem: ReleaseExact of memory that AllocExact did not return: " + err.Error())
	}
}
