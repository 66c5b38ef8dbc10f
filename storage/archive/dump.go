package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Dump prints an archived file as offset, bytes and meaning; logged tells what a record of the log means. It returns the first
// damage that it meets.
func Dump(w io.Writer, f record.Source, maxRecord int64, logged record.Describe) error {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(maxRecord+overhead)))
	if err != nil {
		return err
	}
	defer z.Close()
	var plain []byte
	return record.Dump(w, f, func(r record.Frame) (string, []string, error) {
		switch r.Type {
		case typeBlock:
			plain, err = unpack(plain, z, r.Payload, maxRecord+overhead, uncounted)
			if err != nil {
				return "block", nil, err
			}
			lines, err := describeBlock(plain, logged)
			return fmt.Sprintf("block of %d bytes in %d", len(plain), len(r.Payload)), lines, err
		case typeIndex:
			x, err := readIndex(r.Payload)
			if err != nil {
				return "index", nil, err
			}
			var lines []string
			for _, b := range x.blocks {
				lines = append(lines, fmt.Sprintf("block at %d: from record %d on, tables %v", b.offset, b.first, b.tables))
			}
			return fmt.Sprintf("index of records %d to %d, %d bytes", x.first, x.last, x.plain), lines, nil
		}
		return fmt.Sprintf("type %d", r.Type), nil, errs.Unsupported("record of type %d in an archived file, written by a newer version,", r.Type)
	})
}

// uncounted takes memory that nobody bounds.
func uncounted(int64) error { return nil }

func describeBlock(plain []byte, logged record.Describe) (lines []string, err error) {
	b := entries{field.NewReader("block of an archived file", plain)}
	for {
		e, ok := b.next()
		if !ok {
			return lines, b.r.Err()
		}
		text, more, err := logged(record.Frame{Type: e.typ, Sequence: e.sequence, Payload: e.payload})
		lines = append(lines, fmt.Sprintf("record %d: %s", e.sequence, text))
		for _, m := range more {
			lines = append(lines, "  "+m)
		}
		if err != nil {
			return lines, err
		}
	}
}

// Check reads all of an archived file that the manifest knows, and holds it against what that says.
func Check(fsys vfs.FS, dir string, meta manifest.Archived, maxRecord int64) error {
	name := fileName(dir+"/archive", meta.Number)
	i, err := fsys.Stat(name)
	if vfs.IsNotExist(err) || err == nil && i.Size != meta.Bytes {
		return Missing(name, meta, i.Size, err == nil)
	}
	if err != nil {
		return vfs.Error("stat", name, err)
	}
	account := mem.NewPool(0).Overdraft("check")
	f, err := openArchived(fsys, dir+"/archive", &meta, maxRecord, 0, meta.First, charges{account: account})
	if err != nil {
		return err
	}
	defer f.close()
	var d table.Decoder
	next := meta.First
	for {
		sequence, t, payload, err := f.next()
		switch {
		case errors.Is(err, io.EOF):
			if next != meta.Last+1 {
				return errs.Corrupt("file %s: ends with record %d, want %d", name, next-1, meta.Last)
			}
			return nil
		case err != nil:
			return err
		case sequence != next:
			return errs.Corrupt("file %s: has record %d, want %d", name, sequence, next)
		case t != table.RecordWrite:
			return errs.Unsupported("log record of type %d, written by a newer version,", t)
		}
		next++
		if err := d.Begin(payload); err != nil {
			return fmt.Errorf("file %s, record %d: %w", name, sequence, err)
		}
	}
}

// FileName returns the name of an archived log file of a database.
func FileName(dir string, number uint64) string { return fileName(dir+"/archive", number) }
