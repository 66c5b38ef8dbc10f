package compact

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Index is a merge of one file, whose rows all stay where they stand, deleted ones too: the output has what the input has, and
// runs of those keys of the table that the input does not know. Without such keys there is no output. The context ends it
// early; the caller closes the merge in any case.
func (m *Merger) Index(ctx context.Context, x *Merge) (err error) {
	x.account = m.Account
	defer func() {
		if r := recover(); r != nil {
			err = errs.Internal("index a segment of table %q: %v", x.Table.Name, r)
		}
		if err != nil {
			x.dropOutputs()
		}
	}()
	c := cache.New(m.Account, cacheBytes)
	defer c.Close()
	x.Inputs[0].Deleted = nil // they are carried over with those that are deleted until then
	in, done, err := m.open(x, c)
	defer done()
	if err != nil {
		return err
	}
	rows := in[0].Rows()
	x.starts, x.moved, x.RowsMax = []int{0, rows}, [][]uint32{nil}, int64(rows)
	w, columns := x.unknown(in[0])
	if len(w.Keys) == 0 {
		return nil
	}
	meta := x.Inputs[0].File.Meta
	meta.File, meta.Deleted = m.Dir.Next(), ""
	w.ID, w.Rows, w.Account, w.Workers = uint64(meta.File), rows, x.account, 1
	var read *column
	defer func() {
		if read != nil {
			read.release()
		}
	}()
	w.Chunks = func(col int) ([]*batch.Vector, error) {
		if read != nil {
			read.release()
			read = nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		read, err = x.read(ctx, in, columns[col], nil)
		return read.chunks, err
	}
	if meta.Bytes, err = m.Dir.Extend(in[0], 0, w); err != nil {
		return err
	}
	x.Outputs = []*Output{{File: m.Dir.File(meta)}}
	if _, err = x.Outputs[0].File.Segment(); err != nil {
		return err
	}
	return m.Dir.Sync()
}

// unknown returns the keys of the table that a segment has no runs of, over their columns.
func (x *Merge) unknown(s *segment.Segment) (w *segment.Input, columns []*catalog.Column) {
	w = &segment.Input{}
	for _, k := range unique.Of(x.Table) {
		if s.FindKey(k.Layout.IDs, k.NullsEqual) >= 0 {
			continue
		}
		key := keys.Key{NullsEqual: k.NullsEqual}
		for _, at := range k.Columns {
			c := &x.Table.Columns[at]
			i := slices.Index(columns, c)
			if i < 0 {
				i = len(columns)
				columns = append(columns, c)
				w.Columns = append(w.Columns, segment.Column{ID: c.ID, Name: c.Name, Type: c.Type})
			}
			key.Columns = append(key.Columns, i)
		}
		w.Keys = append(w.Keys, key)
	}
	return w, columns
}
