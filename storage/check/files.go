package check

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
)

// file is what was read of a file of records.
type file struct {
	name   string
	number uint64
	r      *record.Reader
	last   uint64 // sequence of its last record
}

// files reads every record of the files of a folder, and hands those that are sound to do.
func (c *checker) files(sub, suffix string, kind record.Kind, do func(*file)) {
	for _, i := range c.list(sub) {
		f := &file{name: c.dir + "/" + sub + "/" + i.Name}
		digits, ok := strings.CutSuffix(i.Name, suffix)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			c.add(f.name, errors.New("does not belong here"), false)
			continue
		}
		f.number = number
		if err := c.read(f, kind); err != nil {
			c.add(f.name, err, true)
			continue
		}
		do(f)
	}
}

func (c *checker) read(f *file, kind record.Kind) error {
	src, err := c.fs.Open(f.name)
	if err != nil {
		return err
	}
	defer src.Close()
	if f.r, err = record.NewReader(src, kind, f.number, 1<<30); err != nil || !f.r.Begun() {
		return err
	}
	f.last = f.r.Header().First - 1
	for {
		rec, err := f.r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.Sequence != f.last+1 {
			return errs.Corrupt("record at offset %d has sequence %d, want %d", rec.Offset, rec.Sequence, f.last+1)
		}
		f.last++
		if kind == record.WAL {
			if err := c.write(rec); err != nil {
				return err
			}
		}
	}
}

// log reads the log. Sequences above the watermark must follow each other, up to the last one that is known.
func (c *checker) log() {
	var before *file // the last one that was begun
	var newest uint64
	var whole []uint64
	c.files("wal", ".wal", record.WAL, func(f *file) {
		newest = f.number
		if f.r.Size() >= record.HeaderBytes {
			whole = append(whole, f.number)
		}
		if !f.r.Begun() {
			return
		}
		h := f.r.Header()
		if f.r.Short() {
			c.lost(f.name, fmt.Errorf("has %d bytes and was made with %d: it was cut", f.r.Size(), h.Bytes))
		}
		// What is sealed is not needed: the removal of its files may be half done.
		needed := c.version == nil || h.After > c.version.Watermark
		switch {
		case !needed:
		case before == nil:
			if c.version != nil {
				c.lost(f.name, fmt.Errorf("follows record %d, and records are needed from %d on: log files are missing", h.After, c.version.Watermark+1))
			}
		case !before.r.Ended():
			c.lost(before.name, fmt.Errorf("has no end mark, though %s follows", f.name))
		case h.After != before.last:
			c.lost(f.name, fmt.Errorf("follows record %d, and the last one before it is %d: log files are missing", h.After, before.last))
		}
		before = f
	})
	var last uint64
	if before != nil {
		last = before.last
		if t := before.r.Tail(); t.Bytes > 0 && !before.r.Ended() {
			what := "which a crash has cut"
			if t.Whole {
				what = "a whole frame that is not as it was written"
			}
			c.add(before.name, fmt.Errorf("%d bytes at offset %d, %s: the next start cuts them off", t.Bytes, t.Offset, what), false)
		}
		if n := before.r.GoesOn(); n != 0 && !slices.Contains(whole, n) {
			c.lost(before.name, fmt.Errorf("says that log file %d follows, which is missing or cut", n))
		}
	}
	if v := c.version; v != nil && v.Held.Stopped == nil && v.Held.Log > newest {
		c.lost(c.dir+"/wal", fmt.Errorf("log file %d or a later one is missing", v.Held.Log))
	}
	if v := c.version; v != nil && max(last, v.Watermark) < v.Held.Logged &&
		(v.Held.Lost.To < v.Held.Logged || max(last, v.Watermark) < v.Held.Lost.After) {
		c.lost(c.dir+"/wal", fmt.Errorf("the log ends at record %d, and record %d was written: log files are missing, cut or old", last, v.Held.Logged))
	}
}

// tokens reads the files of idempotency tokens.
func (c *checker) tokens() { c.files("tokens", ".tok", record.Tokens, func(*file) {}) }
