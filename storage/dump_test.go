package storage

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// rewrite tells that the golden files are written anew: package datadriven has the flag.
func rewrite() bool { return flag.Lookup("rewrite").Value.String() == "true" }

// dumpAll dumps every file of a directory in order of names.
func dumpAll(t *testing.T, fsys vfs.FS, dir string) string {
	t.Helper()
	var out bytes.Buffer
	for _, sub := range []string{"", "/wal", "/archive", "/tokens", "/segments"} {
		infos, err := fsys.List(dir + sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			if i.Dir || i.Name == "LOCK" {
				continue
			}
			out.WriteString("== " + strings.TrimPrefix(sub+"/"+i.Name, "/") + "\n")
			if err := Dump(&out, fsys, dir+sub+"/"+i.Name); err != nil {
				out.WriteString("error: " + err.Error() + "\n")
			}
		}
	}
	return out.String()
}

// TestDump pins the dump of each kind of file, and with it their formats.
func TestDump(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.SealRows, o.Now = 1000, func() time.Time { return time.Unix(1_700_000_000, 0) }
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "clicks")
	old := &catalog.Schema{Head: catalog.Head{ID: 9, Name: "old"}}
	aged := func(t *catalog.Table) (*catalog.Table, error) {
		return t, t.Set(catalog.Option{Name: "seal_age", Value: "60 min"})
	}
	renamed := func(t *catalog.Table) (*catalog.Table, error) {
		t.Name = "events"
		return t, nil
	}
	for _, e := range []catalog.Edit{catalog.Create(old), catalog.Replace(tab, aged), catalog.Replace(tab, renamed), catalog.Drop(nil, old)} {
		if err := db.Apply(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	tab = db.Catalog().Table("public", "events")
	for i := range 3 {
		w := table.Write{Rows: []table.Rows{rowsOf(tab, 20*i, 20)}}
		if i == 1 {
			w.Token = &table.Token{Client: "push", Key: "batch 1"}
		}
		if _, err := db.Commit(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, 3, 4, 59)}}); err != nil {
		t.Fatal(err)
	}
	if err := db.flush(); err != nil {
		t.Fatal(err)
	}
	w := table.Write{Rows: []table.Rows{rowsOf(tab, 60, 5)}}
	w.Rows[0].Deleted = remove(tab, 7, 8).Deleted
	if _, err := db.Commit(ctx, w); err != nil {
		t.Fatal(err)
	}
	var swapped table.Write
	_, d := swap(db, &swapped, 1)
	swapped.Rows = []table.Rows{rowsOf(d, 0, 2)}
	if _, err := db.Commit(ctx, swapped); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	got := dumpAll(t, m, "db")
	if rewrite() {
		if err := os.WriteFile("testdata/directory.dump", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/directory.dump")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDumpOfDamage: a dump of any file with any byte changed or cut off ends, with an error where data is lost.
func TestDumpOfDamage(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	tab := mustCreate(t, db, "clicks")
	if err := insert(db, tab, 0, 50); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if err := insert(db, tab, 50, 5); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	for _, sub := range []string{"", "/wal", "/segments"} {
		infos, err := m.List("db" + sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range infos {
			if i.Dir || i.Size == 0 || i.Name == "CURRENT" {
				continue
			}
			name := "db" + sub + "/" + i.Name
			whole, err := vfs.ReadFile(m, name, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			used := len(bytes.TrimRight(whole, "\x00"))
			for at := 0; at < used; at += 1 + used/300 {
				b := slices.Clone(whole)
				b[at] ^= 0x10
				write(t, m, "db/damaged", b)
				var out bytes.Buffer
				if err := Dump(&out, m, "db/damaged"); err == nil && sub == "/segments" {
					t.Errorf("%s: byte %d is changed, and the dump sees nothing", name, at)
				}
				write(t, m, "db/cut", whole[:at])
				if err := Dump(&out, m, "db/cut"); err != nil && errs.From(err).Code == errs.InternalError {
					t.Errorf("%s cut at %d: %v", name, at, err)
				}
			}
		}
	}
}

func write(t *testing.T, m *vfs.Mem, name string, b []byte) {
	t.Helper()
	f, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}
