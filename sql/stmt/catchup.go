package stmt

import (
	"context"
	"errors"
	"io"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A statement of its own that writes all rows of a table anew does so beside others, who go on writing to it. It writes the
// rows of a snapshot, and then, time and again, what has come since: rows by their numbers, which are higher than those before;
// what went by the log, which has numbers as well. A row that went is found among the new ones by its identity. When little is
// left it holds the table, takes the rest over, and commits. A new version of a row is one that went and one that came.

const (
	// restRows is what is little: some 10 ms of work, for which others wait.
	restRows = 10_000
	// passesMax bounds how often what has come is taken over while others go on: who writes faster than that waits.
	passesMax = 16
)

// catchUp follows what others do to the table of a rewriting.
type catchUp struct {
	r       *rewriting
	was     *catalog.Table  // as its rows are read
	version uint64          // of the table that others write to
	seen    *table.Snapshot // up to which everything is taken over
	log     *archive.Cursor // behind that; it keeps the records
}

// beside writes the rows while others go on, and returns with the table held and everything taken over.
func (r *rewriting) beside() error {
	a, tx := r.a, r.a.env.Tx
	c := &catchUp{r: r, was: r.was, seen: tx.snapshot()}
	c.seen.Retain()
	defer func() { c.seen.Release() }()
	c.version = c.seen.Catalog().TableByID(a.id).Version
	var err error
	if c.log, err = a.env.DB.Archive().Cursor(c.behind(archive.Position{Sequence: c.seen.Sequence() + 1}, 0)); err != nil {
		return err
	}
	defer func() { c.log.Close() }()
	if err := r.copy(r.old); err != nil {
		return err
	}
	if err := c.passes(); err != nil {
		return err
	}
	if err := tx.sealOwn(a.ctx); err != nil {
		return err
	}
	if err := c.passes(); err != nil { // what has come while files were written
		return err
	}
	if err := tx.HoldNow(a.ctx, a.id); err != nil {
		return err
	}
	a.alone = false // whatever else is done: the table is held
	if _, err := c.pass(); err != nil {
		return err
	}
	if err := tx.Renew(c.seen); err != nil {
		return err
	}
	return a.edit(a.same(func(*catalog.Table) error { return nil }))
}

// passes takes over what comes until little is left.
func (c *catchUp) passes() error {
	for range passesMax {
		n, err := c.pass()
		if err != nil {
			return err
		}
		if n <= restRows {
			break
		}
	}
	return nil
}

// behind are the records of the table from a position on, up to one.
func (c *catchUp) behind(from archive.Position, until uint64) archive.CursorOptions {
	return archive.CursorOptions{Table: c.was.ID, From: from, Until: until, Holder: "ALTER TABLE " + c.was.Name}
}

// pass takes over what has come and gone until now, and returns how many rows that were.
func (c *catchUp) pass() (int64, error) {
	a := c.r.a
	now := a.env.DB.Snapshot()
	defer func() { now.Release() }()
	switch t := now.Catalog().TableByID(a.id); {
	case t == nil:
		return 0, errs.New(errs.UndefinedTable, "relation %q does not exist", c.was.Name)
	case t.Version != c.version:
		return 0, errs.New(errs.SerializationFailure, "table %q was changed while it was altered", t.Name).WithHint("Try again.")
	}
	grown := c.seen.Growth(a.id)
	gone, err := c.gone(now.Sequence(), uint64(grown))
	if err == nil && gone.Len() > 0 {
		err = c.hide(gone)
	}
	if err != nil {
		return 0, err
	}
	rel, err := now.Since(c.was, grown)
	if err != nil {
		return 0, err
	}
	if rel.Rows() > 0 {
		if err := c.r.read(&Picture{tables: []pictured{{a.id, rel}}}); err != nil {
			return 0, err
		}
	}
	c.seen, now = now, c.seen
	return rel.Rows() + gone.Len(), nil
}

// gone returns the numbers below a bound of the rows that went up to a record.
func (c *catchUp) gone(until, below uint64) (*index.RowIDs, error) {
	next, err := c.r.a.env.DB.Archive().Cursor(c.behind(c.log.Position(), until))
	if err != nil {
		return nil, err
	}
	c.log.Close()
	c.log = next
	set := index.NewRowIDs()
	for {
		rec, err := c.log.Next(c.r.a.ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, d := range rec.Deletions {
			if d.Table == c.was.ID {
				set.AddRange(0, min(d.Below, below))
				set.AddAll(d.Rows)
			}
		}
	}
	set, _ = set.Split(below)
	return set, nil
}

// hide takes away again what has become of rows that went since.
func (c *catchUp) hide(gone *index.RowIDs) error {
	a, tx := c.r.a, c.r.a.env.Tx
	rel, err := c.seen.Table(a.id)
	if err != nil {
		return err
	}
	ids, own := index.NewRowIDs(), index.NewRowIDs()
	if err := pick(a.ctx, rel, tx.account, scan.RowNumber, gone, func(_, identity uint64) { ids.Add(identity) }); err != nil {
		return err
	}
	if err := tx.moveAll(a.ctx); err != nil {
		return err
	}
	s := tx.load.Overlay(c.seen, c.r.table, table.Hidden{All: true, Own: tx.hidden[a.id].Own})
	defer s.Release()
	if rel, err = s.Table(a.id); err != nil {
		return err
	}
	if err := pick(a.ctx, rel, tx.account, scan.Identity, ids, func(number, _ uint64) { own.Add(number) }); err != nil {
		return err
	}
	return tx.Delete(a.id, own, true)
}

// pick hands over the numbers and the identities of those rows whose number, or identity, is in a set.
func pick(ctx context.Context, rel scan.Relation, account *mem.Account, by int, set *index.RowIDs, do func(number, identity uint64)) error {
	sc, err := rel.Open(ctx, &scan.Request{Columns: []int{by, scan.RowNumber, scan.Identity}, Account: account})
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
	number := types.T(types.Int8)
	out := batch.New([]types.Type{number, number, number})
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			return err
		}
		b := flat.Flatten(out)
		keys := batch.Values[int64](b.Cols[0])[:b.Len]
		numbers, ids := batch.Values[int64](b.Cols[1]), batch.Values[int64](b.Cols[2])
		if !meets(set, keys) { // of most batches a look at their range is all
			continue
		}
		for i, k := range keys {
			if set.Has(uint64(k)) {
				do(uint64(numbers[i]), uint64(ids[i]))
			}
		}
	}
}

// meets tells whether a set has a number in the range of some.
func meets(set *index.RowIDs, list []int64) bool {
	if len(list) == 0 {
		return false
	}
	low, high := list[0], list[0]
	for _, k := range list {
		low, high = min(low, k), max(high, k)
	}
	first, ok := set.AtLeast(uint64(low))
	return ok && first <= uint64(high)
}
