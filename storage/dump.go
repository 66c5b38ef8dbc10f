package storage

import (
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// dumpCacheBytes is plenty: a dump reads every buffer of a segment once.
const dumpCacheBytes = 16 << 20

// Dump prints offset, bytes and meaning of every part of a file of a data directory: a segment, a file of the log or of its
// archive, a manifest, a file of tokens, CURRENT or FORMAT; which of them, its first bytes tell. It prints as much as it can and returns
// the first damage it meets. The file may be in use.
func Dump(w io.Writer, fsys vfs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return vfs.Error("open", name, err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return vfs.Error("stat", name, err)
	}
	if what, ok := map[string]string{"CURRENT": "manifest in use", "FORMAT": "format of the directory"}[path.Base(name)]; ok {
		b, err := vfs.ReadFile(fsys, name, 100)
		if err == nil {
			_, err = fmt.Fprintf(w, "%10d %9d  %s: %s\n", 0, len(b), what, strings.TrimSuffix(string(b), "\n"))
		}
		return err
	}
	h, ok, err := record.Sniff(f)
	switch {
	case err != nil:
		return err
	case !ok:
		return dumpSegment(w, f, size)
	case h.Kind == record.Manifest:
		return manifest.Dump(w, f)
	case h.Kind == record.WAL:
		var d table.Decoder
		return record.Dump(w, f, func(r record.Frame) (string, []string, error) { return describeLogged(&d, r) })
	case h.Kind == record.Tokens:
		return tokens.Dump(w, f)
	case h.Kind == record.Archive:
		var d table.Decoder
		return archive.Dump(w, f, recordMax, func(r record.Frame) (string, []string, error) { return describeLogged(&d, r) })
	}
	return errs.Unsupported("dump of a file of kind %q, written by a newer version,", string(h.Kind))
}

func dumpSegment(w io.Writer, f vfs.File, size int64) error {
	account := mem.NewPool(0).Account("dump", dumpCacheBytes)
	defer account.Close()
	c := cache.New(account, 0)
	defer c.Close()
	s, err := segment.Open(f, size, segment.Options{Name: f.Name(), Cache: c})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Dump(w)
}

// describeLogged tells what a record of the log brings.
func describeLogged(d *table.Decoder, r record.Frame) (string, []string, error) {
	if r.Type == table.RecordWrite {
		if err := d.Begin(r.Payload); err != nil {
			return "write", nil, err
		}
		text := fmt.Sprintf("write at %s", unixTime(d.Seconds))
		if d.Token != nil {
			text += fmt.Sprintf(", token %q of %q for table %d", d.Token.Key, d.Token.Client, d.Token.Table)
		}
		var lines []string
		for _, e := range d.Edits {
			lines = append(lines, catalog.Describe(e))
		}
		for _, x := range d.Deletions {
			if x.Below > 0 {
				lines = append(lines, fmt.Sprintf("table %d: rows with numbers below %d deleted", x.Table, x.Below))
			}
			if x.Rows != nil {
				lines = append(lines, fmt.Sprintf("table %d: %d rows deleted", x.Table, x.Rows.Len()))
			}
		}
		for _, p := range d.Positions {
			lines = append(lines, fmt.Sprintf("partition %q of source %d moves to %q", p.Partition, p.Source, p.To))
		}
		for _, c := range d.Counters {
			lines = append(lines, fmt.Sprintf("counter %d is at %d, given out: %t", c.Counter, c.Last, c.Called))
		}
		for _, f := range d.Files {
			line := fmt.Sprintf("table %d: segment %d of %d rows, %d bytes", f.Table, f.File, f.Rows, f.Bytes)
			if f.Deleted != "" {
				n, err := index.RowsIn([]byte(f.Deleted))
				if err != nil {
					return text, lines, err
				}
				line += fmt.Sprintf(", %d deleted", n)
			}
			lines = append(lines, line)
		}
		for _, n := range d.Numbers {
			lines = append(lines, fmt.Sprintf("table %d: rows are numbered from %d on", n.Table, n.First))
		}
		for d.More() {
			s, err := d.Next()
			if err != nil {
				return text, lines, err
			}
			lines = append(lines, fmt.Sprintf("table %d, version %d: %d rows of %d columns", s.Table, s.Version, s.Batch.Len, len(s.Batch.Cols)))
		}
		return text, lines, nil
	}
	return fmt.Sprintf("type %d", r.Type), nil, errs.Unsupported("log record of type %d, written by a newer version,", r.Type)
}

// unixTime prints seconds since 1970 in UTC.
func unixTime(seconds int64) string { return time.Unix(seconds, 0).UTC().Format("2006-01-02 15:04:05") }
