// Package spill keeps what does not fit a query's memory in temporary files. A Dir is the directory of a server's
// temporary files; a Space is what one query has there; a Run is one file of records, written once from front to back
// and then read, as often as wanted; Partitions are some runs among which records are divided by hash.
//
// A Run is a sequence of blocks, little-endian, each at most BlockBytes of records unless one record is larger:
//
//	+-----------+-----------+-------------+---------------------+
//	| size 4    | raw 4     | checksum 4  | payload (size)      |
//	+-----------+-----------+-------------+---------------------+
//
// The payload is records in one s2 block, raw bytes long when decoded; a record is its length as a uvarint, then its
// bytes, and does not span blocks. The checksum is CRC-32C of the file's number (8 bytes), the block's offset in the
// file (8), raw (4) and the payload, so that a block of another place or file is damage too: XX001. The files die with
// the process that wrote them; they have no version.
//
// Files are created with their first block, and removed when the Run is closed, at the latest when the Space is. What
// a crash leaves behind is removed when the Dir is opened. A full disk is 53100, and more bytes than the Space may have
// 53400. Buffers are charged without asking (BlockBytes per open run, about as much again per goroutine that writes):
// who spills has been refused memory already.
//
// Dir and Space are safe for concurrent use. A Run is for one goroutine while it is written; its readers are
// independent of each other.
package spill

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// suffix is that of all temporary files; Open removes nothing else.
const suffix = ".spill"

// Dir is a directory of temporary files.
type Dir struct {
	fs   vfs.FS
	dir  string
	pool *mem.Pool
	next atomic.Uint64 // number of the next file
}

// Open makes the directory if need be, and removes the temporary files in it: nobody else may use it. Buffers are
// charged to pool.
func Open(fs vfs.FS, dir string, pool *mem.Pool) (*Dir, error) {
	d := &Dir{fs: fs, dir: dir, pool: pool}
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make directory of temporary files %q: %w", dir, err)
	}
	files, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list temporary files in %q: %w", dir, err)
	}
	for _, f := range files {
		if !f.Dir && strings.HasSuffix(f.Name, suffix) {
			if err := fs.Remove(dir + "/" + f.Name); err != nil {
				return nil, fmt.Errorf("remove temporary file: %w", err)
			}
		}
	}
	return d, nil
}

// name returns the path of a file.
func (d *Dir) name(n uint64) string { return d.dir + "/" + strconv.FormatUint(n, 10) + suffix }

// Options of a Space.
type Options struct {
	// Bytes is the most bytes that the files of the space may have at once; 0: no limit.
	Bytes int64
	// Force makes operators spill at every chance, as if they were refused memory: for tests.
	Force bool
}

// Space returns the temporary files of one query. The caller closes it.
func (d *Dir) Space(o Options) *Space {
	s := &Space{dir: d, o: o, account: d.pool.Overdraft("spill buffers")}
	s.mu.runs = map[*Run]struct{}{}
	return s
}

// Space is the temporary files of one query. A nil Space is one that cannot be used: operators do not spill.
type Space struct {
	dir     *Dir
	o       Options
	account *mem.Account
	bytes   atomic.Int64 // in files now
	mu      struct {
		sync.Mutex
		runs    map[*Run]struct{} // not closed yet
		scratch [][]byte          // buffers of compressed blocks
	}
}

// Force tells whether operators must spill at every chance.
func (s *Space) Force() bool { return s != nil && s.o.Force }

// Account returns an account that is never refused, for the small buffers that spilling itself needs.
func (s *Space) Account() *mem.Account { return s.account }

// Bytes returns the bytes in the files of the space now.
func (s *Space) Bytes() int64 { return s.bytes.Load() }

// Close removes the files of runs that were not closed, and gives the buffers back. No run may be in use.
func (s *Space) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	runs := make([]*Run, 0, len(s.mu.runs))
	for r := range s.mu.runs {
		runs = append(runs, r)
	}
	s.mu.Unlock()
	for _, r := range runs {
		r.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.scratch = nil
	s.account.Close()
}

// takeScratch returns a buffer for a compressed block of up to n bytes.
func (s *Space) takeScratch(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := len(s.mu.scratch); k > 0 {
		b := s.mu.scratch[k-1]
		s.mu.scratch = s.mu.scratch[:k-1]
		if cap(b) >= n {
			return b[:cap(b)]
		}
		s.account.Free(int64(cap(b)))
	}
	_ = s.account.Reserve(int64(n))
	return make([]byte, n)
}

func (s *Space) giveScratch(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.scratch = append(s.mu.scratch, b)
}

// grow counts n more bytes in files.
func (s *Space) grow(n int64) error {
	if now := s.bytes.Add(n); s.o.Bytes > 0 && now > s.o.Bytes {
		s.bytes.Add(-n)
		return errs.New(errs.ConfigurationLimitExceeded, "temporary file size exceeds temp_file_limit (%dkB)", s.o.Bytes>>10)
	}
	return nil
}

// ioError turns an error of the file system into one for the client.
func ioError(what, name string, err error) error {
	if vfs.IsDiskFull(err) {
		return errs.New(errs.DiskFull, "could not %s temporary file %q: %w", what, name, err).
			WithHint("Free some space, or raise work_mem so that the query needs less of it.")
	}
	if vfs.IsTooManyFiles(err) {
		return errs.New(errs.InsufficientResources, "could not %s temporary file %q: %w", what, name, err).
			WithHint("Raise the limit of open files (ulimit -n), or work_mem so that the query needs fewer of them.")
	}
	return errs.New(errs.IOError, "could not %s temporary file %q: %w", what, name, err)
}
