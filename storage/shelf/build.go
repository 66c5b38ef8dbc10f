package shelf

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Builder writes live segments into files. Slots bound what that takes of memory and processors.
type Builder struct {
	Dir     *Dir
	Account *mem.Account // of the work space; it does not refuse: a refusal would keep live rows from becoming less
	// Slots has room for who may build at the same time.
	Slots chan struct{}
}

// Build is a live segment on its way into files: one, or several when its table has partitions. The caller fills in the
// first fields and discharges it when it has done with its pieces.
type Build struct {
	Table   *catalog.Table
	Live    *live.Segment
	Rows    int
	Gone    *index.RowSet // rows that were deleted before, which keys need not find
	Workers int
	// Whole says that one file is made in any case.
	Whole bool
	Meta  manifest.Segment // of the files: the builder adds their numbers, rows, ranges and bytes

	Pieces []*Piece // what came of it
	Err    error    // or why not

	account *mem.Account // charged for orders and what is made of them
	charged int64
}

// smallBytes is how much live memory a segment has at most to be built beside others: what its file takes of time is the
// disk's.
const smallBytes = 4 << 20

// Small tells whether a build is one of those that many of are done at once.
func Small(l *live.Segment) bool { return l.Bytes() <= smallBytes }

// syncsAtOnce is how many small files are written at the same time: their syncs share the commits of the file system.
const syncsAtOnce = 16

// Run builds one file for each of the builds, beside each other when there are several, and makes all of them durable.
// It waits for a slot; the context ends it early. What came of them stands in the builds.
func (b *Builder) Run(ctx context.Context, builds ...*Build) {
	select {
	case b.Slots <- struct{}{}:
		defer func() { <-b.Slots }()
	case <-ctx.Done():
		for _, x := range builds {
			x.Err = ctx.Err()
		}
		return
	}
	if len(builds) == 1 {
		b.write(ctx, builds[0])
	} else {
		b.writeAll(ctx, builds)
	}
	err := error(nil)
	for _, x := range builds {
		if x.Err == nil && err == nil {
			err = b.Dir.Sync()
			break
		}
	}
	for _, x := range builds {
		if x.Err == nil {
			x.Err = err
		}
		for _, p := range x.Pieces {
			if x.Err == nil {
				p.File, x.Err = b.Dir.Open(p.meta)
			}
		}
		if x.Err != nil {
			x.remove(b.Dir)
		}
	}
}

// remove removes the files of a build that has failed.
func (x *Build) remove(d *Dir) {
	for _, p := range x.Pieces {
		if p.File != nil {
			p.File.Obsolete()
			p.File.Release()
		} else if p.meta.Bytes > 0 {
			d.Remove(p.meta.File)
		}
	}
	x.Pieces = nil
}

// writeAll writes the files beside each other.
func (b *Builder) writeAll(ctx context.Context, builds []*Build) {
	next := make(chan *Build)
	var wg sync.WaitGroup
	for range min(syncsAtOnce, len(builds)) {
		wg.Go(func() {
			for x := range next {
				b.write(ctx, x)
			}
		})
	}
	for _, x := range builds {
		next <- x
	}
	close(next)
	wg.Wait()
}

// write writes one file. A defect ends the build, not the server: the rows are still live.
func (b *Builder) write(ctx context.Context, x *Build) {
	defer func() {
		if r := recover(); r != nil {
			x.Err = errs.Internal("build a segment of table %q: %v", x.Table.Name, r)
		}
	}()
	if x.Err = ctx.Err(); x.Err != nil {
		return
	}
	x.account = b.Account
	if x.Err = x.divide(ctx); x.Err != nil {
		return
	}
	for _, p := range x.Pieces {
		p.meta.File = b.Dir.Next()
		if p.meta.Bytes, x.Err = b.Dir.Write(x.input(ctx, p)); x.Err != nil {
			return
		}
	}
}

// Discharge gives back what the pieces were charged for.
func (x *Build) Discharge() {
	if x.account == nil { // given up before it began
		return
	}
	x.account.Free(x.charged)
	x.charged = 0
}

func (x *Build) charge(bytes int64) error {
	if err := x.account.Reserve(bytes); err != nil {
		return err
	}
	x.charged += bytes
	return nil
}

// chunks returns a column of the live segment by its ID.
func (x *Build) chunks(id uint32) ([]*batch.Vector, error) {
	col := x.Live.Find(id)
	if col < 0 {
		return nil, nil
	}
	return x.Live.Chunks(col), nil
}

// input describes a file. If its rows do not stand as their numbers, it has a column of them.
func (x *Build) input(ctx context.Context, p *Piece) *segment.Input {
	in := &segment.Input{ID: uint64(p.meta.File), Rows: int(p.meta.Rows), Columns: Columns(x.Live), Account: x.account,
		Workers: x.Workers, Order: p.Order, Gone: x.Gone}
	in.Keys = FileKeys(x.Table, in.Columns)
	some := func(chunks []*batch.Vector) []*batch.Vector { return chunks }
	if p.rows != nil {
		in.Gone = p.set(x.Gone, nil)
		some = func(chunks []*batch.Vector) []*batch.Vector { return pick(chunks, p.rows) }
	}
	var hidden [][]*batch.Vector
	if ids := x.Live.Identities(); ids != nil {
		in.Columns, hidden = append(in.Columns, IdentityColumn), append(hidden, some([]*batch.Vector{ids}))
	}
	if p.numbered {
		in.Columns, hidden = append(in.Columns, RowNumberColumn), append(hidden, []*batch.Vector{p.distances()})
	}
	own := len(x.Live.Columns())
	in.Chunks = func(col int) ([]*batch.Vector, error) {
		if col >= own {
			return hidden[col-own], ctx.Err()
		}
		return some(x.Live.Chunks(col)), ctx.Err()
	}
	return in
}

// IdentityColumn has the identities of rows that are new versions of others, and NULL for those whose identity is their
// number.
var IdentityColumn = segment.Column{ID: scan.IdentityColumn, Name: "row identity", Type: types.T(types.Int8)}

// RowNumberColumn tells where sorted rows stood, or how far their numbers are from the first of the file.
var RowNumberColumn = segment.Column{ID: segment.RowNumber, Name: "row number", Type: types.T(types.Int8)}

// Columns returns the columns of a live segment as a file of its rows has them. The table may have others by now.
func Columns(l *live.Segment) []segment.Column {
	cols := make([]segment.Column, len(l.Columns()))
	for i, c := range l.Columns() {
		cols[i] = segment.Column{ID: c.ID, Name: c.Name, Type: c.Type}
	}
	return cols
}

// FileKeys returns the keys of a table whose columns a file has; it is as old as its columns.
func FileKeys(t *catalog.Table, columns []segment.Column) []keys.Key {
	var list []keys.Key
	for _, k := range unique.Of(t) {
		k.Columns = nil
		for _, id := range k.Layout.IDs {
			if at := slices.IndexFunc(columns, func(c segment.Column) bool { return c.ID == id }); at >= 0 {
				k.Columns = append(k.Columns, at)
			}
		}
		if len(k.Columns) == len(k.Layout.IDs) {
			list = append(list, k.Key)
		}
	}
	return list
}

// AllWorkers is how many columns are encoded at the same time when a client waits for its own rows.
func AllWorkers() int { return runtime.GOMAXPROCS(0) }
