package wal

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// gated is a log whose writer waits in front of every write until the gate is closed.
func gated(t *testing.T) (l *Log, fsys *errorfs.FS, gate chan struct{}) {
	t.Helper()
	gate = make(chan struct{})
	fsys = errorfs.New(newMem(), errorfs.Write)
	fsys.Before = func(int, errorfs.Kind, string) { <-gate }
	o := options(fsys)
	o.FileBytesMin, o.FileBytesMax, o.QueueBytes = 1<<20, 1<<20, 1000
	l, err := Open(context.Background(), o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l, fsys, gate
}

// begin appends n bytes in another goroutine.
func begin(ctx context.Context, l *Log, n int) <-chan error {
	done := make(chan error, 1)
	go func() { done <- l.Append(ctx, &Entry{Type: 1, Pieces: [][]byte{make([]byte, n)}}) }()
	synctest.Wait()
	return done
}

func pending(t *testing.T, what string, list ...<-chan error) {
	t.Helper()
	for i, c := range list {
		select {
		case err := <-c:
			t.Errorf("%s: number %d has ended: %v", what, i, err)
		default:
		}
	}
}

// TestQueueIsBounded: as many bytes wait as may, none more; who waits for room ends with his context, the log or its
// failure, and what is larger than the queue goes when nothing is in front of it.
func TestQueueIsBounded(t *testing.T) {
	ways := map[string]func(l *Log, fsys *errorfs.FS, open func()) (closed chan error){
		"room": func(_ *Log, _ *errorfs.FS, open func()) chan error { open(); return nil },
		"close": func(l *Log, _ *errorfs.FS, open func()) chan error {
			closed := make(chan error, 1)
			go func() { closed <- l.Close() }()
			synctest.Wait()
			open()
			return closed
		},
		"failure": func(_ *Log, fsys *errorfs.FS, open func()) chan error {
			fsys.Fail(1, true, syscall.EIO)
			open()
			return nil
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				l, fsys, gate := gated(t)
				first := begin(ctx, l, 5000) // longer than the queue, which is empty: the writer has it
				if q := l.Status().Queued; q != 0 {
					t.Fatalf("%d bytes wait behind the first", q)
				}
				a, b := begin(ctx, l, 600), begin(ctx, l, 400)
				if q := l.Status().Queued; q != 1000 {
					t.Fatalf("%d bytes wait, want as many as may", q)
				}
				canceled, cancel := context.WithCancel(ctx)
				c, d := begin(canceled, l, 1), begin(ctx, l, 5000)
				pending(t, "the writer is held", first, a, b, c, d)
				if q := l.Status().Queued; q != 1000 {
					t.Errorf("%d bytes wait: one byte more found room", q)
				}
				cancel()
				synctest.Wait()
				if err := <-c; !errors.Is(err, context.Canceled) {
					t.Errorf("a wait that was canceled: %v", err)
				}
				pending(t, "one was canceled", first, a, b, d)
				closed := way(l, fsys, func() { close(gate) })
				synctest.Wait()
				for i, c := range []<-chan error{a, b, d} {
					err := <-c
					switch {
					case name == "failure" && i < 3:
						if !errs.Is(err, errs.IOError) {
							t.Errorf("number %d, after a failure: %v", i, err)
						}
					case name == "close" && i == 2:
						if !errs.Is(err, errs.AdminShutdown) {
							t.Errorf("waited for room while the log was closed: %v", err)
						}
					case err != nil:
						t.Errorf("number %d: %v", i, err)
					}
				}
				if q := l.Status().Queued; q != 0 {
					t.Errorf("%d bytes wait at the end", q)
				}
				<-first
				if closed != nil {
					if err := <-closed; err != nil {
						t.Error(err)
					}
				}
				_ = l.Close()
			})
		})
	}
}

// TestFailedIsTold: the failure of the log is told once, and after it nothing is written, shortened or removed.
func TestFailedIsTold(t *testing.T) {
	for _, told := range []bool{true, false} {
		fsys := errorfs.New(newMem(), errorfs.Changes)
		var failures []error
		o := options(fsys)
		o.FileBytesMax = 64 << 10
		if told {
			o.Failed = func(err error) { failures = append(failures, err) }
		}
		l, err := Open(context.Background(), o, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		for v := range uint64(40) {
			if err := put(l, v); err != nil {
				t.Fatal(err)
			}
		}
		l.w.spare.wg.Wait()
		files := l.Files()
		fsys.FailKinds(errorfs.Write, 1, false, syscall.EIO)
		for range 3 {
			if err := put(l, 41); !errs.Is(err, errs.IOError) {
				t.Fatal(err)
			}
		}
		count := fsys.Count()
		fsys.FailKinds(errorfs.Changes&^(errorfs.Remove|errorfs.SyncDir), 1<<30, false, nil)
		if _, err := l.Retire(context.Background(), 40, nil); err != nil {
			t.Error(err)
		}
		if n := fsys.Count() - count; n != 0 {
			t.Errorf("%d operations on a log that has failed", n)
		}
		if now := l.Files(); now[len(now)-1] != files[len(files)-1] {
			t.Errorf("the file in use was left: %v, was %v", now, files)
		}
		if err := l.Status().Failed; !errs.Is(err, errs.IOError) || told && !slices.Equal(failures, []error{err}) {
			t.Errorf("told %v, status %v", failures, err)
		}
		_ = l.Close()
		if _, err := l.Retire(context.Background(), 40, nil); err != nil {
			t.Errorf("of a log that is closed: %v", err)
		}
	}
}

// TestShortenFails: a full disk, met while the log is shortened, is in its status; any other failure stops it.
func TestShortenFails(t *testing.T) {
	for _, c := range []struct {
		kind errorfs.Kind
		n    int
		err  error
		want errs.Code
	}{
		{errorfs.Create, 1, syscall.ENOSPC, errs.DiskFull},
		{errorfs.Preallocate, 1, syscall.ENOSPC, errs.DiskFull},
		{errorfs.Create, 1, syscall.EIO, errs.IOError},
		{errorfs.Sync, 1, syscall.EIO, errs.IOError}, // of the new file
		{errorfs.Sync, 2, syscall.EIO, errs.IOError}, // of the one that ends
		{errorfs.Write, 1, syscall.EIO, errs.IOError},
	} {
		fsys := errorfs.New(newMem(), errorfs.Changes)
		o := options(fsys)
		o.FileBytesMax = 64 << 10
		l, err := Open(context.Background(), o, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		for v := range uint64(40) {
			if err := put(l, v); err != nil {
				t.Fatal(err)
			}
		}
		l.w.spare.wg.Wait()
		fsys.FailKinds(c.kind, c.n, false, c.err)
		if _, err := l.Retire(context.Background(), 40, nil); err != nil || fsys.Failed() != 1 {
			t.Errorf("%v, %d failures", err, fsys.Failed())
		}
		s := l.Status()
		if c.want == errs.DiskFull && (s.Failed != nil || !errs.Is(s.Full, c.want)) || c.want == errs.IOError && (s.Full != nil || !errs.Is(s.Failed, c.want)) {
			t.Errorf("operation %d of kind %x, %v: status %+v", c.n, c.kind, c.err, s)
		}
		if err := put(l, 40); (err == nil) != (c.want == errs.DiskFull) {
			t.Errorf("a record after it: %v", err)
		}
		if s := l.Status(); c.want == errs.DiskFull && s.Full != nil {
			t.Errorf("the disk is said to be full still: %v", s.Full)
		}
		_ = l.Close()
	}
}

// TestLongestRecord: a record may be as long as MaxRecord says, and no byte longer.
func TestLongestRecord(t *testing.T) {
	m := newMem()
	o := options(m)
	o.MaxRecord = 5000
	l, err := Open(context.Background(), o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	add := func(n int) error {
		return l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{make([]byte, 1000), make([]byte, n-1000)}})
	}
	if err := add(5001); !errs.Is(err, errs.ProgramLimitExceeded) {
		t.Errorf("one byte too many: %v", err)
	}
	if err := add(5000); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
