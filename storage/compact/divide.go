package compact

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/types"
)

// divide cuts the order of all rows into outputs: those of a table with partitions have one each, or are mixed.
func (x *Merge) divide(ctx context.Context, in []*segment.Segment) error {
	rule, ok := x.Table.Partitions()
	if !ok {
		x.cut(len(x.order), partition.Range{})
		return nil
	}
	if values, one := x.values(rule); one || x.Whole {
		x.cut(len(x.order), values)
		return nil
	}
	rows, err := x.partitions(ctx, in, rule)
	if err != nil {
		return err
	}
	rows.Mixed = x.mixed(rule)
	of, n := rows.Split()
	ranges := rows.Ranges(of, n)
	if n == 1 {
		x.cut(len(x.order), ranges[0])
		return nil
	}
	counts := make([]int, n)
	for _, piece := range of {
		counts[piece]++
	}
	pieces := make([][]uint32, n)
	order := make([]uint32, len(x.order))
	first := 0
	for piece, rows := range counts {
		pieces[piece] = order[first : first : first+rows]
		first += rows
		x.cut(rows, ranges[piece])
	}
	for _, row := range x.order {
		pieces[of[row]] = append(pieces[of[row]], row)
	}
	x.order = order
	return nil
}

// mixed tells that the inputs are several mixed files that were divided by the rule.
func (x *Merge) mixed(rule partition.Rule) bool {
	for _, i := range x.Inputs {
		if _, one := rule.Partition(i.File.Meta.Values); one || !rule.Divided(i.File.Meta.Values) {
			return false
		}
	}
	return len(x.Inputs) > 1
}

// values returns the range of the values of all inputs, and whether they are of one partition.
func (x *Merge) values(rule partition.Rule) (values partition.Range, one bool) {
	values = x.Inputs[0].File.Meta.Values
	for _, i := range x.Inputs[1:] {
		values = values.Join(i.File.Meta.Values)
	}
	_, one = rule.Partition(values)
	return values, one
}

// partitions reads the partitions of all rows.
func (x *Merge) partitions(ctx context.Context, in []*segment.Segment, rule partition.Rule) (*partition.Rows, error) {
	if err := x.charge(int64(len(x.order)) * (partition.RowBytes + 4)); err != nil {
		return nil, err
	}
	read, err := x.read(ctx, in, &x.Table.Columns[x.Table.ColumnByID(x.Table.Options.PartitionBy)], nil)
	defer read.release()
	if err != nil {
		return nil, err
	}
	rows := partition.NewRows(rule, len(x.order))
	for _, v := range read.chunks {
		rows.Add(v)
	}
	return rows, nil
}

// cut adds outputs of so many rows together.
func (x *Merge) cut(rows int, values partition.Range) {
	for ; rows > 0; rows -= int(x.RowsMax) {
		x.cuts = append(x.cuts, cut{min(rows, int(x.RowsMax)), values})
	}
}

// expire makes the rows of partitions that have expired deleted ones.
func (x *Merge) expire(ctx context.Context, in []*segment.Segment) error {
	rule, ok := x.Table.Partitions()
	if !ok || x.Expired == nil {
		return nil
	}
	t := &x.Table.Columns[x.Table.ColumnByID(x.Table.Options.PartitionBy)]
	layout := &scan.Layout{IDs: []uint32{t.ID}, Types: []types.Type{t.Type}, Missing: map[int]types.Datum{0: t.Value()}}
	for k := range x.Inputs {
		i := &x.Inputs[k]
		bytes := i.File.Meta.Rows * (partition.RowBytes + 4)
		if err := x.account.Reserve(bytes); err != nil {
			return err
		}
		defer x.account.Free(bytes)
		c := &column{typ: t.Type, account: x.account}
		defer c.release()
		if err := c.read(ctx, in[k].Part(layout, &c.pins), int(i.File.Meta.Rows)); err != nil {
			return i.File.Noticed(fmt.Errorf("read column %q of segment %d: %w", t.Name, i.File.Meta.File, err))
		}
		rows := partition.NewRows(rule, int(i.File.Meta.Rows))
		for _, v := range c.chunks {
			rows.Add(v)
		}
		i.Deleted = i.Deleted.With(rows.Ended(x.Expired))
	}
	return nil
}
