package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// writer makes an archived file out of log records.
type writer struct {
	f       vfs.File
	w       *bufio.Writer
	a       record.Appender
	number  uint64
	z       *zstd.Encoder
	x       fileIndex
	d       table.Decoder
	plain   []byte // records of the block
	first   uint64 // of them
	tables  map[catalog.TableID]bool
	all     map[catalog.TableID]bool
	buf     []byte
	packed  []byte
	payload []byte // of the record, with sections that are not compressed
}

// write makes the file of a name, which nobody has, out of the records of src, and makes its bytes durable. The context ends
// it early.
func write(ctx context.Context, fsys vfs.FS, name string, number uint64, src source, account *mem.Account) (f manifest.Archived, err error) {
	out, err := fsys.Create(name)
	if err != nil {
		return f, vfs.Error("create", name, err)
	}
	w := &writer{f: out, number: number, tables: map[catalog.TableID]bool{}, all: map[catalog.TableID]bool{}}
	w.d.Charge = func(int64) error { return nil } // no section is unpacked
	defer func() {
		account.Free(int64(cap(w.plain) + cap(w.packed) + cap(w.payload)))
		if e := out.Close(); err == nil && e != nil {
			err = vfs.Error("close", name, e)
		}
		if err != nil {
			_ = fsys.Remove(name)
		}
	}()
	if w.z, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true)); err != nil {
		return f, err
	}
	w.w = bufio.NewWriterSize(out, 256<<10)
	w.a = record.Appender{Number: number, Offset: record.HeaderBytes}
	_, err = w.w.Write(make([]byte, record.HeaderBytes)) // known at the end
	for err == nil {
		if err = ctx.Err(); err != nil {
			return f, err
		}
		var e entry
		if e.sequence, e.typ, e.payload, err = src.next(); errors.Is(err, io.EOF) {
			return w.finish(account)
		} else if err == nil {
			err = w.add(&e, account)
		}
	}
	if errs.From(err).Code == errs.InternalError { // of the file that is written
		err = vfs.Error("write", name, err)
	}
	return f, err
}

// add puts a record into the block.
func (w *writer) add(e *entry, account *mem.Account) error {
	if e.typ != table.RecordWrite {
		return errs.Unsupported("log record of type %d, written by a newer version,", e.typ)
	}
	if err := w.d.Begin(e.payload); err != nil {
		return fmt.Errorf("record %d: %w", e.sequence, err)
	}
	if len(w.plain) == 0 {
		w.first = e.sequence
	}
	if w.x.first == 0 {
		w.x.first, w.x.from = e.sequence, w.d.Seconds
	}
	w.x.last, w.x.to = e.sequence, w.d.Seconds
	w.d.Touched(w.tables)
	before := cap(w.plain) + cap(w.payload)
	var err error
	if w.payload, err = table.AppendPlain(w.payload[:0], e.payload); err != nil {
		return fmt.Errorf("record %d: %w", e.sequence, err)
	}
	whole := entry{e.sequence, e.typ, w.payload}
	w.plain = whole.append(w.plain)
	if err := account.Reserve(int64(cap(w.plain) + cap(w.payload) - before)); err != nil {
		return err
	}
	if len(w.plain) < blockBytes {
		return nil
	}
	return w.block(account)
}

// block writes the records that are gathered.
func (w *writer) block(account *mem.Account) error {
	if len(w.plain) == 0 {
		return nil
	}
	w.x.plain += int64(len(w.plain))
	w.x.blocks = append(w.x.blocks, block{w.a.Offset, w.first, slices.Sorted(maps.Keys(w.tables))})
	maps.Copy(w.all, w.tables)
	clear(w.tables)
	before := cap(w.packed)
	w.packed = pack(w.packed[:0], w.z, w.plain)
	if err := account.Reserve(int64(cap(w.packed) - before)); err != nil {
		return err
	}
	w.plain = w.plain[:0]
	return w.record(typeBlock, w.first, w.packed)
}

func (w *writer) record(t record.Type, sequence uint64, payload []byte) error {
	w.a.Group = w.a.Offset
	pieces, left := [][]byte{payload}, len(payload)
	for more := true; more; more = left > 0 {
		w.buf, pieces, left = w.a.AppendFrame(w.buf[:0], t, sequence, pieces, left)
		if _, err := w.w.Write(w.buf); err != nil {
			return err
		}
	}
	return nil
}

// finish writes what is left, the index and the header, and makes them durable.
func (w *writer) finish(account *mem.Account) (f manifest.Archived, err error) {
	if err := w.block(account); err != nil {
		return f, vfs.Error("write", w.f.Name(), err)
	}
	f = manifest.Archived{Number: w.number, First: w.x.first, Last: w.x.last, Plain: w.x.plain, Index: w.a.Offset,
		From: w.x.from, To: w.x.to, Tables: slices.Sorted(maps.Keys(w.all))}
	if len(w.x.blocks) == 0 {
		return f, nil // nobody wants it
	}
	err = w.record(typeIndex, f.Last, w.x.append(nil))
	if err == nil {
		w.a.Group = w.a.Offset
		_, err = w.w.Write(w.a.AppendEnd(nil, f.Last, 0))
	}
	if err == nil {
		err = w.w.Flush()
	}
	f.Bytes = w.a.Offset
	if err == nil {
		_, err = w.f.WriteAt(record.AppendHeader(nil, record.Header{Kind: record.Archive, Number: w.number, First: f.First, Bytes: f.Bytes, After: f.First - 1}), 0)
	}
	if err == nil {
		err = w.f.Sync()
	}
	if err != nil {
		err = vfs.Error("write", w.f.Name(), err)
	}
	return f, err
}
