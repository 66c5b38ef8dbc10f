package storage

import (
	"fmt"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// small makes a directory with something of everything that has been stopped in order: a segment with a deleted row, rows
// and deletions that only the log has, tokens in a file and in the log.
func small(t *testing.T, m *vfs.Mem) Options {
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
	push("sealed", 0, 10)
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

// TestEveryBit flips each bit of a directory in turn: the database says that something is damaged, or answers what it
// answered before, a repeated token included.
func TestEveryBit(t *testing.T) {
	m := vfs.NewMem()
	o := small(t, m)
	want := flipped(t, m.CrashClone(1, 1), o)
	if want != "12 rows, duplicates true true" {
		t.Fatalf("before anything is flipped: %s", want)
	}
	step := 1
	if testing.Short() {
		step = 53 // a prime: every bit of a byte has its turn
	}
	found, harmless := 0, 0
	for _, sub := range []string{"", "/wal", "/tokens", "/segments"} {
		infos, err := m.List("db" + sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			if i.Dir || i.Name == "LOCK" {
				continue
			}
			name := "db" + sub + "/" + i.Name
			for bit := 0; bit < 8*int(i.Size); bit += step {
				c := m.CrashClone(1, 1)
				f, err := c.OpenWrite(name)
				if err != nil {
					t.Fatal(err)
				}
				var b [1]byte
				if _, err := f.ReadAt(b[:], int64(bit/8)); err != nil {
					t.Fatal(err)
				}
				b[0] ^= 1 << (bit % 8)
				if _, err := f.WriteAt(b[:], int64(bit/8)); err != nil {
					t.Fatal(err)
				}
				f.Close()
				switch got := flipped(t, c, o); got {
				case "damage":
					found++
				case want:
					harmless++
				default:
					t.Fatalf("%s, bit %d of byte %d: %s, want %s", name, bit%8, bit/8, got, want)
				}
			}
		}
	}
	t.Logf("%d found, %d harmless", found, harmless)
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
