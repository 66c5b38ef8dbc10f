package metamorphic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

const dir = "db"

// opTime is how long an operation may take before it counts as stuck.
const opTime = 2 * time.Minute

// runner is a history on its way.
type runner struct {
	options storage.Options
	serve   bool // damaged tables
	batch   int  // rows per batch of readers

	disk   *vfs.Mem
	faults *errorfs.FS
	db     *storage.DB
	model  *model
	faulty bool  // operations may fail
	met    error // damage
	cut    *cut

	tx       [otherSlots]*transaction
	pictures [otherSlots]*picture
}

// picture is a snapshot and what it must show for as long as it is held.
type picture struct {
	snapshot *table.Snapshot
	model    *model
}

// cut is a loss of power in the middle of an operation: what the disk was before one of its changes.
type cut struct {
	mu   sync.Mutex
	left int // changes until then
	keep float64
	seed uint64
	disk *vfs.Mem // after it
}

func (c *cut) before(disk *vfs.Mem) func(int, errorfs.Kind, string) {
	return func(_ int, k errorfs.Kind, _ string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if k&errorfs.Changes == 0 || c.disk != nil || c.left == 0 {
			return
		}
		if c.left--; c.left == 0 {
			c.disk = disk.CrashClone(c.seed, c.keep)
		}
	}
}

// come tells that it has happened.
func (c *cut) come() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.disk != nil
}

// actions do the kinds of operations. An error fails the history.
var actions map[string]func(*runner, Op) error

func init() {
	actions = map[string]func(*runner, Op) error{
		"create": (*runner).create, "drop": (*runner).drop, "swap": (*runner).swap, "alter": (*runner).alter, "options": (*runner).setOptions, "append": (*runner).append,
		"delete": (*runner).delete, "update": (*runner).update, "several": (*runner).several, "truncate": (*runner).truncate,
		"token": (*runner).token, "parallel": (*runner).parallel, "race": (*runner).race,
		"begin": (*runner).begin, "xappend": (*runner).xappend, "xdelete": (*runner).xdelete, "xupdate": (*runner).xupdate, "xtruncate": (*runner).xtruncate, "xalter": (*runner).xalter,
		"savepoint": (*runner).savepoint, "rollbackto": (*runner).rollbackTo, "xread": (*runner).xread,
		"commit": (*runner).commit, "abort": (*runner).abort,
		"snapshot": (*runner).snapshot, "reread": (*runner).reread, "release": (*runner).release,
		"read": (*runner).read, "parts": (*runner).parts, "counted": (*runner).counted,
		"checkpoint": (*runner).checkpoint, "vacuum": (*runner).vacuum, "cluster": (*runner).cluster, "reindex": (*runner).reindex,
		"restart": (*runner).restart, "crash": (*runner).crash,
		"cut": (*runner).cutOff, "full": (*runner).full, "fault": (*runner).fault, "heal": (*runner).heal, "flip": (*runner).flip,
	}
}

// Run does a history and returns the first thing that is not as it should be.
func Run(h *History) error {
	r := &runner{disk: vfs.NewMem(), model: &model{tokens: map[string]int64{}}}
	if err := r.setup(h.Settings); err != nil {
		return err
	}
	if err := r.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for i, o := range h.Ops {
		if err := r.step(o); err != nil {
			r.letGo()
			if r.db != nil { // it opened again
				_ = r.db.Close()
			}
			return fmt.Errorf("operation %d, %s: %w", i, o, err)
		}
	}
	if err := r.end(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	return nil
}

func (r *runner) setup(settings []Setting) error {
	r.options = storage.Options{SealRetry: 5 * time.Millisecond, IntakeWait: 50 * time.Millisecond, SealAge: time.Hour,
		LogFileMin: 4096, LogFileMax: 4096, CacheBytes: 8 << 20, Pool: mem.NewPool(0), Merge: compact.Default()}
	for _, s := range settings {
		v := s.Value
		switch s.Name {
		case "seal_rows":
			r.options.SealRows = int(v)
		case "seal_age_ms":
			r.options.SealAge = time.Duration(v) * time.Millisecond
		case "live_bytes":
			r.options.LiveBytes = v
		case "cache_bytes":
			r.options.CacheBytes = v
		case "log_file":
			r.options.LogFileMax = v
		case "seal_workers":
			r.options.SealWorkers = int(v)
		case "batch_rows":
			r.batch = int(v)
		case "merge_fanout":
			r.options.Merge.Fanout = int(v)
		case "merge_rows":
			r.options.Merge.RowsMax = v
		case "serve_damaged":
			r.serve = v != 0
		default:
			return fmt.Errorf("unknown setting %q", s.Name)
		}
	}
	r.options.ServeDamaged = r.serve
	return nil
}

// step does an operation, and looks at all tables afterwards.
func (r *runner) step(o Op) error {
	stuck := time.AfterFunc(opTime, func() { panic(fmt.Sprintf("metamorphic: %s is stuck", o)) })
	defer stuck.Stop()
	before := r.model.clone()
	if err := actions[o.Kind](r, o); err != nil {
		return err
	}
	if r.cut.come() {
		return r.afterCut(before)
	}
	if r.size() > 3000 && o.Seed%4 != 0 {
		return nil
	}
	return r.verify()
}

func (r *runner) size() (n int) {
	for _, t := range r.model.tables {
		if t != nil {
			n += len(t.rows)
		}
	}
	return n
}

// open opens the database on the disk as it is.
func (r *runner) open() error {
	r.faults = errorfs.New(r.disk, errorfs.All)
	r.cut = new(cut)
	r.faults.Before = r.cut.before(r.disk)
	r.faulty = false
	r.options.FS = r.faults
	var err error
	r.db, err = storage.Open(ctx, dir, r.options)
	return err
}

// closed closes the database and holds what it leaves against what it should.
func (r *runner) closed() error {
	r.letGo()
	if err := r.db.Close(); err != nil && !(r.faulty && (errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC))) {
		return fmt.Errorf("close: %w", err)
	}
	if n := r.options.Pool.Used(); n != 0 {
		return wrongf("%d bytes are still charged after Close", n)
	}
	if n := r.disk.OpenFiles(); n != 0 {
		return wrongf("%d files are open after Close", n)
	}
	return nil
}

// letGo ends transactions and snapshots.
func (r *runner) letGo() {
	for i, x := range r.tx {
		if x != nil {
			x.end()
			r.tx[i] = nil
		}
	}
	for i, p := range r.pictures {
		if p != nil {
			p.snapshot.Release()
			r.pictures[i] = nil
		}
	}
}

// end looks at everything once more, also after a restart.
func (r *runner) end() error {
	if err := r.heal(Op{}); err != nil {
		return err
	}
	if err := r.verify(); err != nil {
		return err
	}
	if err := r.restart(Op{}); err != nil {
		return err
	}
	if err := r.closed(); err != nil {
		return err
	}
	for _, f := range check.Check(r.disk, dir, check.Options{}) {
		if f.Fatal && !strings.Contains(f.Error, "set aside") {
			return wrongf("check: %s", f)
		}
	}
	return nil
}

// excused tells that an error is one that a fault may cause.
func (r *runner) excused(err error) bool {
	return r.faulty && err != nil && (class(err) == "53" || class(err) == "58")
}

func class(err error) string { return string(errs.From(err).Code[:2]) }

// verify holds all tables against the model.
func (r *runner) verify() error {
	err := r.against(r.model)
	if r.excused(err) {
		return nil
	}
	return err
}

func (r *runner) against(m *model) error {
	s := r.db.Snapshot()
	defer s.Release()
	return r.compareAll(s, m)
}

func (r *runner) compareAll(s *table.Snapshot, m *model) error {
	n := 0
	for _, t := range m.tables {
		if t == nil {
			continue
		}
		n++
		rel, err := s.Table(t.info.ID)
		if err != nil {
			return err
		}
		if err := t.compare(rel, r.batch); err != nil {
			return err
		}
	}
	if have := len(s.Catalog().Tables()); have != n {
		return wrongf("there are %d tables, want %d", have, n)
	}
	return nil
}

// done takes the outcome of a change: the model follows when it was stored. A fault may have refused it; then, when the
// disk alone knows, a restart tells.
func (r *runner) done(err error, o Op, apply func(*model)) error {
	switch {
	case err == nil:
		apply(r.model)
		return nil
	case !r.excused(err):
		return err
	case class(err) == "53":
		return nil // certainly not stored
	}
	with := r.model.clone()
	apply(with)
	if err := r.verify(); err != nil { // not shown, in any case
		return fmt.Errorf("after %w: %w", errs.From(err), err)
	}
	return r.again(o, r.model, with)
}

// again opens the database anew, after a crash or a clean end; it must be as one of the models.
func (r *runner) again(o Op, candidates ...*model) error {
	faulty := r.faulty
	if o.Seed%3 == 0 {
		r.faults.Heal()
		r.disk.SetCapacity(0)
	}
	disk := r.disk
	if o.Seed%2 == 0 {
		disk = disk.CrashClone(o.Seed, []float64{0, 0.3, 0.7, 1}[o.Seed/2%4])
	}
	r.faulty = true // what Close says of a fault
	err := r.closed()
	r.faulty = faulty
	if err != nil {
		return err
	}
	if faulty && o.Seed%5 == 0 && o.Seed%2 == 1 { // the fault goes on
		r.options.FS = r.faults
		if db, err := storage.Open(ctx, dir, r.options); err == nil {
			r.db, r.faulty = db, true
			if err := r.closed(); err != nil {
				return err
			}
		} else if class(err) != "53" && class(err) != "58" {
			return fmt.Errorf("open with a fault: %w", err)
		}
	}
	r.disk = disk
	r.disk.SetCapacity(0)
	if err := r.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return r.one(candidates...)
}

// afterCut goes on with the disk of a cut, which came while the model went from before to what it is.
func (r *runner) afterCut(before *model) error {
	c := r.cut
	if err := r.closed(); err != nil {
		return err
	}
	r.disk = c.disk
	if err := r.open(); err != nil {
		return fmt.Errorf("open after a cut: %w", err)
	}
	return r.one(before, r.model)
}

// one makes the model the one of some that the database is like.
func (r *runner) one(candidates ...*model) error {
	var all []error
	for _, m := range candidates {
		err := r.against(m)
		if err == nil {
			r.model = m
			r.resync()
			return nil
		}
		all = append(all, err)
	}
	return fmt.Errorf("after opening again: %w", errors.Join(all...))
}

// resync takes the catalog's tables into the model: their options may have been changed by what was not certain.
func (r *runner) resync() {
	for _, t := range r.model.tables {
		if t != nil {
			t.info = r.db.Catalog().TableByID(t.info.ID)
		}
	}
}

// table returns a slot's table, with the numbers of its rows known, or nil.
func (r *runner) table(slot int) *tableModel {
	t := r.model.tables[slot%tableSlots]
	if t == nil {
		return nil
	}
	for _, x := range t.rows {
		if x.number == 0 {
			if err := r.verify(); err != nil {
				return nil // told by the operation's own look
			}
			break
		}
	}
	return t
}

func (r *runner) info(slot int) *catalog.Table {
	if t := r.model.tables[slot]; t != nil {
		return t.info
	}
	return nil
}

// send commits a write.
func (r *runner) send(w *write, seed uint64) (table.Ack, error) {
	var out table.Write
	for _, c := range w.changes {
		rows := table.Rows{Table: c.info.ID, Version: c.info.Version, Truncate: c.truncate, Batches: batches(c.info, c.added, seed)}
		if len(c.deleted) > 0 {
			rows.Deleted = numbersOf(c.deleted)
			rows.Updated = c.updates()
		}
		out.Rows = append(out.Rows, rows)
	}
	if w.token != "" {
		out.Token = &table.Token{Client: "c", Key: w.token}
	}
	c, cancel := context.WithTimeout(ctx, opTime/2)
	defer cancel()
	return r.db.Commit(c, out)
}

func numbersOf(rows map[*row]bool) *index.RowIDs {
	set := index.NewRowIDs()
	for x := range rows {
		set.Add(x.number - 1)
	}
	return set
}

// write commits a write and lets the model follow.
func (r *runner) write(o Op, w *write) error {
	n, twice := r.outcome(w)
	ack, err := r.send(w, o.Seed)
	if twice {
		return r.refused(err, w)
	}
	if err == nil {
		if ack.Rows != n || ack.Duplicate {
			return wrongf("acknowledged %+v, want %d rows", ack, n)
		}
	}
	return r.done(err, o, func(m *model) { m.apply(w) })
}

// slotsOf lists the slots that have a table.
func (r *runner) slotsOf() (list []int) {
	for i, t := range r.model.tables {
		if t != nil {
			list = append(list, i)
		}
	}
	return slices.Clip(list)
}
