package storage

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// small makes a directory as smallWith does.
func small(t *testing.T, m *vfs.Mem) Options { return smallWith(t, m, func(*DB) {}) }

// smallWith makes a directory with something of everything that has been stopped in order: a segment with a deleted row, rows
// and deletions that only the log has, tokens in a file and in the log; and what more adds to that.
func smallWith(t *testing.T, m *vfs.Mem, more func(*DB)) Options {
	t.Helper()
	o := testOptions(m)
	o.LogFileMin, o.LogFileMax = 1024, 1024
	o.Now = func() time.Time { return time.Unix(1_700_000_000, 0) } // tokens are not kept for ever
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	push := func(key string, first, n int) {
		t.Helper()
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, first, n)}, Token: &table.Token{Table: tab.ID, Client: "c", Key: key}}); err != nil {
			t.Fatal(err)
		}
	}
	more(db)
	push("sealed", 0, 10)
	for len(db.log.Files()) == 1 { // the first file of the log goes into the archive
		if err := db.Apply(ctx, catalog.Create(clicks("other"))); err != nil {
			t.Fatal(err)
		}
		if err := db.Apply(ctx, catalog.Drop(nil, db.Catalog().Table("public", "other"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	del(t, db, tab, 3)
	if err := db.flush(); err != nil {
		t.Fatal(err)
	}
	push("logged", 10, 5)
	del(t, db, tab, 4, 12)
	mustClose(t, db)
	return o
}

func del(t *testing.T, db *DB, tab *catalog.Table, numbers ...uint64) {
	t.Helper()
	ids := index.NewRowIDs()
	ids.AddMany(numbers)
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: tab.ID, Version: tab.Version, Deleted: ids}}}); err != nil {
		t.Fatal(err)
	}
}

// grown makes a directory with what small has not: a table with a key whose columns have changed, a file of a load,
// files that were merged and one that only the log names, positions of a source.
func grown(t *testing.T, m *vfs.Mem) Options {
	t.Helper()
	o := testOptions(m)
	o.LogFileMin, o.LogFileMax = 1024, 1024
	o.NoMerge = true // but for what is asked for
	db := mustOpen(t, o)
	l := &fed{db: db, rows: map[int64][]types.Datum{}, after: []string{""}}
	l.step(func(l *fed) error {
		return db.Apply(ctx, catalog.Create(pairs("e", catalog.Option{Name: "on_conflict", Value: "update"}, catalog.Option{Name: "sort_key", Value: "v, k"})))
	})
	checkpoint := func(*fed) error { return db.Checkpoint(ctx) }
	for _, do := range []func(*fed) error{(*fed).upsert, checkpoint, (*fed).addColumn, (*fed).upsert, checkpoint, (*fed).delete,
		func(l *fed) error { return db.Vacuum(ctx, l.table().ID, true) }, func(*fed) error {
			_, err := db.Commit(ctx, table.Write{Positions: []positions.Move{moved("p", "", "7")}})
			return err
		}, (*fed).load, (*fed).upsert, (*fed).widen} {
		if l.failed == nil {
			l.step(do)
		}
	}
	if l.failed != nil {
		t.Fatal(l.failed)
	}
	mustClose(t, db)
	return o
}

// TestEveryBit flips each bit of a directory in turn: the database says that something is damaged, or answers what it
// answered before, a repeated token included.
func TestEveryBit(t *testing.T) {
	for _, d := range []struct {
		name   string
		make   func(t *testing.T, m *vfs.Mem) Options
		answer func(t *testing.T, m *vfs.Mem, o Options) string
		step   int // 1: each bit; a prime: every bit of a byte has its turn
	}{{"small", small, flipped, 1}, {"grown", grown, flippedGrown, 7}} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			m := vfs.NewMem()
			o := d.make(t, m)
			want := d.answer(t, m.CrashClone(1, 1), o)
			if want == "damage" {
				t.Fatal("before anything is flipped there is damage")
			}
			switch {
			case testing.Short():
				d.step = 53
			case *fullFlag:
				d.step = 1
			}
			found, harmless := 0, 0
			for _, f := range filesBelow(t, m, "db") {
				for bit := 0; bit < 8*int(f.Size); bit += d.step {
					c := m.CrashClone(1, 1)
					flipBit(t, c, f.Name, bit)
					switch got := d.answer(t, c, o); got {
					case "damage":
						found++
					case want:
						harmless++
					default:
						t.Fatalf("%s, bit %d of byte %d: %s, want %s", f.Name, bit%8, bit/8, got, want)
					}
				}
			}
			t.Logf("%d found, %d harmless", found, harmless)
		})
	}
}

// filesBelow returns the files of a folder and of all below it, with their whole names.
func filesBelow(t *testing.T, m *vfs.Mem, dir string) (files []vfs.Info) {
	t.Helper()
	infos, err := m.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		i.Name = dir + "/" + i.Name
		switch {
		case i.Dir:
			files = append(files, filesBelow(t, m, i.Name)...)
		case i.Name != "db/LOCK":
			files = append(files, i)
		}
	}
	return files
}

func flipBit(t *testing.T, m *vfs.Mem, name string, bit int) {
	t.Helper()
	f, err := m.OpenWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], int64(bit/8)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << (bit % 8)
	if _, err := f.WriteAt(b[:], int64(bit/8)); err != nil {
		t.Fatal(err)
	}
}

// flippedGrown is flipped for a directory of grown. What is damaged is said by the database itself, unless it is of no
// importance to what it answers.
func flippedGrown(t *testing.T, m *vfs.Mem, o Options) string {
	t.Helper()
	var said atomic.Bool
	o.FS, o.Events = m, func(e event.Event) {
		if e.Kind == event.Quarantined || e.Kind == event.LogTorn {
			said.Store(true)
		}
	}
	db, err := Open(ctx, "db", o)
	if err != nil {
		return "damage"
	}
	defer db.Close()
	s := db.Snapshot()
	defer s.Release()
	got, err := fedText(s)
	if err != nil {
		return "damage"
	}
	got += db.Positions(7)["p"]
	if e := s.Catalog().Table("public", "e"); e != nil { // the key of every row is found
		list, err := pairsOf(s, e.ID)
		if err != nil {
			return "damage"
		}
		again := table.Write{Rows: []table.Rows{{Table: e.ID, Version: e.Version, Batches: []*batch.Batch{keysOf(e, list)}}}}
		if _, err := db.Commit(ctx, again); err != nil {
			return "damage"
		}
		after := db.Snapshot()
		defer after.Release()
		rows, err := pairsOf(after, e.ID)
		if err != nil {
			return "damage"
		}
		got += fmt.Sprintf("%d rows", len(rows))
	}
	if said.Load() {
		return "damage"
	}
	return got
}

// keysOf makes rows with the keys of others and nothing else.
func keysOf(t *catalog.Table, list []stored) *batch.Batch {
	b := batch.New(t.Types())
	b.Reset()
	for _, x := range list {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), x.k))
		for c := range b.Cols[1:] {
			b.Cols[c+1].AppendDatum(types.NullOf(t.Columns[c+1].Type))
		}
	}
	b.Len = len(list)
	return b
}

// flipped opens a directory and tells what it answers. What the start leaves to it, check finds.
func flipped(t *testing.T, m *vfs.Mem, o Options) string {
	t.Helper()
	damaged := false
	for _, f := range check.Check(m, "db", check.Options{}) {
		damaged = damaged || f.Fatal
	}
	o.FS, o.Events = m, func(e event.Event) {
		damaged = damaged || e.Kind == event.Quarantined || e.Kind == event.LogTorn
	}
	db, err := Open(ctx, "db", o)
	if err != nil {
		return "damage"
	}
	defer db.Close()
	tab := db.Catalog().Table("public", "t")
	s := db.Snapshot()
	got, err := read(s, tab.ID)
	s.Release()
	if err != nil {
		return "damage"
	}
	var duplicates [2]bool
	for i, key := range []string{"sealed", "logged"} {
		ack, err := db.Commit(ctx, table.Write{Token: &table.Token{Table: tab.ID, Client: "c", Key: key}})
		if err != nil {
			return "damage"
		}
		duplicates[i] = ack.Duplicate
	}
	text := fmt.Sprintf("%d rows, duplicates %v %v", got.rows, duplicates[0], duplicates[1])
	if damaged && text != "12 rows, duplicates true true" {
		return "damage"
	}
	return text
}
