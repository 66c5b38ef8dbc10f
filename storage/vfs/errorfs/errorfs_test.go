package errorfs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/vfs"
)

// steps runs one operation of each kind and returns the errors.
func steps(t *testing.T, f *FS) []error {
	t.Helper()
	var out []error
	did := func(err error) { out = append(out, err) }
	file, err := f.Create("d/f")
	did(err)
	if err != nil { // the rest needs a file
		if file, err = f.FS.Create("d/f"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = file.Write([]byte("abcd"))
	did(err)
	did(file.Sync())
	did(file.Preallocate(100))
	did(file.Truncate(4))
	_, err = file.ReadAt(make([]byte, 1), 0)
	did(err)
	did(f.Rename("d/f", "d/g"))
	did(f.SyncDir("d"))
	did(f.Remove("d/g"))
	return out
}

func newFS(t *testing.T, k Kind) *FS {
	t.Helper()
	m := vfs.NewMem()
	if err := m.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	return New(m, k)
}

// TestExactlyTheNth: of a run without faults each operation in turn is made to fail, alone.
func TestExactlyTheNth(t *testing.T) {
	clean := newFS(t, All)
	for i, err := range steps(t, clean) {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if clean.Count() != 9 || clean.Failed() != 0 {
		t.Fatalf("%d operations counted, %d failed", clean.Count(), clean.Failed())
	}
	for n := 1; n <= 9; n++ {
		f := newFS(t, All)
		f.Fail(n, false, syscall.ENOSPC)
		for i, err := range steps(t, f) {
			if n == 7 && i == 8 { // what was not renamed cannot be removed under its new name
				continue
			}
			if (i == n-1) != errors.Is(err, syscall.ENOSPC) || i != n-1 && err != nil {
				t.Errorf("fail %d: step %d: %v", n, i+1, err)
			}
		}
		if f.Failed() != 1 {
			t.Errorf("fail %d: %d failed", n, f.Failed())
		}
	}
}

// TestSticky: all from the n-th on fail until it is healed, and only the kinds that are counted.
func TestSticky(t *testing.T) {
	f := newFS(t, Write|Sync)
	f.Fail(2, true, nil)
	file, err := f.Create("d/f")
	if err != nil {
		t.Fatal(err)
	}
	write := func() error { _, err := file.Write([]byte("12345678")); return err }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := write(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "d/f: injected") {
			t.Errorf("write %d: %v", i, err)
		}
		if err := file.SyncData(); !errors.Is(err, syscall.EIO) {
			t.Errorf("sync %d: %v", i, err)
		}
		if err := f.SyncDir("d"); err != nil {
			t.Errorf("a kind that is not counted: %v", err)
		}
	}
	if f.Failed() != 6 || f.Count() != 7 {
		t.Errorf("%d of %d failed", f.Failed(), f.Count())
	}
	f.Heal()
	if err := write(); err != nil {
		t.Errorf("healed: %v", err)
	}
	// A write that fails may have written its first half.
	if size, _ := file.Size(); size != 8+3*4+8 {
		t.Errorf("%d bytes", size)
	}
	f.FailKinds(Sync, 1, false, nil)
	if err := write(); err != nil {
		t.Errorf("a write after FailKinds(Sync): %v", err)
	}
	if err := file.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the sync: %v", err)
	}
}

// TestBefore sees each operation before it happens.
func TestBefore(t *testing.T) {
	f := newFS(t, Changes)
	var seen bytes.Buffer
	f.Before = func(n int, k Kind, name string) {
		var files int
		if infos, err := f.FS.List("d"); err == nil {
			files = len(infos)
		}
		fmt.Fprintf(&seen, "%d %d %s %d\n", n, k, name, files)
	}
	steps(t, f)
	want := fmt.Sprintf("1 %d d/f 0\n2 %d d/f 1\n3 %d d/f 1\n4 %d d/f 1\n5 %d d/f 1\n6 %d d/f 1\n7 %d d 1\n8 %d d/g 1\n",
		Create, Write, Sync, Preallocate, Truncate, Rename, SyncDir, Remove)
	if seen.String() != want {
		t.Errorf("saw\n%swant\n%s", &seen, want)
	}
}

// A garbled read hands out other bytes once, without an error, and leaves the file as it is.
func TestGarbled(t *testing.T) {
	f := newFS(t, Read)
	file, err := f.Create("d/f")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want := []byte("some bytes")
	if _, err := file.Write(want); err != nil {
		t.Fatal(err)
	}
	f.Fail(2, false, ErrGarbled)
	for i, differs := range []bool{false, true, false} {
		got := make([]byte, len(want))
		if _, err := file.ReadAt(got, 0); err != nil || bytes.Equal(got, want) == differs {
			t.Errorf("read %d: %q, %v", i+1, got, err)
		}
	}
	if f.Failed() != 1 {
		t.Errorf("%d operations failed", f.Failed())
	}
}

// The operation after the one that failed fails in its own way, and no other does.
func TestFailThen(t *testing.T) {
	f := newFS(t, Write)
	file, err := f.Create("d/f")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f.FailThen(2, syscall.EIO, syscall.ENOSPC)
	for i, want := range []error{nil, syscall.EIO, syscall.ENOSPC, nil, nil} {
		if _, err := file.Write([]byte("x")); !errors.Is(err, want) {
			t.Errorf("write %d: %v, want %v", i, err, want)
		}
	}
}
