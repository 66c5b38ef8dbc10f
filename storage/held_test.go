package storage

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// used makes a directory with rows in segments and in several log files, deletions, and tokens in the log and in a file.
// stop ends it in order; else it is as kill -9 leaves it.
func used(t *testing.T, stop bool) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
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
	for i := range 30 {
		push(fmt.Sprint(i), 10+i, 1)
	}
	for i := range 14 {
		u := mustCreate(t, db, fmt.Sprintf("u%d", i))
		if err := insert(db, u, 0, 40); err != nil {
			t.Fatal(err)
		}
	}
	c := m.CrashClone(1, 1)
	mustClose(t, db)
	if stop {
		c = m.CrashClone(1, 1)
	}
	return c
}

// opened opens a directory and returns the rows of its table, the events of a kind, and the error.
func opened(m *vfs.Mem, o Options, kind event.Kind) (rows int, told []string, err error) {
	o.Events = func(e event.Event) {
		if e.Kind == kind {
			told = append(told, e.String())
		}
	}
	db, err := Open(ctx, "db", o)
	if err != nil {
		return 0, told, err
	}
	defer db.Close()
	s := db.Snapshot()
	defer s.Release()
	got, err := read(s, db.Catalog().Table("public", "t").ID)
	return got.rows, told, err
}

func truncate(t *testing.T, m *vfs.Mem, name string, size int64) {
	t.Helper()
	f, err := m.OpenWrite(name)
	if err == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// missing asks for everything that a directory with a loss must say. It may have no row less than what is given.
func missing(t *testing.T, what, name string, m *vfs.Mem) {
	t.Helper()
	o := testOptions(m)
	_, _, err := opened(m.CrashClone(1, 1), withFS(o, m.CrashClone(1, 1)), event.LossAccepted)
	if !errs.Is(err, errs.DataCorrupted) || !strings.Contains(err.Error(), name) || !strings.Contains(errs.From(err).Hint, "--accept-loss") {
		t.Fatalf("%s: it opens, or does not say what is missing: %v", what, err)
	}
	fatal := 0
	for _, f := range check.Check(m.CrashClone(1, 1), "db", check.Options{}) {
		if f.Fatal {
			fatal++
		}
	}
	if fatal == 0 {
		t.Fatalf("%s: check finds nothing", what)
	}
	for _, f := range check.Check(m.CrashClone(1, 1), "db", check.Options{AcceptLoss: true}) {
		if f.Fatal {
			t.Fatalf("%s: check --accept-loss: %v", what, f)
		}
	}
	accepting := withFS(o, m)
	accepting.AcceptLoss = true
	rows, told, err := opened(m, accepting, event.LossAccepted)
	if err != nil || len(told) == 0 || !strings.Contains(strings.Join(told, "\n"), name) || rows < 10 {
		t.Fatalf("%s: with the loss accepted: %d rows, %q: %v", what, rows, told, err)
	}
	again, _, err := opened(m, o, event.LossAccepted)
	if err != nil || again != rows {
		t.Fatalf("%s: after the loss was accepted: %d rows, were %d: %v", what, again, rows, err)
	}
	for _, f := range check.Check(m, "db", check.Options{}) {
		if f.Fatal {
			t.Fatalf("%s: after the loss was accepted: %v", what, f)
		}
	}
}

func withFS(o Options, m *vfs.Mem) Options {
	o.FS = m
	return o
}

// What an orderly stop, or the manifest at any time, knows to be there is missed when it is gone, cut or old.
func TestMissingIsNoticed(t *testing.T) {
	for _, stop := range []bool{true, false} {
		m := used(t, stop)
		rows, told, err := opened(m.CrashClone(1, 1), withFS(testOptions(m), m.CrashClone(1, 1)), event.LogTorn)
		if err != nil || rows != 40 || len(told) > 0 {
			t.Fatalf("stopped %v: %d rows, %q: %v", stop, rows, told, err)
		}
		if f := check.Check(m.CrashClone(1, 1), "db", check.Options{}); len(f) > 0 {
			t.Fatalf("stopped %v: %v", stop, f)
		}
		try := func(what, name string, change func(*vfs.Mem)) {
			t.Helper()
			c := m.CrashClone(1, 1)
			change(c)
			missing(t, fmt.Sprintf("stopped %v: %s", stop, what), name, c)
		}
		logs, err := m.List("db/wal")
		if err != nil || len(logs) < 4 {
			t.Fatalf("%d log files: %v", len(logs), err)
		}
		for _, f := range logs {
			name := "db/wal/" + f.Name
			if _, end := contents(t, m, name); end == 0 { // not in use yet
				continue
			}
			try(name+" removed", "wal", func(c *vfs.Mem) { _ = c.Remove(name) })
			for _, n := range []int64{0, 16, 48, 100, 1000, f.Size / 2, f.Size - 8, f.Size - 1} {
				try(fmt.Sprintf("%s cut to %d of %d", name, n, f.Size), "wal", func(c *vfs.Mem) { truncate(t, c, name, n) })
			}
		}
		try("all log files removed", "wal", func(c *vfs.Mem) {
			for _, f := range logs {
				_ = c.Remove("db/wal/" + f.Name)
			}
		})
		tokens, err := m.List("db/tokens")
		if err != nil || len(tokens) != 1 {
			t.Fatalf("%d token files: %v", len(tokens), err)
		}
		name := "db/tokens/" + tokens[0].Name
		try("tokens removed", tokens[0].Name, func(c *vfs.Mem) { _ = c.Remove(name) })
		for _, n := range []int64{0, 48, tokens[0].Size / 2, tokens[0].Size - 1} {
			try(fmt.Sprintf("tokens cut to %d of %d", n, tokens[0].Size), tokens[0].Name, func(c *vfs.Mem) { truncate(t, c, name, n) })
		}
		old := m.CrashClone(1, 1)
		try("an old copy of the log", "wal", func(c *vfs.Mem) {
			db := mustOpen(t, withFS(testOptions(c), c))
			if err := insert(db, db.Catalog().Table("public", "t"), 40, 10); err != nil {
				t.Fatal(err)
			}
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			if err := insert(db, db.Catalog().Table("public", "t"), 50, 10); err != nil {
				t.Fatal(err)
			}
			mustClose(t, db)
			replaceFolder(t, c, old, "db/wal")
		})
	}
}

// replaceFolder puts the files of another copy in the place of those that a folder has.
func replaceFolder(t *testing.T, to, from *vfs.Mem, dir string) {
	t.Helper()
	infos, err := to.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		_ = to.Remove(dir + "/" + i.Name)
	}
	if infos, err = from.List(dir); err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		b, err := vfs.ReadFile(from, dir+"/"+i.Name, 1<<30)
		if err == nil {
			err = vfs.WriteFile(to, dir, i.Name, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns a file and where its last byte is that is not zero.
func contents(t *testing.T, m *vfs.Mem, name string) (b []byte, end int) {
	t.Helper()
	b, err := vfs.ReadFile(m, name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b, len(bytes.TrimRight(b, "\x00"))
}

// The end of a log that was not closed in order is told when something is cut off there.
func TestTornEndIsTold(t *testing.T) {
	m := used(t, false)
	logs, err := m.List("db/wal")
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var b []byte
	end := 0
	for i := len(logs) - 1; end == 0; i-- {
		name = "db/wal/" + logs[i].Name
		b, end = contents(t, m, name)
	}
	f, err := m.OpenWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[end-9] ^ 1}, int64(end-9)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	found := check.Check(m.CrashClone(1, 1), "db", check.Options{})
	if len(found) != 1 || found[0].Fatal || found[0].File != name || !strings.Contains(found[0].Error, "a whole frame that is not as it was written") {
		t.Errorf("check: %v", found)
	}
	_, told, err := opened(m, testOptions(m), event.LogTorn)
	if err != nil || len(told) != 1 || !strings.Contains(told[0], "file="+name+" offset=") || !strings.Contains(told[0], "a whole frame that is not as it was written") {
		t.Errorf("%q: %v", told, err)
	}
}
