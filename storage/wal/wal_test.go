package wal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dir = "wal"

func options(fsys vfs.FS) Options {
	return Options{FS: fsys, Dir: dir, FileBytesMin: 4096, FileBytesMax: 4096, Apply: func([]*Entry) {}}
}

func newMem() *vfs.Mem {
	m := vfs.NewMem()
	_ = m.MkdirAll(dir)
	return m
}

// open returns the log and the values of the replayed records.
func open(fsys vfs.FS, watermark uint64) (*Log, []uint64, error) {
	var got []uint64
	l, err := Open(context.Background(), options(fsys), watermark, func(seq uint64, t record.Type, p []byte) error {
		if t != 1 || len(p) < 8 || bytes.Count(p[8:], []byte{byte(len(p))}) != len(p)-8 {
			return fmt.Errorf("record %d is not what was written", seq)
		}
		got = append(got, binary.LittleEndian.Uint64(p))
		return nil
	})
	return l, got, err
}

// put appends value v; the record's length varies with it.
func put(l *Log, v uint64) error {
	head := binary.LittleEndian.AppendUint64(nil, v)
	n := int(v*37) % 900
	return l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{head, bytes.Repeat([]byte{byte(n + 8)}, n)}})
}

func checkPrefix(t *testing.T, what string, got []uint64, acked, tried int) {
	t.Helper()
	for i, v := range got {
		if v != uint64(i) {
			t.Fatalf("%s: record %d holds %d", what, i, v)
		}
	}
	if len(got) < acked || len(got) > tried {
		t.Fatalf("%s: %d records, acknowledged %d, tried %d", what, len(got), acked, tried)
	}
}

func TestReplay(t *testing.T) {
	m := newMem()
	for round := range 4 {
		l, got, err := open(m, 0)
		if err != nil {
			t.Fatal(err)
		}
		checkPrefix(t, "replay", got, 50*round, 50*round)
		for v := range 50 {
			if err := put(l, uint64(50*round+v)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l, got, err := open(m, 120)
	if err != nil || len(got) != 80 || got[0] != 120 {
		t.Fatalf("from a watermark: %d records, %v", len(got), err)
	}
	if n, err := l.Retire(context.Background(), 200, nil); err != nil || n == 0 {
		t.Fatalf("retired %d files: %v", n, err)
	}
	if err := put(l, 200); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, got, err := open(m, 100); err == nil {
		t.Fatalf("missing files were not noticed: %d", len(got))
	}
	l, got, err = open(m, 200)
	if err != nil || len(got) != 1 || got[0] != 200 {
		t.Fatalf("after retiring: %v, %v", got, err)
	}
	l.Close()
	if m.OpenFiles() != 0 {
		t.Fatalf("%d files left open", m.OpenFiles())
	}
}

// state is what a crash left, and what had been promised then.
type state struct {
	what         string
	m            *vfs.Mem
	acked, tried int
	nested       bool
}

// A crash before any change of the disk, with any part of what was not synced surviving, loses nothing acknowledged;
// so does a crash during the recovery from it.
func TestCrash(t *testing.T) {
	m := newMem()
	fsys := errorfs.New(m, errorfs.Changes)
	var acked, tried atomic.Int64
	var mu sync.Mutex
	var states []state
	fsys.Before = func(n int, k errorfs.Kind, name string) {
		mu.Lock()
		defer mu.Unlock()
		a := int(acked.Load())
		for i, keep := range []float64{0, 0.3, 0.7, 1} {
			c := m.CrashClone(uint64(n*10+i), keep)
			states = append(states, state{fmt.Sprintf("operation %d, keep %v", n, keep), c, a, int(tried.Load()), i == 1})
		}
	}
	l, _, err := open(fsys, 0)
	if err != nil {
		t.Fatal(err)
	}
	for v := range 60 {
		tried.Store(int64(v + 1))
		if err := put(l, uint64(v)); err != nil {
			t.Fatal(err)
		}
		acked.Store(int64(v + 1))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(states); i++ {
		states = append(states, states[i].check(t)...)
	}
	t.Logf("%d crash states", len(states))
}

// check recovers from a crash and returns the states of crashes during that.
func (s state) check(t *testing.T) (nested []state) {
	t.Helper()
	fsys := errorfs.New(s.m, errorfs.Changes)
	var mu sync.Mutex
	if s.nested {
		fsys.Before = func(n int, k errorfs.Kind, name string) {
			mu.Lock()
			defer mu.Unlock()
			nested = append(nested, state{fmt.Sprintf("%s, recovery %d", s.what, n), s.m.CrashClone(uint64(n), 0.5), s.acked, s.tried + 1, false})
		}
	}
	l, got, err := open(fsys, 0)
	if err != nil {
		t.Fatalf("%s: %v", s.what, err)
	}
	checkPrefix(t, s.what, got, s.acked, s.tried)
	if err := put(l, uint64(len(got))); err != nil {
		t.Fatalf("%s: append: %v", s.what, err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("%s: close: %v", s.what, err)
	}
	l, again, err := open(s.m.CrashClone(1, 0), 0)
	if err != nil {
		t.Fatalf("%s: again: %v", s.what, err)
	}
	checkPrefix(t, s.what+" again", again, len(got)+1, len(got)+1)
	l.Close()
	return nested
}

// Each operation fails once, or from then on: what was acknowledged is there afterwards.
func TestErrorAtEveryOperation(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
			for n := 1; ; n++ {
				m := newMem()
				fsys := errorfs.New(m, errorfs.All)
				fsys.Fail(n, sticky, cause)
				acked, tried := 0, 0
				l, _, err := open(fsys, 0)
				for v := 0; err == nil && v < 12; v++ {
					tried++
					if err = put(l, uint64(v)); err == nil {
						acked++
					} else if errs.Is(err, errs.DiskFull) && !sticky {
						if err = put(l, uint64(v)); err == nil { // space is back
							acked++
						}
					}
				}
				if l != nil {
					_ = l.Close()
				}
				fsys.Heal()
				what := fmt.Sprintf("operation %d, sticky %v, %v (first error %v)", n, sticky, cause, err)
				l, got, err := open(m, 0)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				checkPrefix(t, what, got, acked, tried)
				l.Close()
				if m.OpenFiles() != 0 {
					t.Fatalf("%s: %d files left open", what, m.OpenFiles())
				}
				if fsys.Failed() == 0 {
					break
				}
			}
		}
	}
}

func TestFailedSyncStopsTheLog(t *testing.T) {
	fsys := errorfs.New(newMem(), errorfs.Sync)
	l, _, err := open(fsys, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := put(l, 0); err != nil {
		t.Fatal(err)
	}
	fsys.Fail(1, true, nil) // every one: the next sync may be that of the file made in the background
	for range 3 {
		if err := put(l, 1); !errs.Is(err, errs.IOError) || !strings.Contains(err.Error(), "has stopped") {
			t.Fatalf("append after a failed sync: %v", err)
		}
	}
	if l.Status().Failed == nil {
		t.Fatal("status does not tell")
	}
}

func TestDiskFullResumes(t *testing.T) {
	m := newMem()
	m.SetCapacity(8192)
	l, _, err := open(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	v := uint64(0)
	for ; v < 1000; v++ {
		if err = put(l, v); err != nil {
			break
		}
	}
	if !errs.Is(err, errs.DiskFull) || l.Status().Full == nil {
		t.Fatalf("a full disk gave %v after %d records", err, v)
	}
	m.SetCapacity(0)
	for ; v < 1000; v++ {
		if err = put(l, v); err != nil {
			t.Fatal(err) // the spare that failed is made anew by the first that needs it
		}
	}
	l.Close()
	l, got, err := open(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkPrefix(t, "after a full disk", got, 1000, 1000)
	l.Close()
}

// TestHalfWrittenGroups: a disk that is full in the middle of a group, at any place, keeps nothing of it, in this process, in
// the next one and after a crash; with room again the log goes on behind the last record that was acknowledged.
func TestHalfWrittenGroups(t *testing.T) {
	long := func(l *Log, v uint64) error {
		const n = 6000 // more than a file has room for
		return l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{binary.LittleEndian.AppendUint64(nil, v), bytes.Repeat([]byte{byte((n + 8) & 255)}, n)}})
	}
	step, full, taken := 61, 0, 0
	if testing.Short() {
		step = 607
	}
	for room := 0; room < 16_000; room += step {
		m := newMem()
		l, _, err := open(m, 0)
		if err != nil {
			t.Fatal(err)
		}
		v := uint64(0)
		for ; v < 5; v++ {
			if err := put(l, v); err != nil {
				t.Fatal(err)
			}
		}
		m.SetCapacity(m.Used() + int64(room))
		switch err := long(l, v); {
		case err == nil:
			taken++
			v++
		case !errs.Is(err, errs.DiskFull):
			t.Fatalf("%d bytes of room: %v", room, err)
		default:
			full++
		}
		for i, keep := range []float64{0, 0.5, 1} {
			c := m.CrashClone(uint64(3*room+i), keep)
			c.SetCapacity(0)
			again, got, err := open(c, 0)
			if err != nil {
				t.Fatalf("%d bytes of room, keep %v: %v", room, keep, err)
			}
			checkPrefix(t, fmt.Sprintf("%d bytes of room, keep %v", room, keep), got, int(v), int(v))
			again.Close()
		}
		m.SetCapacity(0)
		for range 3 {
			if err := long(l, v); err != nil {
				t.Fatalf("%d bytes of room, and more again: %v", room, err)
			}
			v++
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, got, err := open(m, 0)
		if err != nil {
			t.Fatalf("%d bytes of room: %v", room, err)
		}
		checkPrefix(t, fmt.Sprintf("%d bytes of room, closed", room), got, int(v), int(v))
		l.Close()
	}
	if full == 0 || taken == 0 {
		t.Errorf("%d times full, %d times not", full, taken)
	}
}

// TestOldFramesBehindAGroup: frames of a group that a full disk has cut off are not those of the next one, which may end
// where one of them begins.
func TestOldFramesBehindAGroup(t *testing.T) {
	entry := func(v uint64, n int) *Entry {
		return &Entry{Type: 1, Pieces: [][]byte{binary.LittleEndian.AppendUint64(nil, v), bytes.Repeat([]byte{byte(n)}, n-8)}, bytes: int64(n), done: make(chan struct{}, 1)}
	}
	for last := 8; last < 1500; last += 100 {
		m := newMem()
		fsys := errorfs.New(m, errorfs.Write)
		l, _, err := open(fsys, 0)
		if err != nil {
			t.Fatal(err)
		}
		together := func(list ...*Entry) (err error) {
			l.mu.Lock()
			l.mu.queue = append(l.mu.queue, list...)
			l.mu.cond.Broadcast()
			l.mu.Unlock()
			for _, e := range list {
				<-e.done
				err = errors.Join(err, e.Err)
			}
			return err
		}
		if err := together(entry(0, 100)); err != nil {
			t.Fatal(err)
		}
		fsys.Fail(1, false, syscall.ENOSPC) // half of the bytes are there then
		if err := together(entry(1, 100), entry(2, 100), entry(3, 100), entry(4, last)); !errs.Is(err, errs.DiskFull) {
			t.Fatal(err)
		}
		for v := uint64(1); v < 4; v++ {
			again, got, err := open(m.CrashClone(v, 1), 0)
			if err != nil {
				t.Fatalf("%d bytes at the end of the group, record %d: %v", last, v, err)
			}
			checkPrefix(t, fmt.Sprintf("%d bytes at the end of the group", last), got, int(v), int(v))
			again.Close()
			if err := together(entry(v, 100)); err != nil {
				t.Fatal(err)
			}
		}
		l.Close()
	}
}

// TestSpareFailsOnce: the next file could not be made when the disk was full, or failed, for a moment; who needs it later
// does not hear of that.
func TestSpareFailsOnce(t *testing.T) {
	m := newMem()
	f := errorfs.New(m, errorfs.Create)
	l, _, err := open(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	for v := range uint64(300) {
		if v%20 == 0 {
			f.Fail(1, false, []error{syscall.ENOSPC, syscall.EIO}[v/20%2])
		}
		if err := put(l, v); err != nil {
			t.Fatal(err)
		}
	}
	if f.Failed() < 5 {
		t.Errorf("%d failures", f.Failed())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, got, err := open(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkPrefix(t, "a disk that was full now and then", got, 300, 300)
	l.Close()
}

func TestHoleIsAnError(t *testing.T) {
	m := newMem()
	l, _, err := open(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	for v := range 5 {
		if err := put(l, uint64(v)); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	f, _ := m.OpenWrite(fileName(dir, 1))
	f.WriteAt([]byte{0xff}, 200)
	f.Close()
	if _, got, err := open(m, 0); !errs.Is(err, errs.DataCorrupted) {
		t.Fatalf("damage in the middle: %v, %v", got, err)
	}
}

func TestManyWriters(t *testing.T) {
	m := newMem()
	o := options(m)
	var last uint64
	o.Apply = func(group []*Entry) {
		for _, e := range group {
			if e.Sequence != last+1 {
				e.Err = fmt.Errorf("sequence %d after %d", e.Sequence, last)
			}
			last = e.Sequence
		}
	}
	l, err := Open(context.Background(), o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for v := range 200 {
				if err := put(l, uint64(w*1000+v)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	l.Close()
	if last != 3200 {
		t.Fatalf("%d records applied", last)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			o := Options{FS: vfs.Disk, Dir: b.TempDir(), Apply: func([]*Entry) {}}
			l, err := Open(context.Background(), o, 0, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					e := &Entry{Type: 1, Pieces: [][]byte{make([]byte, 100)}}
					for left.Add(-1) >= 0 {
						e.Pieces = append(e.Pieces[:0], make([]byte, 100))
						if err := l.Append(context.Background(), e); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
