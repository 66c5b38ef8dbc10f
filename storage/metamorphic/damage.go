package metamorphic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/handle"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// flip changes a bit of a segment file, or removes the file. The table answers with the rest of its rows, or not at all,
// as the option says; the rest of the database does not notice.
func (r *runner) flip(o Op) error {
	if r.faulty {
		return nil
	}
	r.uncut()
	if err := r.db.Checkpoint(ctx); err != nil {
		return err
	}
	if err := r.verify(); err != nil {
		return err
	}
	if err := r.closed(); err != nil {
		return err
	}
	v, _, err := manifest.Read(r.disk, dir)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(o.Seed, 10))
	var sound []manifest.Segment
	for _, s := range v.Segments.All() {
		if s.Quarantined == "" {
			sound = append(sound, *s)
		}
	}
	if len(sound) == 0 {
		return r.open()
	}
	victim := sound[random.IntN(len(sound))]
	numbers, err := r.numbersIn(victim)
	if err != nil {
		return err
	}
	undo, err := r.damage(random, fmt.Sprintf("%s/segments/%010d.seg", dir, victim.File))
	if err != nil {
		return err
	}
	if err := r.open(); err != nil {
		return fmt.Errorf("open with a damaged segment: %w", err)
	}
	return r.withDamage(o, victim, numbers, undo)
}

// numbersIn reads the numbers of the rows of a sound file. Its ranges do not tell: where a merge came to several files,
// they have numbers of rows of each other.
func (r *runner) numbersIn(meta manifest.Segment) (*index.RowIDs, error) {
	account := mem.NewPool(0).Overdraft("numbers")
	c := cache.New(account, 1<<20)
	defer c.Close()
	d := &shelf.Dir{FS: handle.New(r.disk, handle.Options{}), Path: dir, Account: account}
	s, done, err := d.OpenApart(meta, c)
	if err != nil {
		return nil, err
	}
	defer done()
	numbers := index.NewRowIDs()
	return numbers, d.File(meta).Numbers(ctx, s, account, func(n uint64) { numbers.Add(n) })
}

// damage changes a file; undo brings back what was.
func (r *runner) damage(random *rand.Rand, name string) (undo func() error, err error) {
	data, err := vfs.ReadFile(r.disk, name, 1<<30)
	if err != nil {
		return nil, err
	}
	write := func(b []byte) error {
		f, err := r.disk.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Write(b); err != nil {
			return err
		}
		return errors.Join(f.Sync(), r.disk.SyncDir(dir+"/segments"))
	}
	bad := slices.Clone(data)
	switch random.IntN(6) {
	case 0:
		err = errors.Join(r.disk.Remove(name), r.disk.SyncDir(dir+"/segments"))
		return func() error { return write(data) }, err
	case 1:
		bad = bad[:random.IntN(len(bad))]
	case 2:
		from := random.IntN(len(bad))
		clear(bad[from:min(len(bad), from+512)])
	default:
		bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
	}
	return func() error { return write(data) }, write(bad)
}

// withDamage reads everything of a database with a damaged segment, which has the rows of some numbers.
func (r *runner) withDamage(o Op, victim manifest.Segment, numbers *index.RowIDs, undo func() error) error {
	slot := slices.IndexFunc(r.model.tables[:], func(t *tableModel) bool { return t != nil && t.info.ID == victim.Table })
	if slot < 0 {
		return wrongf("segment %d is of no table", victim.File)
	}
	noticed, err := r.notices(r.model.tables[slot], victim, o)
	if err != nil {
		return err
	}
	if !noticed { // space between buffers
		if err := r.closed(); err != nil {
			return err
		}
		if err := undo(); err != nil {
			return err
		}
		return r.open()
	}
	for deadline := time.Now().Add(20 * time.Second); !r.quarantined(victim); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return wrongf("segment %d was not set aside, though it is damaged: %v", victim.File, r.met)
		}
	}
	t := r.model.tables[slot]
	if !r.serve {
		if _, err := r.relation(t); !errs.Is(err, errs.DataCorrupted) {
			return wrongf("a table with damage answers: %v", err)
		}
		return r.write(o, &write{changes: []change{{slot: slot, info: t.info, truncate: true}}})
	}
	t.rows = slices.DeleteFunc(slices.Clone(t.rows), func(x *row) bool { return numbers.Has(x.number - 1) })
	return nil
}

func (r *runner) quarantined(victim manifest.Segment) bool {
	return slices.ContainsFunc(r.db.Health().Quarantined, func(q table.SegmentInfo) bool { return q.ID == uint64(victim.File) })
}

func (r *runner) relation(t *tableModel) (scan.Relation, error) {
	s := r.db.Snapshot()
	defer s.Release()
	return s.Table(t.info.ID)
}

// notices tells whether reading a table in every way meets damage. Until then answers are right.
func (r *runner) notices(t *tableModel, victim manifest.Segment, o Op) (bool, error) {
	s := r.db.Snapshot()
	defer s.Release()
	if r.quarantined(victim) { // when it was opened
		return true, nil
	}
	rel, err := s.Table(t.info.ID)
	if err == nil {
		err = t.compare(rel, r.batch)
	}
	if err == nil {
		err = t.parts(rel)
	}
	for i := uint64(0); err == nil && i < 20; i++ {
		if err = t.counted(rel, o.Seed+i, r.batch); err == nil {
			err = t.someColumns(rel, o.Seed+i, r.batch)
		}
	}
	if err != nil && errs.Is(err, errs.DataCorrupted) {
		r.met = err
		return true, nil
	}
	return false, err
}
