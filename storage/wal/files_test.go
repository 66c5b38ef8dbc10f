package wal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// checkFiles looks at the files of a log that was closed: each has the length that its header tells, ends in order, and
// goes on where the one before it ended.
func checkFiles(t *testing.T, what string, m *vfs.Mem, from uint64) {
	t.Helper()
	infos, err := m.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	next, named := from, uint64(0)
	for _, i := range infos {
		var number uint64
		if _, err := fmt.Sscanf(i.Name, "%d.wal", &number); err != nil {
			t.Fatal(err)
		}
		f, err := m.Open(dir + "/" + i.Name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := record.NewReader(f, record.WAL, number, 1<<30)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if named != 0 && named != number {
			t.Errorf("%s: file %d is behind one that names %d", what, number, named)
		}
		if h := r.Header(); r.Begun() && (h.Bytes != i.Size || h.First != next || h.After != next-1) {
			t.Errorf("%s: file %d has %d bytes, begins at %d: %+v", what, number, i.Size, next, h)
		}
		for err == nil {
			if _, err = r.Next(); err == nil {
				next++
			}
		}
		if !errors.Is(err, io.EOF) || r.Begun() && !r.Ended() || r.Tail().Bytes > 0 {
			t.Errorf("%s: file %d ends with %+v: %v", what, number, r.Tail(), err)
		}
		named = r.GoesOn()
		f.Close()
	}
}

// TestEveryFit: groups of every size around that of a file find room in one, or make one, in which the End has room, too.
func TestEveryFit(t *testing.T) {
	const size = 1024
	for _, before := range []int{-1, 0, 300} {
		for n := size - 400; n < size+60; n += 4 {
			m := newMem()
			o := options(m)
			o.FileBytesMin, o.FileBytesMax = size, size
			var files []File
			var last uint64
			o.Stopped = func(seq uint64, list []File) error { last, files = seq, list; return nil }
			l, err := Open(context.Background(), o, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			count := uint64(0)
			for _, n := range []int{before, n, n, 10} {
				if n < 0 {
					continue
				}
				count++
				if err := l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{make([]byte, n)}}); err != nil {
					t.Fatal(err)
				}
			}
			what := fmt.Sprintf("%d bytes behind %d", n, before)
			spans := l.Files()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			checkFiles(t, what, m, 1)
			if l.Status().Files != len(spans) || len(files) != len(spans) || last != count {
				t.Errorf("%s: %d files, %v, stopped at %d with %v", what, l.Status().Files, spans, last, files)
			}
			for i, f := range files {
				largest := int64(size)
				if need := record.HeaderBytes + record.Size(n) + record.EndBytes; need > largest {
					largest = need
				}
				info, err := m.Stat(fileName(dir, f.Number))
				if err != nil || info.Size != f.Bytes || f.Bytes > largest || f.Number != spans[i].Number {
					t.Errorf("%s: %+v of %+v, at most %d: %v", what, f, info, largest, err)
				}
			}
		}
	}
}

// TestWrites: a group reaches its file in one write, a large one in a write for every 4 MiB: neither in more, nor laid out
// as a whole.
func TestWrites(t *testing.T) {
	for _, c := range []struct {
		records, bytes, least, most int
	}{{1, 0, 1, 1}, {1000, 100, 1, 1}, {3, 1 << 20, 1, 1}, {1, 12 << 20, 3, 4}, {12, 1 << 20, 3, 4}} {
		fsys := errorfs.New(newMem(), errorfs.Write)
		o := options(fsys)
		o.FileBytesMin, o.FileBytesMax = 16<<20, 16<<20
		l, err := Open(context.Background(), o, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := fsys.Count()
		group := make([]*Entry, c.records)
		for i := range group {
			group[i] = &Entry{Type: 1, Pieces: [][]byte{make([]byte, c.bytes)}, bytes: int64(c.bytes), done: make(chan struct{}, 1)}
		}
		l.mu.Lock()
		l.mu.queue = append(l.mu.queue, group...)
		l.mu.cond.Broadcast()
		l.mu.Unlock()
		for _, e := range group {
			if <-e.done; e.Err != nil {
				t.Fatal(e.Err)
			}
		}
		if n := fsys.Count() - before; n < c.least || n > c.most {
			t.Errorf("%d records of %d bytes: %d writes", c.records, c.bytes, n)
		}
		if n := cap(l.w.buf); n > 3*writeBytes {
			t.Errorf("%d records of %d bytes: %d bytes were laid out", c.records, c.bytes, n)
		}
		l.Close()
	}
}

// TestFilesAreTold: which records a file has is told while the log is open, when it has been opened again, and of those
// that it leaves.
func TestFilesAreTold(t *testing.T) {
	m := newMem()
	o := options(m)
	o.FileBytesMax = 32 << 10
	add := func(l *Log, n int) {
		t.Helper()
		for v := range n {
			if err := put(l, uint64(v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	follow := func(what string, list []Span, last uint64, open bool) {
		t.Helper()
		next := uint64(1)
		for i, s := range list {
			if s.First != next || i > 0 && s.Number <= list[i-1].Number {
				t.Errorf("%s: %+v, want from %d", what, list, next)
			}
			if open && i == len(list)-1 {
				return
			}
			next = s.Last + 1
		}
		if next != last+1 {
			t.Errorf("%s: %+v end with record %d, want %d", what, list, next-1, last)
		}
	}
	l, err := Open(context.Background(), o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if list := l.Files(); len(list) != 0 {
		t.Errorf("files without a record: %v", list)
	}
	add(l, 100)
	follow("open", l.Files(), 100, true)
	l.Close()
	ignored := func(uint64, record.Type, []byte) error { return nil }
	if l, err = Open(context.Background(), o, 0, ignored); err != nil {
		t.Fatal(err)
	}
	follow("again", l.Files(), 100, false)
	add(l, 20)
	follow("again, with more", l.Files(), 120, true)

	files := l.Status().Files
	count := func(fsys vfs.FS) int {
		infos, err := fsys.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(infos)
	}
	if _, err := l.Retire(context.Background(), 0, nil); err != nil || l.Status().Files != files {
		t.Errorf("nothing may go: %d files, %d now: %v", files, l.Status().Files, err)
	}
	var taken []Span
	take := func(s Span) error { taken = append(taken, s); return nil }
	if _, err := l.Retire(context.Background(), 119, take); err != nil || len(l.Files()) != 1 {
		t.Errorf("with a record that is needed %v are there: %v", l.Files(), err)
	}
	if _, err := l.Retire(context.Background(), 120, take); err != nil || l.Status().Files != 1 {
		t.Errorf("%d files: %v", l.Status().Files, err)
	}
	follow("taken", taken, 120, false)
	rest := count(m)
	for range 3 { // at rest it stays as it is
		if n, err := l.Retire(context.Background(), 120, take); err != nil || n != 0 || count(m) != rest {
			t.Errorf("%d more files went, %d are there: %v", n, count(m), err)
		}
	}
	var stopped []File
	l.o.Stopped = func(_ uint64, list []File) error { stopped = list; return nil }
	if err := l.Close(); err != nil || len(stopped) != 0 {
		t.Errorf("no file has a record, and %v are told: %v", stopped, err)
	}
	if l, err = Open(context.Background(), o, 120, ignored); err != nil {
		t.Fatal("the file that the last one named is not there: ", err)
	}
	add(l, 3)
	follow("at last", append([]Span{{First: 1, Last: 120}}, l.Files()...), 123, true)
	l.Close()
	checkFiles(t, "at last", m, 121)
}

// TestFirstGroupFails: a full disk at the first group of a file leaves one that was never begun, which takes larger groups
// afterwards, is not listed, and does not harm a restart.
func TestFirstGroupFails(t *testing.T) {
	for _, larger := range []bool{false, true} {
		m := newMem()
		fsys := errorfs.New(m, errorfs.Write)
		o := options(fsys)
		var stopped []File
		o.Stopped = func(_ uint64, list []File) error { stopped = list; return nil }
		l, err := Open(context.Background(), o, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		fsys.Fail(1, false, syscall.ENOSPC)
		add := func(n int) error {
			return l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{make([]byte, n)}})
		}
		if err := add(20_000); !errs.Is(err, errs.DiskFull) {
			t.Fatal(err)
		}
		if _, err := l.Retire(context.Background(), 1, nil); err != nil || l.Status().Files != 1 {
			t.Errorf("%d files: %v", l.Status().Files, err)
		}
		want := 0
		if larger {
			want = 1
			if err := add(50_000); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil || len(stopped) != want {
			t.Errorf("%d files are told: %v", len(stopped), err)
		}
		if larger {
			checkFiles(t, "larger", m, 1)
		}
		got := 0
		l, err = Open(context.Background(), options(m), 0, func(uint64, record.Type, []byte) error { got++; return nil })
		if err != nil || got != want {
			t.Fatalf("%d records, %v", got, err)
		}
		l.Close()
	}
}

// TestClearOnFullDisk: where even zeros find no room the half-written group is cut off, and the file is as long as it was.
func TestClearOnFullDisk(t *testing.T) {
	for _, second := range []error{nil, syscall.ENOSPC, syscall.EIO} {
		m := newMem()
		fsys := errorfs.New(m, errorfs.Write)
		o := options(fsys)
		o.FileBytesMin, o.FileBytesMax = 32<<20, 32<<20
		l, err := Open(context.Background(), o, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		add := func(n int) error {
			return l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{binary.LittleEndian.AppendUint64(nil, uint64(n)), make([]byte, n-8)}})
		}
		if err := add(100); err != nil {
			t.Fatal(err)
		}
		fsys.FailThen(3, syscall.ENOSPC, second) // two pieces of the group are there
		err = add(12 << 20)
		if passes := !errors.Is(second, syscall.EIO); passes != errs.Is(err, errs.DiskFull) || passes != (add(200) == nil) {
			t.Errorf("then %v: %v, %+v", second, err, l.Status())
		}
		number := l.Files()[0].Number
		if info, err := m.Stat(fileName(dir, number)); err != nil || info.Size != 32<<20 {
			t.Errorf("then %v: %+v, %v", second, info, err)
		}
		crashed := m.CrashClone(1, 1)
		_ = l.Close()
		for _, m := range []*vfs.Mem{m, crashed} {
			var got []uint64
			l, err = Open(context.Background(), options(m), 0, func(_ uint64, _ record.Type, b []byte) error {
				got = append(got, uint64(len(b)))
				return nil
			})
			want := []uint64{100, 200}
			if errors.Is(second, syscall.EIO) {
				want = want[:1]
			}
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("then %v: records of %d bytes: %v", second, got, err)
			}
			l.Close()
		}
	}
}

// TestOddNames: what is no log file among the log files is named.
func TestOddNames(t *testing.T) {
	for name, good := range map[string]bool{"1.wal": false, "000000001.wal": false, "00000000001.wal": false, "00000000x1.wal": false, "-000000001.wal": false, "0000000001.wal.lost": true, "note": true} {
		m := newMem()
		f, err := m.Create(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		l, _, err := open(m, 0)
		if good != (err == nil) || err != nil && !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			l.Close()
		}
	}
}

// TestNotNeeded: files that hold nothing above the watermark are not read, files that were never begun go, once another
// one is there, and one that was known to be there is missed when it has no room for a header.
func TestNotNeeded(t *testing.T) {
	m := filled(t, 60, true)
	l, _, err := open(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	spans := l.Files()
	l.Close()
	f, err := m.OpenWrite(fileName(dir, spans[0].Number))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("damaged"), 100)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(m.CrashClone(1, 1), spans[0].Last-1); !errs.Is(err, errs.DataCorrupted) {
		t.Errorf("a damaged file that is needed: %v", err)
	}
	l, got, err := open(m, spans[0].Last)
	if err != nil || len(got) != int(60-spans[0].Last) {
		t.Fatalf("a damaged file that is not needed: %d, %v", len(got), err)
	}
	l.Close()

	for _, c := range []struct {
		bytes int
		known bool
		good  bool
	}{{0, false, true}, {47, false, true}, {47, true, false}, {48, true, true}} {
		m := filled(t, 3, true)
		f, err := m.Create(fileName(dir, 99))
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt(make([]byte, c.bytes), 0)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		fsys := errorfs.New(m, errorfs.Remove)
		o := options(fsys)
		if c.known {
			o.File = 99
		}
		ignored := func(uint64, record.Type, []byte) error { return nil }
		if c.good {
			fsys.Fail(1, false, syscall.EIO)
			if _, err := Open(context.Background(), o, 0, ignored); !errs.Is(err, errs.IOError) || m.OpenFiles() != 0 {
				t.Errorf("a file that cannot be removed: %v, %d open", err, m.OpenFiles())
			}
			if c.bytes == 0 {
				// On a full disk the old one stays, since there is no other.
				m := m.CrashClone(1, 1)
				m.SetCapacity(m.Used())
				l, err := Open(context.Background(), options(m), 0, ignored)
				if err != nil || l.Spare() != 0 {
					t.Fatal(err)
				}
				l.Close()
				if _, err := m.Stat(fileName(dir, 99)); err != nil {
					t.Error(err)
				}
			}
		}
		l, err := Open(context.Background(), o, 0, ignored)
		if c.good != (err == nil) {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil {
			if _, err := m.Stat(fileName(dir, 99)); !vfs.IsNotExist(err) || l.Spare() < 100 {
				t.Errorf("%+v: it is there: %v; the new one is %d", c, err, l.Spare())
			}
			l.Close()
		}
	}
}

// TestErrorWhileRecovering: what cannot be written of the end of a log, or of a file that is made as long as it was, ends
// the opening.
func TestErrorWhileRecovering(t *testing.T) {
	torn := func() *vfs.Mem {
		m := filled(t, 5, false)
		f, err := m.OpenWrite(fileName(dir, 1))
		if err == nil {
			err = errors.Join(f.Truncate(3000), f.Sync(), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	open := func(fsys vfs.FS) (int, error) {
		o := options(fsys)
		o.Lost = func(error) error { return nil }
		got := 0
		l, err := Open(context.Background(), o, 0, func(uint64, record.Type, []byte) error { got++; return nil })
		if err == nil {
			err = l.Close()
		}
		return got, err
	}
	var ofFile []int // operations on the file that was there
	fsys := errorfs.New(torn(), errorfs.Changes)
	var mu sync.Mutex
	fsys.Before = func(n int, _ errorfs.Kind, name string) {
		mu.Lock()
		defer mu.Unlock()
		if name == fileName(dir, 1) {
			ofFile = append(ofFile, n)
		}
	}
	if got, err := open(fsys); err != nil || got != 5 || len(ofFile) < 4 { // two for the length, two for the end
		t.Fatalf("%d records, operations %d: %v", got, ofFile, err)
	}
	for _, n := range ofFile {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
			m := torn()
			fsys := errorfs.New(m, errorfs.Changes)
			fsys.Fail(n, false, cause)
			if _, err := open(fsys); err == nil || m.OpenFiles() != 0 {
				t.Errorf("operation %d fails with %v: %v, %d open files", n, cause, err, m.OpenFiles())
			}
			if got, err := open(m); err != nil || got != 5 {
				t.Errorf("after operation %d failed: %d, %v", n, got, err)
			}
		}
	}
}
