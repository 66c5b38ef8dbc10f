package archive

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// enter opens the file that has the cursor's next record, or the first one behind it, and returns which record it begins to
// be of use with.
func (c *Cursor) enter() (first uint64, err error) {
	for again := uint64(0); ; {
		spans := c.a.log.Files()
		i := len(spans) - 1
		for i > 0 && spans[i].First > c.next {
			i--
		}
		if i < 0 || spans[i].First > c.next {
			c.a.mu.Lock()
			err := c.a.thereLocked(c.o.Table, c.next)
			c.a.mu.Unlock()
			if err == nil {
				err = gone(c.next, c.next)
			}
			return 0, err
		}
		f, err := openLog(c.a, spans[i], c.account)
		if vfs.IsNotExist(err) && again != spans[i].Number { // it went just now
			again = spans[i].Number
			continue
		}
		if err != nil {
			return 0, err
		}
		c.src = f
		return c.next, nil
	}
}

// logFile reads a file of the log, which may be growing.
type logFile struct {
	f       vfs.File
	r       *record.Reader
	account *mem.Account
	charged int64
}

func openLog(a *Archive, s wal.Span, account *mem.Account) (*logFile, error) {
	name := a.log.FileName(s.Number)
	f, err := a.o.FS.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	r, err := record.NewReader(f, record.WAL, s.Number, a.o.MaxRecord)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read the log: %w", err)
	}
	l := &logFile{f: f, r: r, account: account}
	r.Charge(l.charge)
	return l, nil
}

func (l *logFile) charge(bytes int64) error {
	err := l.account.Reserve(bytes)
	if err == nil {
		l.charged += bytes
	}
	return err
}

func (l *logFile) next() (uint64, record.Type, []byte, error) {
	f, err := l.r.Next()
	return f.Sequence, f.Type, f.Payload, err
}

func (l *logFile) close() {
	l.account.Free(l.charged)
	_ = l.f.Close()
}
