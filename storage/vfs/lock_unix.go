//go:build unix

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock takes a lock that ends with the process, however it ends.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

func free(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:unconvert // the types differ between systems
}

// FilesMax returns how many files the process may have open at once.
func FilesMax() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 256 // what every system grants
	}
	return int(min(uint64(l.Cur), 1<<30)) //nolint:unconvert // the type differs between systems
}
