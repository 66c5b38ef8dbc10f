package storage

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// heir is a row of a write that takes the place of a committed one, and goes on with its identity.
type heir struct {
	row      uint64 // as package unique knows it
	identity int64
}

// inherit lays out the rows that may take the places of others: who these are, and their identities, is known since their
// keys were claimed.
func (db *DB) inherit(ctx context.Context, c *commit) error {
	for i := range c.keyed {
		k := &c.keyed[i]
		slices.SortFunc(k.heirs, func(a, b heir) int { return cmp.Compare(a.row, b.row) })
	}
	if err := db.inheritLoaded(ctx, c); err != nil {
		return err
	}
	for i := range c.pieces {
		if p := &c.pieces[i]; p.keyed >= 0 && c.keyed[p.keyed].upsert {
			p.batch = c.keyed[p.keyed].inherit(p)
			c.layOutPiece(p)
		}
	}
	return nil
}

// dropExtended gives back the files of a write that has failed which are not the load's own. unsure says that the log may
// name them.
func (c *commit) dropExtended(unsure bool) {
	for _, f := range c.extended {
		if !unsure {
			f.Obsolete()
		}
		f.Release()
	}
}

// inherit returns the batch of a piece with the identities that its rows take over from others. heirs are sorted. Whose rows
// may take the places of others has not given them identities: it would have deleted the others itself.
func (k *keyed) inherit(p *piece) *batch.Batch {
	mine := k.heirsFrom(uint64(p.number)<<32, uint64(p.number+1)<<32)
	if len(mine) == 0 {
		return p.batch
	}
	n := len(p.table.Columns)
	return &batch.Batch{Len: p.batch.Len, Cols: append(slices.Clip(p.batch.Cols[:n]), identitiesOf(mine, p.batch.Len))}
}

// heirsFrom returns the heirs whose rows are known by numbers in [from, to).
func (k *keyed) heirsFrom(from, to uint64) []heir {
	at := sort.Search(len(k.heirs), func(i int) bool { return k.heirs[i].row >= from })
	mine := k.heirs[at:]
	return mine[:sort.Search(len(mine), func(i int) bool { return mine[i].row >= to })]
}

// identitiesOf returns the hidden column of so many rows, of which some are heirs.
func identitiesOf(heirs []heir, rows int) *batch.Vector {
	v := new(batch.Vector)
	v.Reset(shelf.IdentityColumn.Type, rows)
	clear(v.Data)
	v.Valid = make(batch.Bitmap, batch.Words(rows))
	values := batch.Values[int64](v)
	for _, h := range heirs {
		i := uint32(h.row)
		values[i] = h.identity
		v.Valid.Set(int(i))
	}
	return v
}

// inheritLoaded gives the files of a load, of which some rows take the places of others, the identities of these. A file is
// never changed: another with the same rows and one column more takes its place in the write, and is durable.
func (db *DB) inheritLoaded(ctx context.Context, c *commit) error {
	written := false
	for i := range c.keyed {
		k := &c.keyed[i]
		for n, at := range k.files {
			mine := k.heirsFrom(unique.InFile(n, 0), unique.InFile(n+1, 0))
			if len(mine) == 0 {
				continue
			}
			f, err := db.extended(ctx, c.files[at].File, mine)
			if err != nil {
				return err
			}
			if i := slices.Index(c.extended, c.files[at].File); i >= 0 { // it was given runs of keys before
				c.extended = slices.Delete(c.extended, i, i+1)
				c.files[at].Obsolete()
				c.files[at].Release()
			}
			c.extended, written = append(c.extended, f), true
			c.files[at].File = f
		}
	}
	if !written {
		return nil
	}
	return db.files.Sync()
}

// extended returns a file with the rows of another and the identities of some.
func (db *DB) extended(ctx context.Context, f *shelf.File, heirs []heir) (*shelf.File, error) {
	meta := f.Meta
	meta.File = db.files.Next()
	rows := int(meta.Rows)
	if err := db.writeAccount.Reserve(9 * int64(rows)); err != nil {
		return nil, err
	}
	defer db.writeAccount.Free(9 * int64(rows))
	ids := identitiesOf(heirs, rows)
	in := &segment.Input{ID: uint64(meta.File), Rows: rows, Columns: []segment.Column{shelf.IdentityColumn}, Account: db.writeAccount}
	in.Chunks = func(int) ([]*batch.Vector, error) { return []*batch.Vector{ids}, ctx.Err() }
	s, err := f.Segment()
	if err != nil {
		return nil, f.Noticed(err)
	}
	if meta.Bytes, err = db.files.Extend(s, 1, in); err != nil {
		return nil, err
	}
	x, err := db.files.Open(meta)
	if err != nil {
		db.files.Remove(meta.File)
	}
	return x, err
}
