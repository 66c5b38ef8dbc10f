package storage

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Duplicates returns which rows of some batches cannot be stored since a row of the table has one of their keys, or one of
// the rows before them that can be stored, in their order. The batches are flat and have the table's columns. A row that
// others store or delete at the same time may be missing, or be among them: who goes by the answer learns of the first when
// it commits.
func (db *DB) Duplicates(ctx context.Context, id catalog.TableID, batches []*batch.Batch) ([]table.Duplicate, error) {
	s := db.Snapshot()
	defer s.Release()
	t := s.Catalog().TableByID(id)
	if t == nil {
		return nil, droppedMeanwhile(id)
	}
	var rows unique.Rows
	rows.Reset(unique.Of(t))
	for _, b := range batches {
		rows.Add(b)
	}
	parts, err := s.Keyed(id, unique.Bounds{})
	if err != nil {
		return nil, err
	}
	bad := map[uint64]int{} // the key that is to blame, by row
	var twice []pairOfRows
	for key := range rows.Keys {
		if key == 0 && upserts(t) {
			continue
		}
		found, err := db.FindKeys(ctx, &parts, &rows, key)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if _, is := bad[f.Row]; !is {
				bad[f.Row] = key
			}
		}
		rows.Twice(key, func(before, row uint64) bool {
			twice = append(twice, pairOfRows{row, before, key})
			return true
		})
	}
	follow(twice, bad)
	var list []table.Duplicate
	for row, key := range bad {
		columns, i := rows.At(key, row)
		list = append(list, table.Duplicate{Batch: int(row >> 32), Row: int(uint32(row)), Err: errs.From(rows.Keys[key].Violation(columns, i))})
	}
	slices.SortFunc(list, func(a, b table.Duplicate) int {
		return cmp.Or(cmp.Compare(a.Batch, b.Batch), cmp.Compare(a.Row, b.Row))
	})
	return list, nil
}

// pairOfRows is a row with the key of one before it, the last that has it.
type pairOfRows struct {
	row, before uint64
	key         int
}

// follow adds the rows that have the key of one before them which is not bad itself.
func follow(twice []pairOfRows, bad map[uint64]int) {
	type place struct {
		row uint64
		key int
	}
	before := make(map[place]uint64, len(twice))
	for _, p := range twice {
		before[place{p.row, p.key}] = p.before
	}
	slices.SortFunc(twice, func(a, b pairOfRows) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.key, b.key)) })
	for _, p := range twice {
		if _, is := bad[p.row]; is {
			continue
		}
		for b, there := p.before, true; there; b, there = before[place{b, p.key}] {
			if _, is := bad[b]; !is {
				bad[p.row] = p.key
				break
			}
		}
	}
}
