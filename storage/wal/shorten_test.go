package wal

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// size returns the bytes of all log files.
func size(t *testing.T, m *vfs.Mem) (n int64) {
	t.Helper()
	infos, err := m.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		n += i.Size
	}
	return n
}

// A log whose records have all been retired keeps two small files, and goes on.
func TestShorten(t *testing.T) {
	m := newMem()
	o := options(m)
	o.FileBytesMin, o.FileBytesMax = 4096, 1<<20
	var applied []uint64
	o.Apply = func(g []*Entry) {
		for _, e := range g {
			applied = append(applied, e.Sequence)
		}
	}
	l, err := Open(t.Context(), o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := uint64(0)
	for range 3 {
		for range 300 {
			if err := put(l, v); err != nil {
				t.Fatal(err)
			}
			v++
		}
		before := size(t, m)
		if _, err := l.Retire(context.Background(), v-1, nil); err != nil { // the last one is still needed
			t.Fatal(err)
		}
		if now := size(t, m); now < 64<<10 {
			t.Fatalf("%d bytes after retiring all but one record", now)
		}
		if n, err := l.Retire(context.Background(), v, nil); err != nil || n == 0 {
			t.Fatalf("retired %d files: %v", n, err)
		}
		l.w.spare.wg.Wait()
		if now := size(t, m); now > 2*4096 || before < 10*now {
			t.Fatalf("%d bytes before, %d after everything was retired", before, now)
		}
	}
	if err := put(l, v); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for i, s := range applied {
		if s != uint64(i+1) {
			t.Fatalf("record %d has sequence %d", i, s)
		}
	}
	l, got, err := open(m, v)
	if err != nil || len(got) != 1 || got[0] != v {
		t.Fatalf("after a restart: %v, %v", got, err)
	}
	l.Close()
}

// A crash while the log is shortened loses nothing above the watermark.
func TestShortenCrash(t *testing.T) {
	m := newMem()
	fsys := errorfs.New(m, errorfs.Changes)
	type moment struct {
		what             string
		m                *vfs.Mem
		mark, acked, end uint64
	}
	var mark, acked, tried atomic.Uint64
	var mu sync.Mutex
	var moments []moment
	fsys.Before = func(n int, _ errorfs.Kind, name string) {
		mu.Lock()
		defer mu.Unlock()
		for i, keep := range []float64{0, 0.5, 1} {
			moments = append(moments, moment{fmt.Sprintf("operation %d on %s, keep %v", n, name, keep),
				m.CrashClone(uint64(n*10+i), keep), mark.Load(), acked.Load(), tried.Load()})
		}
	}
	o := options(fsys)
	o.FileBytesMin, o.FileBytesMax = 1024, 16<<10
	l, err := Open(t.Context(), o, 0, func(uint64, record.Type, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	v := uint64(0)
	for range 3 {
		for range 12 {
			tried.Store(v + 1)
			if err := put(l, v); err != nil {
				t.Fatal(err)
			}
			v++
			acked.Store(v)
		}
		mark.Store(v)
		if _, err := l.Retire(context.Background(), v, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range moments {
		l, got, err := open(c.m, c.mark)
		if err != nil {
			t.Fatalf("%s, watermark %d: %v", c.what, c.mark, err)
		}
		for i, x := range got {
			if x != c.mark+uint64(i) {
				t.Fatalf("%s: record %d after %d holds %d", c.what, i, c.mark, x)
			}
		}
		if end := c.mark + uint64(len(got)); end < c.acked || end > max(c.end, c.mark) {
			t.Fatalf("%s: records up to %d, acknowledged %d, tried %d", c.what, end, c.acked, c.end)
		}
		if err := put(l, 0); err != nil {
			t.Fatalf("%s: append: %v", c.what, err)
		}
		l.Close()
	}
	t.Logf("%d crash states", len(moments))
}

// TestShortenOnFullDisk: a log that could not begin a new file goes on with the one it has, and with the one after it.
func TestShortenOnFullDisk(t *testing.T) {
	fs := errorfs.New(newMem(), errorfs.Write)
	o := options(fs)
	o.FileBytesMax = 4 * o.FileBytesMin
	l, err := Open(context.Background(), o, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	add := func(times int) {
		t.Helper()
		for range times {
			n++
			if err := l.Append(context.Background(), &Entry{Type: 1, Pieces: [][]byte{make([]byte, 3000)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(6)
	fs.Fail(1, false, syscall.ENOSPC)
	if _, err := l.Retire(context.Background(), n, nil); err != nil || fs.Failed() != 1 {
		t.Fatalf("%v after %d failed operations", err, fs.Failed())
	}
	fs.Heal()
	add(12) // more than the file has room for
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
