package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return wrap("fdatasync", f, err)
		}
	}
}

func wrap(op string, f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: f.Name(), Err: err}
}

// preallocate writes zeros rather than calling fallocate: the blocks of fallocate are "unwritten", and every first
// write to one makes the next fdatasync commit the file system's journal too.
func preallocate(f *os.File, from, to int64) error { return zeroFill(f, from, to) }
