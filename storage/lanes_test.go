package storage

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/unique"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// laneRowsOf is one record with two batches of each table, whose rows of the next round it brings; large enough, together,
// for several goroutines.
func laneRowsOf(tables []*catalog.Table, round, rows int) table.Write {
	var w table.Write
	for _, tab := range tables {
		a, b := rowsOf(tab, 2*round*rows, rows), rowsOf(tab, (2*round+1)*rows, rows)
		a.Batches = append(a.Batches, b.Batches...)
		w.Rows = append(w.Rows, a)
	}
	return w
}

// Records of one table come in the order of the log, and count its rows through a record: whatever is sealed when the
// process ends, the next start has each row once.
func TestLanesCountRows(t *testing.T) {
	const tables, rounds, rows = 5, 4, 700
	m := vfs.NewMem()
	o := testOptions(m)
	o.SealRows, o.NoMerge = 1000, true // in the middle of a record's batch
	db := mustOpen(t, o)
	var all []*catalog.Table
	for _, name := range []string{"a", "b", "c", "d", "e"}[:tables] {
		all = append(all, mustCreate(t, db, name))
	}
	for round := range rounds {
		if _, err := db.Commit(ctx, laneRowsOf(all, round, rows)); err != nil {
			t.Fatal(err)
		}
		crashed := m.CrashClone(uint64(round), 0.5)
		again := mustOpen(t, testOptions(crashed))
		for _, tab := range all {
			wantTotals(t, again, tab, 2*rows*(round+1))
		}
		mustClose(t, again)
	}
	mustClose(t, db)
}

// BenchmarkApplyGroup applies groups of 64 records of 1,000 rows, each of another table with a key: with -cpu 1,2,4 it shows
// what lanes are worth.
func BenchmarkApplyGroup(b *testing.B) {
	db := mustOpen(b, Options{FS: vfs.NewMem(), NoMerge: true, SealRows: 1 << 24, LiveBytes: 8 << 30})
	var all []*catalog.Table
	for i := range 64 {
		if err := db.Apply(ctx, catalog.Create(clicks(fmt.Sprint("t", i)))); err != nil {
			b.Fatal(err)
		}
		all = append(all, db.Catalog().Table("public", fmt.Sprint("t", i)))
	}
	sequence := db.Sequence()
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		var group []*wal.Entry
		for _, tab := range all {
			rows := rowsOf(tab, round*1000, 1000).Batches[0]
			sequence++
			hashes := unique.Hashes(db.tables[tab.ID].Keys, rows)
			group = append(group, &wal.Entry{Sequence: sequence, Data: &commit{sections: []table.Section{{Table: tab.ID, Version: tab.Version, Batch: rows, Hashes: hashes}}}})
		}
		b.StartTimer()
		db.applyGroup(group)
	}
	mustClose(b, db)
}

// Writers of different tables and of one meet in groups of the log; each sees its own write when it is acknowledged, and
// all of it or nothing.
func TestLanesOfManyWriters(t *testing.T) {
	const writers, rounds, rows = 6, 12, 1500
	m := vfs.NewMem()
	o := testOptions(m)
	o.SealRows, o.NoMerge = 20_000, true
	db := mustOpen(t, o)
	var all []*catalog.Table
	for _, name := range []string{"a", "b", "c", "d", "e", "f"}[:writers] {
		all = append(all, mustCreate(t, db, name))
	}
	var wg sync.WaitGroup
	for i, tab := range all {
		wg.Go(func() {
			for round := range rounds {
				if err := insert(db, tab, round*rows, rows); err != nil {
					t.Error(err)
					return
				}
				wantTotals(t, db, tab, (round+1)*rows)
				if i%2 == 0 { // a row that was there goes in the same record as others come
					w := table.Write{Rows: []table.Rows{remove(tab, uint64(round*rows+round))}}
					if _, err := db.Commit(ctx, w); err != nil {
						t.Error(err)
						return
					}
					w = table.Write{Rows: []table.Rows{rowsOf(tab, round*rows+round, 1)}}
					if _, err := db.Commit(ctx, w); err != nil {
						t.Error(err)
						return
					}
					return // its numbers are no longer its ids
				}
			}
		})
	}
	wg.Wait()
	db = reopened(t, db, o)
	for i, tab := range all {
		n := rounds * rows
		if i%2 == 0 {
			n = rows
		}
		wantTotals(t, db, tab, n)
	}
	mustClose(t, db)
}

func reopened(t *testing.T, db *DB, o Options) *DB {
	t.Helper()
	mustClose(t, db)
	return mustOpen(t, o)
}

// One lane that fails hides the whole group, also what other lanes have done.
func TestLaneThatFails(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	a, b := mustCreate(t, db, "a"), mustCreate(t, db, "b")
	if err := insert(db, a, 0, 10); err != nil {
		t.Fatal(err)
	}
	var group []*wal.Entry
	for i, tab := range []*catalog.Table{a, b} {
		rows := rowsOf(tab, 10, 9000).Batches[0]
		if tab == b {
			rows.Cols = rows.Cols[:2] // which no live segment takes
		}
		group = append(group, &wal.Entry{Sequence: db.Sequence() + 1 + uint64(i), Data: &commit{sections: []table.Section{{Table: tab.ID, Version: tab.Version, Batch: rows}}}})
	}
	db.applyGroup(group)
	for _, e := range group {
		if e.Err == nil {
			t.Error("a write of the group has happened")
		}
	}
	wantTotals(t, db, a, 10)
	mustClose(t, db)
}

// Rows have their numbers before the files of a load take theirs, and are there before their table goes.
func TestLanesEndBefore(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	a, b := mustCreate(t, db, "a"), mustCreate(t, db, "b")
	l := db.NewLoad()
	if err := appendRows(l, a, 30, 50, 50); err != nil {
		t.Fatal(err)
	}
	files, err := l.settle(ctx, &table.Write{}, db.Catalog(), none)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	section := func(tab *catalog.Table) []table.Section {
		return []table.Section{{Table: tab.ID, Version: tab.Version, Batch: rowsOf(tab, 0, 30).Batches[0]}}
	}
	group := []*wal.Entry{
		{Sequence: db.Sequence() + 1, Data: &commit{sections: section(a)}},
		{Sequence: db.Sequence() + 2, Data: &commit{files: files}},
		{Sequence: db.Sequence() + 3, Data: &commit{sections: section(b)}},
		{Sequence: db.Sequence() + 4, Data: &commit{edits: []catalog.Edit{catalog.Drop(nil, b)}}},
	}
	dropped := db.tables[b.ID]
	db.applyGroup(group)
	for _, e := range group {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
	}
	l.letGo(files, true)
	l.Abort()
	if base := files[0].Meta.Base(); base != 30 {
		t.Errorf("the file's rows are numbered from %d, want 30", base)
	}
	wantTotals(t, db, a, 80)
	db.mu.Lock()
	if n := len(dropped.Parts); n != 0 {
		t.Errorf("a table that was dropped has %d parts with rows", n)
	}
	db.mu.Unlock()
	mustClose(t, db)
}

// What is to be done is divided by tables, in the order in which it came.
func TestLanesAreTables(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	a, b := mustCreate(t, db, "a"), mustCreate(t, db, "b")
	db.mu.Lock()
	section := func(tab *catalog.Table, rows uint64) table.Section {
		return table.Section{Table: tab.ID, Batch: &batch.Batch{Len: int(rows)}}
	}
	var want [2][][3]uint64 // of each table: sequence, rows and their place in the record; of a deletion none
	for n := uint64(1); n <= 30; n++ {
		db.laneDeletions([]table.Deletion{{Table: b.ID}, {Table: b.ID + 100}})
		db.laneRows(n, []table.Section{section(b, n), section(a, 2*n), section(b, 3*n)})
		want[0] = append(want[0], [3]uint64{n, 2 * n, 0})
		want[1] = append(want[1], [3]uint64{}, [3]uint64{n, n, 0}, [3]uint64{n, 3 * n, n})
	}
	l := db.lanes
	db.lanes = lanes{}
	db.mu.Unlock()
	l.divide()
	if len(l.list) != 2 {
		t.Fatalf("%d lanes", len(l.list))
	}
	for i, tab := range []*catalog.Table{a, b} {
		var got [][3]uint64
		for _, s := range l.list[i].steps {
			if s.table != db.tables[tab.ID] {
				t.Fatal("a lane of two tables")
			}
			if s.deleted != nil {
				got = append(got, [3]uint64{})
			} else {
				got = append(got, [3]uint64{s.rows.Sequence, uint64(s.rows.Batch.Len), s.rows.At})
			}
		}
		if !slices.Equal(got, want[i]) {
			t.Errorf("lane %d: %v, want %v", i, got, want[i])
		}
	}
	mustClose(t, db)
}
