package metamorphic

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
)

// transaction is a load, the snapshot it started from, and what it has deleted and altered.
type transaction struct {
	load     *storage.Load
	snapshot *table.Snapshot
	began    [tableSlots]*catalog.Table // as tables were then
	done
	saved []done
}

// done is what a transaction has done so far.
type done struct {
	base   *model // what it began with, as it has altered it
	own    [tableSlots]ownRows
	cat    *catalog.Snapshot
	edits  []catalog.Edit
	alters [tableSlots][]*alteration
}

func (d *done) clone() done {
	c := *d
	c.base = d.base.clone()
	for i := range c.own {
		c.own[i] = d.own[i].clone()
	}
	return c
}

// ownRows is what a transaction did to one table.
type ownRows struct {
	rows   []*row // in the order in which they came, numbered from scan.OwnRows on
	hidden map[*row]bool
	all    bool
	gone   map[*row]bool // of rows
}

func (w ownRows) clone() ownRows {
	return ownRows{slices.Clone(w.rows), maps.Clone(w.hidden), w.all, maps.Clone(w.gone)}
}

func (x *transaction) end() {
	x.load.Abort()
	x.snapshot.Release()
}

func (r *runner) begin(o Op) error {
	if r.tx[o.Slot] != nil {
		return nil
	}
	if err := r.verify(); err != nil { // numbers of rows
		return err
	}
	x := &transaction{load: r.db.NewLoad(), snapshot: r.db.Snapshot()}
	x.base, x.cat = r.model.clone(), x.snapshot.Catalog()
	if o.Seed%2 == 0 {
		x.load.Savepoint()
	}
	for i := range x.own {
		x.own[i].hidden, x.own[i].gone = map[*row]bool{}, map[*row]bool{}
		if t := x.base.tables[i]; t != nil {
			x.began[i] = t.info
		}
	}
	r.tx[o.Slot] = x
	return nil
}

// in returns a transaction and a table that it sees, or nil.
func (r *runner) in(o Op) (*transaction, *tableModel) {
	x := r.tx[o.Slot]
	if x == nil || x.base.tables[o.Table] == nil {
		return nil, nil
	}
	return x, x.base.tables[o.Table]
}

func (r *runner) xappend(o Op) error {
	x, t := r.in(o)
	if x == nil {
		return nil
	}
	return r.xadd(x, t, makeRows(t.info, o.N, o.Seed), o)
}

// xupdate deletes rows that the transaction sees and adds new versions of some of them.
func (r *runner) xupdate(o Op) error {
	x, t := r.in(o)
	if x == nil {
		return nil
	}
	gone := some(x.visible(o.Table).numbered(), o.Seed)
	rows := heirs(makeRows(t.info, min(o.N, len(gone)), o.Seed), gone)
	x.delete(o.Table, gone)
	return r.xadd(x, t, rows, o)
}

// xadd adds rows to those of a transaction.
func (r *runner) xadd(x *transaction, t *tableModel, rows []*row, o Op) error {
	w := &x.own[o.Table]
	c, cancel := context.WithTimeout(ctx, opTime/2)
	defer cancel()
	for _, b := range batches(t.info, rows, o.Seed) {
		if err := x.load.Append(c, t.info, b); err != nil {
			if r.excused(err) {
				break
			}
			return err
		}
		n := b.Rows()
		for _, y := range rows[:n] {
			y.number = scan.OwnRows + uint64(len(w.rows)) + 1
			w.rows = append(w.rows, y)
		}
		rows = rows[n:]
	}
	return nil
}

// visible returns the table as the transaction sees it.
func (x *transaction) visible(slot int) *tableModel {
	t, w := x.base.tables[slot], &x.own[slot]
	v := &tableModel{info: t.info}
	if !w.all {
		for _, y := range t.rows {
			if !w.hidden[y] {
				v.rows = append(v.rows, y)
			}
		}
	}
	for _, y := range w.rows {
		if !w.gone[y] {
			v.rows = append(v.rows, y)
		}
	}
	return v
}

func (x *transaction) delete(slot int, rows map[*row]bool) {
	w := &x.own[slot]
	for y := range rows {
		if y.number > scan.OwnRows {
			w.gone[y] = true
		} else {
			w.hidden[y] = true
		}
	}
}

func (r *runner) xdelete(o Op) error {
	x, _ := r.in(o)
	if x == nil {
		return nil
	}
	x.delete(o.Table, some(x.visible(o.Table).numbered(), o.Seed))
	return nil
}

func (r *runner) xtruncate(o Op) error {
	x, _ := r.in(o)
	if x == nil {
		return nil
	}
	w := &x.own[o.Table]
	w.all = true
	for _, y := range w.rows {
		w.gone[y] = true
	}
	return nil
}

func (r *runner) savepoint(o Op) error {
	x := r.tx[o.Slot]
	if x == nil {
		return nil
	}
	x.load.Savepoint()
	x.saved = append(x.saved, x.done.clone())
	return nil
}

// rollbackTo goes back to one of the savepoints, which stays.
func (r *runner) rollbackTo(o Op) error {
	x := r.tx[o.Slot]
	if x == nil || len(x.saved) == 0 {
		return nil
	}
	n := o.N % len(x.saved)
	x.saved = x.saved[:n+1]
	rows := map[catalog.TableID]int64{}
	x.done = x.saved[n].clone()
	for i := range x.own {
		if t := x.base.tables[i]; t != nil {
			rows[t.info.ID] = int64(len(x.own[i].rows))
		}
	}
	err := x.load.Truncate(rows, x.cat)
	if r.excused(err) { // the load is good for nothing now
		x.end()
		r.tx[o.Slot] = nil
		return nil
	}
	return err
}

// hiding is what the overlay leaves out.
func (w *ownRows) hiding() table.Hidden {
	return table.Hidden{Rows: numbersOf(w.hidden), All: w.all, Own: numbersOf(w.gone)}
}

// xread reads a table as the transaction sees it.
func (r *runner) xread(o Op) error {
	x, t := r.in(o)
	if x == nil {
		return nil
	}
	s := x.load.Overlay(x.snapshot, t.info, x.own[o.Table].hiding())
	defer s.Release()
	rel, err := s.Table(t.info.ID)
	if err == nil {
		v := x.visible(o.Table)
		if err = v.compare(rel, r.batch); err == nil {
			err = r.randomly(v, rel, o)
		}
	}
	if r.excused(err) {
		return nil
	}
	return err
}

// commit ends a transaction. It fails when a row that it deletes has been deleted since it began.
func (r *runner) commit(o Op) error {
	x := r.tx[o.Slot]
	if x == nil {
		return nil
	}
	r.tx[o.Slot] = nil
	if r.altered(x) {
		x.end()
		return nil
	}
	final, _, err := r.db.Catalog().Apply(x.edits...)
	if err != nil {
		return err
	}
	m, roots := r.alteredBy(x, final)
	out := table.Write{Edits: x.edits}
	w := &write{}
	own := map[catalog.TableID]*index.RowIDs{}
	for slot, t := range x.base.tables {
		if t == nil || r.db.Catalog().TableByID(t.info.ID) == nil {
			continue
		}
		u := &x.own[slot]
		own[t.info.ID] = numbersOf(u.gone)
		c := change{slot: slot, info: t.info, truncate: u.all, deleted: map[*row]bool{}}
		for y := range u.hidden {
			c.deleted[roots.now(y)] = true
		}
		for _, y := range u.rows {
			if !u.gone[y] {
				c.added = append(c.added, &row{values: y.values, identity: y.identity})
			}
		}
		if u.all || len(u.hidden) > 0 {
			out.Rows = append(out.Rows, table.Rows{Table: t.info.ID, Version: t.info.Version, Deleted: numbersOf(u.hidden), Truncate: u.all, Updated: c.updates()})
		}
		w.changes = append(w.changes, c)
	}
	c, cancel := context.WithTimeout(ctx, opTime/2)
	defer cancel()
	before := r.model
	r.model = m
	_, twice := r.outcome(w)
	r.model = before
	_, err = x.load.Commit(c, out, final, func(id catalog.TableID) *index.RowIDs { return own[id] })
	x.end()
	if m.conflicts(w) {
		if err == nil {
			return wrongf("a transaction committed that deletes rows which were gone")
		}
		if errs.Is(err, errs.SerializationFailure) || r.excused(err) || twice && errs.Is(err, errs.UniqueViolation) {
			return nil
		}
		return fmt.Errorf("a transaction that deletes rows which were gone: %w", err)
	}
	if twice {
		return r.refused(err, w)
	}
	return r.done(err, o, func(now *model) {
		now.tables = m.tables
		now.apply(w)
	})
}

// altered tells whether a table that a transaction has written to or altered has other columns by now, or has gone after it
// was altered: it would be told to try again.
func (r *runner) altered(x *transaction) bool {
	for slot, t := range x.base.tables {
		if t == nil {
			continue
		}
		u := &x.own[slot]
		now := r.db.Catalog().TableByID(t.info.ID)
		if now == nil && len(x.alters[slot]) > 0 {
			return true
		}
		if now != nil && now.Version != x.began[slot].Version && (u.all || len(u.rows)+len(u.hidden)+len(x.alters[slot]) > 0) {
			return true
		}
	}
	return false
}

func (r *runner) abort(o Op) error {
	if x := r.tx[o.Slot]; x != nil {
		x.end()
		r.tx[o.Slot] = nil
	}
	return nil
}

// snapshot pins a picture.
func (r *runner) snapshot(o Op) error {
	if r.pictures[o.Slot] != nil {
		return nil
	}
	if err := r.verify(); err != nil { // numbers of rows
		return err
	}
	r.pictures[o.Slot] = &picture{r.db.Snapshot(), r.model.clone()}
	return nil
}

// reread holds a picture against what it showed at first.
func (r *runner) reread(o Op) error {
	p := r.pictures[o.Slot]
	if p == nil {
		return nil
	}
	err := r.compareAll(p.snapshot, p.model)
	if t := p.model.tables[o.Table]; err == nil && t != nil {
		rel, e := p.snapshot.Table(t.info.ID)
		if e != nil {
			return e
		}
		err = r.randomly(t, rel, o)
	}
	if r.excused(err) {
		return nil
	}
	return err
}

func (r *runner) release(o Op) error {
	if p := r.pictures[o.Slot]; p != nil {
		p.snapshot.Release()
		r.pictures[o.Slot] = nil
	}
	return nil
}
