package storage

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestGoldenKept opens a directory in which rows have identities of their own, in files and in the log, the log has attachments,
// tables have keys and partitions and one a view: as the first version with all of these has left it. With -rewrite it is
// made where there is none; one that is there stays.
func TestGoldenKept(t *testing.T) {
	const dir = "testdata/kept"
	subs := []string{"", "/wal", "/archive", "/tokens", "/segments"}
	if _, err := os.Stat(dir); err != nil && rewrite() {
		m := vfs.NewMem()
		db := mustOpen(t, keptOptions(m))
		fillKept(t, db)
		m = m.CrashClone(1, 1)
		want, err := keptText(db)
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		for _, sub := range subs {
			keep(t, m, "db"+sub, dir+sub)
		}
		for ending, text := range map[string]string{".dump": dumpAll(t, m, "db"), ".want": want} {
			if err := os.WriteFile(dir+ending, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := vfs.NewMem()
	for _, sub := range subs {
		bring(t, m, dir+sub, "db"+sub)
	}
	golden := func(ending string) string {
		b, err := os.ReadFile(dir + ending)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := dumpAll(t, m, "db"); got != golden(".dump") {
		t.Errorf("the dump differs:\n%s", got)
	}
	if found := check.Check(m, "db", check.Options{}); len(found) > 0 {
		t.Error(found)
	}
	db := mustOpen(t, keptOptions(m))
	for range 2 { // also after it was written again
		got, err := keptText(db)
		if err != nil || got != golden(".want") {
			t.Errorf("there is\n%s, want\n%s: %v", got, golden(".want"), err)
		}
		if a := db.set.Version().Archive; len(a.Attached) == 0 || len(a.Files) == 0 {
			t.Errorf("the archive has %d files and %d attachments", len(a.Files), len(a.Attached))
		}
		if err := logAgrees(db); err != nil {
			t.Error(err)
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		db = mustOpen(t, keptOptions(m))
	}
	mustClose(t, db)
}

func keptOptions(m *vfs.Mem) Options {
	o := testOptions(m)
	o.LogFileMin, o.LogFileMax, o.NoMerge = 1024, 1024, true // but for what is asked for
	o.Now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	return o
}

// fillKept makes what the directory has.
func fillKept(t *testing.T, db *DB) {
	t.Helper()
	parted(t, db)
	l := &fed{db: db, rows: map[int64][]types.Datum{}, after: []string{""}}
	l.step(func(l *fed) error {
		return db.Apply(ctx, catalog.Create(pairs("e", catalog.Option{Name: "on_conflict", Value: "update"})))
	})
	for _, do := range []func(*fed) error{(*fed).load, (*fed).upsert, (*fed).addColumn, (*fed).load, func(*fed) error { return db.Checkpoint(ctx) },
		(*fed).upsert, (*fed).delete, func(*fed) error { return db.Checkpoint(ctx) },
		func(l *fed) error { return db.Vacuum(ctx, l.table().ID, true) }, (*fed).transaction, (*fed).upsert} {
		if l.failed == nil {
			l.step(do)
		}
	}
	if l.failed != nil {
		t.Fatal(l.failed)
	}
	e := l.table()
	v := &catalog.View{Head: catalog.Head{Schema: "public", Name: "w"}, Columns: []catalog.Column{{ID: 1, Name: "k", Type: types.T(types.Int8)}},
		Query: "SELECT k FROM public.e", Reads: []catalog.Read{{Relation: e.ID, Schema: "public", Name: "e", Columns: []catalog.ReadColumn{{ID: 1, Name: "k"}}}}}
	if err := db.Apply(ctx, catalog.Create(v)); err != nil {
		t.Fatal(err)
	}
}

// keptText is what a reader finds: rows, identities, partitions, and what the catalog says.
func keptText(db *DB) (string, error) {
	s := db.Snapshot()
	defer s.Release()
	text, err := fedText(s)
	if err != nil {
		return "", err
	}
	e := s.Catalog().Table("public", "e")
	rows, err := pairsOf(s, e.ID)
	if err != nil {
		return "", err
	}
	slices.SortFunc(rows, func(x, y stored) int { return int(x.k - y.k) })
	var b strings.Builder
	fmt.Fprintln(&b, text)
	own := 0
	for _, x := range rows {
		if fmt.Fprintf(&b, "%d:%d ", x.k, x.identity); uint64(x.identity) != x.number {
			own++
		}
	}
	p := s.Catalog().Table("public", "p")
	v := s.Catalog().Named(catalog.KindView, "public", "w").(*catalog.View)
	fmt.Fprintf(&b, "\n%d with an identity of their own\n%s, key %v, %s\n%s %+v\n", own, p.Name, e.PrimaryKey().Columns, fmt.Sprint(p.Settings()), v.Query, v.Reads)
	return b.String(), nil
}
