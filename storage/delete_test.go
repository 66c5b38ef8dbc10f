package storage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// remove is a write that deletes rows by their numbers.
func remove(tab *catalog.Table, numbers ...uint64) table.Rows {
	ids := index.NewRowIDs()
	ids.AddMany(numbers)
	return table.Rows{Table: tab.ID, Version: tab.Version, Deleted: ids}
}

func numbers(t testing.TB, s *table.Snapshot, id catalog.TableID) map[int64]uint64 {
	t.Helper()
	n, err := rowNumbersOf(s, id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// rowNumbersOf returns the number of every row of a table made by rowsOf, by its id.
func rowNumbersOf(s *table.Snapshot, id catalog.TableID) (map[int64]uint64, error) {
	rel, err := s.Table(id)
	if err != nil {
		return nil, err
	}
	account := mem.NewPool(0).Account("test", 0)
	defer account.Close()
	sc, err := rel.Open(ctx, &scan.Request{Columns: []int{0, scan.RowNumber}, Account: account})
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := batch.New([]types.Type{types.T(types.Int8), types.T(types.Int8)})
	got := map[int64]uint64{}
	for {
		ok, err := r.Next(ctx, out)
		if err != nil {
			return nil, err
		}
		if !ok {
			return got, nil
		}
		for i := range out.Len {
			got[out.Cols[0].Datum(i).I] = uint64(out.Cols[1].Datum(i).I)
		}
	}
}

// deleting is a table and what it must hold.
type deleting struct {
	t    *testing.T
	r    *rand.Rand
	fs   *vfs.Mem
	db   *DB
	tab  *catalog.Table
	rows map[int64]bool // by id
	next int64
	held []heldSnapshot
}

// heldSnapshot is an old picture and what it must go on to show.
type heldSnapshot struct {
	s    *table.Snapshot
	want map[int64]uint64
}

func (d *deleting) check() {
	d.t.Helper()
	s := d.db.Snapshot()
	defer s.Release()
	d.same(s, d.rows)
	rel, err := s.Table(d.tab.ID)
	if err != nil || rel.Rows() != int64(len(d.rows)) {
		d.t.Fatalf("the table counts %d rows, want %d: %v", rel.Rows(), len(d.rows), err)
	}
	if st := rel.Stats(0); st.Rows != int64(len(d.rows)) || st.Nulls != 0 {
		d.t.Fatalf("statistics %+v of %d rows", st, len(d.rows))
	}
}

func (d *deleting) same(s *table.Snapshot, want map[int64]bool) {
	d.t.Helper()
	got, err := read(s, d.tab.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	var sum int
	for id := range want {
		sum += int(id)
	}
	if (got != totals{len(want), sum, len(want)}) {
		d.t.Fatalf("the table holds %+v, want %d rows with sum %d", got, len(want), sum)
	}
}

// pick takes some rows of a picture: those that are still there, and how many are not.
func (d *deleting) pick(from map[int64]uint64, n int) (ids []int64, list []uint64, stale int) {
	all := make([]int64, 0, len(from))
	for id := range from {
		all = append(all, id)
	}
	slices.Sort(all)
	for range min(n, len(all)) {
		i := d.r.IntN(len(all))
		if !d.rows[all[i]] {
			stale++
		}
		ids, list = append(ids, all[i]), append(list, from[all[i]])
		all = slices.Delete(all, i, i+1)
	}
	return ids, list, stale
}

func (d *deleting) delete(from map[int64]uint64, n, insert int) {
	d.t.Helper()
	ids, list, stale := d.pick(from, n)
	w := remove(d.tab, list...)
	if insert > 0 {
		w.Batches = rowsOf(d.tab, int(d.next), insert).Batches
		w.Updated = true
	}
	_, err := d.db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
	if stale > 0 {
		if !errs.Is(err, errs.SerializationFailure) {
			d.t.Fatalf("%d of %d rows had gone: %v", stale, len(ids), err)
		}
		return
	}
	if err != nil {
		d.t.Fatal(err)
	}
	for _, id := range ids {
		delete(d.rows, id)
	}
	d.inserted(insert)
}

func (d *deleting) inserted(n int) {
	for range n {
		d.rows[d.next] = true
		d.next++
	}
}

func (d *deleting) step() {
	d.t.Helper()
	s := d.db.Snapshot()
	now := numbers(d.t, s, d.tab.ID)
	s.Release()
	switch k := d.r.IntN(20); {
	case k < 6:
		n := 1 + d.r.IntN(40)
		if err := insert(d.db, d.tab, int(d.next), n); err != nil {
			d.t.Fatal(err)
		}
		d.inserted(n)
	case k < 9:
		d.delete(now, 1+d.r.IntN(10), 0)
	case k < 11:
		d.delete(now, 1+d.r.IntN(10), 1+d.r.IntN(10))
	case k < 13 && len(d.held) > 0: // decided on an old picture
		d.delete(d.held[d.r.IntN(len(d.held))].want, 1+d.r.IntN(3), d.r.IntN(2))
	case k == 13:
		d.delete(now, len(now)*9/10, 0)
	case k == 14 && d.r.IntN(3) == 0:
		w := table.Rows{Table: d.tab.ID, Version: d.tab.Version, Truncate: true, Batches: rowsOf(d.tab, int(d.next), 3).Batches}
		if _, err := d.db.Commit(ctx, table.Write{Rows: []table.Rows{w}}); err != nil {
			d.t.Fatal(err)
		}
		clear(d.rows)
		d.inserted(3)
	case k == 15:
		if err := d.db.Checkpoint(ctx); err != nil {
			d.t.Fatal(err)
		}
	case k == 19 && d.r.IntN(2) == 0:
		if err := d.db.Vacuum(ctx, d.tab.ID, d.r.IntN(2) == 0); err != nil {
			d.t.Fatal(err)
		}
	case k == 19:
		if err := d.db.Cluster(ctx, d.tab.ID); err != nil {
			d.t.Fatal(err)
		}
	case k == 16:
		d.reopen(d.r.IntN(2) == 0)
	case k == 17:
		s := d.db.Snapshot()
		d.held = append(d.held, heldSnapshot{s, numbers(d.t, s, d.tab.ID)})
	case k == 18 && len(d.held) > 0:
		h := d.held[0]
		d.held = d.held[1:]
		want := map[int64]bool{}
		for id := range h.want {
			want[id] = true
		}
		d.same(h.s, want)
		h.s.Release()
	}
	d.check()
}

// reopen closes the database and opens it again, or what a crash would have left of it.
func (d *deleting) reopen(crash bool) {
	for _, h := range d.held {
		h.s.Release()
	}
	d.held = nil
	left := d.fs
	if crash {
		left = d.fs.CrashClone(d.r.Uint64(), d.r.Float64())
	}
	mustClose(d.t, d.db)
	d.fs = left
	for _, f := range check.Check(d.fs, "db", check.Options{}) {
		if f.Fatal {
			d.t.Fatalf("check: %v", f)
		}
	}
	o := testOptions(d.fs)
	o.SealRows = 30
	d.db = mustOpen(d.t, o)
	d.tab = d.db.Catalog().TableByID(d.tab.ID)
}

// TestDeleteModel: random writes, deletions on old and new pictures, truncation, seals, restarts and crashes, with a
// table whose rows keep their order when they are sealed and with one whose rows do not.
func TestDeleteModel(t *testing.T) {
	for _, key := range []string{"", "url, id"} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%s-%d", key, seed), func(t *testing.T) {
				d := &deleting{t: t, r: rand.New(rand.NewPCG(seed, 7)), fs: vfs.NewMem(), rows: map[int64]bool{}}
				o := testOptions(d.fs)
				o.SealRows = 30
				d.db = mustOpen(t, o)
				def := clicks("clicks")
				if key != "" {
					set(def, "sort_key", key)
				}
				if err := d.db.Apply(ctx, catalog.Create(def)); err != nil {
					t.Fatal(err)
				}
				d.tab = d.db.Catalog().Table("public", "clicks")
				for range 150 {
					d.step()
				}
				d.reopen(true)
				d.check()
				mustClose(t, d.db)
			})
		}
	}
}

// A segment whose rows are all deleted leaves the manifest and the disk; one that is all deleted before it is sealed
// never comes there.
func TestEmptySegmentsGo(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	tab := mustCreate(t, db, "clicks")
	for i := range 2 {
		if err := insert(db, tab, 0, 40); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []uint64
	for i := range uint64(80) {
		all = append(all, i)
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, all...)}}); err != nil {
		t.Fatal(err)
	}
	wantTotals(t, db, tab, 0)
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if infos, _ := m.List("db/segments"); len(infos) != 0 || db.set.Version().Segments.Len() != 0 {
		t.Fatalf("files of empty segments: %v", infos)
	}
	if err := insert(db, tab, 0, 5); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, testOptions(m))
	wantTotals(t, db, tab, 5)
	s := db.Snapshot()
	if n := numbers(t, s, tab.ID); n[0] != 80 || n[4] != 84 {
		t.Fatalf("numbers after a restart: %v", n)
	}
	s.Release()
	mustClose(t, db)
}

// Two writes that delete the same row: one of them fails, whoever comes first, and rows deleted twice at once are
// deleted once.
func TestDeleteConflicts(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "clicks")
	const rows = 200
	if err := insert(db, tab, 0, rows); err != nil {
		t.Fatal(err)
	}
	var won [rows]atomic.Int32
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for _, i := range r.Perm(rows) {
				_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, uint64(i))}})
				switch {
				case err == nil:
					won[i].Add(1)
				case !errs.Is(err, errs.SerializationFailure) || errs.From(err).Message != "could not serialize access due to concurrent delete":
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range won {
		if won[i].Load() != 1 {
			t.Fatalf("row %d was deleted %d times", i, won[i].Load())
		}
	}
	wantTotals(t, db, tab, 0)
	mustClose(t, db)
}

// Writers move amounts between rows while live segments are sealed; every picture has the same number of rows.
func TestRunningUpdates(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SealRows = 40
	db := mustOpen(t, o)
	def := clicks("clicks")
	set(def, "sort_key", "url")
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "clicks")
	const rows = 60
	if err := insert(db, tab, 0, rows); err != nil {
		t.Fatal(err)
	}
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	var done atomic.Bool
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !done.Load() {
				s := db.Snapshot()
				got, err := read(s, tab.ID)
				s.Release()
				if err != nil || got != upTo(rows) {
					t.Errorf("read %+v: %v", got, err)
					return
				}
			}
		})
	}
	var conflicts atomic.Int64
	for w := range 3 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 3))
			for range rounds {
				s := db.Snapshot()
				at := numbers(t, s, tab.ID)
				first := r.IntN(rows - 3)
				change := rowsOf(tab, first, 3) // the same rows again
				change.Deleted = remove(tab, at[int64(first)], at[int64(first+1)], at[int64(first+2)]).Deleted
				change.Updated = true
				_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{change}})
				s.Release()
				if errs.Is(err, errs.SerializationFailure) {
					conflicts.Add(1)
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	wantTotals(t, db, tab, rows)
	t.Logf("%d conflicts, %d seals", conflicts.Load(), db.Metrics().Seals.Value())
	mustClose(t, db)
}
