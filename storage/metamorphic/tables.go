package metamorphic

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// create makes a table of a seed in an empty slot.
func (r *runner) create(o Op) error {
	slot := o.Table
	if r.model.tables[slot] != nil {
		return nil
	}
	name := fmt.Sprintf("t%d", slot)
	edits := r.db.Numbered(catalog.Create(schema(name, o.Seed)))
	next, _, err := r.db.Catalog().Apply(edits...)
	if err != nil {
		return err
	}
	err = r.db.Apply(ctx, edits...)
	return r.done(err, o, func(m *model) { m.tables[slot] = &tableModel{info: next.Table("public", name)} })
}

func (r *runner) drop(o Op) error {
	t := r.model.tables[o.Table]
	if t == nil {
		return nil
	}
	return r.done(r.db.Apply(ctx, catalog.Drop(nil, t.info)), o, func(m *model) { m.tables[o.Table] = nil })
}

func (r *runner) setOptions(o Op) error {
	t := r.model.tables[o.Table]
	if t == nil {
		return nil
	}
	set := catalog.Replace(t.info, func(t *catalog.Table) (*catalog.Table, error) {
		r := rand.New(rand.NewPCG(o.Seed, 6))
		if err := setOptions(r, t); err != nil {
			return nil, err
		}
		return t, setPartition(r, t)
	})
	return r.done(r.db.Apply(ctx, set), o, func(m *model) {
		m.tables[o.Table].info = r.db.Catalog().TableByID(t.info.ID)
	})
}

// append adds N rows.
func (r *runner) append(o Op) error {
	info := r.info(o.Table)
	if info == nil {
		return nil
	}
	return r.write(o, &write{changes: []change{{slot: o.Table, info: info, added: makeRows(info, o.N, o.Seed)}}})
}

// some picks some rows: a few, a run of them, or all.
func some(rows []*row, seed uint64) map[*row]bool {
	r := rand.New(rand.NewPCG(seed, 7))
	set := map[*row]bool{}
	if len(rows) == 0 {
		return set
	}
	switch r.IntN(6) {
	case 0:
		for _, x := range rows {
			set[x] = true
		}
	case 1, 2:
		from := r.IntN(len(rows))
		for _, x := range rows[from : from+1+r.IntN(len(rows)-from)] {
			set[x] = true
		}
	default:
		for range 1 + r.IntN(20) {
			set[rows[r.IntN(len(rows))]] = true
		}
	}
	return set
}

func (r *runner) delete(o Op) error {
	t := r.table(o.Table)
	if t == nil || len(t.numbered()) == 0 {
		return nil
	}
	return r.write(o, &write{changes: []change{{slot: o.Table, info: t.info, deleted: some(t.numbered(), o.Seed)}}})
}

// update deletes rows and adds as many new versions, at most N.
func (r *runner) update(o Op) error {
	t := r.table(o.Table)
	if t == nil || len(t.numbered()) == 0 {
		return nil
	}
	gone := some(t.numbered(), o.Seed)
	return r.write(o, &write{changes: []change{{slot: o.Table, info: t.info, deleted: gone, added: heirs(makeRows(t.info, min(o.N, len(gone)), o.Seed), gone)}}})
}

// several changes all tables in one write.
func (r *runner) several(o Op) error {
	w := &write{}
	for _, slot := range r.slotsOf() {
		t := r.table(slot)
		c := change{slot: slot, info: t.info, added: makeRows(t.info, o.N%50, o.Seed+uint64(slot))}
		switch (o.Seed >> slot) % 4 {
		case 0:
			if c.deleted = some(t.numbered(), o.Seed); o.Seed%3 == 0 {
				c.added = heirs(c.added, c.deleted)
			}
		case 1:
			c.truncate = o.Seed%5 == 0
		}
		w.changes = append(w.changes, c)
	}
	if len(w.changes) == 0 {
		return nil
	}
	return r.write(o, w)
}

func (r *runner) truncate(o Op) error {
	info := r.info(o.Table)
	if info == nil {
		return nil
	}
	return r.write(o, &write{changes: []change{{slot: o.Table, info: info, truncate: true, added: makeRows(info, o.N%3*o.N, o.Seed)}}})
}

// token appends rows with a token of a few: the second time it stores nothing.
func (r *runner) token(o Op) error {
	info := r.info(o.Table)
	if info == nil {
		return nil
	}
	w := &write{token: fmt.Sprint(o.Seed % 7), changes: []change{{slot: o.Table, info: info, added: makeRows(info, o.N%100, o.Seed)}}}
	rows, known := r.model.tokens[w.token]
	if !known {
		return r.write(o, w)
	}
	ack, err := r.send(w, o.Seed)
	if err == nil && (!ack.Duplicate || ack.Rows != rows) {
		return wrongf("token %s again: %+v, want %d rows", w.token, ack, rows)
	}
	if r.excused(err) {
		return nil
	}
	return err
}

// parallel commits writes at the same time, which meet no row of each other, while a checkpoint runs.
func (r *runner) parallel(o Op) error {
	slots := r.unkeyed()
	if len(slots) == 0 || r.faulty {
		return nil
	}
	r.uncut()
	random := rand.New(rand.NewPCG(o.Seed, 8))
	var writes []*write
	taken := map[*row]bool{}
	for i := range 2 + random.IntN(4) {
		slot := slots[random.IntN(len(slots))]
		t := r.table(slot)
		c := change{slot: slot, info: t.info, deleted: map[*row]bool{}, added: makeRows(t.info, random.IntN(o.N+1), o.Seed+uint64(i))}
		for x := range some(t.numbered(), o.Seed+uint64(i)) {
			if !taken[x] {
				taken[x], c.deleted[x] = true, true
			}
		}
		if random.IntN(2) == 0 {
			c.added = heirs(c.added, c.deleted)
		}
		writes = append(writes, &write{changes: []change{c}})
	}
	failed := r.together(writes, o)
	for i, w := range writes {
		if failed[i] != nil {
			return failed[i]
		}
		r.model.apply(w)
		r.model.tables[w.changes[0].slot].unordered = true
	}
	return failed[len(writes)]
}

// together commits writes at the same time; the error after those of the writes is the checkpoint's.
func (r *runner) together(writes []*write, o Op) []error {
	failed := make([]error, len(writes)+1)
	var wg sync.WaitGroup
	for i, w := range writes {
		wg.Go(func() { _, failed[i] = r.send(w, o.Seed) })
	}
	if o.Seed%3 == 0 {
		wg.Go(func() { failed[len(writes)] = r.db.Checkpoint(ctx) })
	}
	wg.Wait()
	return failed
}

// race deletes some of the same rows several times at once: for each row one write wins, and who fails has met one
// that won.
func (r *runner) race(o Op) error {
	t := r.table(o.Table)
	if t == nil || len(t.numbered()) == 0 || r.faulty || keyOf(t.info) >= 0 {
		return nil
	}
	r.uncut()
	var writes []*write
	for i := range 3 {
		writes = append(writes, &write{changes: []change{{slot: o.Table, info: t.info, deleted: some(t.numbered(), o.Seed+uint64(i)),
			added: makeRows(t.info, o.N%20, o.Seed+uint64(i))}}})
	}
	failed := r.together(writes, o)
	gone := map[*row]bool{}
	for i, w := range writes {
		if failed[i] != nil {
			continue
		}
		for x := range w.changes[0].deleted {
			if gone[x] {
				return wrongf("row %d was deleted twice", x.number-1)
			}
			gone[x] = true
		}
		r.model.apply(w)
		r.model.tables[o.Table].unordered = true
	}
	for i, w := range writes {
		if failed[i] == nil {
			continue
		}
		met := false
		for x := range w.changes[0].deleted {
			met = met || gone[x]
		}
		if !errs.Is(failed[i], errs.SerializationFailure) || !met {
			return fmt.Errorf("a delete that met another one %v: %w", met, failed[i])
		}
	}
	return failed[len(writes)]
}
