// Package archive reads the log: Cursors hand out its records in order, with the rows of loads that records name, from any
// position {sequence, row in the record}, through closed log files and the one that is written, and wait for new ones. What
// a cursor with a Holder has not read yet stays.
//
// An Archive belongs to a database and is safe for concurrent use; a Cursor belongs to one goroutine. The package changes
// neither the log nor the tables.
package archive

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// Options of an Archive. All are needed.
type Options struct {
	FS    vfs.FS
	Pool  *mem.Pool
	Files *shelf.Dir
	// Visible returns the last record that is visible.
	Visible func() uint64
	// Attachment returns the file of a load with a reference for the caller, nil when it is not there any more; there tells
	// whether its table is.
	Attachment func(t catalog.TableID, f manifest.FileID) (file *shelf.File, there bool)
	// MaxRecord is the longest record of the log in bytes.
	MaxRecord int64
}

// Archive is the log of a database as cursors see it.
type Archive struct {
	o      Options
	log    *wal.Log
	closed chan struct{}
	bell   atomic.Pointer[chan struct{}] // closed when more is visible; nil: nobody waits

	mu      sync.Mutex
	start   uint64 // records before it are gone
	holders []*holder
}

// New returns the archive of a log.
func New(o Options, log *wal.Log) *Archive {
	a := &Archive{o: o, log: log, closed: make(chan struct{})}
	if list := log.Files(); len(list) > 0 {
		a.start = list[0].First
	} else {
		a.start = o.Visible() + 1
	}
	return a
}

// Close ends the wait of all cursors, whose owners close them.
func (a *Archive) Close() { close(a.closed) }

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

// Start returns the first record from which on the log has all records of a table, or all of all: 0.
func (a *Archive) Start(t catalog.TableID) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.startLocked(t)
}

func (a *Archive) startLocked(catalog.TableID) uint64 { return a.start }

// thereLocked returns an error when records from one on are not there.
func (a *Archive) thereLocked(t catalog.TableID, sequence uint64) error {
	if start := a.startLocked(t); sequence < start {
		return gone(sequence, start-1)
	}
	return nil
}

// holder is what a cursor has not read yet.
type holder struct {
	name    string
	table   catalog.TableID
	mayLose bool
	from    uint64
}

// Holder tells who keeps records of the log.
type Holder struct {
	Name  string
	Table catalog.TableID // 0: all
	From  uint64          // first record that it keeps
}

func (a *Archive) holdLocked(o *CursorOptions) *holder {
	h := &holder{name: o.Holder, table: o.Table, mayLose: o.MayLose, from: o.From.Sequence}
	a.holders = append(a.holders, h)
	return h
}

func (a *Archive) release(h *holder) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holders = slices.DeleteFunc(a.holders, func(o *holder) bool { return o == h })
}

func (a *Archive) advance(h *holder, from uint64) {
	if h.from == from {
		return // nobody else changes it
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h.from = max(h.from, from)
}

// Holders lists who keeps records, the one that keeps most first.
func (a *Archive) Holders() []Holder {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Holder, len(a.holders))
	for i, h := range a.holders {
		list[i] = Holder{h.name, h.table, h.from}
	}
	slices.SortFunc(list, func(x, y Holder) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.Name, y.Name)) })
	return list
}

// ErrHeld is returned by Take of a file that somebody reads.
var ErrHeld = errs.New(errs.ObjectInUse, "records of the log are held")

// Take is told that a log file goes.
func (a *Archive) Take(s wal.Span) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.holders {
		if h.from <= s.Last {
			return ErrHeld
		}
	}
	a.start = max(a.start, s.Last+1)
	return nil
}
