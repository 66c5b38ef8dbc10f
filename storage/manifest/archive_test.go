package manifest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
)

// TestArchiveEdits holds edits of the archive, as they are read back from their records, against maps; the version that
// they lead to survives its own record.
func TestArchiveEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	files, attached, gone := map[uint64]Archived{}, map[FileID]Attachment{}, map[catalog.TableID]uint64{}
	clock := Clock{}
	v := Empty()
	for step := range 400 {
		e := &Edit{}
		a := &e.Archive
		for n := uint64(1); n < 20; n++ { // what leaves and what comes are not the same
			_, there := files[n]
			switch {
			case r.IntN(12) > 0:
			case there:
				a.Remove = append(a.Remove, n)
				delete(files, n)
			default:
				f := Archived{Number: n, First: n * 10, Last: n*10 + uint64(r.IntN(5)), Bytes: 100, Plain: 900, Index: int64(r.IntN(101)), At: 5, From: 3, To: 4,
					Tables: []catalog.TableID{2, 7}}
				a.Add, files[n] = append(a.Add, f), f
			}
		}
		for n := FileID(30); n < 50; n++ {
			_, there := attached[n]
			switch {
			case r.IntN(12) > 0:
			case there:
				a.Detach = append(a.Detach, n)
				delete(attached, n)
			default:
				f := Attachment{File: n, Table: 2, Record: uint64(n), Rows: int64(step), Bytes: 10}
				a.Attach, attached[n] = append(a.Attach, f), f
			}
		}
		if r.IntN(3) == 0 {
			at, n := catalog.TableID(2+r.IntN(4)), uint64(r.IntN(3)*r.IntN(50))
			a.Gone = map[catalog.TableID]uint64{at: n}
			if gone[at] = max(gone[at], n); n == 0 {
				delete(gone, at)
			}
		}
		if r.IntN(4) == 0 {
			clock = Clock{Elapsed: int64(step + 1), Wall: int64(2 * step)}
			a.Clock = clock
		}
		back, err := DecodeEdit(e.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if v, err = v.Apply(back); err != nil {
			t.Fatal(err)
		}
		got := v.Archive
		if !slices.EqualFunc(got.Files, ordered(files), func(a, b Archived) bool {
			return a.Number == b.Number && a.First == b.First && a.Last == b.Last && a.Bytes == b.Bytes && a.Plain == b.Plain && a.Index == b.Index &&
				a.At == b.At && a.From == b.From && a.To == b.To && slices.Equal(a.Tables, b.Tables)
		}) {
			t.Fatalf("step %d: files %+v, want %+v", step, got.Files, ordered(files))
		}
		if !slices.EqualFunc(got.Attached, ordered(attached), func(a, b Attachment) bool {
			return a.File == b.File && a.Table == b.Table && a.Record == b.Record && a.Rows == b.Rows && a.Bytes == b.Bytes
		}) {
			t.Fatalf("step %d: attachments %+v, want %+v", step, got.Attached, ordered(attached))
		}
		if !maps.Equal(got.Gone, gone) || got.Clock != clock {
			t.Fatalf("step %d: gone %v at %v, want %v at %v", step, got.Gone, got.Clock, gone, clock)
		}
		for n := FileID(29); n < 51; n++ {
			if _, want := attached[n]; got.Holds(n) != want {
				t.Fatalf("step %d: attachment %d: %v", step, n, !want)
			}
		}
		record := v.Append(nil)
		again, err := DecodeVersion(record)
		if err != nil || !bytes.Equal(again.Append(nil), record) {
			t.Fatalf("step %d: the version does not survive: %v", step, err)
		}
	}
}

// ordered returns the values of a map by their keys.
func ordered[K ~uint64, V any](m map[K]V) (list []V) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}

// TestArchiveLimits: what cannot be of a file of the archive, or of an attachment, is damage; what just can is none.
func TestArchiveLimits(t *testing.T) {
	const most = 1 << 32
	for _, c := range []struct {
		what string
		e    ArchiveEdit
		good bool
	}{
		{"one record", ArchiveEdit{Add: []Archived{{First: 5, Last: 5}}}, true},
		{"records the wrong way", ArchiveEdit{Add: []Archived{{First: 6, Last: 5}}}, false},
		{"an index at the end", ArchiveEdit{Add: []Archived{{Bytes: 7, Index: 7}}}, true},
		{"an index behind it", ArchiveEdit{Add: []Archived{{Bytes: 7, Index: 8}}}, false},
		{"an index before the beginning", ArchiveEdit{Add: []Archived{{Bytes: 7, Index: -1}}}, false},
		{"less than no bytes", ArchiveEdit{Add: []Archived{{Bytes: -1, Index: -1}}}, false},
		{"less than no records", ArchiveEdit{Add: []Archived{{Plain: -1}}}, false},
		{"an attachment without rows", ArchiveEdit{Attach: []Attachment{{}}}, true},
		{"all rows there can be", ArchiveEdit{Attach: []Attachment{{Rows: most}}}, true},
		{"one more", ArchiveEdit{Attach: []Attachment{{Rows: most + 1}}}, false},
		{"less than none", ArchiveEdit{Attach: []Attachment{{Rows: -1}}}, false},
		{"an attachment of less than no bytes", ArchiveEdit{Attach: []Attachment{{Bytes: -1}}}, false},
	} {
		e := Edit{Archive: c.e}
		if _, err := DecodeEdit(e.Append(nil)); (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
