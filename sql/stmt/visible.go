package stmt

import (
	"cmp"
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// visible finds, by their keys, the rows of a table that a transaction saw when a statement began. Committed ones are
// looked up; of its own, which have no index before they are committed, all are read.
type visible struct {
	tx     *Tx
	table  *catalog.Table
	parts  unique.Parts
	hidden table.Hidden
	own    *table.Snapshot // nil: there are none
	values *batch.Batch    // of own rows that were found, with their identities
}

// thereRow is a row that has the key of another; the zero value is none.
type thereRow struct {
	number uint64
	found  unique.Found // of a committed one
	kind   thereKind
	value  int // of an own one, its place among the values
}

type thereKind uint8

const (
	absent thereKind = iota
	committed
	own
)

func (t *thereRow) is() bool { return t.kind != absent }

// visible returns the rows of a table. The caller closes it before the transaction ends.
func (t *Tx) visible(ctx context.Context, info *catalog.Table) (*visible, error) {
	v := &visible{tx: t, table: info}
	if h := t.hidden[info.ID]; h != nil {
		v.hidden = h.Hidden
	}
	base := t.snapshot()
	if base.Catalog().TableByID(info.ID) != nil && !v.hidden.All {
		var err error
		if v.parts, err = base.Keyed(info.ID, unique.Bounds{}); err != nil {
			return nil, err
		}
	}
	if t.rows[info.ID] == 0 {
		return v, nil
	}
	if err := t.moveAll(ctx); err != nil {
		return nil, err
	}
	v.own = t.load.Overlay(base, info, table.Hidden{All: true, Own: v.hidden.Own})
	v.values = batch.New(typesOf(info, len(info.Columns)+1))
	v.values.Reset()
	return v, nil
}

func (v *visible) close() {
	if v.own != nil {
		v.own.Release()
	}
}

// find returns, for each of some rows, which are one batch, the row that has its key.
func (v *visible) find(ctx context.Context, rows *unique.Rows, key int) ([]thereRow, error) {
	there := make([]thereRow, len(rows.Hashes(0)[key]))
	found, err := v.tx.db.FindKeys(ctx, &v.parts, rows, key)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if !v.hidden.Rows.Has(f.Number) {
			there[f.Row] = thereRow{number: f.Number, found: f, kind: committed}
		}
	}
	if v.own != nil {
		err = v.findOwn(ctx, rows, key, there)
	}
	return there, err
}

// findOwn reads the transaction's own rows.
func (v *visible) findOwn(ctx context.Context, rows *unique.Rows, key int, there []thereRow) error {
	k, probes := &rows.Keys[key], rows.Probes(key)
	var hashes []uint64
	return v.tx.readOwn(ctx, v.own, v.table, func(numbers []int64, b *batch.Batch) error {
		columns := k.Of(nil, b.Cols)
		hashes = k.Hash(hashes, columns, b.Len)
		for i, h := range hashes {
			at, _ := slices.BinarySearchFunc(probes, h, func(p keys.Probe, h uint64) int { return cmp.Compare(p.Hash, h) })
			for ; h != keys.None && at < len(probes) && probes[at].Hash == h; at++ {
				row := probes[at].Row
				if values, j := rows.At(key, row); k.Equal(values, j, columns, i) {
					there[row] = thereRow{number: uint64(numbers[i]), kind: own, value: v.values.Len}
					v.keep(b, i)
				}
			}
		}
		return nil
	})
}

// readOwn hands over the rows of a table in an overlay of the transaction, flat, with their numbers and, behind their
// columns, their identities: a batch at a time, which is valid during the call.
func (t *Tx) readOwn(ctx context.Context, s *table.Snapshot, info *catalog.Table, do func(numbers []int64, rows *batch.Batch) error) error {
	rel, err := s.Table(info.ID)
	if err != nil {
		return err
	}
	request := &scan.Request{Columns: []int{scan.RowNumber}, Account: t.account}
	for i := range info.Columns {
		request.Columns = append(request.Columns, i)
	}
	request.Columns = append(request.Columns, scan.Identity)
	sc, err := rel.Open(ctx, request)
	if err != nil {
		return err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	var flat batch.Flattener
	out := batch.New(append([]types.Type{types.T(types.Int8)}, typesOf(info, len(info.Columns)+1)...))
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			return err
		}
		b := flat.Flatten(out)
		if err := do(batch.Values[int64](b.Cols[0])[:b.Len], &batch.Batch{Len: b.Len, Cols: b.Cols[1:]}); err != nil {
			return err
		}
	}
}

// keep keeps the values of a row.
func (v *visible) keep(b *batch.Batch, row int) {
	for i, c := range v.values.Cols {
		c.AppendDatum(b.Cols[i].Datum(row))
	}
	v.values.Len++
}

// read returns the values of rows that are there, in their order, with their identities.
func (v *visible) read(ctx context.Context, rows []thereRow) (*batch.Batch, error) {
	var found []unique.Found
	for i, t := range rows {
		if t.kind == committed {
			t.found.Row = uint64(i)
			found = append(found, t.found)
		}
	}
	n := len(v.table.Columns)
	all := batch.New(typesOf(v.table, n+1))
	all.Reset()
	values := &batch.Batch{Cols: all.Cols[:n]}
	if err := v.parts.Read(ctx, shelf.Layout(v.table), found, values); err != nil {
		return nil, err
	}
	all.Len = values.Len
	order := make([]uint16, len(rows))
	for at, f := range found {
		order[f.Row] = uint16(at)
		all.Cols[n].AppendDatum(types.IntOf(shelf.IdentityColumn.Type, f.Identity))
	}
	for i, t := range rows {
		if t.kind != own {
			continue
		}
		order[i] = uint16(all.Len)
		for c, x := range all.Cols {
			x.AppendDatum(v.values.Cols[c].Datum(t.value))
		}
		all.Len++
	}
	out := batch.New(all.Types())
	out.Len = len(rows)
	for i, x := range out.Cols {
		x.Gather(all.Cols[i], order)
	}
	return out, nil
}
