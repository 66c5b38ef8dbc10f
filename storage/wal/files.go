package wal

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/vfs"
)

// fileInfo is a file that was begun.
type fileInfo struct {
	number uint64
	first  uint64
}

// Span is a file of the log and the records that it has.
type Span struct {
	Number      uint64
	First, Last uint64 // sequences; Last is 0 of the file that is written
}

func fileName(dir string, number uint64) string { return fmt.Sprintf("%s/%010d.wal", dir, number) }

// FileName returns the name of one of the log's files.
func (l *Log) FileName(number uint64) string { return fileName(l.o.Dir, number) }

// Files lists the files that were begun, oldest first. The last one is written; it is not listed before its first group.
func (l *Log) Files() []Span {
	l.files.Lock()
	defer l.files.Unlock()
	list := make([]Span, 0, len(l.files.old)+1)
	for i, f := range l.files.old {
		list = append(list, Span{f.number, f.first, l.afterLocked(i) - 1})
	}
	if c := l.files.current; c.number != 0 {
		list = append(list, Span{Number: c.number, First: c.first})
	}
	return list
}

// afterLocked returns the first sequence behind an old file.
func (l *Log) afterLocked(i int) uint64 {
	if i+1 < len(l.files.old) {
		return l.files.old[i+1].first
	}
	return l.files.current.first
}

// Retire removes the files whose records are all at or below the watermark, the current one too if it has grown and
// nobody is writing, oldest first, and returns how many it removed. Before each of them take, if not nil, is called, which
// may read the file as long as it likes: its error, and the end of the context, keep the file and all that follow.
func (l *Log) Retire(ctx context.Context, watermark uint64, take func(Span) error) (n int, err error) {
	l.retiring.Lock()
	defer l.retiring.Unlock()
	l.requestShorten(watermark)
	for ; ; n++ {
		s, ok := l.oldest(watermark)
		if !ok {
			return n, nil
		}
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if take != nil {
			if err := take(s); err != nil {
				return n, err
			}
		}
		if err := l.removeOldest(s.Number); err != nil {
			return n, err
		}
	}
}

// oldest returns the oldest file, if its records are all at or below the watermark.
func (l *Log) oldest(watermark uint64) (Span, bool) {
	l.files.Lock()
	defer l.files.Unlock()
	if len(l.files.old) == 0 {
		return Span{}, false
	}
	f, after := l.files.old[0], l.afterLocked(0)
	return Span{f.number, f.first, after - 1}, after <= watermark+1
}

func (l *Log) removeOldest(number uint64) error {
	name := fileName(l.o.Dir, number)
	err := l.o.FS.Remove(name)
	if vfs.IsNotExist(err) {
		err = nil
	}
	if err == nil {
		// A crash may forget one removal and keep the next, be it of a later call; a file that names one which has gone looks
		// like a loss.
		err = l.o.FS.SyncDir(l.o.Dir)
	}
	if err != nil {
		return vfs.Error("remove", name, err)
	}
	l.files.Lock()
	defer l.files.Unlock()
	l.files.old = append(l.files.old[:0:0], l.files.old[1:]...)
	return nil
}

// requestShorten lets the writer leave a large current file that holds nothing above the watermark, and waits for it.
func (l *Log) requestShorten(watermark uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.mu.queue) > 0 || l.mu.closed || l.mu.failed != nil || watermark == 0 {
		return
	}
	l.mu.shorten = watermark
	l.mu.cond.Broadcast()
	for l.mu.shorten > 0 && !l.mu.closed {
		l.mu.cond.Wait()
	}
}
