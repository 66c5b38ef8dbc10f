// Package wal is the log of acknowledged writes. Many goroutines Append records; one writer goroutine takes everything
// that was queued while the previous group was being synced, writes it with one write and one fdatasync into a
// preallocated file, and hands the group, in order, to one applier goroutine, which makes the rows visible and then
// wakes the appenders. So an answered Append is durable and visible, and a thousand writers share one sync.
//
// # Files
//
// "<number, 10 digits>.wal" in the format of package record: a header with the first sequence, records with sequences
// that follow each other without gaps, at last an End record when the next file took over. The next file ("spare") is
// made and filled with zeros beforehand, so that a sync never has to make file metadata durable and a full disk shows
// before it hurts. A file may be removed when all its records are below the caller's watermark and the
// caller has taken of it what he wants (Retire); when those of
// the current file are too, a small one takes its place, so that a database at rest has a log of a megabyte or two.
//
// # Failures
//
// After a failed sync nothing of the file is trusted and the log stops: every Append fails with 58030 until the
// database is opened again; what the failed group wrote may or may not be found then. When the disk is full the group
// is cut off again and its appenders get 53100; the next Append tries anew. Damage found in the middle of the log
// while opening is XX001, never skipped; what a crash cut off at the end is dropped, being unacknowledged.
package wal

import (
	"context"
	"errors"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Entry is one record on its way. The caller fills in Type and Pieces (the payload is their concatenation) and keeps
// the bytes unchanged until Append returned.
type Entry struct {
	Type   record.Type
	Pieces [][]byte
	Data   any // for Apply
	// Sequence is given by the log before Apply.
	Sequence uint64
	// Err may be set by Apply: the record is durable, but what it asks could not be done.
	Err error

	bytes int64
	done  chan struct{}
}

// Log is an open log. It is safe for concurrent use.
type Log struct {
	o  Options
	mu struct {
		sync.Mutex
		cond   *sync.Cond // queue or room or closing changed
		queue  []*Entry
		queued int64 // bytes of the queue
		closed bool
		// shorten, when not 0, asks the writer, if it has nothing to write, to give up a large current file whose
		// records are all at or below this sequence.
		shorten uint64
		failed  error // the log stopped
		full    error // the last group met a full disk; cleared by the next that does not
	}
	files struct {
		sync.Mutex
		old     []fileInfo // not the current one
		current fileInfo   // the current one, or the one to come, whose number is 0
	}
	retiring sync.Mutex // one removal of old files at a time
	w        writer
	made     uint64 // number of the file that Open made
	gap      Gap    // of records that were lost
	applied  chan []*Entry
	free     chan []*Entry
	wg       sync.WaitGroup
}

// Status tells how the log is.
type Status struct {
	Failed error // the log stopped: 58030
	Full   error // the last group met a full disk: 53100
	Files  int
	Queued int64 // bytes waiting
}

// Status returns how the log is.
func (l *Log) Status() Status {
	l.mu.Lock()
	s := Status{Failed: l.mu.failed, Full: l.mu.full, Queued: l.mu.queued}
	l.mu.Unlock()
	l.files.Lock()
	s.Files = len(l.files.old) + 1
	l.files.Unlock()
	return s
}

// start begins writing after the records that were replayed.
func (l *Log) start() {
	l.mu.cond = sync.NewCond(&l.mu)
	// One group may be applied while the next is synced; a third would only be latency.
	l.applied, l.free = make(chan []*Entry, 1), make(chan []*Entry, 4)
	l.wg.Add(2)
	go l.write()
	go l.apply()
}

// Append queues a record and waits until it is durable and applied. The context ends only the wait for room in the
// queue: once queued, the outcome is waited for.
func (l *Log) Append(ctx context.Context, e *Entry) error {
	e.bytes = 0
	for _, p := range e.Pieces {
		e.bytes += int64(len(p))
	}
	if e.bytes > l.o.MaxRecord {
		return errs.New(errs.ProgramLimitExceeded, "one write of %d bytes is more than a log record may hold, %d bytes", e.bytes, l.o.MaxRecord).
			WithHint("Split it into several transactions.")
	}
	if e.done == nil {
		e.done = make(chan struct{}, 1)
	}
	if err := l.enqueue(ctx, e); err != nil {
		return err
	}
	<-e.done
	return e.Err
}

func (l *Log) enqueue(ctx context.Context, e *Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fullLocked(e) {
		stop := context.AfterFunc(ctx, func() { l.mu.Lock(); l.mu.cond.Broadcast(); l.mu.Unlock() })
		defer stop()
		for l.fullLocked(e) && !l.mu.closed && l.mu.failed == nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			l.mu.cond.Wait()
		}
	}
	switch {
	case l.mu.failed != nil:
		return l.mu.failed
	case l.mu.closed:
		return errs.New(errs.AdminShutdown, "the database is closing")
	}
	l.mu.queue = append(l.mu.queue, e)
	l.mu.queued += e.bytes
	if len(l.mu.queue) == 1 {
		l.mu.cond.Broadcast()
	}
	return nil
}

// fullLocked tells whether an entry must wait for room in the queue. A longer one than that waits for an empty queue.
func (l *Log) fullLocked(e *Entry) bool {
	return l.mu.queued > 0 && l.mu.queued+e.bytes > l.o.QueueBytes
}

// take waits for the next group, or for a request to shorten the log; neither means that the log is closing.
func (l *Log) take() (group []*Entry, shorten uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.mu.queue) == 0 {
		if l.mu.closed || l.mu.shorten > 0 {
			return nil, l.mu.shorten
		}
		l.mu.cond.Wait()
	}
	l.mu.shorten = 0 // there is more to write than to tidy up
	var next []*Entry
	select {
	case next = <-l.free:
	default:
	}
	group = l.mu.queue
	l.mu.queue, l.mu.queued = next, 0
	l.mu.cond.Broadcast()
	return group, 0
}

func (l *Log) write() {
	defer l.wg.Done()
	defer close(l.applied)
	for {
		group, shorten := l.take()
		if shorten > 0 {
			if err := l.w.shorten(shorten); err != nil {
				l.note(err)
			}
			l.shortened()
			continue
		}
		if group == nil {
			return
		}
		err := l.failure()
		if err == nil {
			err = l.w.group(group)
			l.note(err)
		}
		if err != nil {
			for _, e := range group {
				e.Err = err
				e.done <- struct{}{}
			}
			continue
		}
		l.applied <- group
	}
}

// shortened wakes who asked for it.
func (l *Log) shortened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.shorten = 0
	l.mu.cond.Broadcast()
}

func (l *Log) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.failed
}

// note keeps what a group's error means for the following ones.
func (l *Log) note(err error) {
	stopped := false
	l.mu.Lock()
	switch {
	case err == nil:
		l.mu.full = nil
	case vfs.Passes(err):
		l.mu.full = err
	default:
		stopped = l.mu.failed == nil
		l.mu.failed = err
		l.mu.cond.Broadcast()
	}
	l.mu.Unlock()
	if stopped && l.o.Failed != nil {
		l.o.Failed(err)
	}
}

func (l *Log) apply() {
	defer l.wg.Done()
	for group := range l.applied {
		l.o.Apply(group)
		for i, e := range group {
			e.done <- struct{}{}
			group[i] = nil
		}
		select {
		case l.free <- group[:0]:
		default:
		}
	}
}

// Close writes what is queued, marks the file's end and waits for the log's goroutines.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.mu.closed {
		l.mu.Unlock()
		return nil
	}
	l.mu.closed = true
	l.mu.cond.Broadcast()
	l.mu.Unlock()
	l.wg.Wait()
	err := l.failure()
	return errors.Join(err, l.w.close(err == nil))
}
