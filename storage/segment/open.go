package segment

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// Options says where a segment lies.
type Options struct {
	Name  string       // of the file, for messages
	Cache *cache.Cache // nil: the segment can be verified and dumped, but not scanned
}

// Segment is an open file. It is immutable and safe for concurrent use; Close it after its last scan.
type Segment struct {
	name     string
	r        io.ReaderAt
	size     int64
	cache    *cache.Cache
	file     uint64 // cache.Key.File
	id       uint64
	rows     int
	metadata uint64 // where buffers end and metadata starts
	cols     []column
	keys     []keyRun
}

// column is a column's metadata and what was loaded of it.
type column struct {
	*meta
	elem   int    // bytes per value, of codes for strings; 0 for booleans and plain strings
	dictID uint64 // batch.Dictionary.ID
	dictAt atomic.Pointer[dictionaryAt]
}

// Open reads the footer, the directory and the metadata of a file of size bytes. It does not read data.
func Open(r io.ReaderAt, size int64, opt Options) (*Segment, error) {
	s := &Segment{name: opt.Name, r: r, size: size, cache: opt.Cache, file: cache.NewFile()}
	if err := s.open(); err != nil {
		return nil, s.wrap(err)
	}
	return s, nil
}

// wrap names the file in an error, keeping its SQLSTATE.
func (s *Segment) wrap(err error) error {
	if errs.Is(err, errs.DataCorrupted) {
		return errs.Corrupt("segment %s: %w", s.name, err).
			WithHint("The segment cannot be trusted. \"siltstone check\" tells which parts are damaged.")
	}
	return fmt.Errorf("segment %s: %w", s.name, err)
}

// readAt reads len(b) bytes; a short file is corrupt.
func (s *Segment) readAt(b []byte, off int64) error {
	n, err := s.r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.Corrupt("%d bytes at %d, want %d: the file is cut short", n, off, len(b))
	}
	switch { // errors of a file that was opened again
	case errs.Is(err, errs.DataCorrupted):
		return err
	case vfs.IsTooManyFiles(err):
		return vfs.Error("open", s.name, err)
	}
	return errs.New(errs.IOError, "could not read %d bytes at %d: %w", len(b), off, err)
}

func (s *Segment) open() error {
	if s.size < headerBytes+footerBytes {
		return errs.Corrupt("%d bytes: the file is cut short", s.size)
	}
	head := make([]byte, headerBytes)
	if err := s.readAt(head, 0); err != nil {
		return err
	}
	if err := checkHeader(head); err != nil {
		return err
	}
	at := max(0, s.size-tailBytes)
	tail := make([]byte, s.size-at)
	if err := s.readAt(tail, at); err != nil {
		return err
	}
	f, err := readFooter(tail[len(tail)-footerBytes:], s.size)
	if err != nil {
		return err
	}
	if id := le.Uint64(head[16:]); id != f.id {
		return errs.Corrupt("header of segment %d, footer of segment %d", id, f.id)
	}
	if int64(f.metadata) < at {
		more := make([]byte, at-int64(f.metadata))
		if err := s.readAt(more, int64(f.metadata)); err != nil {
			return err
		}
		tail, at = append(more, tail...), int64(f.metadata)
	}
	s.id, s.rows, s.metadata = f.id, int(f.rows), f.metadata
	return s.directory(tail[int64(f.metadata)-at:], &f)
}

// directory reads the directory and every metadata blob; b starts at the first blob.
func (s *Segment) directory(b []byte, f *footer) error {
	dir, runs, err := readDirectory(b[f.directory-f.metadata:][:f.length], f)
	if err != nil {
		return err
	}
	s.keys = runs
	s.cols = make([]column, len(dir))
	for i, e := range dir {
		blob := b[e.offset-f.metadata:][:e.length]
		if got := checksum(blob); got != e.crc {
			return errs.Corrupt("column %d: metadata: checksum %08x, want %08x", i, got, e.crc)
		}
		m, err := readMeta(blob, s.rows, f.metadata)
		if err != nil {
			return fmt.Errorf("column %d %q: %w", i, m.Name, err)
		}
		s.cols[i].meta = m
		s.cols[i].elem = m.Type.Physical().Width()
		if m.dict != nil {
			s.cols[i].elem = 4
			s.cols[i].dictID = batch.NewDictionaryID()
		}
	}
	return nil
}

// Close drops the segment's buffers from the cache; those that scans still hold go with them. It does not close the
// file.
func (s *Segment) Close() {
	if s.cache != nil {
		s.cache.Drop(s.file)
	}
}

// ID returns the segment's number.
func (s *Segment) ID() uint64 { return s.id }

// Rows returns the number of rows.
func (s *Segment) Rows() int { return s.rows }

// Columns describes the columns.
func (s *Segment) Columns() []Column {
	cs := make([]Column, len(s.cols))
	for i := range s.cols {
		cs[i] = s.cols[i].Column
	}
	return cs
}

// Find returns the number of the column with an ID, or -1.
func (s *Segment) Find(id uint32) int {
	for i := range s.cols {
		if s.cols[i].ID == id {
			return i
		}
	}
	return -1
}

// Totals returns what is known exactly of a column.
func (s *Segment) Totals(column int) Totals { return s.cols[column].stats }

// Sketch returns the column's sketch of distinct values, to be merged with those of other segments. Shared: not to be
// changed.
func (s *Segment) Sketch(column int) *index.Sketch { return s.cols[column].sketch }
