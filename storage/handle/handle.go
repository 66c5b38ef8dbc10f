// Package handle keeps the number of open files bounded. A Table is a file system that holds few descriptors for any
// number of immutable files: a File is opened when it is read, stays open as long as others do not need its place, and is
// opened again later. Everything else goes through to the file system below; where that has no descriptor left, the Table
// closes files that nobody reads at the moment, and then waits for a while, as on a full disk: descriptors come back by
// themselves.
//
// Files are found again by their names. One that is renamed or removed can be read on only as long as it is open: owners
// close a File before they remove it. A file that has another size when it is opened again is corrupt; that its bytes are
// the same is for its checksums to say.
//
// A Table and its Files are safe for concurrent use.
package handle

import (
	"container/list"
	"io"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/metric"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Options of a Table.
type Options struct {
	// Max is how many Files may be open at once, at least 1. Default: a quarter of what the process may open, from 8 to
	// 16,384: the others are for clients, the log, and temporary files.
	Max int
	// Patience is how long an operation waits for a descriptor before it fails. Default 5 s.
	Patience time.Duration
}

// Bounds of the default of Options.Max: below 8 a query with a few workers would open files for every block, and 16,384
// cost the kernel 4 MiB and are enough that opening is rare.
const (
	maxLeast = 8
	maxMost  = 16384
)

// Share returns the default of Options.Max for a process that may open so many files.
func Share(files int) int { return min(max(files/4, maxLeast), maxMost) }

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	if o.Max <= 0 {
		o.Max = Share(vfs.FilesMax())
	}
	if o.Patience <= 0 {
		o.Patience = 5 * time.Second
	}
}

// Table is a file system with a bounded number of open Files.
type Table struct {
	vfs.FS
	o  Options
	mu struct {
		sync.Mutex
		cond   *sync.Cond
		open   int        // Files that have a descriptor, or are getting one
		unread *list.List // of *File: those open that nobody reads, longest first
	}
	opened metric.Counter
}

// New returns a Table over a file system.
func New(fsys vfs.FS, o Options) *Table {
	o.EnsureDefaults()
	t := &Table{FS: fsys, o: o}
	t.mu.cond = sync.NewCond(&t.mu)
	t.mu.unread = list.New()
	return t
}

// Register adds the table's metrics to a registry.
func (t *Table) Register(r *metric.Registry) {
	r.Counter("siltstone_storage_segment_opens_total", "Segment files opened, for the first time or again.", &t.opened)
	r.Gauge("siltstone_storage_segment_files_open", "Segment files that are open.", func() int64 {
		t.mu.Lock()
		defer t.mu.Unlock()
		return int64(t.mu.open)
	})
}

// File is an immutable file that is open when it has to be.
type File struct {
	t    *Table
	name string
	size int64

	// Guarded by t.mu.
	f       vfs.File      // nil: closed
	opening bool          // somebody opens it
	readers int           // at this moment
	unread  *list.Element // in t.mu.unread
	done    bool          // Close was called
}

// File opens a file.
func (t *Table) File(name string) (*File, error) {
	f := &File{t: t, name: name, size: -1}
	if _, err := f.acquire(); err != nil {
		return nil, err
	}
	f.release()
	return f, nil
}

// Name returns the name of the file.
func (f *File) Name() string { return f.name }

// Size returns the size of the file.
func (f *File) Size() int64 { return f.size }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	r, err := f.acquire()
	if err != nil {
		return 0, err
	}
	defer f.release()
	return r.ReadAt(p, off)
}

// Close closes the file, which nobody reads.
func (f *File) Close() error {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	f.done = true
	return f.t.shutLocked(f)
}

// acquire returns the open file, which stays open until release.
func (f *File) acquire() (io.ReaderAt, error) {
	t := f.t
	t.mu.Lock()
	defer t.mu.Unlock()
	f.readers++
	if f.unread != nil {
		t.mu.unread.Remove(f.unread)
		f.unread = nil
	}
	for {
		switch {
		case f.done:
			f.readers--
			return nil, errs.Internal("file %q is closed", f.name)
		case f.f != nil:
			return f.f, nil
		case !f.opening && (t.mu.open < t.o.Max || t.shutOldestLocked()):
			if err := t.openLocked(f); err != nil {
				f.readers--
				return nil, err
			}
		default: // for who opens it, or for who reads another
			t.mu.cond.Wait()
		}
	}
}

// release ends what acquire began.
func (f *File) release() {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if f.readers--; f.readers == 0 && f.f != nil {
		f.unread = f.t.mu.unread.PushBack(f)
		f.t.mu.cond.Broadcast()
	}
}

// openLocked opens a file, with t unlocked meanwhile.
func (t *Table) openLocked(f *File) error {
	f.opening = true
	t.mu.open++
	t.opened.Add(1)
	t.mu.Unlock()
	r, err := t.Open(f.name)
	size := f.size
	if err == nil {
		if size, err = r.Size(); err == nil && f.size >= 0 && size != f.size {
			err = errs.Corrupt("file %q has %d bytes, and had %d when it was opened before", f.name, size, f.size)
		}
		if err != nil {
			r.Close()
		}
	}
	t.mu.Lock()
	f.opening = false
	if err != nil {
		t.mu.open--
	} else {
		f.f = r
		if f.size < 0 { // later nobody may write what Size reads
			f.size = size
		}
	}
	t.mu.cond.Broadcast()
	return err
}

// shutLocked gives the descriptor of a file back, if it has one.
func (t *Table) shutLocked(f *File) error {
	if f.unread != nil {
		t.mu.unread.Remove(f.unread)
		f.unread = nil
	}
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	t.mu.open--
	t.mu.cond.Broadcast()
	return err
}

// shutOldestLocked closes the file that was not read for longest; false when all are read.
func (t *Table) shutOldestLocked() bool {
	e := t.mu.unread.Front()
	if e == nil {
		return false
	}
	_ = t.shutLocked(e.Value.(*File)) // it was only read
	return true
}
