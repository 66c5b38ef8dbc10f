// Package errorfs wraps a file system so that chosen operations fail: the n-th, by kind, once or from then on, and so
// that a test can look at every state between two operations (Before). It is safe for concurrent use.
package errorfs

import (
	"errors"
	"io"
	"sync"
	"syscall"

	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Kind is a kind of operation.
type Kind uint16

// The kinds, which can be combined with |.
const (
	Create Kind = 1 << iota
	Open
	Read
	Write
	Sync
	SyncDir
	Preallocate
	Truncate
	Rename
	Remove
	List
	Lock
	Other // Stat, Free, MkdirAll, Size

	// Changes are the operations that change what a crash leaves.
	Changes = Create | Write | Sync | SyncDir | Preallocate | Truncate | Rename | Remove
	All     = 1<<13 - 1
)

// ErrGarbled is for Fail: a read succeeds with one bit flipped, as with a bad cable. Other operations fail with it.
var ErrGarbled = errors.New("garbled")

// FS injects faults into another file system. Set its fields before use.
type FS struct {
	vfs.FS
	// Before, if set, is called before each counted operation with its number, from 1.
	Before func(n int, k Kind, name string)

	mu struct {
		sync.Mutex
		kinds  Kind
		count  int
		fail   int
		sticky bool
		err    error
		then   error // of the operation after it
		failed int
	}
}

// New wraps a file system. Nothing fails until Fail is called; operations of the given kinds are counted.
func New(inner vfs.FS, count Kind) *FS {
	f := &FS{FS: inner}
	f.mu.kinds = count
	return f
}

// Fail makes the n-th counted operation from now (1: the next) fail with err, and all after it when sticky. A nil err
// is EIO.
func (f *FS) Fail(n int, sticky bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		err = syscall.EIO
	}
	f.mu.fail, f.mu.sticky, f.mu.err, f.mu.then = f.mu.count+n, sticky, err, nil
}

// FailThen makes the n-th counted operation from now fail with err and the one after it, which may be a second look at
// the same, with then.
func (f *FS) FailThen(n int, err, then error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.fail, f.mu.sticky, f.mu.err, f.mu.then = f.mu.count+n, false, err, then
}

// FailKinds is Fail that counts only some kinds from now on.
func (f *FS) FailKinds(k Kind, n int, sticky bool, err error) {
	f.mu.Lock()
	f.mu.kinds = k
	f.mu.Unlock()
	f.Fail(n, sticky, err)
}

// Heal stops failing.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.fail = 0
}

// Count returns the number of operations counted so far.
func (f *FS) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.count
}

// Failed returns how many operations were made to fail.
func (f *FS) Failed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.failed
}

func (f *FS) check(k Kind, name string) error {
	f.mu.Lock()
	if f.mu.kinds&k == 0 {
		f.mu.Unlock()
		return nil
	}
	f.mu.count++
	n := f.mu.count
	var err error
	if f.mu.fail > 0 && (n == f.mu.fail || f.mu.sticky && n > f.mu.fail) {
		err = &vfsError{name: name, err: f.mu.err}
		f.mu.failed++
	} else if f.mu.fail > 0 && n == f.mu.fail+1 && f.mu.then != nil {
		err = &vfsError{name: name, err: f.mu.then}
	}
	f.mu.Unlock()
	if f.Before != nil {
		f.Before(n, k, name)
	}
	return err
}

type vfsError struct {
	name string
	err  error
}

func (e *vfsError) Error() string { return e.name + ": injected: " + e.err.Error() }
func (e *vfsError) Unwrap() error { return e.err }

func (f *FS) wrap(v vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{v, f}, nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) {
	if err := f.check(Create, name); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Create(name))
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) {
	if err := f.check(Open, name); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Open(name))
}

// OpenWrite implements vfs.FS.
func (f *FS) OpenWrite(name string) (vfs.File, error) {
	if err := f.check(Open, name); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.OpenWrite(name))
}

// Rename implements vfs.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.check(Rename, from); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if err := f.check(Remove, name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(dir string) error {
	if err := f.check(Other, dir); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir)
}

// List implements vfs.FS.
func (f *FS) List(dir string) ([]vfs.Info, error) {
	if err := f.check(List, dir); err != nil {
		return nil, err
	}
	return f.FS.List(dir)
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.Info, error) {
	if err := f.check(Other, name); err != nil {
		return vfs.Info{}, err
	}
	return f.FS.Stat(name)
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(dir string) error {
	if err := f.check(SyncDir, dir); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

// Lock implements vfs.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	if err := f.check(Lock, name); err != nil {
		return nil, err
	}
	return f.FS.Lock(name)
}

// Free implements vfs.FS.
func (f *FS) Free(dir string) (uint64, error) {
	if err := f.check(Other, dir); err != nil {
		return 0, err
	}
	return f.FS.Free(dir)
}

type file struct {
	vfs.File
	fs *FS
}

func (f *file) Write(b []byte) (int, error) {
	if err := f.fs.check(Write, f.Name()); err != nil {
		n, _ := f.File.Write(b[:len(b)/2]) // a failed write may have written some of it
		return n, err
	}
	return f.File.Write(b)
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.check(Write, f.Name()); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], off)
		return n, err
	}
	return f.File.WriteAt(b, off)
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	fault := f.fs.check(Read, f.Name())
	if fault != nil && !errors.Is(fault, ErrGarbled) {
		return 0, fault
	}
	n, err := f.File.ReadAt(b, off)
	if fault != nil && n > 0 {
		b[f.fs.Count()*7919%n] ^= 0x10 // somewhere else each time
	}
	return n, err
}

func (f *file) Sync() error {
	if err := f.fs.check(Sync, f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *file) SyncData() error {
	if err := f.fs.check(Sync, f.Name()); err != nil {
		return err
	}
	return f.File.SyncData()
}

func (f *file) Preallocate(size int64) error {
	if err := f.fs.check(Preallocate, f.Name()); err != nil {
		return err
	}
	return f.File.Preallocate(size)
}

func (f *file) Truncate(size int64) error {
	if err := f.fs.check(Truncate, f.Name()); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *file) Size() (int64, error) {
	if err := f.fs.check(Other, f.Name()); err != nil {
		return 0, err
	}
	return f.File.Size()
}
