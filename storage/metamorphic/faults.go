package metamorphic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// read asks for some columns of some rows.
func (r *runner) read(o Op) error {
	return r.look(o, func(t *tableModel, rel scan.Relation) error { return r.randomly(t, rel, o) })
}

// randomly asks a few random requests.
func (r *runner) randomly(t *tableModel, rel scan.Relation, o Op) error {
	for i := range uint64(3) {
		if err := t.someColumns(rel, o.Seed*3+i, r.batch); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) parts(o Op) error {
	return r.look(o, func(t *tableModel, rel scan.Relation) error { return t.parts(rel) })
}

func (r *runner) counted(o Op) error {
	return r.look(o, func(t *tableModel, rel scan.Relation) error { return t.counted(rel, o.Seed, r.batch) })
}

// look reads a table in a snapshot of now.
func (r *runner) look(o Op, f func(*tableModel, scan.Relation) error) error {
	t := r.table(o.Table)
	if t == nil || len(t.numbered()) < len(t.rows) {
		return nil
	}
	s := r.db.Snapshot()
	defer s.Release()
	rel, err := s.Table(t.info.ID)
	if err == nil {
		err = f(t, rel)
	}
	if r.excused(err) {
		return nil
	}
	return err
}

func (r *runner) checkpoint(Op) error {
	err := r.db.Checkpoint(ctx)
	if r.excused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, i := range r.db.Segments() {
		if i.State != "published" && i.State != "quarantined" {
			return wrongf("after a checkpoint: %+v", i)
		}
	}
	return nil
}

// vacuum merges the files of a table, with the deleted ones left out.
func (r *runner) vacuum(o Op) error {
	return r.merged(o, func(id catalog.TableID) error { return r.db.Vacuum(ctx, id, o.Seed%2 == 0) })
}

// cluster sorts a table.
func (r *runner) cluster(o Op) error {
	return r.merged(o, func(id catalog.TableID) error { return r.db.Cluster(ctx, id) })
}

// reindex builds the segments of a table anew, and reads what it says of them.
func (r *runner) reindex(o Op) error {
	return r.merged(o, func(id catalog.TableID) error {
		if slices.ContainsFunc(r.db.Health().Quarantined, func(q table.SegmentInfo) bool { return q.Table == id }) {
			return nil // rows would come back from the log that the model has forgotten
		}
		return r.db.Reindex(ctx, id, func(l rebuild.Line) error {
			aside := slices.ContainsFunc(r.db.Health().Quarantined, func(q table.SegmentInfo) bool { return q.ID == l.Segment })
			if p := l.Problem(); p != "" && !l.Unread && !aside {
				return errs.Internal("segment %d: %s", l.Segment, p)
			}
			return nil
		})
	})
}

func (r *runner) merged(o Op, merge func(catalog.TableID) error) error {
	t := r.table(o.Table)
	if t == nil {
		return nil
	}
	if err := merge(t.info.ID); !r.excused(err) {
		return err
	}
	return nil
}

// restart closes the database and opens it again.
func (r *runner) restart(o Op) error {
	o.Seed |= 1 // no crash
	return r.again(o, r.model)
}

// crash takes the power away.
func (r *runner) crash(o Op) error {
	o.Seed &^= 1
	return r.again(o, r.model)
}

// cutOff takes the power away before the N-th change of the disk from now. The operation that is on its way then was
// done, or was not.
func (r *runner) cutOff(o Op) error {
	if r.faulty {
		return nil
	}
	r.cut.mu.Lock()
	defer r.cut.mu.Unlock()
	if r.cut.left == 0 {
		r.cut.left, r.cut.keep, r.cut.seed = 1+o.N%20, []float64{0, 0.3, 0.7, 1}[o.Seed%4], o.Seed
	}
	return nil
}

// uncut calls a cut off: many things happen at once, or another fault begins.
func (r *runner) uncut() {
	r.cut.mu.Lock()
	defer r.cut.mu.Unlock()
	r.cut.left, r.cut.disk = 0, nil
}

// full leaves N bytes of space on the disk.
func (r *runner) full(o Op) error {
	if r.faulty {
		return nil
	}
	r.uncut()
	r.disk.SetCapacity(r.disk.Used() + int64(o.N)*64)
	r.faulty = true
	return nil
}

// fault lets some kinds of operations of the disk fail after the next N, once or from then on.
func (r *runner) fault(o Op) error {
	if r.faulty {
		return nil
	}
	r.uncut()
	random := rand.New(rand.NewPCG(o.Seed, 9))
	kinds := []errorfs.Kind{errorfs.All, errorfs.Changes, errorfs.Read, errorfs.Sync, errorfs.Sync | errorfs.SyncDir, errorfs.Write,
		errorfs.Create | errorfs.Rename, errorfs.Open | errorfs.Read, errorfs.Remove}
	cause, kind := syscall.EIO, kinds[random.IntN(len(kinds))]
	if random.IntN(3) == 0 {
		cause = syscall.ENOSPC // which no read needs
		kind &= errorfs.Create | errorfs.Write | errorfs.Preallocate | errorfs.Sync | errorfs.Rename
		if kind == 0 {
			kind = errorfs.Write
		}
	}
	r.faults.FailKinds(kind, 1+random.IntN(8), random.IntN(2) == 0, cause)
	r.faulty = true
	return nil
}

// heal ends all faults. Intake goes on by itself, or the log has stopped and a restart helps.
func (r *runner) heal(o Op) error {
	if !r.faulty {
		return nil
	}
	r.faults.Heal()
	r.disk.SetCapacity(0)
	deadline := time.Now().Add(20 * time.Second)
	for ; ; time.Sleep(time.Millisecond) {
		// Who writes notices that there is space again; the first may still be told of what failed before.
		err := r.poke(o)
		if err == nil && r.faulty {
			err = r.db.Checkpoint(ctx)
		}
		switch {
		case !r.faulty: // opened again
			return err
		case err == nil && r.db.Health().Intake == nil:
			r.faulty = false
			return nil
		case err != nil && !r.excused(err) && !errs.Is(err, errs.ObjectNotInPrerequisiteState):
			return err
		case err != nil && class(err) == "58":
			o.Seed |= 1 // no crash
			return r.again(o, r.model)
		case time.Now().After(deadline):
			return fmt.Errorf("the disk is well again: %w", errors.Join(err, r.db.Health().Intake))
		}
	}
}

// poke writes a row.
func (r *runner) poke(o Op) error {
	slots := r.slotsOf()
	if len(slots) == 0 {
		return nil
	}
	info := r.info(slots[0])
	w := &write{changes: []change{{slot: slots[0], info: info, added: r.model.tables[slots[0]].free(makeRows(info, 1, o.Seed))}}}
	_, err := r.send(w, o.Seed)
	if err != nil && class(err) == "53" {
		return err
	}
	o.Seed |= 1
	return r.done(err, o, func(m *model) { m.apply(w) })
}
