package vfs

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// put makes a file with contents, synced as told.
func put(t *testing.T, m FS, name string, data []byte, sync bool) File {
	t.Helper()
	f, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := f.SyncData(); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// contents returns what a file holds; "(none)" when it is not there.
func contents(t *testing.T, m FS, name string) string {
	t.Helper()
	b, err := ReadFile(m, name, 1<<20)
	if IsNotExist(err) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newDir(t *testing.T) *Mem {
	t.Helper()
	m := NewMem()
	if err := m.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCrashKeepsWhatIsSynced: no crash state loses it, and the strictest keeps nothing else.
func TestCrashKeepsWhatIsSynced(t *testing.T) {
	m := newDir(t)
	put(t, m, "d/synced", []byte("synced"), true)
	f := put(t, m, "d/part", []byte("first"), true)
	if err := m.SyncDir("d"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(" second")); err != nil {
		t.Fatal(err)
	}
	put(t, m, "d/no entry", []byte("x"), true)
	for seed := range uint64(50) {
		for _, keep := range []float64{0, 0.3, 0.9, 1} {
			c := m.CrashClone(seed, keep)
			if got := contents(t, c, "d/synced"); got != "synced" {
				t.Fatalf("seed %d, keep %g: a synced file holds %q", seed, keep, got)
			}
			if got := contents(t, c, "d/part"); !strings.HasPrefix(got, "first") {
				t.Fatalf("seed %d, keep %g: the synced part became %q", seed, keep, got)
			}
		}
	}
	strict, kill := m.CrashClone(1, 0), m.CrashClone(1, 1)
	if a, b := contents(t, strict, "d/part"), contents(t, strict, "d/no entry"); a != "first" || b != "(none)" {
		t.Errorf("the strictest disk keeps %q and %q", a, b)
	}
	if a, b := contents(t, kill, "d/part"), contents(t, kill, "d/no entry"); a != "first second" || b != "x" {
		t.Errorf("a mere kill loses: %q and %q", a, b)
	}
}

// TestCrashOfBlocks: unsynced blocks survive each on its own, some of them torn at a sector, and nothing else appears.
func TestCrashOfBlocks(t *testing.T) {
	m := newDir(t)
	const blocks = 8
	old := bytes.Repeat([]byte{1}, blocks*memBlock)
	f := put(t, m, "d/f", old, true)
	if err := m.SyncDir("d"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{2}, len(old)), 0); err != nil {
		t.Fatal(err)
	}
	var kept, lost, torn int
	for seed := range uint64(200) {
		got := contents(t, m.CrashClone(seed, 0.5), "d/f")
		if len(got) != len(old) {
			t.Fatalf("seed %d: %d bytes", seed, len(got))
		}
		for b := range blocks {
			block := got[b*memBlock : (b+1)*memBlock]
			n := strings.IndexByte(block, 1) // of the block's start that is new
			switch {
			case n < 0:
				kept++
			case n == 0:
				lost++
			case n%memSector == 0 && strings.Count(block, "\x01") == memBlock-n:
				torn++
			default:
				t.Fatalf("seed %d: block %d has %d new bytes, mixed", seed, b, n)
			}
		}
	}
	if kept < 400 || lost < 400 || torn < 20 {
		t.Errorf("%d kept, %d lost, %d torn", kept, lost, torn)
	}
	if a, b := contents(t, m.CrashClone(3, 0.5), "d/f"), contents(t, m.CrashClone(3, 0.5), "d/f"); a != b {
		t.Error("the same seed gives another state")
	}
}

// TestCrashOfEntries: names change in one step, and only SyncDir makes that certain.
func TestCrashOfEntries(t *testing.T) {
	m := newDir(t)
	put(t, m, "d/name", []byte("old"), true)
	if err := m.SyncDir("d"); err != nil {
		t.Fatal(err)
	}
	put(t, m, "d/name.tmp", []byte("new"), true)
	if err := m.Rename("d/name.tmp", "d/name"); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for seed := range uint64(60) {
		seen[contents(t, m.CrashClone(seed, 0.5), "d/name")] = true
	}
	if !seen["old"] || !seen["new"] || len(seen) != 2 {
		t.Errorf("a name not synced holds one of %v", seen)
	}
	if err := m.SyncDir("d"); err != nil {
		t.Fatal(err)
	}
	if c := m.CrashClone(1, 0); contents(t, c, "d/name") != "new" || contents(t, c, "d/name.tmp") != "(none)" {
		t.Error("a synced rename was lost")
	}
	if err := m.Remove("d/name"); err != nil {
		t.Fatal(err)
	}
	if contents(t, m.CrashClone(1, 0), "d/name") != "new" || contents(t, m.CrashClone(1, 1), "d/name") != "(none)" {
		t.Error("a remove that is not synced")
	}
	// An emptied file keeps its old bytes until its new entry is durable.
	put(t, m, "d/again", []byte("old"), true)
	if err := m.SyncDir("d"); err != nil {
		t.Fatal(err)
	}
	put(t, m, "d/again", nil, true)
	if got := contents(t, m.CrashClone(1, 0), "d/again"); got != "old" {
		t.Errorf("created again: %q", got)
	}
}

// TestWriteFile: every crash finds the old contents or the new ones.
func TestWriteFile(t *testing.T) {
	m := newDir(t)
	if err := WriteFile(m, "d", "f", []byte("old")); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, m.CrashClone(1, 0), "d/f"); got != "old" {
		t.Errorf("written and lost: %q", got)
	}
	if err := WriteFile(m, "d", "f", bytes.Repeat([]byte("new"), 5000)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, m.CrashClone(1, 0), "d/f"); len(got) != 15000 {
		t.Errorf("%d bytes", len(got))
	}
	if _, err := ReadFile(m, "d/f", 100); err == nil {
		t.Error("a file above the limit was read")
	}
	if n := m.OpenFiles(); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func TestMemCapacity(t *testing.T) {
	m := newDir(t)
	f := put(t, m, "d/f", make([]byte, 1000), true)
	m.SetCapacity(1500)
	n, err := f.Write(make([]byte, 1000))
	if n != 500 || !IsDiskFull(err) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if err := f.Preallocate(4000); !IsDiskFull(err) {
		t.Errorf("preallocate: %v", err)
	}
	if _, err := f.WriteAt(make([]byte, 1500), 0); err != nil {
		t.Errorf("overwriting needs no space: %v", err)
	}
	if free, _ := m.Free("d"); free != 0 {
		t.Errorf("%d bytes free", free)
	}
	m.SetCapacity(0)
	if _, err := f.Write(make([]byte, 1000)); err != nil {
		t.Error(err)
	}
}

// TestBoth runs the same calls on the disk and in memory.
func TestBoth(t *testing.T) {
	for name, fsys := range map[string]FS{"disk": Disk, "memory": NewMem()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := fsys.MkdirAll(dir + "/a/b"); err != nil {
				t.Fatal(err)
			}
			f := put(t, fsys, dir+"/a/f", []byte("0123456789"), true)
			if err := f.Preallocate(5000); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte("abc")); err != nil { // behind what was written, not behind what is preallocated
				t.Fatal(err)
			}
			b := make([]byte, 6)
			if n, err := f.ReadAt(b, 8); err != nil || string(b[:n]) != "89abc\x00" {
				t.Errorf("read %q, %v", b, err)
			}
			if err := f.Truncate(12); err != nil {
				t.Fatal(err)
			}
			if n, err := f.ReadAt(b, 8); !errors.Is(err, io.EOF) || string(b[:n]) != "89ab" {
				t.Errorf("read %q, %v at the end", b[:n], err)
			}
			if err := f.Truncate(14); err != nil {
				t.Fatal(err)
			}
			if n, _ := f.ReadAt(b, 8); string(b[:n]) != "89ab\x00\x00" {
				t.Errorf("read %q after growing again", b[:n])
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err == nil {
				t.Error("closed twice")
			}
			if err := fsys.Rename(dir+"/a/f", dir+"/a/g"); err != nil {
				t.Fatal(err)
			}
			infos, err := fsys.List(dir + "/a")
			if err != nil || len(infos) != 2 || infos[0].Name != "b" || !infos[0].Dir || infos[1].Name != "g" || infos[1].Size != 14 {
				t.Errorf("list: %+v, %v", infos, err)
			}
			for what, err := range map[string]error{"open": second(fsys.Open(dir + "/none")), "open for writing": second(fsys.OpenWrite(dir + "/none")),
				"stat": second(fsys.Stat(dir + "/none")), "remove": fsys.Remove(dir + "/none"), "rename": fsys.Rename(dir+"/none", dir+"/x"),
				"list": second(fsys.List(dir + "/none")), "create": second(fsys.Create(dir + "/none/f"))} {
				if !IsNotExist(err) {
					t.Errorf("%s of what is not there: %v", what, err)
				}
			}
			lock, err := fsys.Lock(dir + "/a/LOCK")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fsys.Lock(dir + "/a/LOCK"); !errors.Is(err, ErrLocked) {
				t.Errorf("locked twice: %v", err)
			}
			if err := lock.Close(); err != nil {
				t.Fatal(err)
			}
			if lock, err = fsys.Lock(dir + "/a/LOCK"); err != nil {
				t.Fatal(err)
			}
			lock.Close()
			if free, err := fsys.Free(dir); err != nil || free == 0 {
				t.Errorf("%d bytes free, %v", free, err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// TestCrashCloneIsApart: what is done to one of two file systems after a crash shows in no other, though they share the
// bytes until then.
func TestCrashCloneIsApart(t *testing.T) {
	was := strings.Repeat("a", 3*memBlock)
	for what, change := range map[string]func(f File) error{
		"write":    func(f File) error { _, err := f.WriteAt([]byte("x"), memBlock+1); return err },
		"append":   func(f File) error { _, err := f.WriteAt([]byte("x"), int64(len(was))); return err },
		"allocate": func(f File) error { return f.Preallocate(5 * memBlock) },
		"shorten":  func(f File) error { return f.Truncate(memBlock) },
		"lengthen": func(f File) error { return f.Truncate(4 * memBlock) },
	} {
		for changed := range 3 {
			m := NewMem()
			if err := m.MkdirAll("d"); err != nil {
				t.Fatal(err)
			}
			f := put(t, m, "d/f", []byte(was), true)
			f.Close()
			if err := m.SyncDir("d"); err != nil {
				t.Fatal(err)
			}
			a := m.CrashClone(1, 0.5)
			all := []*Mem{m, a, a.CrashClone(2, 0.5)}
			sum := m.Sum()
			f, err := all[changed].OpenWrite("d/f")
			if err != nil {
				t.Fatal(err)
			}
			if err := change(f); err != nil {
				t.Fatal(err)
			}
			for i, x := range all {
				if i == changed {
					if x.Sum() == sum || contents(t, x.CrashClone(3, 0), "d/f") != was {
						t.Errorf("%s in %d: not there, or there after a crash", what, changed)
					}
				} else if x.Sum() != sum || contents(t, x, "d/f") != was || contents(t, x.CrashClone(3, 0), "d/f") != was {
					t.Errorf("%s in %d shows in %d", what, changed, i)
				}
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			for i, x := range all {
				if got := x.CrashClone(4, 0); (i == changed) != (got.Sum() != sum) {
					t.Errorf("%s in %d and a sync: %d", what, changed, i)
				}
			}
			f.Close()
		}
	}
}
