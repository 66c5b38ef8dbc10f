package wal

import (
	"context"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// filled is a log of n records in several files, closed in order or not.
func filled(t *testing.T, n uint64, closed bool) *vfs.Mem {
	t.Helper()
	m := newMem()
	l, _, err := open(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	for v := range n {
		if err := put(l, v); err != nil {
			t.Fatal(err)
		}
	}
	c := m.CrashClone(1, 0)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if closed {
		return m
	}
	return c
}

// TestKnownEnd: a log goes at least as far as it is known to have gone, to the record and to the file, unless what is missing
// was accepted, all of it.
func TestKnownEnd(t *testing.T) {
	const n = 60
	m := filled(t, n, true)
	infos, err := m.List(dir)
	if err != nil || len(infos) < 3 {
		t.Fatalf("%d files, %v", len(infos), err)
	}
	newest := uint64(0)
	for newest < 1000 {
		if _, err := m.Stat(fileName(dir, newest+1)); err != nil && newest > 0 {
			break
		}
		newest++
	}
	for _, c := range []struct {
		what          string
		reached, file uint64
		accepted      Gap
		lost          string // "": it opens
	}{
		{"nothing is known", 0, 0, Gap{}, ""},
		{"just as far", n, newest, Gap{}, ""},
		{"less far", n - 1, newest - 1, Gap{}, ""},
		{"one record more", n + 1, newest, Gap{}, "ends at record 60, and record 61 was written"},
		{"one file more", n, newest + 1, Gap{}, "or a later one is missing"},
		{"accepted", n + 5, newest, Gap{n, n + 5}, ""},
		{"more was accepted", n + 5, newest, Gap{n - 3, n + 9}, ""},
		{"less was accepted", n + 5, newest, Gap{n, n + 4}, "ends at record 60"},
		{"what comes behind was accepted", n + 5, newest, Gap{n + 1, n + 5}, "ends at record 60"},
	} {
		o := options(m.CrashClone(1, 1))
		o.Reached, o.File, o.Accepted = c.reached, c.file, c.accepted
		got := 0
		l, err := Open(context.Background(), o, 0, func(uint64, record.Type, []byte) error { got++; return nil })
		if err == nil {
			l.Close()
		}
		if (err == nil) != (c.lost == "") || err == nil && got != n {
			t.Errorf("%s: %d records, %v", c.what, got, err)
		}
		if err != nil && (!errs.Is(err, errs.DataCorrupted) || !strings.Contains(err.Error(), c.lost)) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestTornIsTold: what a crash has left behind the last record is told once, where there is something.
func TestTornIsTold(t *testing.T) {
	for _, torn := range []int{0, 1, 30} {
		m := filled(t, 10, false)
		var last string
		for n := uint64(1); ; n++ {
			f, err := m.OpenWrite(fileName(dir, n))
			if err != nil {
				break
			}
			last = f.Name()
			f.Close()
		}
		// Behind the last record of the first file, which has room for all.
		first := fileName(dir, 1)
		end := int64(0)
		f, err := m.OpenWrite(first)
		if err != nil {
			t.Fatal(err)
		}
		r, err := record.NewReader(f, record.WAL, 1, 1<<20)
		for err == nil {
			if _, err = r.Next(); err == nil {
				end = r.Offset()
			}
		}
		if torn > 0 {
			if _, err := f.WriteAt([]byte(strings.Repeat("x", torn)), end); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		for round := range 2 {
			var told []record.Tail
			o := options(m)
			o.Torn = func(name string, x record.Tail) {
				if name != first {
					t.Errorf("%s is torn, and %s is said to be (of %s)", first, name, last)
				}
				told = append(told, x)
			}
			got := 0
			l, err := Open(context.Background(), o, 0, func(uint64, record.Type, []byte) error { got++; return nil })
			if err != nil || got != 10 {
				t.Fatalf("%d bytes behind the end: %d records, %v", torn, got, err)
			}
			l.Close()
			if want := torn > 0 && round == 0; (len(told) == 1) != want || want && (told[0].Offset != end || told[0].Bytes != int64(torn+7)&^7) { // in words
				t.Errorf("%d bytes behind %d, start %d: told %+v", torn, end, round, told)
			}
		}
	}
}

// TestRetired: files go oldest first, each with the records that it is said to have, none with a record above the watermark.
func TestRetired(t *testing.T) {
	for _, watermark := range []uint64{0, 1, 20, 59, 60} {
		m := newMem()
		l, _, err := open(m, 0)
		if err != nil {
			t.Fatal(err)
		}
		for v := range uint64(60) {
			if err := put(l, v); err != nil {
				t.Fatal(err)
			}
		}
		before := l.Status().Files
		next := uint64(1)
		var numbers []uint64
		n, err := l.Retire(context.Background(), watermark, func(s Span) error {
			if s.First != next || s.Last < s.First || s.Last > watermark {
				t.Errorf("watermark %d: records %d to %d, want from %d", watermark, s.First, s.Last, next)
			}
			if _, err := m.Stat(fileName(dir, s.Number)); err != nil {
				t.Errorf("file %d is gone before it was taken: %v", s.Number, err)
			}
			next = s.Last + 1
			numbers = append(numbers, s.Number)
			return nil
		})
		if err != nil || n != len(numbers) || watermark < 2 && n > 0 || watermark >= 59 && n == 0 {
			t.Errorf("watermark %d: %d of %d files, taken %d: %v", watermark, n, before, numbers, err)
		}
		for _, k := range numbers {
			if _, err := m.Stat(fileName(dir, k)); !vfs.IsNotExist(err) {
				t.Errorf("watermark %d: file %d is there: %v", watermark, k, err)
			}
		}
		l.Close()
		l, got, err := open(m.CrashClone(1, 0), watermark)
		if err != nil || len(got) != int(60-watermark) {
			t.Fatalf("watermark %d: %d records, %v", watermark, len(got), err)
		}
		l.Close()
	}
}
