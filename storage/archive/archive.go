// Package archive keeps the log readable after its files have gone, and reads it. Cursors hand out its records in order,
// with the rows of loads that records name, from any position {sequence, row in the record}, through archived files, closed
// log files and the one that is written, and wait for new ones. What a cursor with a Holder has not read yet stays.
//
// # What is kept
//
//	archive/N.arc     log file N, compressed, when the log does not need it any more (Take)
//	segments/F.seg    the file of a load, which its record names: an attachment of the record. As long as it is a segment of
//	                  its table nothing has to be done; when it leaves the table the manifest lists it as an attachment,
//	                  in the same edit, and it stays where it is
//
// The manifest lists both (manifest.Archive); what it does not list goes at the next start. Each step is whole or has not
// happened: a file is written under another name, synced, renamed, its name synced, then named by an edit of the manifest,
// and only then the log file goes. What is dropped leaves the manifest first.
//
// # Format of an archived file, version 2 of package record, kind "ARCH"
//
//	header   file number: that of the log file; bytes: all that the file has
//	type 1   a block of log records, 256 KiB or one record at least. Its sequence is that of the first one.
//	         {2 bytes of the plain form, 4 the plain form as one zstd frame}
//	         plain: log records {2 sequence, 4 type, 6 payload}, each as field 2
//	type 2   the index {2 first and 4 last sequence, 6 plain bytes, 8 and 10 seconds of the first and last record,
//	         12 blocks {2 offset, 4 first sequence, 6 ids of tables}}
//	end
//
// Payloads are those of the log (package table), with sections that are not compressed by themselves. The manifest has the offset of the index, so that a cursor finds its block, and
// one that reads a table leaves out blocks without it.
//
// # Time
//
// What has an age is measured by a clock of the archive's own, which counts the time that passes while the database is open,
// and an hour at most of what has passed since it was looked at last. So a clock that jumps drops nothing, and keeps nothing
// for ever: Pick compares what that clock said when a file was archived with what it says now.
//
// An Archive belongs to a database and is safe for concurrent use; a Cursor belongs to one goroutine.
package archive

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// Options of an Archive. All are needed but MaxBytes.
type Options struct {
	FS     vfs.FS
	Dir    string // of the database
	Pool   *mem.Pool
	Files  *shelf.Dir
	Events event.Listener
	Now    func() time.Time
	// Manifest is what an edit of the archive goes into.
	Manifest *manifest.Set
	// Visible returns the last record that is visible.
	Visible func() uint64
	// Retain returns how long a table wants its records, 0 of one that is not there. Tables lists those that there are.
	Retain func(catalog.TableID) time.Duration
	Tables func() []catalog.TableID
	// Attachment returns the file of a load with a reference for the caller, nil when it is not there any more; there tells
	// whether its table is.
	Attachment func(t catalog.TableID, f manifest.FileID) (file *shelf.File, there bool)
	// Detached is told of attachments that have left the manifest.
	Detached func([]manifest.Attachment)
	// MaxBytes bounds the bytes of all files; 0: nothing does.
	MaxBytes int64
	// MaxRecord is the longest record of the log in bytes.
	MaxRecord int64
}

// Archive is the log of a database, as far as it is there, and what is kept of it.
type Archive struct {
	o       Options
	log     *wal.Log
	account *mem.Account // of the steps; it does not refuse, since a refusal would keep log files
	metrics Metrics
	closed  chan struct{}
	end     sync.Once
	bell    atomic.Pointer[chan struct{}] // closed when more is visible; nil: nobody waits

	steps   sync.Mutex // one step at a time
	elapsed int64      // the archive's clock in microseconds; guarded by steps
	looked  time.Time  // when it was looked at last
	saved   int64      // of elapsed, in the manifest
	over    bool       // it was told that the bound is exceeded

	dropping sync.Mutex // from the look at who holds what until the manifest has the outcome

	mu      sync.Mutex
	retired uint64 // records up to here are not in the log any more
	holders []*holder
}

// Close ends the wait of all cursors, whose owners close them. It may be called again.
func (a *Archive) Close() { a.end.Do(func() { close(a.closed) }) }

// Free gives back the archive's memory: no step is on its way.
func (a *Archive) Free() { a.account.Close() }

// Ring tells that more records are visible.
func (a *Archive) Ring() {
	if a.bell.Load() != nil {
		if c := a.bell.Swap(nil); c != nil {
			close(*c)
		}
	}
}

// await waits until a record is visible.
func (a *Archive) await(ctx context.Context, sequence uint64) error {
	for a.o.Visible() < sequence {
		c := a.bell.Load()
		if c == nil {
			n := make(chan struct{})
			if c = &n; !a.bell.CompareAndSwap(nil, c) {
				continue
			}
		}
		if a.o.Visible() >= sequence { // it may have rung before the bell was there
			return nil
		}
		select {
		case <-*c:
		case <-a.closed:
			return errs.New(errs.AdminShutdown, "the database is closing")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Start returns the first record from which on the log has all records of a table with their rows; 0: of all tables.
func (a *Archive) Start(t catalog.TableID) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.startLocked(t)
}

// Oldest returns the oldest record that is there, or the one to come; some behind it may have gone.
func (a *Archive) Oldest() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.oldestLocked(a.o.Manifest.Version())
}

func (a *Archive) startLocked(t catalog.TableID) uint64 {
	v := a.o.Manifest.Version()
	return max(a.oldestLocked(v), v.Archive.Gone[t]+1)
}

// oldestLocked returns the oldest record that is there, or the one to come.
func (a *Archive) oldestLocked(v *manifest.Version) uint64 {
	if list := v.Archive.Files; len(list) > 0 {
		return list[0].First
	}
	return a.beginLocked()
}

// beginLocked returns the oldest record that the log has and the archive has not.
func (a *Archive) beginLocked() uint64 {
	for _, s := range a.log.Files() {
		if s.Last == 0 || s.Last > a.retired {
			return s.First
		}
	}
	return max(a.retired, a.o.Visible()) + 1
}

// thereLocked returns an error when records from one on are not there.
func (a *Archive) thereLocked(t catalog.TableID, sequence uint64) error {
	if start := a.startLocked(t); sequence < start {
		return gone(sequence, start-1)
	}
	return nil
}

// holder is what a cursor has not read yet.
type holder struct{ Holder }

// Holder tells who keeps records of the log.
type Holder struct {
	Name    string
	Table   catalog.TableID // 0: all
	From    uint64          // first record that it keeps
	MayLose bool            // the bound of the archive may take them
}

func (a *Archive) holdLocked(o *CursorOptions) *holder {
	h := &holder{Holder{o.Holder, o.Table, o.From.Sequence, o.MayLose}}
	a.holders = append(a.holders, h)
	return h
}

func (a *Archive) release(h *holder) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holders = slices.DeleteFunc(a.holders, func(o *holder) bool { return o == h })
}

func (a *Archive) advance(h *holder, from uint64) {
	if h.From == from {
		return // nobody else changes it
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h.From = max(h.From, from)
}

// Holders lists who keeps records, the one that keeps most first.
func (a *Archive) Holders() []Holder {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holdersLocked()
}

func (a *Archive) holdersLocked() []Holder {
	list := make([]Holder, len(a.holders))
	for i, h := range a.holders {
		list[i] = h.Holder
	}
	slices.SortFunc(list, func(x, y Holder) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.Name, y.Name)) })
	return list
}
