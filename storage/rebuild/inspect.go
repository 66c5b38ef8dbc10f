// Package rebuild proves that the segments of a table hold what they should: it adds up the rows of a file so that other files,
// in another order, can be held against it, and has what a file derived from its values checked. It reads, and changes
// nothing: what is built anew, and what takes the place of what, is the database's to decide.
package rebuild

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// cacheBytes is what a look at a file keeps of it: a block of each of some hundred columns, apart from what queries keep.
const cacheBytes = 32 << 20

// Inspector reads files apart from everybody else. It may look at several at once.
type Inspector struct {
	Dir     *shelf.Dir
	Account *mem.Account // a look that it refuses has found nothing
}

// Finding is what a look at a file found.
type Finding struct {
	Sum
	Wrong []string // what the file derived from its values and is not so
}

// Look reads a file of a table: the sum of its rows as the table sees them, without those that are deleted, and what is
// wrong with what it derived. A file whose bytes are not what was written gives an error (XX001), which is passed on to who sets it aside.
func (n *Inspector) Look(ctx context.Context, t *catalog.Table, f *shelf.File, deleted *index.RowSet) (x Finding, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("look at segment %d: %v", f.Meta.File, r)
		}
	}()
	c := cache.New(n.Account, cacheBytes)
	defer c.Close()
	s, done, err := n.Dir.OpenApart(f.Meta, c)
	if err != nil {
		return x, f.Noticed(err)
	}
	defer done()
	if x.Sum, err = n.sum(ctx, t, s, f, deleted); err != nil {
		return x, f.Noticed(err)
	}
	if x.Wrong, err = s.Audit(ctx, deleted, n.Account); err != nil {
		return x, f.Noticed(err)
	}
	return x, nil
}

// sum adds up the rows of a segment.
func (n *Inspector) sum(ctx context.Context, t *catalog.Table, s *segment.Segment, f *shelf.File, deleted *index.RowSet) (Sum, error) {
	columns, ts := []int{scan.RowNumber}, []types.Type{types.T(types.Int8)}
	for i, c := range t.Columns {
		columns, ts = append(columns, i), append(ts, c.Type)
	}
	columns, ts = append(columns, scan.Identity), append(ts, shelf.IdentityColumn.Type)
	part := s.Part(shelf.Layout(t), nil).Without(f.Meta.Base(), deleted)
	ps, err := part.Open(ctx, &scan.Request{Columns: columns, Account: n.Account})
	if err != nil || ps == nil {
		return Sum{}, err
	}
	defer ps.Close()
	sums := newSummer(t)
	var numbers batch.Vector
	err = scan.EachBatch(ctx, ps, batch.New(ts), func(b *batch.Batch) error {
		numbers.Flatten(b.Cols[0])
		sums.add(batch.Values[int64](&numbers)[:b.Len], b.Cols[1:])
		return nil
	})
	return sums.sum, err
}
