package storage

import (
	"bufio"
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// build is a live segment on its way into a file. The caller discharges it when it has done with its order.
type build struct {
	info    *catalog.Table
	live    *live.Segment
	rows    int
	workers int
	order   []uint32     // set by DB.build: how the rows were sorted; nil: they were not
	account *mem.Account // charged for order and what is made of it
	charged int64
}

// places returns where the rows stand in the file; nil: as they stood.
func (b *build) places() []uint32 {
	if b.order == nil {
		return nil
	}
	places := make([]uint32, len(b.order))
	for place, row := range b.order {
		places[row] = uint32(place)
	}
	return places
}

// sort finds the order of the rows, and charges for it, for its inverse, and for the column of row numbers.
func (b *build) sort(ctx context.Context) (err error) {
	if b.order, err = sortOrder(ctx, b.info, b.live, b.account); err == nil && b.order != nil {
		b.charged = int64(b.rows) * (4 + 4 + 8)
		err = b.account.Reserve(b.charged)
	}
	return err
}

func (b *build) discharge() {
	if b.account == nil { // given up before it began
		return
	}
	b.account.Free(b.charged)
	b.charged = 0
}

// build writes a live segment into a file and returns its size. If the rows are sorted, the file has a column that
// tells where they stood. One file is written at a time: what it takes of memory and processors is bounded.
func (db *DB) build(ctx context.Context, b *build, id manifest.FileID) (bytes int64, err error) {
	select {
	case db.building <- struct{}{}:
		defer func() { <-db.building }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	b.account = db.sealAccount
	if err := b.sort(ctx); err != nil {
		return 0, err
	}
	return db.writeFile(db.segmentName(id), b.input(ctx, id))
}

// input describes the file.
func (b *build) input(ctx context.Context, id manifest.FileID) *segment.Input {
	in := &segment.Input{ID: uint64(id), Rows: b.rows, Columns: segmentColumns(b.info), Account: b.account, Workers: b.workers, Order: b.order}
	if b.order != nil {
		in.Columns = append(in.Columns, segment.Column{ID: segment.RowNumber, Name: "row number", Type: types.T(types.Int8)})
	}
	in.Chunks = func(col int) ([]*batch.Vector, error) {
		if col == len(b.info.Columns) {
			return []*batch.Vector{rowNumbers(b.rows)}, ctx.Err()
		}
		return b.live.Chunks(col), ctx.Err()
	}
	return in
}

// writeFile makes a durable segment file, under another name until it is whole, and returns its size. After an error
// there is none.
func (db *DB) writeFile(name string, in *segment.Input) (bytes int64, err error) {
	tmp := name + ".tmp"
	f, err := db.o.FS.Create(tmp)
	if err != nil {
		return 0, vfs.Error("create", tmp, err)
	}
	defer func() {
		if err != nil {
			_ = db.o.FS.Remove(tmp)
			_ = db.o.FS.Remove(name)
		}
	}()
	w := bufio.NewWriterSize(f, min(1<<20, 4096+8*in.Rows*len(in.Columns))) // a few rows do not need a large one
	out, err := segment.Write(w, in)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = db.o.FS.Rename(tmp, name)
	}
	if err == nil {
		err = db.o.FS.SyncDir(db.dir + "/segments")
	}
	if err != nil {
		return 0, vfs.Error("write", name, err)
	}
	return out.Bytes, nil
}

// rowNumbers returns the first n numbers.
func rowNumbers(n int) *batch.Vector {
	v := &batch.Vector{}
	v.Reset(types.T(types.Int8), n)
	for i, values := 0, batch.Values[int64](v); i < n; i++ {
		values[i] = int64(i)
	}
	return v
}

func segmentColumns(t *catalog.Table) []segment.Column {
	cols := make([]segment.Column, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = segment.Column{ID: c.ID, Name: c.Name, Type: c.Type}
	}
	return cols
}
