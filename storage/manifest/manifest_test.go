package manifest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

func create(t testing.TB) []catalog.Edit {
	_, done, err := catalog.Empty().Apply(catalog.Create(catalog.NewTable("public", "t", catalog.Column{Name: "a", Type: types.T(types.Int8)})))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func add(file int) *Edit {
	return &Edit{
		Add:       []Segment{{File: FileID(file), Table: 2, Rows: 10, Bytes: 100, First: 1, Last: uint64(file)}},
		Watermark: uint64(file), Positions: map[catalog.TableID]Position{2: {Sequence: uint64(file), Rows: 10, Next: 10}},
	}
}

func anything(*Version) error { return nil }

func newMem() *vfs.Mem {
	m := vfs.NewMem()
	_ = m.MkdirAll("db")
	return m
}

// At every crash the manifest holds the edits that were answered, and maybe the one on its way.
func TestCrash(t *testing.T) {
	m := newMem()
	fsys := errorfs.New(m, errorfs.Changes)
	type state struct {
		m    *vfs.Mem
		done int
	}
	var states []state
	done := -1
	fsys.Before = func(n int, _ errorfs.Kind, _ string) {
		for i, keep := range []float64{0, 0.5, 1} {
			states = append(states, state{m.CrashClone(uint64(3*n+i), keep), done})
		}
	}
	for round := range 3 {
		s, err := Open(fsys, "db", anything)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			e := add(10*round + i)
			if round+i == 0 {
				e = &Edit{Catalog: create(t), DDL: 1}
			}
			if _, err := s.Apply(e); err != nil {
				t.Fatal(err)
			}
			done = 10*round + i
		}
		s.Close()
	}
	for i, st := range states {
		s, err := Open(st.m, "db", anything)
		if err != nil {
			t.Fatalf("state %d: %v", i, err)
		}
		if n := s.Version().Segments.Len(); n < st.done || n > st.done+1 {
			t.Fatalf("state %d: %d segments after %d edits", i, n, st.done)
		}
		s.Close()
	}
}

// A new directory whose first starts all end before there is a CURRENT is new until one does not.
func TestFirstStarts(t *testing.T) {
	m := newMem()
	for range 3 {
		var crashed *vfs.Mem
		fsys := errorfs.New(m, errorfs.Rename)
		fsys.Before = func(int, errorfs.Kind, string) { crashed = m.CrashClone(1, 1) }
		if _, err := Open(fsys, "db", anything); err != nil {
			t.Fatal(err)
		}
		m = crashed
		if _, err := m.Stat("db/CURRENT"); !vfs.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	s, err := Open(m, "db", anything)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// After a failed write the next edit starts a new file, and the failed one has not happened.
func TestFailedEdit(t *testing.T) {
	for n := 1; ; n++ {
		m := newMem()
		fsys := errorfs.New(m, errorfs.Changes)
		s, err := Open(fsys, "db", anything)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(&Edit{Catalog: create(t), DDL: 1}); err != nil {
			t.Fatal(err)
		}
		fsys.Fail(n, false, nil)
		want, unknown := 0, 0
		for i := 1; i < 4; i++ {
			if _, err := s.Apply(add(i)); err == nil {
				want++
			} else if i == 3 {
				unknown = 1 // no later edit decides whether its bytes count
			}
		}
		s.Close()
		v, _, err := Read(m, "db")
		if err != nil || v.Segments.Len() < want || v.Segments.Len() > want+unknown {
			t.Fatalf("operation %d: %d segments, want %d: %v", n, v.Segments.Len(), want, err)
		}
		if fsys.Failed() == 0 {
			return
		}
	}
}

func TestDamageIsRefused(t *testing.T) {
	m := newMem()
	s, err := Open(m, "db", anything)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		e := add(i)
		if i == 0 {
			e = &Edit{Catalog: create(t), DDL: 1}
		}
		if _, err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	_, number, _ := Read(m, "db")
	for _, off := range []int64{40, 60} {
		f, _ := m.OpenWrite(fmt.Sprintf("db/%s", fileName(number)))
		var b [1]byte
		f.ReadAt(b[:], off)
		f.WriteAt([]byte{b[0] ^ 1}, off)
		if _, _, err := Read(m, "db"); !errs.Is(err, errs.DataCorrupted) {
			t.Fatalf("byte %d: %v", off, err)
		}
		f.WriteAt(b[:], off)
		f.Close()
	}
	m.Remove("db/CURRENT")
	_ = m.MkdirAll("db/segments")
	f, _ := m.Create("db/segments/0000000001.seg")
	f.Close()
	if _, _, err := Read(m, "db"); !errs.Is(err, errs.DataCorrupted) {
		t.Fatalf("segments without CURRENT: %v", err)
	}
}

func TestCodec(t *testing.T) {
	v, err := Empty().Apply(&Edit{Catalog: create(t), DDL: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := add(7)
	e.Quarantined = map[FileID]string{7: "damaged"}
	e.Add[0].Deleted = "x"
	e.Add[0].Number(300)
	e.Deleted = map[FileID]string{7: "rows"}
	e.Held = Held{Logged: 300, Log: 4, Tokens: File{2, 500}}
	e.Sources = map[positions.Key]string{{Source: 5, Partition: "p"}: "12", {Source: 5, Partition: "gone"}: ""}
	if v, err = v.Apply(e); err != nil {
		t.Fatal(err)
	}
	b := v.Append(nil)
	if got := hex.EncodeToString(b); got != golden {
		t.Errorf("the format changed:\n got %s\nwant %s", got, golden)
	}
	back, err := DecodeVersion(b)
	if err != nil || !bytes.Equal(back.Append(nil), b) {
		t.Fatalf("a version does not survive: %v", err)
	}
	if s, _ := back.Segments.Get(7); s == nil || s.Quarantined != "damaged" || s.Deleted != "rows" {
		t.Fatalf("segment 7 is %+v", s)
	}
	eb := e.Append(nil)
	again, err := DecodeEdit(eb)
	if err != nil || !bytes.Equal(again.Append(nil), eb) {
		t.Fatalf("an edit does not survive: %v", err)
	}
	w := field.NewWriter(eb)
	w.Uint(101, 5)
	if again, err = DecodeEdit(w.Record()); err != nil {
		t.Fatal(err)
	}
	if newer, err := v.Apply(again); err == nil {
		t.Fatalf("a segment is there twice: %d", newer.Segments.Len())
	}
	again.Add = nil
	newer, err := v.Apply(again)
	if err != nil || !bytes.HasSuffix(newer.Append(nil), []byte{0xa8, 6, 5}) {
		t.Fatalf("a field of a newer version is lost: %v", err)
	}
	w.Uint(100, 1)
	if _, err := DecodeEdit(w.Record()); !errs.Is(err, errs.FeatureNotSupported) {
		t.Fatalf("a newer edit: %v", err)
	}
	dropped, err := v.Apply(&Edit{Catalog: []catalog.Edit{catalog.Drop(nil, v.Catalog.Table("public", "t"))}, DDL: 9})
	if err != nil || dropped.Segments.Len() != 0 || dropped.Positions.Len() != 0 {
		t.Fatalf("a dropped table leaves segments: %v", err)
	}
}

// versionOf returns a version with so many segments, of ten tables.
func versionOf(t testing.TB, segments int) *Version {
	t.Helper()
	var edits []catalog.Edit
	for i := range 10 {
		edits = append(edits, catalog.Create(catalog.NewTable("public", fmt.Sprint("t", i), catalog.Column{Name: "a", Type: types.T(types.Int8)})))
	}
	c, _, err := catalog.Empty().Apply(edits...)
	if err != nil {
		t.Fatal(err)
	}
	v := Empty()
	v.Catalog = c
	e := &Edit{}
	tables := c.Tables()
	for i := range segments {
		s := Segment{File: FileID(i + 1), Table: tables[i%10].ID, Rows: 1, Bytes: 1}
		s.Number(uint64(i))
		e.Add = append(e.Add, s)
	}
	if v, err = v.Apply(e); err != nil {
		t.Fatal(err)
	}
	return v
}

// An edit copies what it changes and the way there, not the version.
func TestEditCostsWhatItChanges(t *testing.T) {
	objects := func(segments int) float64 {
		v := versionOf(t, segments)
		table := v.Catalog.Tables()[0].ID
		next := FileID(segments + 1)
		e := &Edit{
			Add: []Segment{{File: next, Table: table, Rows: 1}}, Remove: []FileID{1, 2}, Deleted: map[FileID]string{3: "rows"},
			Positions: map[catalog.TableID]Position{table: {Sequence: 5, Next: 7}},
		}
		return testing.AllocsPerRun(20, func() {
			n, err := v.Apply(e)
			if err != nil || n.Segments.Len() != segments-1 {
				t.Fatal(err)
			}
			if s, _ := n.Segments.Get(3); s.Deleted != "rows" {
				t.Fatal("deleted rows are not noted")
			}
		})
	}
	few, many := objects(10), objects(100_000)
	if many > few+5*4*20 { // five paths of the tree are 20 nodes at most, and turning makes some twice
		t.Errorf("an edit makes %v objects amid 100,000 segments, %v amid ten", many, few)
	}
}

// BenchmarkEdit is an edit that adds a segment amid few and many, with its sync to the disk.
func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := Open(vfs.Disk, b.TempDir(), anything)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			v := versionOf(b, n)
			s.mu.version = v
			if err := s.rewriteLocked(v); err != nil {
				b.Fatal(err)
			}
			table := v.Catalog.Tables()[0].ID
			for b.Loop() {
				f := s.Version().NextFile
				e := &Edit{Add: []Segment{{File: f, Table: table, Rows: 1, Bytes: 1}}, Remove: []FileID{f - 1}}
				if _, err := s.Apply(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is read is written as it was read.
func FuzzDecode(f *testing.F) {
	f.Add(Empty().Append(nil))
	f.Add(add(3).Append(nil))
	parted := add(4)
	parted.Add[0].Values = partition.Range{Least: -7, Greatest: 1 << 50, Valued: true, Nulls: true, Unit: partition.Width, Width: 1000}
	parted.Held.Clock = 1_700_000_000
	f.Add(parted.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := DecodeVersion(b); err == nil {
			first := v.Append(nil)
			back, err := DecodeVersion(first)
			if err != nil || !bytes.Equal(back.Append(nil), first) {
				t.Fatalf("a version does not survive: %v", err)
			}
		}
		if e, err := DecodeEdit(b); err == nil {
			first := e.Append(nil)
			back, err := DecodeEdit(first)
			if err != nil || !bytes.Equal(back.Append(nil), first) {
				t.Fatalf("an edit does not survive: %v", err)
			}
			_, _ = Empty().Apply(e)
		}
	})
}

// golden is a version with one table and one quarantined segment.
const golden = "1001200740085245100120033081800142121001200130981152067075626c69639201004227100220023080800142067075626c69635201749201111209100122016132021005200230015200622410072002300a406450016007720510ac02200a820104726f777392010764616d61676564720810022007300b400ab001ac02c00104d20105100220f403820209100522017032023132"

// TestSegmentLimits: how many rows a segment may have, and where their numbers may be, to the last one.
func TestSegmentLimits(t *testing.T) {
	const most = 1 << 32
	for _, c := range []struct {
		what string
		s    Segment
		good bool
	}{
		{"no rows", Segment{}, true},
		{"as many rows as there are places", Segment{Rows: most}, true},
		{"one more", Segment{Rows: most + 1}, false},
		{"less than none", Segment{Rows: -1}, false},
		{"less than no bytes", Segment{Bytes: -1}, false},
		{"ranges that touch", Segment{Rows: 20, Ranges: []Range{{Base: 5, Rows: 10}, {Base: 15, Rows: 10}}}, true},
		{"ranges that overlap", Segment{Rows: 20, Ranges: []Range{{Base: 5, Rows: 11}, {Base: 15, Rows: 10}}}, false},
		{"ranges out of order", Segment{Rows: 20, Ranges: []Range{{Base: 15, Rows: 10}, {Base: 5, Rows: 10}}}, false},
		{"more numbers than rows", Segment{Rows: 19, Ranges: []Range{{Base: 5, Rows: 10}, {Base: 15, Rows: 10}}}, true},
		{"more rows than numbers", Segment{Rows: 21, Ranges: []Range{{Base: 5, Rows: 10}, {Base: 15, Rows: 10}}}, false},
		{"the highest numbers", Segment{Rows: 1, Ranges: []Range{{Base: 1 << 62, Rows: 1 << 62}}}, true},
		{"a higher one", Segment{Rows: 1, Ranges: []Range{{Base: 1<<62 + 1, Rows: 1}}}, false},
		{"more of them", Segment{Rows: 1, Ranges: []Range{{Base: 0, Rows: 1<<62 + 1}}}, false},
	} {
		c.s.File, c.s.Table = 7, 2
		b := (&Edit{Add: []Segment{c.s}}).Append(nil)
		e, err := DecodeEdit(b)
		if (err == nil) != c.good || c.good && !bytes.Equal(e.Append(nil), b) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestNewFile: a file takes edits until they are more bytes than rewriteAfter; then another takes its place, with all that
// the edits did, and only then.
func TestNewFile(t *testing.T) {
	m := newMem()
	s, err := Open(m, "db", anything)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(&Edit{Catalog: create(t), DDL: 1}); err != nil {
		t.Fatal(err)
	}
	files := 0
	for i := range 60 {
		number, size := s.mu.number, s.mu.a.Offset-s.mu.base
		e := add(i + 1)
		e.Add[0].Quarantined = string(bytes.Repeat([]byte{'x'}, 20_000))
		if i > 0 {
			e.Remove = []FileID{FileID(i)}
		}
		if _, err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		if due := size > rewriteAfter; due != (s.mu.number > number) {
			t.Fatalf("edit %d: behind %d bytes of edits the file is %d, was %d", i, size, s.mu.number, number)
		}
		if s.mu.number > number {
			files++
		}
	}
	if files < 2 {
		t.Errorf("%d new files", files)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	v, _, err := Read(m.CrashClone(1, 0), "db")
	if err != nil || v.Watermark != 60 || m.OpenFiles() != 0 {
		t.Errorf("read again: %+v, %v, %d files open", v, err, m.OpenFiles())
	}
}
