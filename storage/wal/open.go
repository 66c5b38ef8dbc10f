package wal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Replay is called by Open with each record above the watermark, in order. The payload is valid during the call.
type Replay func(sequence uint64, t record.Type, payload []byte) error

// Open reads the log in o.Dir, calls replay with every record whose sequence is above watermark, cuts off what a crash
// left unfinished, and starts a new file for what is appended. The log must be whole from watermark+1 on. Opening
// again after a crash inside Open gives the same records.
func Open(ctx context.Context, o Options, watermark uint64, replay Replay) (*Log, error) {
	o.EnsureDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("options of the log: %w", err)
	}
	l := &Log{o: o}
	l.w.l = l
	numbers, err := listFiles(o.FS, o.Dir)
	if err != nil {
		return nil, vfs.Error("list", o.Dir, err)
	}
	r := recovery{l: l, o: &l.o, watermark: watermark, replay: replay}
	if err := r.run(ctx, numbers); err != nil {
		return nil, err
	}
	l.w.seq = max(watermark, r.last())
	l.files.current = l.w.seq + 1
	if n := len(numbers); n > 0 {
		l.w.info.number = numbers[n-1]
	}
	l.w.makeSpare()
	l.start()
	return l, nil
}

func listFiles(fsys vfs.FS, dir string) ([]uint64, error) {
	infos, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, i := range infos { // by name, and so by number
		base, ok := strings.CutSuffix(i.Name, ".wal")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(base, 10, 64)
		if err != nil || len(base) != 10 {
			return nil, errs.Corrupt("unexpected file %q among the log files", i.Name)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// recovery reads the files of a log in order.
type recovery struct {
	l         *Log
	o         *Options
	watermark uint64
	replay    Replay
	next      uint64 // sequence that must follow; 0 before the first file
	open      string // the file before this one that has no End
	openAt    int64
	lastFile  uint64
}

func (r *recovery) last() uint64 { return max(r.next, 1) - 1 }

func (r *recovery) run(ctx context.Context, numbers []uint64) error {
	firsts := make([]uint64, len(numbers))
	for i, n := range numbers {
		first, err := r.peek(n)
		if err != nil {
			return err
		}
		firsts[i] = first
	}
	for i, n := range numbers {
		if firsts[i] == 0 { // never begun
			if err := r.o.FS.Remove(fileName(r.o.Dir, n)); err != nil {
				return vfs.Error("remove", fileName(r.o.Dir, n), err)
			}
			continue
		}
		// A file whose successor starts at or below the watermark holds nothing that is needed.
		if j := nextBegun(firsts, i); j > 0 && firsts[j] <= r.watermark+1 {
			if err := r.o.FS.Remove(fileName(r.o.Dir, n)); err != nil {
				return vfs.Error("remove", fileName(r.o.Dir, n), err)
			}
			continue
		}
		if err := r.file(ctx, n, firsts[i]); err != nil {
			return fmt.Errorf("recover the write-ahead log: %w", err)
		}
	}
	if r.lastFile == 0 {
		return nil
	}
	return r.seal()
}

// seal ends the last file behind its last whole record, and makes it durable: its records may so far be no further
// than the system's cache.
func (r *recovery) seal() error {
	name := fileName(r.o.Dir, r.lastFile)
	f, err := r.o.FS.OpenWrite(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	if r.open != "" {
		a := record.Appender{Number: r.lastFile, Group: r.openAt, Offset: r.openAt}
		_, err = f.WriteAt(a.Append(nil, record.End, r.last()), r.openAt)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return vfs.Error("end", name, err)
	}
	return nil
}

func nextBegun(firsts []uint64, i int) int {
	for j := i + 1; j < len(firsts); j++ {
		if firsts[j] != 0 {
			return j
		}
	}
	return 0
}

// peek returns the first sequence of a file, 0 when it was never begun.
func (r *recovery) peek(number uint64) (uint64, error) {
	f, err := r.o.FS.Open(fileName(r.o.Dir, number))
	if err != nil {
		return 0, vfs.Error("open", fileName(r.o.Dir, number), err)
	}
	defer f.Close()
	rd, err := record.NewReader(f, record.WAL, number, r.o.MaxRecord)
	if err != nil || !rd.Begun() {
		return 0, err
	}
	return rd.Header().First, nil
}

func (r *recovery) file(ctx context.Context, number, first uint64) error {
	name := fileName(r.o.Dir, number)
	if r.open != "" {
		return errs.Corrupt("file %s: ends at offset %d without an end mark, though file %s follows", r.open, r.openAt, name).
			WithHint("Acknowledged rows may be lost there. Restore the file from a backup.")
	}
	if r.next == 0 && first > r.watermark+1 || r.next != 0 && first != r.next {
		return errs.Corrupt("file %s: starts at sequence %d, want %d: log files are missing", name, first, max(r.next, r.watermark+1))
	}
	r.next = first
	f, err := r.o.FS.Open(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	defer f.Close()
	rd, err := record.NewReader(f, record.WAL, number, r.o.MaxRecord)
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if rec.Sequence != r.next {
			return errs.Corrupt("file %s: record at offset %d has sequence %d, want %d", name, rec.Offset, rec.Sequence, r.next)
		}
		r.next++
		if rec.Sequence > r.watermark {
			if err := r.replay(rec.Sequence, rec.Type, rec.Payload); err != nil {
				return fmt.Errorf("file %s, record %d at offset %d: %w", name, rec.Sequence, rec.Offset, err)
			}
		}
	}
	r.l.files.old = append(r.l.files.old, fileInfo{number, first})
	r.lastFile = number
	if rd.Ended() {
		return nil
	}
	r.open, r.openAt = name, rd.Offset()
	return nil
}

// Retire removes the files whose records are all at or below the watermark, the current one too if it has grown and
// nobody is writing, and returns how many it removed.
func (l *Log) Retire(watermark uint64) (int, error) {
	l.requestShorten(watermark)
	l.files.Lock()
	defer l.files.Unlock()
	n := 0
	for n < len(l.files.old) {
		next := l.files.current
		if n+1 < len(l.files.old) {
			next = l.files.old[n+1].first
		}
		if next > watermark+1 {
			break
		}
		name := fileName(l.o.Dir, l.files.old[n].number)
		if err := l.o.FS.Remove(name); err != nil && !vfs.IsNotExist(err) {
			l.files.old = l.files.old[n:]
			return n, vfs.Error("remove", name, err)
		}
		n++
	}
	l.files.old = append(l.files.old[:0], l.files.old[n:]...)
	return n, nil
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
