package unique

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Read sorts rows that were found by where they stand, and appends their values, in that order, to a batch with the columns
// of a layout.
func (p *Parts) Read(ctx context.Context, l *scan.Layout, found []Found, out *batch.Batch) error {
	slices.SortFunc(found, func(a, b Found) int { return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Place, b.Place)) })
	columns := make([]int, len(l.IDs))
	for i := range columns {
		columns[i] = i
	}
	for from := 0; from < len(found); {
		part := found[from].Part
		to := from
		var places []uint32
		for ; to < len(found) && found[to].Part == part; to++ {
			places = append(places, found[to].Place)
		}
		if err := p.read(ctx, l, part, columns, places, out); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// read appends the rows at some places of a part.
func (p *Parts) read(ctx context.Context, l *scan.Layout, part int, columns []int, places []uint32, out *batch.Batch) error {
	if part < len(p.Files) {
		f := &p.Files[part]
		err := f.Part(l, nil).At(ctx, columns, places, func(_ int, b *batch.Batch) error {
			out.Append(b)
			return nil
		})
		if err != nil {
			return f.Damaged(err)
		}
		return nil
	}
	b := batch.New(l.Types)
	b.Len = len(places)
	for i, v := range b.Cols {
		p.Live[part-len(p.Files)].At(l, i, places, v)
	}
	out.Append(b)
	return ctx.Err()
}
