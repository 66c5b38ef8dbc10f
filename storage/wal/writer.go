package wal

import (
	"errors"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// writeBytes is how much is laid out before it is written: larger groups reach the file in several writes and one
// sync.
const writeBytes = 4 << 20

// writer puts groups into files. Only the log's writer goroutine uses it.
type writer struct {
	l    *Log
	f    vfs.File
	info fileInfo
	size int64 // of which it may use
	// whole is the size that the file's header tells; size is less once a full disk has been met.
	whole int64
	off   int64 // end of the last durable group
	seq   uint64
	// before is the last sequence that there is: less than seq when a loss was accepted and no record has come since.
	before uint64
	buf    []byte

	spare spare
}

// spare is the file after the current one, made in the background.
type spare struct {
	wg     sync.WaitGroup
	number uint64
	f      vfs.File
	size   int64
	err    error
	named  bool // by the End of the file before it, which no file follows yet
}

// group makes the entries durable.
func (w *writer) group(group []*Entry) error {
	need := int64(record.HeaderBytes)
	for _, e := range group {
		need += record.Size(int(e.bytes))
	}
	if err := w.makeRoom(need); err != nil {
		return err
	}
	w.l.o.Number(group)
	if end, err := w.put(group); err != nil {
		if !vfs.IsDiskFull(err) {
			return stopped("write", w.f.Name(), err)
		}
		// The half-written group goes again, so that the next one cannot end where an old frame begins.
		if e := w.clear(end); e != nil {
			return stopped("clear", w.f.Name(), e)
		}
		w.size = w.off
		if e := w.f.Sync(); e != nil {
			return stopped("sync", w.f.Name(), e)
		}
		w.l.o.Unnumber(group)
		return diskFull(err)
	}
	if err := w.f.SyncData(); err != nil {
		return stopped("sync", w.f.Name(), err)
	}
	return nil
}

// clear makes the file zeros again from w.off up to end. Its length stays as it was made, also if the process ends in
// between: a file that is shorter than its header says, or than a header, was cut by somebody else. The zeros take the
// place of what is there, which needs no room but where a file system never writes in place; only there the file is cut,
// and gets its length back as a hole.
func (w *writer) clear(end int64) error {
	zeros := make([]byte, min(end-w.off, writeBytes))
	var err error
	for at := w.off; at < end && err == nil; at += int64(len(zeros)) {
		_, err = w.f.WriteAt(zeros[:min(int64(len(zeros)), end-at)], at)
	}
	if vfs.IsDiskFull(err) {
		if err = w.f.Truncate(w.off); err == nil {
			err = w.f.Truncate(w.whole)
		}
	}
	return err
}

// put writes the frames of a group at w.off and moves it behind them; on an error w.off and w.seq stay, and end tells how
// far bytes may have reached the file.
func (w *writer) put(group []*Entry) (end int64, err error) {
	a := record.Appender{Number: w.info.number, Group: w.off, Offset: w.off}
	b, at, seq := w.buf[:0], w.off, w.seq
	if w.off == 0 {
		w.whole = w.size
		b = record.AppendHeader(b, record.Header{Kind: record.WAL, Number: w.info.number, First: seq + 1, Bytes: w.whole, After: w.before})
		a.Offset = record.HeaderBytes
	}
	for i, e := range group {
		seq++
		e.Sequence, e.Err = seq, nil
		for pieces, left := e.Pieces, int(e.bytes); ; {
			b, pieces, left = a.AppendFrame(b, e.Type, seq, pieces, left)
			last := left == 0 && i == len(group)-1
			if len(b) >= writeBytes || last {
				if _, err := w.f.WriteAt(b, at); err != nil {
					return min(at+int64(len(b)), w.whole), err
				}
				at += int64(len(b))
				b = b[:0]
			}
			if left == 0 {
				break
			}
		}
	}
	w.buf, w.off, w.seq, w.before = b, a.Offset, seq, seq
	return w.off, nil
}

// makeRoom changes to the next file when need more bytes, and the End frame after them, do not fit.
func (w *writer) makeRoom(need int64) error {
	if w.f != nil && w.off+need+record.EndBytes <= w.size {
		return nil
	}
	if w.f != nil && w.off == 0 { // nothing in it yet: a group larger than the file makes the file larger
		if err := w.f.Preallocate(need + record.EndBytes); err != nil {
			return w.classify("extend", w.f.Name(), err)
		}
		w.size = need + record.EndBytes
		return w.syncNew(w.f)
	}
	w.spare.wg.Wait()
	if w.spare.err != nil { // when it was tried, which may be long ago: nothing of that file was in use
		w.makeSpare()
		w.spare.wg.Wait()
	}
	if w.spare.err != nil {
		return w.spare.err
	}
	next := w.spare.f
	if size := need + record.EndBytes; size > w.spare.size {
		if err := next.Preallocate(size); err != nil {
			return w.classify("extend", next.Name(), err)
		}
		w.spare.size = size
		if err := w.syncNew(next); err != nil {
			return err
		}
	}
	if w.f != nil {
		if err := w.end(w.spare.number); err != nil {
			return err
		}
	}
	w.l.files.Lock()
	if w.f != nil {
		w.l.files.old = append(w.l.files.old, w.info)
	}
	w.info = fileInfo{number: w.spare.number, first: w.seq + 1}
	w.l.files.current = w.info
	w.l.files.Unlock()
	w.f, w.size, w.off = next, w.spare.size, 0
	w.spare.named = false
	w.makeSpare()
	return nil
}

// end marks the current file as complete and closes it; next is the file that goes on, if it is there.
func (w *writer) end(next uint64) error {
	if w.off > 0 {
		a := record.Appender{Number: w.info.number, Group: w.off, Offset: w.off}
		if _, err := w.f.WriteAt(a.AppendEnd(nil, w.seq, next), w.off); err != nil {
			return w.classify("end", w.f.Name(), err)
		}
		if err := w.f.SyncData(); err != nil {
			return stopped("sync", w.f.Name(), err)
		}
	}
	if err := w.f.Close(); err != nil {
		return stopped("close", w.f.Name(), err)
	}
	return nil
}

// makeSpare begins to make the next file.
func (w *writer) makeSpare() {
	size := w.l.o.FileBytesMin
	if w.f != nil {
		size = min(4*w.size, w.l.o.FileBytesMax)
	}
	if s := &w.spare; s.err == nil {
		s.number = w.info.number + 1
	}
	w.spare.make(w, size)
}

func (s *spare) make(w *writer, size int64) {
	s.f, s.size, s.err = nil, size, nil
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		s.f, s.err = w.newFile(s.number, size)
	}()
}

// newFile makes a file of zeros and makes it durable.
func (w *writer) newFile(number uint64, size int64) (vfs.File, error) {
	name := fileName(w.l.o.Dir, number)
	f, err := w.l.o.FS.Create(name)
	if err != nil {
		return nil, w.classify("create", name, err)
	}
	if err = f.Preallocate(size); err != nil {
		err = w.classify("preallocate", name, err)
	} else {
		err = w.syncNew(f)
	}
	if err == nil {
		if e := w.l.o.FS.SyncDir(w.l.o.Dir); e != nil {
			err = w.classify("sync the directory of", name, e)
		}
	}
	if err != nil {
		f.Close()
		_ = w.l.o.FS.Remove(name)
		return nil, err
	}
	return f, nil
}

func (w *writer) syncNew(f vfs.File) error {
	if err := f.Sync(); err != nil {
		return w.classify("sync", f.Name(), err)
	}
	return nil
}

// shorten begins a new file of the least size when every record is at or below the watermark and the current file has
// grown: a log that holds nothing should not hold on to the disk. The file that it leaves can be retired. The new one is
// there before, so that a log whose files have all gone is never an empty one.
func (w *writer) shorten(watermark uint64) error {
	if w.f == nil || w.off == 0 || w.seq > watermark || w.size <= w.l.o.FileBytesMin {
		return nil
	}
	w.spare.wg.Wait()
	if err := w.dropSpare(); err != nil {
		return stopped("remove", fileName(w.l.o.Dir, w.spare.number), err)
	}
	w.spare.number++ // never used again, whatever becomes of it
	w.spare.make(w, w.l.o.FileBytesMin)
	if w.spare.wg.Wait(); w.spare.err != nil {
		return w.spare.err
	}
	if err := w.end(w.spare.number); err != nil {
		return err
	}
	w.l.files.Lock()
	w.l.files.old = append(w.l.files.old, w.info)
	w.l.files.current = fileInfo{first: w.seq + 1}
	w.l.files.Unlock()
	w.spare.named = true
	w.f, w.size, w.off = nil, 0, 0
	return nil
}

// dropSpare removes the spare, which holds nothing.
func (w *writer) dropSpare() error {
	f := w.spare.f
	if f == nil {
		return nil
	}
	w.spare.f = nil
	return errors.Join(f.Close(), w.l.o.FS.Remove(f.Name()))
}

// close ends the log; the spare, which holds nothing, is removed when it is noted that there is no other file, unless an End
// names it.
func (w *writer) close(healthy bool) error {
	w.spare.wg.Wait()
	if !healthy {
		return errors.Join(w.abandon(w.f), w.abandon(w.spare.f))
	}
	var err error
	if w.f != nil {
		if err = w.end(0); err != nil {
			_ = w.f.Close()
		}
	}
	if err == nil {
		err = w.note()
	}
	if err != nil || w.spare.named {
		return errors.Join(err, w.abandon(w.spare.f))
	}
	return w.dropSpare()
}

// abandon closes a file as it is.
func (w *writer) abandon(f vfs.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// note tells how the log has ended.
func (w *writer) note() error {
	list := w.l.files.old
	if w.f != nil && w.off > 0 {
		list = append(list[:len(list):len(list)], w.info)
	}
	files := make([]File, len(list))
	for i, f := range list {
		name := fileName(w.l.o.Dir, f.number)
		info, err := w.l.o.FS.Stat(name)
		if err != nil {
			return vfs.Error("stat", name, err)
		}
		files[i] = File{f.number, info.Size}
	}
	return w.l.o.Stopped(w.seq, files)
}

// classify makes an error of a file that holds nothing yet: a full disk and a lack of descriptors pass, all else stops the
// log.
func (w *writer) classify(op, name string, err error) error {
	if vfs.IsDiskFull(err) {
		return diskFull(err)
	}
	if vfs.IsTooManyFiles(err) {
		return errs.New(errs.InsufficientResources, "could not extend the write-ahead log: %w", err).
			WithHint("Raise the limit of open files (ulimit -n). Queries go on, and writes resume by themselves.")
	}
	return stopped(op, name, err)
}

func diskFull(err error) error {
	return errs.New(errs.DiskFull, "could not extend the write-ahead log: %w", err).
		WithHint("Free some space. Queries go on, and writes resume by themselves.")
}

func stopped(op, name string, err error) error {
	return errs.New(errs.IOError, "the write-ahead log has stopped: could not %s file %q: %w", op, name, err).
		WithHint("Queries go on, writes are refused. Check the disk, then restart the server: it recovers everything that was acknowledged.")
}
