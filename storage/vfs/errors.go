package vfs

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// ErrLocked is returned by Lock when another process, or another owner in this one, has the lock.
var ErrLocked = errors.New("locked by another process")

// IsNotExist tells that a file was missing.
func IsNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// IsDiskFull tells that an operation failed for want of space or quota, and may succeed later.
func IsDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// IsTooManyFiles tells that the process, or the machine, has no file descriptor left. They come back by themselves.
func IsTooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Passes tells whether an error is one that goes away by itself, and then the same operation succeeds: a full disk, and no
// descriptors.
func Passes(err error) bool {
	return errs.Is(err, errs.DiskFull) || errs.Is(err, errs.InsufficientResources)
}

// Error gives the failure of an operation on a file its SQLSTATE: 53100 on a full disk, 53000 without descriptors,
// else 58030. op is a verb,
// "create"; err stays what errors.Is finds.
func Error(op, name string, err error) error {
	if IsDiskFull(err) {
		return errs.New(errs.DiskFull, "could not %s file %q: %w", op, name, err).
			WithHint("Free some space: what is waiting is tried again by itself.")
	}
	if IsTooManyFiles(err) {
		return errs.New(errs.InsufficientResources, "could not %s file %q: %w", op, name, err).
			WithHint("Raise the limit of open files (ulimit -n), or use fewer connections.")
	}
	return errs.New(errs.IOError, "could not %s file %q: %w", op, name, err)
}
