package recovery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// tokenBytes is how long the token files of held are: a header and three records.
const tokenBytes = record.HeaderBytes + 3*(record.FrameBytes+16)

// held makes a directory with two log files and two token files, and the version that an orderly stop leaves, or another
// end, which knows the newest token file alone.
func held(t *testing.T, stopped bool) (*vfs.Mem, *manifest.Version) {
	t.Helper()
	m := vfs.NewMem()
	write := func(name string, b []byte) {
		f, err := m.Create(name)
		if err == nil {
			_, err = f.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for _, d := range append([]string{"."}, folders...) {
		if err := m.MkdirAll("db/" + d); err != nil {
			t.Fatal(err)
		}
	}
	s := &manifest.Stopped{}
	for n := uint64(1); n <= 2; n++ {
		write(fmt.Sprintf("db/wal/%010d.wal", n), make([]byte, 100*n))
		s.Log = append(s.Log, manifest.File{Number: n, Bytes: int64(100 * n)})
		b := record.AppendHeader(nil, record.Header{Kind: record.Tokens, Number: n, First: 1})
		a := record.Appender{Number: n, Offset: record.HeaderBytes}
		for i := range uint64(3) {
			b = a.Append(b, 1, i+1, []byte("sixteen bytes of"))
			a.Group = a.Offset
		}
		write(fmt.Sprintf("db/tokens/%06d.tok", n), b)
		s.Tokens = append(s.Tokens, manifest.File{Number: n, Bytes: tokenBytes})
	}
	v := manifest.Empty()
	if v.Held.Tokens = s.Tokens[1]; stopped {
		v.Held.Stopped = s
	}
	return m, v
}

// resize makes a file so long; what is new are zeros.
func resize(t *testing.T, m *vfs.Mem, name string, size int64) {
	t.Helper()
	f, err := m.OpenWrite(name)
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestMissing(t *testing.T) {
	cut := func(name string, size int64) func(*testing.T, *vfs.Mem) {
		return func(t *testing.T, m *vfs.Mem) { resize(t, m, name, size) }
	}
	torn := func(name string) func(*testing.T, *vfs.Mem) { // its last record is zeros
		return func(t *testing.T, m *vfs.Mem) {
			resize(t, m, name, tokenBytes-20)
			resize(t, m, name, tokenBytes)
		}
	}
	remove := func(name string) func(*testing.T, *vfs.Mem) {
		return func(t *testing.T, m *vfs.Mem) {
			if err := m.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	const w1, w2, t1, t2 = "db/wal/0000000001.wal", "db/wal/0000000002.wal", "db/tokens/000001.tok", "db/tokens/000002.tok"
	for _, c := range []struct {
		name   string
		change func(*testing.T, *vfs.Mem)
		// What is told to be missing, behind an orderly stop and behind another end; "" is nothing.
		stopped, ended string
	}{
		{"nothing", func(*testing.T, *vfs.Mem) {}, "", ""},
		{"a log file", remove(w1), w1 + " is missing: it had 100 bytes", ""},
		{"the last log file", remove(w2), w2 + " is missing: it had 200 bytes", ""},
		{"a byte of a log file", cut(w2, 199), w2 + " has 199 bytes, and had 200", ""},
		{"a longer log file", cut(w2, 300), "", ""},
		{"a token file", remove(t1), t1 + " is missing", ""},
		{"the newest token file", remove(t2), t2 + " is missing", t2 + " is missing or cut: it had"},
		{"a byte of the newest token file", cut(t2, tokenBytes-1), t2 + " has", t2 + " is missing or cut"},
		{"a record of a token file", torn(t1), t1 + ": damaged at offset", ""},
		{"a record of the newest token file", torn(t2), t2 + ": damaged at offset", t2 + ": damaged at offset"},
	} {
		for _, stopped := range []bool{true, false} {
			m, v := held(t, stopped)
			c.change(t, m)
			want := c.ended
			if stopped {
				want = c.stopped
			}
			list, err := Missing(m, "db", v)
			if err != nil || (len(list) > 0) != (want != "") || len(list) > 1 {
				t.Errorf("%s, stopped %v: %v, %v", c.name, stopped, list, err)
				continue
			}
			if want != "" && (!strings.Contains(list[0].Error(), want) || !errs.Is(list[0], errs.DataCorrupted)) {
				t.Errorf("%s, stopped %v: %v, want %s", c.name, stopped, list[0], want)
			}
		}
	}
}

// A newer token file stands for the one that is known; a version that knows of none wants none; folders are wanted always.
func TestMissingAtAnyEnd(t *testing.T) {
	m, v := held(t, false)
	v.Held.Tokens = manifest.File{Number: 1, Bytes: 10_000} // 2 is newer
	if list, err := Missing(m, "db", v); len(list) > 0 || err != nil {
		t.Errorf("a newer file: %v, %v", list, err)
	}
	v.Held.Tokens = manifest.File{Number: 3, Bytes: 10}
	if list, err := Missing(m, "db", v); len(list) != 1 || err != nil {
		t.Errorf("older files: %v, %v", list, err)
	}
	v.Held.Tokens = manifest.File{}
	if list, err := Missing(vfsWithout(t), "db", v); len(list) > 0 || err != nil {
		t.Errorf("none: %v, %v", list, err)
	}
	if list, err := Missing(vfs.NewMem(), "db", v); len(list) != len(folders) || err != nil {
		t.Errorf("no folders: %v, %v", list, err)
	}
}

func vfsWithout(t *testing.T) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	for _, d := range folders {
		if err := m.MkdirAll("db/" + d); err != nil {
			t.Fatal(err)
		}
	}
	return m
}
