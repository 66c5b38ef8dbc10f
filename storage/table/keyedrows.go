package table

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/format"
)

// keyedRows are the rows of a draft for a table with keys, with where they came from: whether a key is there is known when
// they are committed, and no sooner.
type keyedRows struct {
	appender *Appender
	places   [][]format.BadRow // of the rows, by batch
}

// hasKeys tells whether rows of a table can be refused for their keys.
func hasKeys(t *catalog.Table) bool {
	return slices.ContainsFunc(t.Constraints, func(c catalog.Constraint) bool { return c.Indexed() })
}

// placeBytes is what the place of a row takes besides its text.
const placeBytes = 80

// place notes where the rows of the next batch came from.
func (k *keyedRows) place(rows int, at func(row int) format.BadRow) error {
	places := make([]format.BadRow, rows)
	bytes := int64(rows) * placeBytes
	for r := range places {
		places[r] = at(r)
		places[r].Text = slices.Clone(places[r].Text)
		bytes += int64(len(places[r].Text))
	}
	k.places = append(k.places, places)
	return k.appender.o.Account.Reserve(bytes)
}

// leaveOut takes rows out of the draft whose keys are there. Their appenders are told.
func (d *Draft) leaveOut(ctx context.Context) error {
	for _, k := range d.keyed {
		at := slices.IndexFunc(d.rows, func(r Rows) bool { return r.Table == k.appender.o.Table.ID })
		if at < 0 {
			continue
		}
		list, err := d.store.Duplicates(ctx, d.rows[at].Table, d.rows[at].Batches)
		if err != nil {
			return err
		}
		if err := k.appender.late(ctx, k, list); err != nil {
			return err
		}
		k.remove(&d.rows[at], list)
	}
	return nil
}

// late sets rows aside that were stored so far.
func (a *Appender) late(ctx context.Context, k *keyedRows, list []Duplicate) error {
	a.faults = a.faults[:0]
	for _, dup := range list {
		b := k.places[dup.Batch][dup.Row]
		e := *dup.Err
		b.Err = &e
		e.Context = a.notes.Context(&b)
		a.faults = append(a.faults, b)
	}
	a.rows -= int64(len(list))
	if err := a.setAside(ctx); err != nil || a.rejects == nil {
		return err
	}
	return a.rejects.flush(ctx)
}

// remove takes rows out of their batches.
func (k *keyedRows) remove(rows *Rows, list []Duplicate) {
	for len(list) > 0 {
		number := list[0].Batch
		b := rows.Batches[number]
		keep := make(batch.Bitmap, batch.Words(b.Len))
		keep.Fill(b.Len)
		for len(list) > 0 && list[0].Batch == number {
			keep.Clear(list[0].Row)
			list = list[1:]
		}
		idx := keep.AppendIndexes(nil)
		compact(b, idx)
		for i, r := range idx {
			k.places[number][i] = k.places[number][r]
		}
		k.places[number] = k.places[number][:len(idx)]
	}
}
