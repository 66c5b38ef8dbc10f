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

// Error gives the failure of an operation on a file its SQLSTATE: 53100 on a full disk, else 58030. op is a verb,
// "create"; err stays what errors.Is finds.
func Error(op, name string, err error) error {
	if IsDiskFull(err) {
		return errs.New(errs.DiskFull, "could not %s file %q: %w", op, name, err).
			WithHint("Free some space: what is waiting is tried again by itself.")
	}
	return errs.New(errs.IOError, "could not %s file %q: %w", op, name, err)
}
