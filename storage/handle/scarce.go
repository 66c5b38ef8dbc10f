package handle

import (
	"io"
	"time"

	"github.com/siltstone-db/siltstone/storage/vfs"
)

// scarcePause is the first pause when no descriptor is left; it doubles up to a hundred of it.
const scarcePause = time.Millisecond

// again does an operation that needs a descriptor, and again while there is none.
func (t *Table) again(op func() error) error {
	began, pause := time.Now(), scarcePause
	for {
		err := op()
		if !vfs.IsTooManyFiles(err) {
			return err
		}
		t.mu.Lock()
		shut := t.shutOldestLocked()
		t.mu.Unlock()
		if shut {
			continue
		}
		if time.Since(began) > t.o.Patience {
			return err
		}
		time.Sleep(pause)
		pause = min(2*pause, 100*scarcePause)
	}
}

// again returns what an operation returns besides an error.
func again[T any](t *Table, op func() (T, error)) (out T, err error) {
	err = t.again(func() error {
		var err error
		out, err = op()
		return err
	})
	return out, err
}

// Create implements vfs.FS.
func (t *Table) Create(name string) (vfs.File, error) {
	return again(t, func() (vfs.File, error) { return t.FS.Create(name) })
}

// Open implements vfs.FS.
func (t *Table) Open(name string) (vfs.File, error) {
	return again(t, func() (vfs.File, error) { return t.FS.Open(name) })
}

// OpenWrite implements vfs.FS.
func (t *Table) OpenWrite(name string) (vfs.File, error) {
	return again(t, func() (vfs.File, error) { return t.FS.OpenWrite(name) })
}

// List implements vfs.FS.
func (t *Table) List(dir string) ([]vfs.Info, error) {
	return again(t, func() ([]vfs.Info, error) { return t.FS.List(dir) })
}

// SyncDir implements vfs.FS.
func (t *Table) SyncDir(dir string) error {
	return t.again(func() error { return t.FS.SyncDir(dir) })
}

// Lock implements vfs.FS.
func (t *Table) Lock(name string) (io.Closer, error) {
	return again(t, func() (io.Closer, error) { return t.FS.Lock(name) })
}
