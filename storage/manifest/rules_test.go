package manifest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// TestExpired holds edits of what has expired, as they are read back, against a map: values only grow, and those of tables
// that go are forgotten.
func TestExpired(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	v := versionOf(t, 0)
	tables := v.Catalog.Tables()
	want := map[catalog.TableID]int64{}
	for step := range 300 {
		e := &Edit{}
		if r.IntN(3) > 0 {
			e.Expired = Expired{}
			for range r.IntN(3) {
				id, value := tables[r.IntN(len(tables))].ID, int64(r.IntN(9)-4)
				e.Expired[id] = value
			}
			for id, value := range e.Expired {
				if was, there := want[id]; v.Catalog.TableByID(id) != nil && (!there || value > was) {
					want[id] = value
				}
			}
		}
		if at := step / 40; step%40 == 39 { // with others, or alone
			e.Catalog = []catalog.Edit{catalog.Drop(nil, v.Catalog.TableByID(tables[at].ID))}
			delete(want, tables[at].ID)
		}
		before := maps.Clone(map[catalog.TableID]int64(v.Expired))
		back, err := DecodeEdit(e.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		next, err := v.Apply(back)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(map[catalog.TableID]int64(next.Expired), want) {
			t.Fatalf("step %d: %v, want %v", step, next.Expired, want)
		}
		if !maps.Equal(before, map[catalog.TableID]int64(v.Expired)) {
			t.Fatalf("step %d: the version before has changed", step)
		}
		if v, err = DecodeVersion(next.Append(nil)); err != nil || !maps.Equal(map[catalog.TableID]int64(v.Expired), want) {
			t.Fatalf("step %d: %v does not survive: %v", step, want, err)
		}
	}
}

// TestHeldAfter: what an edit does not tell stays as it was.
func TestHeldAfter(t *testing.T) {
	was := Held{Logged: 5, Log: 6, Tokens: File{7, 8}, Lost: Gap{1, 2}, Clock: 9}
	for name, c := range map[string]struct{ e, want Held }{
		"nothing":     {Held{}, was},
		"logged":      {Held{Logged: 6}, Held{6, 6, File{7, 8}, Gap{1, 2}, 9, nil}},
		"logged less": {Held{Logged: 4}, was},
		"log":         {Held{Log: 3}, Held{5, 3, File{7, 8}, Gap{1, 2}, 9, nil}},
		"tokens":      {Held{Tokens: File{9, 0}}, Held{5, 6, File{9, 0}, Gap{1, 2}, 9, nil}},
		"lost":        {Held{Lost: Gap{0, 4}}, Held{5, 6, File{7, 8}, Gap{0, 4}, 9, nil}},
		"clock":       {Held{Clock: 4}, Held{5, 6, File{7, 8}, Gap{1, 2}, 4, nil}},
	} {
		if got := was.after(&c.e); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	stop := &Stopped{}
	if got := was.after(&Held{Stopped: stop}); got.Stopped != stop || got.Log != 0 {
		t.Errorf("a stop: %+v", got)
	}
	was.Stopped = stop
	if got := was.after(&Held{}); got.Stopped != nil || got.Log != 6 {
		t.Errorf("an edit after a stop: %+v", got)
	}
}

// TestBase: a segment counts its rows from the least of its numbers.
func TestBase(t *testing.T) {
	s := Segment{Rows: 4}
	if s.Base() != 0 {
		t.Error(s.Base())
	}
	if s.Number(7); s.Base() != 7 || s.Ranges[0].Rows != 4 {
		t.Error(s)
	}
}

// TestValues: the values of a segment are in order.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		least, greatest int64
		good            bool
	}{{-3, 5, true}, {5, 5, true}, {6, 5, false}} {
		s := Segment{File: 7, Table: 2, Values: partition.Range{Least: c.least, Greatest: c.greatest, Valued: true}}
		if _, err := DecodeEdit((&Edit{Add: []Segment{s}}).Append(nil)); (err == nil) != c.good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestNothingIsNothing: an edit of nothing has no bytes, and a version needs a catalog.
func TestNothingIsNothing(t *testing.T) {
	empty := (&Edit{}).Append(nil)
	e, err := DecodeEdit(empty)
	if err != nil || len(e.Catalog) != 0 || len(empty) > 16 {
		t.Errorf("%x, %v", empty, err)
	}
	if _, err := DecodeVersion(empty); !errs.Is(err, errs.DataCorrupted) || !strings.Contains(err.Error(), "without a catalog") {
		t.Errorf("a version without a catalog: %v", err)
	}
	b := Empty().Append(nil)
	if _, err := DecodeVersion(b[:len(b)-1]); !errs.Is(err, errs.DataCorrupted) || strings.Contains(err.Error(), "without a catalog") {
		t.Errorf("half of a version: %v", err)
	}
}

func write(t *testing.T, m *vfs.Mem, name string, b []byte) {
	t.Helper()
	f, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// file returns a manifest file with records of the given types.
func file(number uint64, records ...record.Frame) []byte {
	a := record.Appender{Number: number, Offset: record.HeaderBytes}
	b := record.AppendHeader(nil, record.Header{Kind: record.Manifest, Number: number, First: 1})
	for i, r := range records {
		b = a.Append(b, r.Type, uint64(i+1), r.Payload)
		a.Group = a.Offset
	}
	return b
}

// TestCurrent: CURRENT holds the name of a file, whole, and that file a version first and edits after it.
func TestCurrent(t *testing.T) {
	version := record.Frame{Type: typeVersion, Payload: Empty().Append(nil)}
	edit := record.Frame{Type: typeEdit, Payload: (&Edit{Watermark: 5}).Append(nil)}
	good := []record.Frame{version, edit}
	for _, c := range []struct {
		current string
		records []record.Frame
		good    bool
	}{
		{"manifest-000003\n", good, true},
		{"manifest-000003\n", good[:1], true},
		{"manifest-000003", good, false},
		{"manifest-000003\n\n", good, false},
		{"manifest-000004\n", good, false},
		{"manifest-3\n", good, false},
		{"manifest-0000003\n", good, false},
		{"000003\n", good, false},
		{"manifest-x\n", good, false},
		{"", good, false},
		{"manifest-000003\n", nil, false},
		{"manifest-000003\n", []record.Frame{edit}, false},
		{"manifest-000003\n", []record.Frame{edit, version}, false},
		{"manifest-000003\n", []record.Frame{version, version}, false},
		{"manifest-000003\n", []record.Frame{version, edit, {Type: 77, Payload: edit.Payload}}, false},
		{"manifest-000003\n", []record.Frame{{Type: 77, Payload: version.Payload}}, false},
	} {
		m := newMem()
		write(t, m, "db/manifest-000003", file(3, c.records...))
		write(t, m, "db/CURRENT", []byte(c.current))
		v, n, err := Read(m, "db")
		if c.good != (err == nil) || c.good && (n != 3 || v.Watermark != uint64(5*(len(c.records)-1))) {
			t.Errorf("%q with %d records: %d, %v", c.current, len(c.records), n, err)
		}
	}
}

// TestWithoutCurrent: which directories without a CURRENT are new, and which have lost it.
func TestWithoutCurrent(t *testing.T) {
	used := Empty()
	used.Held.Log = 1
	for name, c := range map[string]struct {
		make func(m *vfs.Mem)
		new  bool
	}{
		"nothing":           {func(*vfs.Mem) {}, true},
		"empty folders":     {func(m *vfs.Mem) { m.MkdirAll("db/wal"); m.MkdirAll("db/segments/x") }, true},
		"a file of others":  {func(m *vfs.Mem) { write(t, m, "db/note", nil) }, true},
		"a folder like one": {func(m *vfs.Mem) { m.MkdirAll("db/manifest-000007") }, true},
		"the first, torn":   {func(m *vfs.Mem) { write(t, m, "db/manifest-000001", nil) }, true},
		"the first, new": {func(m *vfs.Mem) {
			write(t, m, "db/manifest-000001", file(1, record.Frame{Type: typeVersion, Payload: Empty().Append(nil)}))
		}, true},
		"the first, used": {func(m *vfs.Mem) {
			write(t, m, "db/manifest-000001", file(1, record.Frame{Type: typeVersion, Payload: used.Append(nil)}))
		}, false},
		"the second": {func(m *vfs.Mem) { write(t, m, "db/manifest-000002", nil) }, false},
		"log":        {func(m *vfs.Mem) { m.MkdirAll("db/wal"); write(t, m, "db/wal/0000000001.wal", nil) }, false},
		"odd log":    {func(m *vfs.Mem) { m.MkdirAll("db/wal"); write(t, m, "db/wal/x", nil) }, false},
		"like one":   {func(m *vfs.Mem) { m.MkdirAll("db/wal"); write(t, m, "db/wal/manifest-000001", nil) }, false},
		"tokens":     {func(m *vfs.Mem) { m.MkdirAll("db/tokens"); write(t, m, "db/tokens/1", nil) }, false},
		"segment":    {func(m *vfs.Mem) { m.MkdirAll("db/segments"); write(t, m, "db/segments/1", nil) }, false},
	} {
		m := newMem()
		c.make(m)
		v, n, err := Read(m, "db")
		if c.new != (err == nil) || c.new && (n != 0 || v.Segments.Len() != 0) || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		for n := 1; n < 4; n++ { // a folder that cannot be listed is not an empty one
			f := errorfs.New(m, errorfs.List)
			f.Fail(n, false, nil)
			if _, _, err := Read(f, "db"); f.Failed() == 1 && !errs.Is(err, errs.IOError) {
				t.Errorf("%s: list %d: %v", name, n, err)
			}
		}
	}
}

// TestOthersGo: manifest files that are not in use and half of a CURRENT go when a directory is opened, nothing else, and
// numbers are not used again.
func TestOthersGo(t *testing.T) {
	m := newMem()
	s, err := Open(m, "db", anything)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, name := range []string{"db/manifest-000009", "db/CURRENT.tmp", "db/note", "db/manifest-8"} {
		write(t, m, name, []byte("x"))
	}
	if s, err = Open(m, "db", anything); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	infos, err := m.List("db")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range infos {
		names = append(names, i.Name)
	}
	if got := strings.Join(names, " "); got != "CURRENT manifest-000010 manifest-8 note" {
		t.Error(got)
	}
	for _, kind := range []errorfs.Kind{errorfs.List, errorfs.Remove} {
		write(t, m, "db/CURRENT.tmp", nil)
		f := errorfs.New(m, kind)
		f.Fail(1, true, nil)
		if s, err := Open(f, "db", anything); !errs.Is(err, errs.IOError) {
			t.Errorf("%v, %v", s, err)
		}
	}
}

// TestOpenOnFullDisk: what is there opens and is read, and the first edit with room writes it; a new directory does not.
func TestOpenOnFullDisk(t *testing.T) {
	m := newMem()
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
		f := errorfs.New(m.CrashClone(1, 1), errorfs.Write)
		f.Fail(1, true, cause)
		if _, err := Open(f, "db", anything); err == nil {
			t.Errorf("a new directory with %v", cause)
		}
	}
	s, err := Open(m, "db", anything)
	if err == nil {
		_, err = s.Apply(&Edit{Watermark: 4})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, c := range []struct {
		cause error
		good  bool
	}{{syscall.ENOSPC, true}, {syscall.EMFILE, true}, {syscall.EIO, false}} {
		m := m.CrashClone(1, 1)
		f := errorfs.New(m, errorfs.Create|errorfs.Write)
		f.Fail(1, true, c.cause)
		s, err := Open(f, "db", anything)
		if c.good != (err == nil) {
			t.Errorf("%v: %v", c.cause, err)
		}
		if err != nil {
			continue
		}
		if v := s.Version(); v.Watermark != 4 {
			t.Errorf("%v: %+v", c.cause, v)
		}
		if _, err := s.Apply(&Edit{Watermark: 5}); err == nil {
			t.Errorf("%v: an edit without a file", c.cause)
		}
		f.Heal()
		if _, err := s.Apply(&Edit{Watermark: 6}); err != nil {
			t.Errorf("%v: %v", c.cause, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if v, _, err := Read(m, "db"); err != nil || v.Watermark != 6 {
			t.Errorf("%v: %v", c.cause, err)
		}
	}
}

// TestAfterAFailure: the edit behind one whose bytes may or may not be there begins a file without it, also where it is
// not answered and what is there is read.
func TestAfterAFailure(t *testing.T) {
	for _, kind := range []errorfs.Kind{errorfs.Write, errorfs.Sync} {
		m := newMem()
		f := errorfs.New(m, kind)
		s, err := Open(f, "db", anything)
		if err != nil {
			t.Fatal(err)
		}
		number := s.mu.number
		f.Fail(1, false, nil)
		if _, err := s.Apply(&Edit{Watermark: 7}); !errs.Is(err, errs.IOError) || s.Version().Watermark != 0 {
			t.Errorf("%v, %d", err, s.Version().Watermark)
		}
		if _, err := s.Apply(&Edit{Applied: 3}); err != nil || s.mu.number == number {
			t.Errorf("the file is %d, was %d: %v", s.mu.number, number, err)
		}
		s.Close()
		if v, _, err := Read(m, "db"); err != nil || v.Watermark != 0 || v.Applied != 3 {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// TestRewriteAt: a file is replaced when edits are more than rewriteAfter, or than the version that they follow, and not
// when they are just as much.
func TestRewriteAt(t *testing.T) {
	for _, c := range []struct {
		base, edits int64
		due         bool
	}{
		{100, rewriteAfter, false}, {100, rewriteAfter + 1, true},
		{rewriteAfter + 50, rewriteAfter + 1, false}, {rewriteAfter + 50, rewriteAfter + 50, false}, {rewriteAfter + 50, rewriteAfter + 51, true},
	} {
		m := newMem()
		s, err := Open(m, "db", anything)
		if err != nil {
			t.Fatal(err)
		}
		number := s.mu.number
		s.mu.base, s.mu.a.Offset = c.base, c.base+c.edits // nobody reads the file
		if _, err := s.Apply(&Edit{Watermark: 1}); err != nil || c.due != (s.mu.number > number) {
			t.Errorf("%+v: file %d, was %d: %v", c, s.mu.number, number, err)
		}
		s.Close()
	}
}

// TestSharing: an edit that tells nothing of sources, the archive or what has expired leaves them where they are.
func TestSharing(t *testing.T) {
	v, err := Empty().Apply(add(1))
	if err != nil {
		t.Fatal(err)
	}
	b := v.Append(nil)
	next, err := v.Apply(&Edit{})
	if err != nil || !bytes.Equal(next.Append(nil), b) || next.Catalog != v.Catalog {
		t.Errorf("an edit of nothing changes a version: %v", err)
	}
}
