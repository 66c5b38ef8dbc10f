package archive

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// span is a file that a cursor may read: one of the archive, or one of the log.
type span struct {
	wal.Span
	archived *manifest.Archived // nil: it is in the log
}

// spans lists the files that there are, oldest first. What the archive has taken from the log is not listed twice.
func (a *Archive) spans() []span {
	log := a.log.Files() // before the manifest, so that a file which moves is in one of them at least
	v := a.o.Manifest.Version()
	list := make([]span, 0, len(v.Archive.Files)+len(log))
	var last uint64
	for i := range v.Archive.Files {
		f := &v.Archive.Files[i]
		list = append(list, span{wal.Span{Number: f.Number, First: f.First, Last: f.Last}, f})
		last = f.Number
	}
	for _, s := range log {
		if s.Number > last {
			list = append(list, span{s, nil})
		}
	}
	return list
}

// enter opens the file that has the cursor's next record, and returns its number: that of a later one when a table has
// nothing in the files that are not there.
func (c *Cursor) enter() (first uint64, err error) {
	for again := uint64(0); ; {
		s, err := c.find()
		if err != nil {
			return 0, err
		}
		if s.First > c.next {
			return s.First, nil
		}
		if s.archived != nil {
			f, err := openArchived(c.a.o.FS, c.a.folder(), s.archived, c.a.o.MaxRecord, c.o.Table, c.next, charges{account: c.account})
			if err == nil {
				c.src, c.last = f, s.Last
				return c.next, nil
			}
			if !vfs.IsNotExist(err) || again == s.Number {
				return 0, c.missing(s, err)
			}
		} else {
			f, err := openLog(c.a, s.Span, c.account)
			if err == nil {
				c.src, c.last = f, s.Last
				return c.next, nil
			}
			if !vfs.IsNotExist(err) || again == s.Number {
				return 0, err
			}
		}
		again = s.Number // it went just now
	}
}

// missing tells what it means that a file of the archive cannot be opened.
func (c *Cursor) missing(s span, err error) error {
	if vfs.IsNotExist(err) {
		return Missing(fileName(c.a.folder(), s.Number), *s.archived, 0, false)
	}
	return err
}

// find returns the file that has the next record, or the first one behind it when a table has nothing before.
func (c *Cursor) find() (span, error) {
	list := c.a.spans()
	for _, s := range list {
		if s.Last != 0 && s.Last < c.next {
			continue
		}
		if s.First <= c.next {
			return s, nil
		}
		c.a.mu.Lock()
		err := c.a.thereLocked(c.o.Table, c.next)
		c.a.mu.Unlock()
		if err == nil && c.o.Table == 0 { // a loss that was accepted
			err = gone(c.next, s.First-1)
		}
		return s, err
	}
	if c.o.Table == 0 {
		return span{}, errs.Corrupt("record %d is in no file of the log", c.next)
	}
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	// The last files had nothing of the table and are gone, and no other has been begun.
	return span{Span: wal.Span{First: c.a.o.Visible() + 1}}, c.a.thereLocked(c.o.Table, c.next)
}

// charges are what a reader's buffers are charged with.
type charges struct {
	account *mem.Account
	bytes   int64
}

func (c *charges) more(n int64) error {
	err := c.account.Reserve(n)
	if err == nil {
		c.bytes += n
	}
	return err
}

func (c *charges) free() {
	c.account.Free(c.bytes)
	c.bytes = 0
}

// logFile reads a file of the log, which may be growing.
type logFile struct {
	f vfs.File
	r *record.Reader
	charges
}

func openLog(a *Archive, s wal.Span, account *mem.Account) (*logFile, error) {
	name := a.log.FileName(s.Number)
	f, err := a.o.FS.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	l := &logFile{f: f, charges: charges{account: account}}
	if l.r, err = record.NewReader(f, record.WAL, s.Number, a.o.MaxRecord); err != nil {
		f.Close()
		return nil, fmt.Errorf("read the log: %w", err)
	}
	l.r.Charge(l.more)
	return l, nil
}

func (l *logFile) next() (uint64, record.Type, []byte, error) {
	f, err := l.r.Next()
	return f.Sequence, f.Type, f.Payload, err
}

func (l *logFile) close() {
	l.free()
	_ = l.f.Close()
}
