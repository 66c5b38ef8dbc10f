// Package vfs is the small part of a file system that Siltstone uses, behind an interface, so that every file
// operation can run on the disk (Disk), in memory with chosen crash states (Mem), or fail on command (errorfs).
//
// Names are paths with slashes, as the caller gives them. A file is durable when Sync or SyncData returned after its
// last write, its name when SyncDir returned for its directory after the create or rename: Mem loses everything else
// in a crash, at random. A File's methods are for one writer and any number of ReadAt at once; an FS is safe for
// concurrent use.
package vfs

import (
	"errors"
	"io"
	"time"
)

// File is an open file. Write appends at the file's own position, which starts at 0 and is not moved by Preallocate or
// ReadAt.
type File interface {
	io.Writer
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes contents and size durable.
	Sync() error
	// SyncData makes contents durable, and the size if reading them back needs it (fdatasync). Much cheaper than Sync
	// inside a preallocated range.
	SyncData() error
	// Preallocate makes the file at least size bytes long, with zeros and with space on the device: writing below
	// size cannot run out of space on file systems that overwrite in place.
	Preallocate(size int64) error
	Truncate(size int64) error
	Size() (int64, error)
	Name() string
}

// Info describes a file.
type Info struct {
	Name    string // base name
	Size    int64
	Dir     bool
	ModTime time.Time
}

// FS is a file system.
type FS interface {
	// Create makes a file, or empties the one there is, for reading and writing.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenWrite opens an existing file for reading and writing; its position is 0.
	OpenWrite(name string) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	MkdirAll(dir string) error
	// List returns the entries of a directory by name.
	List(dir string) ([]Info, error)
	Stat(name string) (Info, error)
	// SyncDir makes the entries of a directory durable.
	SyncDir(dir string) error
	// Lock takes a lock file for this process, or fails at once with ErrLocked. Close gives it back.
	Lock(name string) (io.Closer, error)
	// Free returns the bytes that may still be written to the volume of a directory.
	Free(dir string) (uint64, error)
}

// WriteFile replaces a file by data so that a crash leaves the old contents or the new: it writes name+".tmp", syncs,
// renames, and syncs the directory.
func WriteFile(fsys FS, dir, name string, data []byte) (err error) {
	tmp := dir + "/" + name + ".tmp"
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = fsys.Rename(tmp, dir+"/"+name)
	}
	if err != nil {
		_ = fsys.Remove(tmp)
		return err
	}
	return fsys.SyncDir(dir)
}

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, errors.New("file " + name + " is larger than it can be")
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if n == len(b) {
		return b, nil
	}
	if errors.Is(err, io.EOF) { // it was longer a moment ago
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}
