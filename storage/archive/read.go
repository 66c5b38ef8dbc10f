package archive

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// overhead is what a block has more, at most, than the longest log record that it holds.
const overhead = 16 << 20

// archivedFile reads an archived log file.
type archivedFile struct {
	f       vfs.File
	r       *record.Reader
	x       *fileIndex
	z       *zstd.Decoder
	table   catalog.TableID // blocks without it are left out; 0: none is
	at      int             // the next block
	plain   []byte
	records entries
	most    int64
	charge  charges
}

// openArchived opens a file of the archive in front of a record.
func openArchived(fsys vfs.FS, dir string, meta *manifest.Archived, maxRecord int64, t catalog.TableID, from uint64, c charges) (_ *archivedFile, err error) {
	name := fileName(dir, meta.Number)
	f, err := fsys.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	a := &archivedFile{f: f, table: t, most: maxRecord + overhead, charge: c}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.r, err = record.NewReader(f, record.Archive, meta.Number, a.most); err != nil {
		return nil, err
	}
	a.r.Charge(a.charge.more)
	if !a.r.Begun() || a.r.Size() != meta.Bytes {
		return nil, errs.Corrupt("file %s: has %d bytes, and was archived with %d", name, a.r.Size(), meta.Bytes)
	}
	a.r.GoTo(meta.Index)
	b, err := a.r.Next()
	if err == nil && b.Type != typeIndex || errors.Is(err, io.EOF) {
		err = errs.Corrupt("file %s: no index at offset %d", name, meta.Index)
	}
	if err != nil {
		return nil, err
	}
	if a.x, err = readIndex(b.Payload); err != nil {
		return nil, fmt.Errorf("file %s: %w", name, err)
	}
	if a.x.first != meta.First || a.x.last != meta.Last {
		return nil, errs.Corrupt("file %s: has records %d to %d, want %d to %d", name, a.x.first, a.x.last, meta.First, meta.Last)
	}
	a.at = max(0, sort.Search(len(a.x.blocks), func(i int) bool { return a.x.blocks[i].first > from })-1)
	a.z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(a.most)))
	return a, err
}

// next implements source.
func (a *archivedFile) next() (uint64, record.Type, []byte, error) {
	for {
		if a.records.r != nil {
			if e, ok := a.records.next(); ok {
				return e.sequence, e.typ, e.payload, nil
			}
			if err := a.records.r.Err(); err != nil {
				return 0, 0, nil, fmt.Errorf("file %s: %w", a.f.Name(), err)
			}
			a.records.r = nil
		}
		for a.at < len(a.x.blocks) && a.table != 0 && !slices.Contains(a.x.blocks[a.at].tables, a.table) {
			a.at++
		}
		if a.at == len(a.x.blocks) {
			return 0, 0, nil, io.EOF
		}
		if err := a.load(&a.x.blocks[a.at]); err != nil {
			return 0, 0, nil, err
		}
		a.at++
	}
}

// load unpacks a block.
func (a *archivedFile) load(b *block) error {
	a.r.GoTo(b.offset)
	f, err := a.r.Next()
	if err == nil && (f.Type != typeBlock || f.Sequence != b.first) || errors.Is(err, io.EOF) {
		err = errs.Corrupt("file %s: no block with record %d at offset %d", a.f.Name(), b.first, b.offset)
	}
	if err == nil {
		a.plain, err = unpack(a.plain, a.z, f.Payload, a.most, a.charge.more)
	}
	if err != nil {
		return err
	}
	a.records.r = field.NewReader("block of an archived file", a.plain)
	return nil
}

func (a *archivedFile) close() {
	if a.z != nil {
		a.z.Close()
	}
	a.charge.free()
	_ = a.f.Close()
}
