package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// plant changes what a segment says of a column.
func plant(t *testing.T, m *vfs.Mem, name, column string, change func(*index.Zones, *segment.Totals)) {
	t.Helper()
	f, err := m.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	f.Close()
	if b, err = segment.Plant(b, column, change); err != nil {
		t.Fatal(err)
	}
	w, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	w.Close()
}

func problems(lines []rebuild.Line) (list []string) {
	for i := range lines {
		if p := lines[i].Problem(); p != "" {
			list = append(list, p)
		}
	}
	return list
}

func mustReindex(t *testing.T, db *DB, id catalog.TableID) (lines []rebuild.Line) {
	t.Helper()
	if err := db.Reindex(ctx, id, func(l rebuild.Line) error { lines = append(lines, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return lines
}

// A segment whose zone maps are wrong leaves rows out of answers. Verify finds it, though all checksums are right, and
// Reindex repairs it.
func TestReindexRepairs(t *testing.T) {
	for what, change := range map[string]func(*index.Zones, *segment.Totals){
		"zone map": func(z *index.Zones, _ *segment.Totals) { z.Max[0] = z.Min[0] },
		"bounds":   func(_ *index.Zones, s *segment.Totals) { s.Max = s.Min },
		"sum":      func(_ *index.Zones, s *segment.Totals) { s.SumLo++ },
	} {
		m := twoTables(t)
		infos, _ := m.List("db/segments")
		plant(t, m, "db/segments/"+infos[0].Name, "id", change)
		if f := check.Check(m, "db", check.Options{}); len(f) != 0 {
			t.Fatalf("%s: the bytes are as they were written: %v", what, f)
		}
		db := mustOpen(t, testOptions(m))
		var wrong []string
		for _, name := range []string{"a", "b"} {
			tab := db.Catalog().Table("public", name)
			lines, err := db.Verify(ctx, tab.ID)
			if err != nil || len(lines) == 0 {
				t.Fatal(lines, err)
			}
			found := problems(lines)
			wrong = append(wrong, found...)
			if again := problems(mustReindex(t, db, tab.ID)); !slices.Equal(again, found) {
				t.Fatalf("%s: REINDEX tells of %q, verify of %q", what, again, found)
			}
			if lines, err = db.Verify(ctx, tab.ID); err != nil || len(problems(lines)) > 0 {
				t.Fatalf("%s: after REINDEX: %q, %v", what, problems(lines), err)
			}
			wantTotals(t, db, tab, 120)
			s := db.Snapshot()
			some, err := read(s, tab.ID, scan.Term{Column: 0, Op: scan.Ge, Values: []types.Datum{types.IntOf(types.T(types.Int8), 20)}})
			s.Release()
			if err != nil || some.rows != 100 {
				t.Fatalf("%s: rows from 20 on: %+v, %v", what, some, err)
			}
		}
		if len(wrong) != 1 || !strings.Contains(wrong[0], `column "id": `+what+":") {
			t.Fatalf("%s: verify says %q", what, wrong)
		}
		mustClose(t, db)
	}
}

// Rows come, go and are replaced while the segments are built anew and others merged: each total is right.
func TestReindexBesideWriters(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	def := clicks("r")
	set(def, "sort_key", "url")
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "r")
	if err := insert(db, tab, 0, 400); err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	var first, end atomic.Int64 // the rows that are there
	end.Store(400)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; !done.Load(); i++ {
			if err := churn(db, tab, &first, &end, i); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for !done.Load() {
			s := db.Snapshot()
			got, err := read(s, tab.ID)
			s.Release()
			if n := got.rows; err != nil || n != got.distinct || n < 390 || n > 420 {
				t.Errorf("a reader has %+v, %v", got, err)
				return
			}
		}
	})
	for range 60 {
		if err := db.Reindex(ctx, tab.ID, func(rebuild.Line) error { return nil }); err != nil {
			t.Error(err)
			break
		}
		if err := db.Vacuum(ctx, tab.ID, false); err != nil {
			t.Error(err)
			break
		}
	}
	done.Store(true)
	wg.Wait()
	a, b := int(first.Load()), int(end.Load())
	want := totals{b - a, (b - a) * (a + b - 1) / 2, b - a}
	for range 2 {
		s := db.Snapshot()
		if got, err := read(s, tab.ID); err != nil || got != want {
			t.Errorf("the table holds %+v, want %+v: %v", got, want, err)
		}
		s.Release()
		lines, err := db.Verify(ctx, tab.ID)
		if err != nil || len(problems(lines)) > 0 {
			t.Errorf("verify: %q, %v", problems(lines), err)
		}
		mustClose(t, db)
		db = mustOpen(t, testOptions(m))
	}
	mustClose(t, db)
}

// churn adds ten rows at the end, deletes ten at the beginning and replaces one, in one write.
func churn(db *DB, tab *catalog.Table, first, end *atomic.Int64, i int) error {
	s := db.Snapshot()
	at, err := rowNumbersOf(s, tab.ID)
	s.Release()
	if err != nil {
		return err
	}
	a, b := int(first.Load()), int(end.Load())
	r := rowsOf(tab, b, 10)
	r.Deleted = index.NewRowIDs()
	for k := a; k < a+10; k++ {
		r.Deleted.Add(at[int64(k)])
	}
	again := a + 10 + i*37%(b-a-10)
	r.Deleted.Add(at[int64(again)])
	r.Batches = append(r.Batches, rowsOf(tab, again, 1).Batches...)
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{r}}); err != nil {
		return fmt.Errorf("write %d: %w", i, err)
	}
	first.Store(int64(a + 10))
	end.Store(int64(b + 10))
	return nil
}

// On a disk that is full before the last byte nothing is changed, nothing stays behind, and with room it works.
func TestReindexOnAFullDisk(t *testing.T) {
	m := twoTables(t)
	db := mustOpen(t, testOptions(m))
	a := db.Catalog().Table("public", "a")
	failures := 0
	for room := int64(0); ; room += 701 {
		used, before := m.Used(), segmentNames(m)
		m.SetCapacity(used + room)
		err := db.Reindex(ctx, a.ID, func(rebuild.Line) error { return nil })
		m.SetCapacity(0)
		wantTotals(t, db, a, 120)
		if err == nil {
			break
		}
		if !errs.Is(err, errs.DiskFull) {
			t.Fatalf("room for %d: %v", room, err)
		}
		failures++
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if after := segmentNames(m); !slices.Equal(after, before) {
			t.Fatalf("room for %d: files %v, before %v", room, after, before)
		}
	}
	if failures < 3 {
		t.Fatalf("%d failures", failures)
	}
	mustClose(t, db)
	db = mustOpen(t, testOptions(m))
	wantTotals(t, db, a, 120)
	mustClose(t, db)
}

// TestMergeOnAFullDisk: a disk that is full before the last byte of a merge leaves the files that it was to make one of, with
// what was deleted of them, and nothing else; rows that come and go meanwhile count. With room the merge happens.
func TestMergeOnAFullDisk(t *testing.T) {
	m := twoTables(t)
	o := testOptions(m)
	o.NoMerge = true // but for what is asked for
	db := mustOpen(t, o)
	a := db.Catalog().Table("public", "a")
	gone := sealedRows(t, db, a)[:3]
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(a, gone...)}}); err != nil {
		t.Fatal(err)
	}
	want := rowCount(t, db, a)
	failures := 0
	for room := int64(0); ; room += 307 {
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		before := segmentNames(m)
		m.SetCapacity(m.Used() + room)
		err := db.Vacuum(ctx, a.ID, true)
		m.SetCapacity(0)
		if got := rowCount(t, db, a); got != want {
			t.Fatalf("room for %d: %d rows, want %d: %v", room, got, want, err)
		}
		if err == nil {
			if after := segmentNames(m); len(after) >= len(before) {
				t.Errorf("files %v, before %v", after, before)
			}
			break
		}
		if !errs.Is(err, errs.DiskFull) {
			t.Fatalf("room for %d: %v", room, err)
		}
		failures++
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if after := segmentNames(m); !slices.Equal(after, before) {
			t.Fatalf("room for %d: files %v, before %v", room, after, before)
		}
		if failures%4 == 0 {
			mustClose(t, db)
			db = mustOpen(t, o)
			if got := rowCount(t, db, a); got != want {
				t.Fatalf("room for %d, after a restart: %d rows, want %d", room, got, want)
			}
		}
	}
	if failures < 4 {
		t.Errorf("%d failures", failures)
	}
	mustClose(t, db)
	db = mustOpen(t, o)
	if got := rowCount(t, db, a); got != want {
		t.Errorf("at the end %d rows, want %d", got, want)
	}
	mustClose(t, db)
}

// sealedRows returns the numbers of a table's rows.
func sealedRows(t *testing.T, db *DB, tab *catalog.Table) []uint64 {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	at, err := rowNumbersOf(s, tab.ID)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Values(at))
}

func rowCount(t *testing.T, db *DB, tab *catalog.Table) int {
	t.Helper()
	return len(sealedRows(t, db, tab))
}

func segmentNames(m *vfs.Mem) (names []string) {
	infos, _ := m.List("db/segments")
	for _, i := range infos {
		names = append(names, i.Name)
	}
	return names
}

// What ends in the middle leaves the table as it was; what has gone meanwhile does not come back.
func TestReindexEnds(t *testing.T) {
	m := twoTables(t)
	db := mustOpen(t, testOptions(m))
	a, b := db.Catalog().Table("public", "a"), db.Catalog().Table("public", "b")
	before := segmentNames(m)
	c, cancel := context.WithCancel(ctx)
	n := 0
	err := db.Reindex(c, a.ID, func(rebuild.Line) error {
		if n++; n == 2 {
			cancel()
		}
		return nil
	})
	if errs.From(err).Code != errs.QueryCanceled || !slices.Equal(segmentNames(m), before) {
		t.Fatalf("canceled: %v, files %v, before %v", err, segmentNames(m), before)
	}
	if err := db.Reindex(ctx, a.ID, func(rebuild.Line) error { return errs.Internal("no") }); err == nil {
		t.Fatal("an error of who is told ends it")
	}
	wantTotals(t, db, a, 120)
	truncate := func(rebuild.Line) error {
		_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: a.ID, Version: a.Version, Truncate: true}}})
		return err
	}
	if err := db.Reindex(ctx, a.ID, truncate); err != nil {
		t.Fatal(err)
	}
	wantTotals(t, db, a, 0)
	drop := func(rebuild.Line) error {
		if db.Catalog().Table("public", "b") == nil {
			return nil
		}
		return db.Apply(ctx, catalog.Drop(nil, b))
	}
	if err := db.Reindex(ctx, b.ID, drop); !errs.Is(err, errs.UndefinedTable) {
		t.Fatalf("of a table that is dropped: %v", err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if left := segmentNames(m); len(left) != 0 {
		t.Fatalf("files %v are left", left)
	}
	mustClose(t, db)
}

// forge writes a segment anew, with right checksums and derived parts, after a column of integers was changed.
func forge(t *testing.T, m *vfs.Mem, file manifest.FileID, column string, change func([]int64)) {
	t.Helper()
	name := fmt.Sprintf("db/segments/%010d.seg", file)
	f, err := m.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	account := mem.NewPool(0).Overdraft("test")
	c := cache.New(account, 0)
	defer c.Close()
	s, err := segment.Open(f, size, segment.Options{Name: name, Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer s.Close()
	in := &segment.Input{ID: uint64(file), Rows: s.Rows(), Columns: s.Columns()}
	all := make([]*batch.Vector, len(in.Columns))
	req := &scan.Request{Account: account}
	var ts []types.Type
	for i, col := range in.Columns {
		req.Columns, ts = append(req.Columns, i), append(ts, col.Type)
		all[i] = new(batch.Vector)
		all[i].Reset(col.Type, 0)
	}
	ps, err := s.All(nil).Open(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	defer ps.Close()
	if err := scan.EachBatch(ctx, ps, batch.New(ts), func(b *batch.Batch) error {
		for i, v := range b.Cols {
			var flat batch.Vector
			flat.Flatten(v)
			all[i].AppendVector(&flat)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, col := range in.Columns {
		if col.Name == column {
			change(batch.Values[int64](all[i]))
		}
	}
	in.Chunks = func(i int) ([]*batch.Vector, error) { return all[i : i+1], nil }
	w, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := segment.Write(w, in); err != nil {
		t.Fatal(err)
	}
}

// What segments hold after everything that may happen to rows is what the log tells, and so are their deletions.
func TestVerifyAgainstTheLog(t *testing.T) {
	m := vfs.NewMem()
	db := mustOpen(t, testOptions(m))
	hold, err := db.Archive().Cursor(archive.CursorOptions{Holder: "test", Confirmed: true})
	if err != nil {
		t.Fatal(err)
	}
	def := clicks("r")
	set(def, "sort_key", "url")
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "r")
	if err := insert(db, tab, 0, 100); err != nil {
		t.Fatal(err)
	}
	var first, end atomic.Int64
	end.Store(100)
	for i := range 40 {
		if err := churn(db, tab, &first, &end, i); err != nil {
			t.Fatal(err)
		}
		switch i {
		case 10:
			err = db.Checkpoint(ctx)
		case 20:
			err = db.Cluster(ctx, tab.ID)
		case 25:
			err = db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) {
				t.Columns = append(t.Columns, catalog.Column{Name: "more", Type: types.T(types.Int4)})
				return t, nil
			}))
			err = errors.Join(err, db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) {
				t.Columns = t.Columns[:3]
				return t, nil
			})))
			tab = db.Catalog().TableByID(tab.ID)
		case 30:
			mustReindex(t, db, tab.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	lines, err := db.Verify(ctx, tab.ID)
	if err != nil || len(lines) == 0 || len(problems(lines)) > 0 {
		t.Fatalf("%q, %v", problems(lines), err)
	}
	rows := int64(0)
	for i := range lines {
		if rows += lines[i].Of.Rows; lines[i].Source != rebuild.Log {
			t.Errorf("segment %d comes from %q", lines[i].Segment, lines[i].Source)
		}
	}
	if rows != 100 {
		t.Errorf("the log has %d rows", rows)
	}
	// The file of a load is what the log says that it has: no witness of itself.
	if err := db.Apply(ctx, catalog.Create(clicks("loaded"))); err != nil {
		t.Fatal(err)
	}
	loaded := db.Catalog().Table("public", "loaded")
	l := db.NewLoad()
	if err := appendRows(l, loaded, 0, 60, 60); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), func(catalog.TableID) *index.RowIDs { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if lines, err = db.Verify(ctx, loaded.ID); err != nil || len(lines) == 0 || len(problems(lines)) > 0 {
		t.Fatalf("of a load: %q, %v", problems(lines), err)
	}
	if !slices.ContainsFunc(lines, func(l rebuild.Line) bool { return l.Source == rebuild.Segments && l.Rows == 50 }) {
		t.Errorf("of a load: %+v", lines)
	}
	hold.Close()
	mustClose(t, db)
}

// What a segment has of rows that the log has in another way, and what is gone with a damaged one, comes back from the log,
// with what is deleted meanwhile.
func TestReindexFromTheLog(t *testing.T) {
	for _, how := range []string{"forged", "two forged", "set aside", "damaged", "overlapping"} {
		m := vfs.NewMem()
		o := testOptions(m)
		o.ServeDamaged = true
		if how == "overlapping" {
			o.Merge, o.NoMerge = compact.Default(), true
			o.Merge.RowsMax = 40
		}
		db := mustOpen(t, o)
		tab := mustCreate(t, db, "r")
		for i := range 12 {
			if err := insert(db, tab, 10*i, 10); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if how == "overlapping" {
			if err := db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) {
				return t, t.Set(catalog.Option{Name: "sort_key", Value: "ok"})
			})); err != nil {
				t.Fatal(err)
			}
			if err := db.Cluster(ctx, tab.ID); err != nil {
				t.Fatal(err)
			}
		}
		numbers := func() map[int64]uint64 {
			s := db.Snapshot()
			defer s.Release()
			at, err := rowNumbersOf(s, tab.ID)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		at := numbers() // before anything is damaged
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, at[3], at[101])}}); err != nil {
			t.Fatal(err)
		}
		var files []manifest.FileID
		_, sealed, _, err := db.pinFiles(tab.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range sealed {
			files = append(files, f.Meta.File)
		}
		release(sealed)
		if err := db.flush(); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		wrong := func(v []int64) { v[0], v[7] = v[7]+1000, v[0] }
		name := func(k int) string { return fmt.Sprintf("db/segments/%010d.seg", files[k]) }
		switch how {
		case "forged", "overlapping":
			forge(t, m, files[1], "id", wrong)
		case "two forged":
			forge(t, m, files[0], "id", wrong)
			forge(t, m, files[2], "id", func(v []int64) { v[1] = 0 })
		case "set aside", "damaged":
			flip(t, m, name(0), 70)
		}
		db = mustOpen(t, o)
		if how == "set aside" {
			s := db.Snapshot()
			_, _ = read(s, tab.ID)
			s.Release()
			for i := 0; len(db.Health().Quarantined) == 0; i++ {
				if time.Sleep(time.Millisecond); i > 5000 {
					t.Fatal("not set aside")
				}
			}
		}
		lines, err := db.Verify(ctx, tab.ID)
		if err != nil || len(problems(lines)) == 0 {
			t.Fatalf("%s: verify finds %q, %v", how, problems(lines), err)
		}
		told := 0
		err = db.Reindex(ctx, tab.ID, func(l rebuild.Line) error {
			if told++; told > 1 || how == "set aside" || how == "damaged" {
				return nil
			}
			_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, at[10], at[60], at[118])}}) // meanwhile
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		gone := []int{3, 101}
		if how != "set aside" && how != "damaged" {
			gone = append(gone, 10, 60, 118)
		}
		want := upTo(120)
		for _, id := range gone {
			want.rows, want.distinct, want.sum = want.rows-1, want.distinct-1, want.sum-id
		}
		for range 2 {
			s := db.Snapshot()
			got, err := read(s, tab.ID)
			s.Release()
			if err != nil || got != want {
				t.Fatalf("%s: after REINDEX %+v, want %+v: %v", how, got, want, err)
			}
			if lines, err = db.Verify(ctx, tab.ID); err != nil || len(problems(lines)) > 0 {
				t.Fatalf("%s: after REINDEX verify finds %q, %v", how, problems(lines), err)
			}
			for id, n := range numbers() {
				if at[id] != n {
					t.Fatalf("%s: row %d had number %d, now %d", how, id, at[id], n)
				}
			}
			mustClose(t, db)
			if f := check.Check(m, "db", check.Options{}); len(f) != 0 {
				t.Fatalf("%s: check says %v", how, f)
			}
			db = mustOpen(t, o)
		}
		mustClose(t, db)
	}
}

// When what was built is not what it was made of, nothing is changed, and the error names the rows.
func TestReindexCompares(t *testing.T) {
	m := twoTables(t)
	db := mustOpen(t, testOptions(m))
	a := db.Catalog().Table("public", "a")
	before := segmentNames(m)
	n := 0
	err := db.Reindex(ctx, a.ID, func(l rebuild.Line) error {
		if n++; n == 1 { // it was looked at, and is read once more
			forge(t, m, manifest.FileID(l.Segment), "id", func(v []int64) { v[1], v[2] = v[2], v[1] })
		}
		return nil
	})
	if e := errs.From(err); err == nil || e.Code != errs.DataCorrupted || !strings.Contains(e.Detail, "Rows 0-49: 50 rows with hash") || strings.Contains(e.Detail, "\n") {
		t.Fatalf("%v, %q", err, errs.From(err).Detail)
	}
	if after := segmentNames(m); !slices.Equal(after, before) {
		t.Fatalf("files %v, before %v", after, before)
	}
	mustClose(t, db)
}

// A row that is deleted after the manifest has the new segments, and before readers see them, is deleted of these.
func TestReindexCarriesTheLast(t *testing.T) {
	for _, forged := range []bool{false, true} {
		m := vfs.NewMem()
		e := errorfs.New(m, errorfs.Changes)
		db := mustOpen(t, testOptions(e))
		tab := mustCreate(t, db, "r")
		if err := insert(db, tab, 0, 50); err != nil {
			t.Fatal(err)
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		s := db.Snapshot()
		at := numbers(t, s, tab.ID)
		s.Release()
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, at[3])}}); err != nil {
			t.Fatal(err)
		}
		if err := db.flush(); err != nil {
			t.Fatal(err)
		}
		if forged {
			forge(t, m, manifest.FileID(db.Segments()[0].ID), "id", func(v []int64) { v[1], v[2] = v[2]+70, v[1] })
		}
		var armed atomic.Bool
		e.Before = func(_ int, _ errorfs.Kind, name string) {
			if strings.Contains(name, "manifest") && armed.CompareAndSwap(true, false) {
				if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{remove(tab, at[40])}}); err != nil {
					t.Error(err)
				}
			}
		}
		if err := db.Reindex(ctx, tab.ID, func(rebuild.Line) error { armed.Store(true); return nil }); err != nil {
			t.Fatal(err)
		}
		want := upTo(50)
		want.rows, want.distinct, want.sum = want.rows-2, want.distinct-2, want.sum-43
		for range 2 {
			s := db.Snapshot()
			if got, err := read(s, tab.ID); err != nil || got != want || armed.Load() {
				t.Fatalf("forged %v: %+v, want %+v: %v", forged, got, want, err)
			}
			s.Release()
			mustClose(t, db)
			db = mustOpen(t, testOptions(m))
		}
		mustClose(t, db)
	}
}

// Each orderly stop lets the log end and the archive take all of it: what comes then takes the place of nothing there.
func TestVerifyAfterRestarts(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.RetainLog = time.Hour
	for i := range 6 {
		db := mustOpen(t, o)
		if i == 0 {
			mustCreate(t, db, "r")
		}
		tab := db.Catalog().Table("public", "r")
		if err := insert(db, tab, 50*i, 50); err != nil {
			t.Fatal(err)
		}
		if err := db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		lines, err := db.Verify(ctx, tab.ID)
		if err != nil || len(lines) == 0 || len(problems(lines)) > 0 {
			t.Fatalf("start %d: %q, %v", i, problems(lines), err)
		}
		for _, l := range lines {
			if l.Source != rebuild.Log {
				t.Errorf("start %d: the log lacks segment %d, rows %s", i, l.Segment, l.Numbers())
			}
		}
		mustClose(t, db)
		for range i { // the log may end with its last file
			mustClose(t, mustOpen(t, o))
		}
	}
}
