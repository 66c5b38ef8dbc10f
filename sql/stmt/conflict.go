package stmt

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// conflicts is an INSERT ... ON CONFLICT while it runs. It takes the rows that are proposed in pieces, looks their keys up
// among the rows that the transaction sees, and hands on what is to be stored, in the order of the proposals. All keys are
// looked up, those that do not arbitrate for an error: what the commit finds later came from others meanwhile, and then the
// statement runs again (Tx.Commit).
type conflicts struct {
	ctx     context.Context
	env     *Env
	on      *bind.Conflict
	table   *catalog.Table
	into    *insertion
	keys    []unique.Key
	arbiter []bool // by key
	there   *visible
	seen    seenKeys
	gone    *index.RowIDs // rows that the statement has changed
	moves   bool          // DO UPDATE sets columns of keys: what it does is to be known before the next row

	piece   *batch.Batch // the rows that are looked at, flat
	rows    unique.Rows  // the same
	stored  []proposal   // of the piece, so far
	changed []pair       // of the piece, not computed yet
	targets *index.RowIDs
}

// proposal is a row of the piece that is stored: itself, or the new version of one that is there.
type proposal struct {
	row  int
	pair int // -1: itself
}

// pair is a row of the piece and the one that is there with its key.
type pair struct {
	row   int
	there thereRow
}

// pieceRows is how many rows are looked at together: a vector of the plan.
const pieceRows = batch.MaxRows

func newConflicts(ctx context.Context, env *Env, b *bind.Insert, t *catalog.Table, into *insertion) (*conflicts, error) {
	c := &conflicts{ctx: ctx, env: env, on: b.Conflict, table: t, into: into, keys: unique.Of(t), gone: index.NewRowIDs()}
	for _, k := range c.keys {
		c.arbiter = append(c.arbiter, b.Conflict.Keys == nil || slices.Contains(b.Conflict.Keys, k.Name))
		c.moves = c.moves || c.on.Update && slices.ContainsFunc(k.Columns, c.sets)
	}
	c.seen = newSeenKeys(c.keys, env.Tx.account)
	env.Tx.conflicts = true
	var err error
	c.there, err = env.Tx.visible(ctx, t)
	return c, err
}

// sets tells whether DO UPDATE gives a column of the table another value.
func (c *conflicts) sets(column int) bool {
	old, is := c.on.Values[2+column].(*expr.Column)
	return !is || plan.ID(old.Index) != c.on.Columns[1+column].ID
}

func (c *conflicts) close() {
	if c.there != nil {
		c.there.close()
	}
	c.seen.close()
}

// add takes proposed rows.
func (c *conflicts) add(b *batch.Batch) error {
	var flat batch.Flattener
	f := flat.Flatten(b)
	for from := 0; from < f.Len; from += pieceRows {
		p := f
		if f.Len > pieceRows {
			p = batch.New(f.Types())
			p.Len = min(pieceRows, f.Len-from)
			for i, v := range f.Cols {
				p.Cols[i].Slice(v, from, p.Len)
			}
		}
		if err := c.addPiece(p); err != nil {
			return err
		}
	}
	return nil
}

func (c *conflicts) addPiece(p *batch.Batch) error {
	c.piece = p
	c.rows.Reset(c.keys)
	c.rows.Add(p)
	c.stored, c.changed, c.targets = c.stored[:0], c.changed[:0], index.NewRowIDs()
	there := make([][]thereRow, len(c.keys))
	for key := range c.keys {
		if !c.arbiter[key] {
			continue
		}
		var err error
		if there[key], err = c.there.find(c.ctx, &c.rows, key); err != nil {
			return err
		}
	}
	for i := range p.Len {
		if err := c.propose(i, there); err != nil {
			return err
		}
	}
	return c.flush()
}

// propose decides what becomes of a row.
func (c *conflicts) propose(i int, there [][]thereRow) error {
	for key := range c.keys {
		if !c.arbiter[key] {
			continue
		}
		t := there[key][i]
		is := t.is()
		if is && !c.gone.Has(t.number) && c.targets.Has(t.number) { // whether it changes is to be known first
			if err := c.flush(); err != nil {
				return err
			}
		}
		seen := c.seen.has(&c.rows, key, i)
		switch {
		case seen && c.on.Update:
			return errs.New(errs.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
				WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
		case seen:
			return nil
		case !is || c.gone.Has(t.number):
			continue
		case c.on.Update:
			c.targets.Add(t.number)
			c.stored, c.changed = append(c.stored, proposal{i, len(c.changed)}), append(c.changed, pair{i, t})
			if c.moves {
				return c.flush()
			}
		}
		return nil
	}
	for key := range c.keys {
		if !c.arbiter[key] && c.seen.has(&c.rows, key, i) {
			columns, at := c.rows.At(key, uint64(i))
			return c.keys[key].Violation(columns, at)
		}
	}
	c.stored = append(c.stored, proposal{i, -1})
	return c.seen.add(&c.rows, i)
}

// flush stores what was decided on so far.
func (c *conflicts) flush() error {
	if len(c.stored) == 0 {
		return nil
	}
	all, at, err := c.compute()
	if err != nil {
		return err
	}
	var idx []uint16
	for _, p := range c.stored {
		switch {
		case p.pair < 0:
			idx = append(idx, uint16(p.row))
		case at[p.pair] >= 0:
			idx = append(idx, uint16(at[p.pair]))
			c.gone.Add(c.changed[p.pair].there.number)
		}
	}
	c.stored, c.changed, c.targets = c.stored[:0], c.changed[:0], index.NewRowIDs()
	if len(idx) == 0 {
		return nil
	}
	out := batch.New(all.Types())
	out.Len = len(idx)
	for i, v := range out.Cols {
		v.Gather(all.Cols[i], idx)
	}
	if c.on.Update { // new versions have computed columns of their own
		if out, err = c.into.w.appender.Generate(out); err != nil {
			return err
		}
	}
	if err := c.check(out, idx); err != nil {
		return err
	}
	return c.into.store(out)
}

// compute returns the rows of the piece, and behind them the new versions of rows that are there, with their identities
// and the place of each pair's; -1: it does not change.
func (c *conflicts) compute() (all *batch.Batch, at []int, err error) {
	n := len(c.table.Columns)
	all = c.piece
	if c.on.Update { // always: batches of one form are collected
		all = withIdentities(all, n)
	}
	if len(c.changed) == 0 {
		return all, nil, nil
	}
	all, at = all.Clone(), make([]int, len(c.changed))
	pairs := batch.New(columnTypes(c.on))
	pairs.Len = len(c.changed)
	numbers := pairs.Cols[0]
	numbers.Reset(types.T(types.Int8), pairs.Len)
	rows := make([]uint16, pairs.Len)
	there := make([]thereRow, pairs.Len)
	for i, p := range c.changed {
		batch.Values[int64](numbers)[i], rows[i], there[i], at[i] = int64(i), uint16(p.row), p.there, -1
	}
	old, err := c.there.read(c.ctx, there)
	if err != nil {
		return nil, nil, err
	}
	copy(pairs.Cols[1:], old.Cols[:n])
	pairs.Cols[1+2*n] = old.Cols[n]
	for i, v := range pairs.Cols[1+n : 1+2*n] {
		v.Gather(c.piece.Cols[i], rows)
	}
	p, err := compile.Rows(c.on.Columns, source.NewValues(columnTypes(c.on), []*batch.Batch{pairs}), c.on.Values, c.env.Params,
		&compile.Env{Relations: c.env.Tx, Virtual: c.env.Virtual, Fn: c.env.Fn})
	if err != nil {
		return nil, nil, err
	}
	var flat batch.Flattener
	err = c.env.execute(c.ctx, p, func(b *batch.Batch) error {
		f := flat.Flatten(b)
		wanted := make(batch.Bitmap, batch.Words(f.Len))
		for i := range f.Len {
			if f.Cols[1].IsNull(i) || !f.Cols[1].Bools().Get(i) {
				continue
			}
			wanted.Set(i)
			at[batch.Values[int64](f.Cols[0])[i]] = all.Len + wanted.Count() - 1
		}
		ids := new(batch.Vector)
		ids.Gather(old.Cols[n], pairsOf(f.Cols[0]))
		some := &batch.Batch{Len: f.Len, Cols: append(slices.Clip(f.Cols[2:]), ids), Sel: batch.SelectBits(wanted)}
		dense := batch.New(all.Types())
		some.Compact(dense)
		all.Append(dense)
		return nil
	})
	return all, at, err
}

// pairsOf returns the numbers of pairs.
func pairsOf(v *batch.Vector) []uint16 {
	pairs := make([]uint16, v.Len)
	for i, n := range batch.Values[int64](v)[:v.Len] {
		pairs[i] = uint16(n)
	}
	return pairs
}

func columnTypes(on *bind.Conflict) []types.Type {
	ts := make([]types.Type, len(on.Columns))
	for i, c := range on.Columns {
		ts[i] = c.Type
	}
	return ts
}

// check looks for the keys of rows that are about to be stored, of which those from places behind the piece are new
// versions: in other rows that stay, and in each other.
func (c *conflicts) check(out *batch.Batch, idx []uint16) error {
	var rows unique.Rows
	rows.Reset(c.keys)
	rows.Add(out)
	for key := range c.keys {
		there, err := c.there.find(c.ctx, &rows, key)
		if err != nil {
			return err
		}
		for i, from := range idx {
			own := int(from) < c.piece.Len // it is seen already
			t := there[i]
			if t.is() && !c.gone.Has(t.number) || !own && c.seen.has(&rows, key, i) {
				columns, at := rows.At(key, uint64(i))
				return c.keys[key].Violation(columns, at)
			}
		}
	}
	for i, from := range idx {
		if int(from) >= c.piece.Len {
			if err := c.seen.add(&rows, i); err != nil {
				return err
			}
		}
	}
	return rows.Violated()
}
