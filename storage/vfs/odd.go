package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrOdd is what errors.Is finds in the error of an operation on something that is not a file: a directory, a FIFO, a
// device, a socket, a link that leads nowhere. Such a thing is nobody's data: it is told by its name and not waited for,
// nor taken for a file that is missing or empty.
var ErrOdd = errors.New("not a file")

// oddError names an odd thing.
type oddError struct {
	op, name, kind string
}

func (e *oddError) Error() string {
	return fmt.Sprintf("%s %s: is %s and not a file", e.op, e.name, e.kind)
}
func (e *oddError) Is(t error) bool { return t == ErrOdd }

// kindOf names what is not a regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSymlink != 0:
		return "a link to nothing"
	}
	return "something else"
}

// open opens a regular file. Anything else is refused: by what was opened, since a look before could be at another file.
// O_NONBLOCK makes a FIFO open at once, with or without somebody at its other end, and changes nothing for files.
func open(name string, flag int) (File, error) {
	if flag&os.O_CREATE != 0 { // not through a link, to where nobody will look for it
		flag |= syscall.O_NOFOLLOW
	}
	f, err := os.OpenFile(name, flag|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, odd("open", name, err)
	}
	i, err := f.Stat()
	if err == nil && !i.Mode().IsRegular() {
		err = &oddError{"open", name, kindOf(i.Mode())}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return diskFile{f}, nil
}

// odd says what stands in place of a file that an operation failed on: nothing is missing where a link is.
func odd(op, name string, err error) error {
	i, lerr := os.Lstat(name)
	if lerr != nil || i.Mode().IsRegular() {
		return err
	}
	if link := i.Mode()&fs.ModeSymlink != 0; link && !errors.Is(err, fs.ErrNotExist) {
		if !errors.Is(err, syscall.ELOOP) {
			return err
		}
		return &oddError{op, name, "a link"}
	}
	return &oddError{op, name, kindOf(i.Mode())}
}
