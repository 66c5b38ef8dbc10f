package wal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Replay is called by Open with each record above the watermark, in order. The payload is valid during the call.
type Replay func(sequence uint64, t record.Type, payload []byte) error

// Open reads the log in o.Dir, calls replay with every record whose sequence is above watermark, cuts off what a crash
// left unfinished, and makes a new file for what is appended. The log must be whole from watermark+1 on: o.Lost is told
// of what is missing, and decides. Opening again after a crash inside Open gives the same records.
func Open(ctx context.Context, o Options, watermark uint64, replay Replay) (*Log, error) {
	o.EnsureDefaults()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("options of the log: %w", err)
	}
	l := &Log{o: o}
	l.w.l = l
	numbers, err := listFiles(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	r := recovery{l: l, o: &l.o, watermark: watermark, replay: replay, numbers: numbers}
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("recover the write-ahead log: %w", err)
	}
	l.w.before = max(watermark, r.last())
	l.w.seq = max(l.w.before, o.Reached)
	l.gap = Gap{l.w.before, l.w.seq}
	l.files.current = fileInfo{first: l.w.seq + 1}
	l.w.info.number = max(o.File, o.Above)
	if n := len(numbers); n > 0 {
		l.w.info.number = max(l.w.info.number, numbers[n-1])
	}
	// Files that are not needed go when another is there: a log without any file is one that was lost.
	l.w.makeSpare()
	l.w.spare.wg.Wait()
	if l.w.spare.err == nil {
		if err := r.tidy(); err != nil {
			return nil, errors.Join(err, l.w.dropSpare())
		}
	}
	if l.w.spare.err == nil {
		l.made = l.w.spare.number
	}
	l.start()
	return l, nil
}

// Lost returns the records that were missing at the end when the log was opened: what comes goes on behind them.
func (l *Log) Lost() Gap { return l.gap }

// Spare returns the number of the file that was made when the log was opened; 0 says that the disk was full. From now on
// it, or one with a higher number, is there.
func (l *Log) Spare() uint64 { return l.made }

func listFiles(fsys vfs.FS, dir string) ([]uint64, error) {
	infos, err := fsys.List(dir)
	if err != nil {
		return nil, vfs.Error("list", dir, err)
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
	numbers   []uint64
	stale     []uint64 // of the files that are not needed
	whole     []uint64 // files that have room for a header, as every one has once it is made
	next      uint64   // sequence that must follow; 0 before the first file
	open      string   // the file before this one that has no End
	openAt    int64
	tail      record.Tail // of it
	goesOn    uint64      // the file that the last one names
	lastFile  uint64
}

func (r *recovery) last() uint64 { return max(r.next, 1) - 1 }

func (r *recovery) run(ctx context.Context) error {
	if n := len(r.numbers); r.o.File > 0 && (n == 0 || r.numbers[n-1] < r.o.File) {
		if err := r.lost("log file %s or a later one is missing", fileName(r.o.Dir, r.o.File)); err != nil {
			return err
		}
	}
	headers := make([]record.Header, len(r.numbers))
	for i, n := range r.numbers {
		h, size, err := r.peek(n)
		if err != nil {
			return err
		}
		headers[i] = h
		if size >= record.HeaderBytes {
			r.whole = append(r.whole, n)
		} else if n == r.o.File { // others may have been in the making
			if err := r.lost("file %s: has %d bytes: it was cut", fileName(r.o.Dir, n), size); err != nil {
				return err
			}
		}
	}
	for i, n := range r.numbers {
		// A file that was never begun holds nothing, and one whose successor starts at or below the watermark nothing that
		// is replayed: Retire removes it.
		if j := nextBegun(headers, i); headers[i].First == 0 {
			r.stale = append(r.stale, n)
			continue
		} else if j > 0 && headers[j].After <= r.watermark {
			r.l.files.old = append(r.l.files.old, fileInfo{n, headers[i].First})
			continue
		}
		if cut, err := r.gap(headers[i], fileName(r.o.Dir, n)); err != nil {
			return err
		} else if cut {
			if err := r.setAside(r.numbers[i:]); err != nil {
				return err
			}
			r.whole = nil
			break
		}
		if err := r.file(ctx, n, headers[i]); err != nil {
			return err
		}
	}
	if err := r.ends(); err != nil || r.lastFile == 0 {
		return err
	}
	return r.seal()
}

// lost tells of records that are missing.
func (r *recovery) lost(format string, args ...any) error {
	return r.o.Lost(errs.Corrupt(format, args...).
		WithHint("Acknowledged rows may be lost there. Restore the file from a backup, or go on without them with --accept-loss."))
}

// gap tells whether a file does not go on where the one before it ended, and the loss was accepted: what follows counts on
// what is missing.
func (r *recovery) gap(h record.Header, name string) (bool, error) {
	switch {
	case r.open != "":
		return true, r.lost("file %s: ends at offset %d without an end mark, though file %s follows", r.open, r.openAt, name)
	case r.next == 0 && h.After > r.watermark || r.next != 0 && h.After != r.last():
		return true, r.lost("file %s: follows record %d, and the last one before it is %d: log files are missing", name, h.After, max(r.last(), r.watermark))
	}
	return false, nil
}

// setAside renames files that hold no records of this log any more.
func (r *recovery) setAside(numbers []uint64) error {
	for _, n := range numbers {
		name := fileName(r.o.Dir, n)
		if err := r.o.FS.Rename(name, name+".lost"); err != nil {
			return vfs.Error("rename", name, err)
		}
	}
	if err := r.o.FS.SyncDir(r.o.Dir); err != nil {
		return vfs.Error("sync", r.o.Dir, err)
	}
	return nil
}

// ends looks whether the log goes as far as it is known to have gone.
func (r *recovery) ends() error {
	if r.goesOn != 0 && !slices.Contains(r.whole, r.goesOn) {
		if err := r.lost("log file %s is missing or cut: the one before it says that it is there", fileName(r.o.Dir, r.goesOn)); err != nil {
			return err
		}
	}
	last := max(r.last(), r.watermark)
	if a := r.o.Accepted; last < r.o.Reached && (a.To < r.o.Reached || last < a.After) {
		return r.lost("the log in %s ends at record %d, and record %d was written: log files are missing, cut or old", r.o.Dir, last, r.o.Reached)
	}
	return nil
}

// tidy removes the files that are not needed.
func (r *recovery) tidy() error {
	for _, n := range r.stale {
		if err := r.o.FS.Remove(fileName(r.o.Dir, n)); err != nil && !vfs.IsNotExist(err) {
			return vfs.Error("remove", fileName(r.o.Dir, n), err)
		}
	}
	return nil
}

// seal ends the last file behind its last whole record, and makes it durable: its records may so far be no further
// than the system's cache. It names no other file: one that was never begun makes room for a new one.
func (r *recovery) seal() error {
	name := fileName(r.o.Dir, r.lastFile)
	f, err := r.o.FS.OpenWrite(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	if r.open != "" || r.goesOn != 0 {
		a := record.Appender{Number: r.lastFile, Group: r.openAt, Offset: r.openAt}
		_, err = f.WriteAt(a.AppendEnd(nil, r.last(), 0), r.openAt)
		if r.tail.Bytes > 0 {
			r.o.Torn(name, r.tail)
		}
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

func nextBegun(headers []record.Header, i int) int {
	for j := i + 1; j < len(headers); j++ {
		if headers[j].First != 0 {
			return j
		}
	}
	return 0
}

// peek returns the header of a file, an empty one when it was never begun, and its size.
func (r *recovery) peek(number uint64) (record.Header, int64, error) {
	f, err := r.o.FS.Open(fileName(r.o.Dir, number))
	if err != nil {
		return record.Header{}, 0, vfs.Error("open", fileName(r.o.Dir, number), err)
	}
	defer f.Close()
	rd, err := record.NewReader(f, record.WAL, number, r.o.MaxRecord)
	if err != nil {
		return record.Header{}, 0, err
	}
	if !rd.Begun() {
		return record.Header{}, rd.Size(), nil
	}
	return rd.Header(), rd.Size(), nil
}

// lengthen gives a file that was cut its length again: the loss is accepted only once.
func (r *recovery) lengthen(name string, size int64) error {
	f, err := r.o.FS.OpenWrite(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return vfs.Error("extend", name, err)
	}
	return nil
}

func (r *recovery) file(ctx context.Context, number uint64, h record.Header) error {
	name := fileName(r.o.Dir, number)
	r.next = h.First
	f, err := r.o.FS.Open(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	defer f.Close()
	rd, err := record.NewReader(f, record.WAL, number, r.o.MaxRecord)
	if err != nil {
		return err
	}
	if rd.Short() {
		if err := r.lost("file %s: has %d bytes and was made with %d: it was cut", name, rd.Size(), h.Bytes); err != nil {
			return err
		}
		if err := r.lengthen(name, h.Bytes); err != nil {
			return err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.openAt = rd.Offset()
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
	r.l.files.old = append(r.l.files.old, fileInfo{number, h.First})
	r.lastFile, r.goesOn = number, rd.GoesOn()
	if rd.Ended() {
		return nil
	}
	r.open, r.tail = name, rd.Tail()
	return nil
}
