package shelf

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/handle"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
)

// File is a segment file of a table, or one that was set aside. It is opened when it is first asked for, so that a
// database of very many segments starts by their names. It is shared by versions and counted; the last reference closes
// it and, when it is obsolete, removes it.
type File struct {
	Meta manifest.Segment

	dir    *Dir
	mu     sync.Mutex // opens it once
	f      *handle.File
	opened atomic.Pointer[segment.Segment]
	places atomic.Pointer[Places]
	bounds atomic.Pointer[bounds] // of the column that keys were looked up by last
	gone   atomic.Bool
	refs   atomic.Int64
}

// file returns a file with one reference.
func (d *Dir) file(meta manifest.Segment) *File {
	f := &File{Meta: meta, dir: d}
	f.refs.Store(1)
	return f
}

// File returns a segment file that is opened when it is asked for, with one reference.
func (d *Dir) File(meta manifest.Segment) *File { return d.file(meta) }

// Aside tells that the file was set aside: there is nothing to open.
func (f *File) Aside() bool { return f.Meta.Quarantined != "" }

// Segment opens the file, if nobody has, and returns what answers scans as long as a reference is held. Damage is told
// to who can set the file aside.
func (f *File) Segment() (*segment.Segment, error) {
	if s := f.opened.Load(); s != nil {
		return s, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.opened.Load(); s != nil {
		return s, nil
	}
	if f.Aside() {
		return nil, errs.Internal("segment %d was set aside", f.Meta.File)
	}
	file, s, err := f.dir.open(&f.Meta)
	if err != nil {
		return nil, err
	}
	f.f = file
	f.opened.Store(s)
	return s, nil
}

// Retain adds a reference.
func (f *File) Retain() { f.refs.Add(1) }

// Obsolete tells that the manifest does not name the file any more: it goes with the last reference.
func (f *File) Obsolete() { f.gone.Store(true) }

// Release drops a reference.
func (f *File) Release() {
	n := f.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("shelf: Release of a file without Retain")
	}
	f.Forget()
	if s := f.opened.Load(); s != nil {
		s.Close()
		_ = f.f.Close()
	}
	if !f.gone.Load() {
		return
	}
	if f.Aside() {
		_ = f.dir.FS.Remove(f.dir.AsideName(f.Meta.File))
	} else {
		f.dir.Remove(f.Meta.File)
	}
}

// Noticed passes damage on to who can set the file aside, and returns the error.
func (f *File) Noticed(err error) error {
	if err != nil && f.dir.Damaged != nil && IsDamage(err) {
		f.dir.Damaged(f, err)
	}
	return err
}

// Read hands every row of the file to do, in their order, as batches with the columns of t, and the hidden one where the
// file has it, that are valid during the call.
func (f *File) Read(ctx context.Context, t *catalog.Table, account *mem.Account, do func(*batch.Batch) error) error {
	s, err := f.Segment()
	if err != nil {
		return f.Noticed(err)
	}
	layout := Layout(t)
	if s.Find(IdentityColumn.ID) >= 0 {
		layout.IDs, layout.Types = append(layout.IDs, IdentityColumn.ID), append(slices.Clip(layout.Types), IdentityColumn.Type)
	}
	columns := make([]int, len(layout.IDs))
	for i := range columns {
		columns[i] = i
	}
	ps, err := s.Part(layout, nil).Open(ctx, &scan.Request{Columns: columns, Account: account})
	if err != nil || ps == nil {
		return err
	}
	defer ps.Close()
	return scan.EachBatch(ctx, ps, batch.New(layout.Types), do)
}
