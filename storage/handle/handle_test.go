package handle

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes n files with contents of their own.
func write(t *testing.T, n int) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	if err := m.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := vfs.WriteFile(m, "d", fmt.Sprint(i), content(i)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func content(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 100+i) }

func open(t *testing.T, tab *Table, n int) []*File {
	t.Helper()
	var files []*File
	for i := range n {
		f, err := tab.File(fmt.Sprintf("d/%d", i))
		if err != nil || f.Size() != int64(100+i) {
			t.Fatalf("file %d: %v, %v", i, f, err)
		}
		files = append(files, f)
	}
	return files
}

func read(f *File, i int) error {
	got := make([]byte, f.Size())
	if n, err := f.ReadAt(got, 0); err != nil || n != len(got) || !bytes.Equal(got, content(i)) {
		return fmt.Errorf("file %d: %d bytes, %w", i, n, err)
	}
	return nil
}

// TestBounded: many files are read by many at once, and few are open at any time.
func TestBounded(t *testing.T) {
	const n, most = 200, 4
	m := write(t, n)
	tab := New(m, Options{Max: most})
	files := open(t, tab, n)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			for range 2000 {
				i := rnd.IntN(n)
				if w%2 == 0 {
					i %= 3
				}
				if err := read(files[i], i); err != nil {
					t.Error(err)
				}
				if open := m.OpenFiles(); open > most {
					t.Errorf("%d files are open", open)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, f := range files {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if m.OpenFiles() != 0 || tab.mu.open != 0 || tab.mu.unread.Len() != 0 {
		t.Errorf("%d files are open at the end, %d by the table's count", m.OpenFiles(), tab.mu.open)
	}
	if err := read(files[0], 0); !errs.Is(err, errs.InternalError) {
		t.Errorf("a closed file: %v", err)
	}
}

// TestOrder: the file that was not read for longest gives its place, one that is read does not.
func TestOrder(t *testing.T) {
	tab := New(write(t, 4), Options{Max: 2})
	files := open(t, tab, 4)
	isOpen := func(want string) {
		t.Helper()
		got := ""
		for i, f := range files {
			if f.f != nil {
				got += fmt.Sprint(i)
			}
		}
		if got != want {
			t.Errorf("open are %s, want %s", got, want)
		}
	}
	isOpen("23")
	read(files[2], 2)
	read(files[0], 0)
	isOpen("02")
	if _, err := files[2].acquire(); err != nil { // a reader that takes its time
		t.Fatal(err)
	}
	read(files[1], 1)
	isOpen("12")
	read(files[3], 3)
	isOpen("23")
	opened := tab.opened.Value()
	read(files[3], 3)
	if tab.opened.Value() != opened {
		t.Error("an open file was opened again")
	}
	// With both places read, a third waits for one of them.
	if _, err := files[3].acquire(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- read(files[0], 0) }()
	select {
	case err := <-done:
		t.Fatalf("a third file was read: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	files[2].release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	files[3].release()
}

// TestErrors: what is missing, or another file than before, is told, and its place is given back.
func TestErrors(t *testing.T) {
	m := write(t, 3)
	tab := New(m, Options{Max: 1})
	if _, err := tab.File("d/none"); !vfs.IsNotExist(err) {
		t.Errorf("a file that is missing: %v", err)
	}
	files := open(t, tab, 3)
	m.Remove("d/0")
	if err := read(files[0], 0); !vfs.IsNotExist(err) {
		t.Errorf("a file that was removed: %v", err)
	}
	vfs.WriteFile(m, "d", "1", content(7))
	if err := read(files[1], 1); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("a file that was replaced: %v", err)
	}
	if err := read(files[2], 2); err != nil {
		t.Error(err)
	}
}

// TestScarce: every operation that needs a descriptor waits until there is one, for which files that nobody reads are
// closed first; one that gets none in time fails with an error that says so.
func TestScarce(t *testing.T) {
	ops := map[string]func(tab *Table) error{
		"File":      func(tab *Table) error { _, err := tab.File("d/1"); return err },
		"Create":    func(tab *Table) error { _, err := tab.Create("d/new"); return err },
		"Open":      func(tab *Table) error { _, err := tab.Open("d/1"); return err },
		"OpenWrite": func(tab *Table) error { _, err := tab.OpenWrite("d/1"); return err },
		"List":      func(tab *Table) error { _, err := tab.List("d"); return err },
		"SyncDir":   func(tab *Table) error { return tab.SyncDir("d") },
		"Lock":      func(tab *Table) error { _, err := tab.Lock("d/LOCK"); return err },
	}
	for name, op := range ops {
		for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
			fsys := errorfs.New(write(t, 2), errorfs.All)
			tab := New(fsys, Options{Max: 4, Patience: time.Minute})
			idle := open(t, tab, 1)[0]
			var mu sync.Mutex
			tries := 0
			fsys.Before = func(int, errorfs.Kind, string) {
				mu.Lock()
				defer mu.Unlock()
				if tries++; tries == 5 {
					fsys.Heal()
				}
			}
			fsys.Fail(1, true, errno)
			if err := op(tab); err != nil || tries < 5 {
				t.Errorf("%s after %v: %v, %d tries", name, errno, err, tries)
			}
			if idle.f != nil {
				t.Errorf("%s: a file that nobody reads is still open", name)
			}
			fsys.Before = nil
			fsys.Fail(1, true, errno)
			tab.o.Patience = time.Millisecond
			if err := op(tab); !errors.Is(err, errno) {
				t.Errorf("%s without descriptors: %v", name, err)
			}
		}
	}
}
