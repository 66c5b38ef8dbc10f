package vfs

import (
	"io"
	"io/fs"
	"slices"
	"syscall"
)

// memFile is an open file of a Mem, whose lock guards it.
type memFile struct {
	m     *Mem
	n     *memNode
	name  string
	pos   int64
	write bool
	done  bool
}

func (f *memFile) Name() string { return f.name }

func (f *memFile) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.pos)
	f.pos += int64(n)
	return n, err
}

// WriteAt writes what fits, as a full disk does.
func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if !f.write || f.done {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	n := len(b)
	if grow := off + int64(n) - int64(len(f.n.data)); grow > 0 && f.m.capacity > 0 {
		if room := f.m.capacity - f.m.usedLocked(); grow > room {
			n = max(0, n-int(grow-max(0, room)))
		}
	}
	f.put(b[:n], off)
	if n < len(b) {
		return n, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	return n, nil
}

func (f *memFile) put(b []byte, off int64) {
	if len(b) == 0 {
		return
	}
	f.n.own()
	if need := off + int64(len(b)); need > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, need-int64(len(f.n.data)))...)
	}
	copy(f.n.data[off:], b)
	for blk := off / memBlock; blk <= (off+int64(len(b))-1)/memBlock; blk++ {
		f.n.dirty[blk] = true
	}
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.done {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrClosed}
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if len(f.n.dirty) == 0 && len(f.n.durable) == len(f.n.data) {
		return nil
	}
	f.n.ownDurable()
	if len(f.n.durable) > len(f.n.data) {
		f.n.durable = f.n.durable[:len(f.n.data)]
	}
	if add := len(f.n.data) - len(f.n.durable); add > 0 {
		f.n.durable = append(f.n.durable, make([]byte, add)...)
	}
	for b := range f.n.dirty {
		from := b * memBlock
		to := min(from+memBlock, int64(len(f.n.data)))
		if from < to {
			copy(f.n.durable[from:to], f.n.data[from:to])
		}
	}
	clear(f.n.dirty)
	return nil
}

func (f *memFile) SyncData() error { return f.Sync() }

func (f *memFile) Preallocate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	grow := size - int64(len(f.n.data))
	if grow <= 0 {
		return nil
	}
	if f.m.capacity > 0 && grow > f.m.capacity-f.m.usedLocked() {
		return &fs.PathError{Op: "fallocate", Path: f.name, Err: syscall.ENOSPC}
	}
	f.n.own()
	f.n.data = append(f.n.data, make([]byte, grow)...)
	return nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.own()
	if size > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, size-int64(len(f.n.data)))...)
		return nil
	}
	f.n.data = slices.Clip(f.n.data[:size:size])
	// What lies beyond comes back as zeros if the file grows again, once the truncation is durable.
	for b := size / memBlock; b*memBlock < int64(len(f.n.durable)); b++ {
		f.n.dirty[b] = true
	}
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.done {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.done = true
	f.m.open--
	return nil
}
