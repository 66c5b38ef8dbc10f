package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// TestAbortWhileSealingWaits: a load ends while the sealer waits for its turn to write one of its files.
func TestAbortWhileSealingWaits(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "clicks")
	db.builder.Slots <- struct{}{}
	l := db.NewLoad()
	if err := appendRows(l, tab, 0, 60, 60); err != nil {
		t.Fatal(err)
	}
	p := l.shelves[0].Parts[0]
	await := func(building bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			l.mu.Lock()
			is := p.Building()
			l.mu.Unlock()
			if is == building {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("sealing goes on: %v", is)
			}
		}
	}
	await(true)
	l.Abort()
	await(false)
	<-db.builder.Slots
	mustClose(t, db)
}

// TestNumbersBehindALoad: the live segment before a load's files is sealed, the record that names them is not needed
// any more, and rows behind them keep their numbers over a restart. Else a deletion would take rows of the files along.
func TestNumbersBehindALoad(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	tab := mustCreate(t, db, "clicks")
	if err := insert(db, tab, 0, 10); err != nil {
		t.Fatal(err)
	}
	l := db.NewLoad()
	if err := appendRows(l, tab, 10, 100, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Fatal(err)
	}
	if err := insert(db, tab, 110, 10); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); db.Metrics().Seals.Value() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the first rows are not sealed")
		}
	}
	s := db.Snapshot()
	want, err := rowNumbersOf(s, tab.ID)
	s.Release()
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, testOptions(m))
	s = db.Snapshot()
	defer func() { mustClose(t, db) }()
	defer s.Release()
	if got, err := rowNumbersOf(s, tab.ID); err != nil || len(got) != 120 || !maps.Equal(got, want) {
		t.Errorf("rows have other numbers: %v, had %v: %v", got, want, err)
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, want[115])}}); err != nil {
		t.Fatal(err)
	}
	now := db.Snapshot()
	defer now.Release()
	left := upTo(120)
	left.rows, left.distinct, left.sum = left.rows-1, left.distinct-1, left.sum-115
	if got, err := read(now, tab.ID); err != nil || got != left {
		t.Errorf("%+v is left, want %+v: %v", got, left, err)
	}
}

// appendRows adds rows first to first+n-1 in batches of k.
func appendRows(l *Load, tab *catalog.Table, first, n, k int) error {
	for at := first; at < first+n; at += k {
		if err := l.Append(ctx, tab, rowsOf(tab, at, min(k, first+n-at)).Batches[0]); err != nil {
			return err
		}
	}
	return nil
}

func wantOwn(t testing.TB, l *Load, s *table.Snapshot, tab *catalog.Table, n int) {
	t.Helper()
	own := l.Overlay(s, tab, table.Hidden{})
	defer own.Release()
	if got, err := read(own, tab.ID); err != nil || got != upTo(n) {
		t.Fatalf("the transaction sees %+v, want %+v: %v", got, upTo(n), err)
	}
}

func segmentFiles(t testing.TB, fsys vfs.FS) int {
	t.Helper()
	infos, err := fsys.List("db/segments")
	if err != nil {
		t.Fatal(err)
	}
	return len(infos)
}

// TestLoad: a load of many segments is seen by its transaction from the first row on, and by others after its commit,
// with one sequence; before, an abort leaves nothing.
func TestLoad(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.NoMerge = true // files are counted
	db := mustOpen(t, o)
	tab, other := mustCreate(t, db, "clicks"), mustCreate(t, db, "other")
	if err := insert(db, tab, 0, 10); err != nil {
		t.Fatal(err)
	}
	before := db.Snapshot()
	n := 10
	for round := range 6 {
		l := db.NewLoad()
		for range 8 {
			if err := appendRows(l, tab, n, 70, 33); err != nil {
				t.Fatal(err)
			}
			n += 70
			s := db.Snapshot()
			wantOwn(t, l, s, tab, n)
			s.Release()
		}
		if err := appendRows(l, other, round*20, 20, 7); err != nil {
			t.Fatal(err)
		}
		wantTotals(t, db, tab, n-560)
		if round%2 == 1 {
			l.Abort()
			n -= 560
			l = db.NewLoad()
			if err := appendRows(l, other, round*20, 20, 7); err != nil {
				t.Fatal(err)
			}
		}
		w := table.Write{Rows: []table.Rows{rowsOf(tab, n, 3)}}
		n += 3
		sequence := db.Sequence()
		ack, err := l.Commit(ctx, w, db.Catalog(), none)
		rows := int64(583)
		if round%2 == 1 {
			rows = 23
		}
		if err != nil || ack.Rows != rows || ack.Sequence != sequence+1 || db.Sequence() != ack.Sequence {
			t.Fatalf("ack %+v, %v; want %d rows", ack, err, rows)
		}
		wantTotals(t, db, tab, n)
		wantTotals(t, db, other, (round+1)*20)
		switch round {
		case 2:
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		case 4:
			before.Release()
			mustClose(t, db)
			db = mustOpen(t, o)
			wantTotals(t, db, tab, n)
			wantTotals(t, db, other, (round+1)*20)
			before = db.Snapshot()
		}
	}
	before.Release()
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	published := 0
	for _, i := range db.Segments() {
		if i.State != table.Published {
			t.Errorf("after a checkpoint: %+v", i)
		}
		published++
	}
	if files := segmentFiles(t, m); files != published {
		t.Errorf("%d files for %d segments", files, published)
	}
	mustClose(t, db)
}

// TestLoadAgainstModel: random appends, savepoints, rollbacks to them, reads and ends, on sorted and unsorted tables;
// rows, memory and files are what a model says.
func TestLoadAgainstModel(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 12
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		m := vfs.NewMem()
		db := mustOpen(t, testOptions(m))
		c := clicks("clicks")
		if seed%2 == 1 {
			set(c, "sort_key", "url, id")
		}
		if err := db.Apply(ctx, catalog.Create(c)); err != nil {
			t.Fatal(err)
		}
		tab := db.Catalog().Table("public", "clicks")
		stored := 0
		for range 5 {
			stored = runModel(t, r, db, tab, stored)
			wantTotals(t, db, tab, stored)
		}
		if len(db.loads) != 0 {
			t.Fatalf("%d loads are left", len(db.loads))
		}
		mustClose(t, db)
		db = mustOpen(t, testOptions(m))
		wantTotals(t, db, tab, stored)
		mustClose(t, db)
	}
}

// runModel runs one transaction and returns how many rows are stored afterwards.
func runModel(t *testing.T, r *rand.Rand, db *DB, tab *catalog.Table, stored int) int {
	l := db.NewLoad()
	defer l.Abort()
	s := db.Snapshot()
	defer s.Release()
	l.Savepoint()
	points := []map[catalog.TableID]int64{{}}
	rows := map[catalog.TableID]int64{}
	for range 30 {
		switch r.IntN(7) {
		case 0, 1, 2:
			n := 1 + r.IntN(120)
			if err := appendRows(l, tab, stored+int(rows[tab.ID]), n, 1+r.IntN(60)); err != nil {
				t.Fatal(err)
			}
			rows[tab.ID] += int64(n)
		case 3:
			points = append(points, maps.Clone(rows))
		case 4:
			i := r.IntN(len(points))
			points = points[:i+1]
			rows = maps.Clone(points[i])
			if err := l.Truncate(rows, db.Catalog()); err != nil {
				t.Fatal(err)
			}
		case 5:
			wantOwn(t, l, s, tab, stored+int(rows[tab.ID]))
		case 6: // the sealer comes by
			for p, ok := db.nextPending(); ok; p, ok = db.nextPending() {
				if err := p.run(ctx, 2); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	wantTotals(t, db, tab, stored)
	if r.IntN(3) == 0 {
		return stored
	}
	if ack, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil || ack.Rows != rows[tab.ID] {
		t.Fatalf("ack %+v, %v; want %d rows", ack, err, rows[tab.ID])
	}
	return stored + int(rows[tab.ID])
}

// TestLoadEnds: a token that is known, a table that was dropped and a table that the transaction drops leave no rows and
// no files.
func TestLoadEnds(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.NoMerge = true // files are counted
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	token := &table.Token{Client: "c", Key: "k"}
	for i := range 2 {
		l := db.NewLoad()
		if err := appendRows(l, tab, 0, 200, 30); err != nil {
			t.Fatal(err)
		}
		ack, err := l.Commit(ctx, table.Write{Token: token}, db.Catalog(), none)
		if err != nil || ack.Rows != 200 || ack.Duplicate != (i == 1) {
			t.Fatalf("ack %+v, %v", ack, err)
		}
	}
	wantTotals(t, db, tab, 200)
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, m)
	gone := mustCreate(t, db, "gone")
	for _, dropped := range []bool{false, true} {
		l := db.NewLoad()
		if err := appendRows(l, gone, 0, 200, 30); err != nil {
			t.Fatal(err)
		}
		final := catalog.Empty()
		if dropped {
			final = db.Catalog()
			if err := db.Apply(ctx, catalog.Drop(nil, gone)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Commit(ctx, table.Write{}, final, none); errs.Is(err, errs.UndefinedTable) != dropped {
			t.Errorf("dropped %v: %v", dropped, err)
		}
	}
	if n := segmentFiles(t, m); n != files {
		t.Errorf("%d files, want %d", n, files)
	}
	mustClose(t, db)
}

// TestLoadsInBoundedMemory: several loads at once, each larger than what live rows may take, go through; readers see
// each of them whole or not at all.
func TestLoadsInBoundedMemory(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SealRows, o.LiveBytes, o.Pool = 1<<20, 4<<20, mem.NewPool(0)
	o.LogFileMin, o.LogFileMax = 1<<20, 1<<20
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	const loads, rows = 3, 100_000
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		for !done.Load() {
			s := db.Snapshot()
			rel, err := s.Table(tab.ID)
			if err != nil || rel.Rows()%rows != 0 {
				t.Errorf("a reader sees %d rows: %v", rel.Rows(), err)
				done.Store(true)
			}
			s.Release()
			time.Sleep(time.Millisecond)
		}
	})
	var writers sync.WaitGroup
	for i := range loads {
		writers.Go(func() {
			l := db.NewLoad()
			err := appendRows(l, tab, i*rows, rows, 2000)
			if err == nil {
				_, err = l.Commit(ctx, table.Write{}, db.Catalog(), none)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	done.Store(true)
	wg.Wait()
	wantTotals(t, db, tab, loads*rows)
	if peak := db.liveAccount.Peak(); peak > 2*o.LiveBytes {
		t.Errorf("live rows took %d bytes, the limit is %d", peak, o.LiveBytes)
	}
	if used := db.liveAccount.Used(); used > o.LiveBytes/4 {
		t.Errorf("%d bytes of live rows are left", used)
	}
	mustClose(t, db)
	if o.Pool.Used() != 0 {
		t.Errorf("%d bytes are still charged", o.Pool.Used())
	}
}

// TestLoadWaits: while sealing does not go on, a load takes what may be live and waits then, as long as its context.
func TestLoadWaits(t *testing.T) {
	stuck := make(chan struct{})
	fsys := errorfs.New(vfs.NewMem(), errorfs.Create)
	fsys.Before = func(_ int, _ errorfs.Kind, name string) {
		if strings.HasSuffix(name, ".seg.tmp") {
			<-stuck
		}
	}
	o := testOptions(fsys)
	o.SealRows, o.LiveBytes, o.Pool = 1<<20, 1<<20, mem.NewPool(0)
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	l := db.NewLoad()
	limited, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	var err error
	n := 0
	for ; err == nil && n < 1_000_000; n += 2000 {
		if db.crowded() { // a wait is due
			err = l.Append(limited, tab, rowsOf(tab, n, 2000).Batches[0])
		} else {
			err = l.Append(ctx, tab, rowsOf(tab, n, 2000).Batches[0])
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after %d rows: %v", n, err)
	}
	if peak := db.liveAccount.Peak(); peak > 2*o.LiveBytes {
		t.Errorf("live rows took %d bytes, the limit is %d", peak, o.LiveBytes)
	}
	close(stuck)
	if err := appendRows(l, tab, n-2000, 4000, 2000); err != nil {
		t.Error(err)
	}
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Error(err)
	}
	wantTotals(t, db, tab, n+2000)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReplaySealsBeforeALoad: replay that has to seal does not write over the files of a load that it has not met yet.
func TestReplaySealsBeforeALoad(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.SealRows, o.LogFileMin, o.LogFileMax = 1<<20, 1<<20, 1<<20
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	c := clicks("loaded")
	set(c, "seal_rows", "50")
	if err := db.Apply(ctx, catalog.Create(c)); err != nil {
		t.Fatal(err)
	}
	loaded := db.Catalog().Table("public", "loaded")
	for i := range 20 {
		if err := insert(db, tab, i*2000, 2000); err != nil {
			t.Fatal(err)
		}
	}
	l := db.NewLoad()
	if err := appendRows(l, loaded, 0, 160, 50); err != nil {
		t.Fatal(err)
	}
	db.sealMu.Lock() // no manifest edit
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Fatal(err)
	}
	crashed := m.CrashClone(1, 0)
	db.sealMu.Unlock()
	mustClose(t, db)
	o.FS, o.LiveBytes, o.Pool = crashed, 256<<10, mem.NewPool(0)
	db = mustOpen(t, o)
	if db.metrics.Seals.Value() == 0 {
		t.Error("replay sealed nothing")
	}
	wantTotals(t, db, tab, 40_000)
	wantTotals(t, db, loaded, 160)
	mustClose(t, db)
}

// TestDamagedFileOfALoad: a file that only the log names is set aside at the next start like any other.
func TestDamagedFileOfALoad(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	if err := db.Checkpoint(ctx); err != nil { // the manifest knows the table
		t.Fatal(err)
	}
	l := db.NewLoad()
	if err := appendRows(l, tab, 0, 160, 50); err != nil {
		t.Fatal(err)
	}
	db.sealMu.Lock() // no manifest edit
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Fatal(err)
	}
	crashed := m.CrashClone(1, 0)
	db.sealMu.Unlock()
	mustClose(t, db)
	infos, err := crashed.List("db/segments")
	if err != nil || len(infos) != 3 {
		t.Fatal(infos, err)
	}
	if found := check.Check(crashed, "db", check.Options{}); len(found) != 0 {
		t.Errorf("check of files that only the log names: %v", found)
	}
	if err := crashed.Remove("db/segments/" + infos[1].Name); err != nil {
		t.Fatal(err)
	}
	if err := crashed.SyncDir("db/segments"); err != nil {
		t.Fatal(err)
	}
	if found := check.Check(crashed, "db", check.Options{}); len(found) != 1 || !found[0].Fatal {
		t.Errorf("check without one of them: %v", found)
	}
	for n, reached := 1, true; reached; n++ { // a recovery that ends at any operation leaves one that numbers rows alike
		again := crashed.CrashClone(1, 0)
		fsys := errorfs.New(again, errorfs.Changes)
		fsys.Fail(n, true, syscall.EIO)
		o.FS, o.Pool = fsys, mem.NewPool(0)
		if db, err := Open(ctx, "db", o); err == nil {
			_ = db.Close()
		}
		reached = fsys.Failed() > 0
		o.FS, o.Pool = again.CrashClone(1, 0), mem.NewPool(0)
		db = mustOpen(t, o)
		if next := db.tables[tab.ID].Next; next != 160 {
			t.Errorf("recovery ended at operation %d: the next row has number %d", n, next)
		}
		mustClose(t, db)
	}
	for range 2 {
		o.FS, o.Pool, o.ServeDamaged = crashed, mem.NewPool(0), true
		db = mustOpen(t, o)
		if q := db.Health().Quarantined; len(q) != 1 || q[0].Rows != 50 {
			t.Errorf("set aside: %+v", q)
		}
		s := db.Snapshot()
		if got, err := read(s, tab.ID); err != nil || got.rows != 110 {
			t.Errorf("%+v, %v", got, err)
		}
		s.Release()
		mustClose(t, db)
	}
}

// none are no rows that a transaction deletes of its own.
func none(catalog.TableID) *index.RowIDs { return nil }

// loads is a workload of loads, those that commit and those that do not, with single writes in between.
func loads() *workload { return &workload{rows: loadRows, do: loadStep, steps: 16} }

func loadRows(i int) (a, b int) {
	switch i % 4 {
	case 0:
		return 4, 0
	case 1:
		return 130, 60
	case 2:
		return 0, 9
	}
	return 170, 3
}

// bogus are rows that never commit.
const bogus = 1_000_000

func loadStep(db *DB, i, a, b int) error {
	na, nb := loadRows(i)
	ta, tb := db.Catalog().Table("public", "a"), db.Catalog().Table("public", "b")
	l := db.NewLoad()
	defer l.Abort()
	l.Savepoint()
	// Rows that the transaction deletes again, some of them in files.
	own := []int{3, 47, 50}
	hide := index.NewRowIDs()
	hidden := func(id catalog.TableID) *index.RowIDs {
		if id == ta.ID {
			return hide
		}
		return nil
	}
	err := appendRows(l, ta, bogus, own[i%3], 40)
	hide.AddRange(scan.OwnRows, scan.OwnRows+uint64(own[i%3]))
	if err == nil {
		err = appendRows(l, ta, a, na, 40)
	}
	if err == nil {
		err = appendRows(l, tb, b, nb, 40)
	}
	if err != nil {
		return err
	}
	if i%8 == 3 {
		err = db.Checkpoint(ctx)
	}
	if err == nil && i%8 == 1 { // ROLLBACK TO, far behind what is sealed
		if err = appendRows(l, tb, bogus, 120, 40); err == nil {
			err = l.Truncate(map[catalog.TableID]int64{ta.ID: int64(na + own[i%3]), tb.ID: int64(nb)}, db.Catalog())
		}
	}
	if err == nil && i%8 == 5 {
		aborted := db.NewLoad()
		err = appendRows(aborted, ta, bogus, 120, 60)
		aborted.Abort()
	}
	if err != nil {
		return err
	}
	w := table.Write{}
	if i%3 == 0 {
		w.Token = &table.Token{Client: "c", Key: fmt.Sprint(i)}
	}
	final := db.Catalog()
	if rows, ok := swaps(i); ok {
		var d *catalog.Table
		final, d = swap(db, &w, i)
		if err := appendRows(l, d, 0, rows, 40); err != nil {
			return err
		}
	}
	if i >= 2 { // there are rows of b to delete
		if err := changes(db, &w, i, a); err != nil {
			return err
		}
	} else {
		r := rowsOf(db.Catalog().Table("public", "c"), 0, i+1)
		r.Truncate = true
		w.Rows = append(w.Rows, r)
	}
	ack, err := l.Commit(ctx, w, final, hidden)
	if err == nil && ack.Duplicate {
		return fmt.Errorf("step %d: ack %+v", i, ack)
	}
	return err
}

// A crash before each change of the disk while loads run.
func TestCrashDuringLoads(t *testing.T) { crashEverywhere(t, loads(), 8, 2000) }

// Every third operation fails once, or from then on, while loads run.
func TestErrorsDuringLoads(t *testing.T) { errorEverywhere(t, func() crashing { return loads() }, 12) }

// TestNothingOfASettledLoadIsFrozen: live rows that the commit of a load brings to the log are not sealed under its hands
// when memory is short.
func TestNothingOfASettledLoadIsFrozen(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	tab := mustCreate(t, db, "t")
	l := db.NewLoad()
	if err := appendRows(l, tab, 0, 5, 5); err != nil {
		t.Fatal(err)
	}
	w := table.Write{}
	if _, err := l.settle(ctx, &w, db.Catalog(), none); err != nil || len(w.Rows) != 1 {
		t.Fatalf("%d tables, %v", len(w.Rows), err)
	}
	l.freezeLargest() // as the sealer does that saw the load before
	if l.frozen.Load() != 0 {
		t.Error("the rows on their way are frozen")
	}
	l.Abort()
	mustClose(t, db)
}
