package segment

import (
	"fmt"
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/keys"
)

// keyRun is the run of one key in a file (package keys): which columns it is of, its shape, and the two buffers of each
// page.
type keyRun struct {
	columns    []uint32 // ids
	nullsEqual bool
	run        keys.Run
	pages      []keyPage
}

type keyPage struct{ entries, filter ref }

// writeKeys sorts the hashes of each key of the input and writes their pages.
func (w *writer) writeKeys() ([]keyRun, error) {
	if len(w.in.Keys) == 0 {
		return nil, nil
	}
	b := keys.Builder{Account: w.in.Account}
	defer b.Release()
	held := 2 * 8 * int64(w.in.Rows)
	if w.in.Account != nil {
		if err := w.in.Account.Reserve(held); err != nil {
			return nil, err
		}
		defer w.in.Account.Free(held)
	}
	runs := make([]keyRun, len(w.in.Keys))
	for i := range runs {
		if err := w.writeRun(&runs[i], &w.in.Keys[i], &b); err != nil {
			return nil, fmt.Errorf("write key: %w", err)
		}
	}
	return runs, nil
}

func (w *writer) writeRun(r *keyRun, k *keys.Key, b *keys.Builder) error {
	hashes, err := w.hashes(k)
	if err != nil {
		return err
	}
	if r.run, err = b.Build(hashes); err != nil {
		return err
	}
	r.nullsEqual = k.NullsEqual
	for _, c := range k.Columns {
		r.columns = append(r.columns, w.in.Columns[c].ID)
	}
	for p := range r.run.Pages() {
		entries, filter := b.Page(p)
		r.pages = append(r.pages, keyPage{w.add(entries, false), w.add(filter, false)})
	}
	return nil
}

// hashes returns the hashes of a key's values, in the order of the segment. Rows that are gone have none.
func (w *writer) hashes(k *keys.Key) ([]uint64, error) {
	hashes := make([]uint64, w.in.Rows)
	keys.Begin(hashes)
	for _, c := range k.Columns {
		chunks, err := w.in.Chunks(c)
		if err != nil {
			return nil, fmt.Errorf("read column %q: %w", w.in.Columns[c].Name, err)
		}
		at := 0
		for _, v := range chunks {
			k.Fold(hashes[at:at+v.Len], v)
			at += v.Len
		}
	}
	keys.End(hashes)
	for _, row := range w.in.Gone.Rows() {
		hashes[row] = keys.None
	}
	if w.in.Order != nil {
		hashes = permute(nil, hashes, w.in.Order)
	}
	return hashes, nil
}

// The fields of a key's record.
const (
	keyColumns    field.Number = 2 // ids
	keyNullsEqual field.Number = 4
	keyEntries    field.Number = 6
	keyPages      field.Number = 8 // of each page: offset / 64, length and checksum of entries, then of the filter
)

// append writes the record of the run.
func (k *keyRun) append(w *field.Writer) {
	m := w.Begin(keyField)
	ids := make([]uint64, len(k.columns))
	for i, id := range k.columns {
		ids[i] = uint64(id)
	}
	w.Uints(keyColumns, ids)
	w.Bool(keyNullsEqual, k.nullsEqual)
	w.Uint(keyEntries, uint64(k.run.Entries()))
	var pages []uint64
	for _, p := range k.pages {
		for _, b := range [2]ref{p.entries, p.filter} {
			pages = append(pages, b.offset/alignment, uint64(b.stored), uint64(b.crc))
		}
	}
	w.Uints(keyPages, pages)
	w.End(m)
}

// readRun reads the record of a run of a file of some rows whose buffers end at end.
func readRun(r *field.Reader, rows int, end uint64) (k keyRun) {
	var ids, pages []uint64
	var entries uint64
	for r.Next() {
		switch r.Number() {
		case keyColumns:
			ids = r.Uints(nil)
		case keyNullsEqual:
			k.nullsEqual = r.Bool()
		case keyEntries:
			entries = r.Uint()
		case keyPages:
			pages = r.Uints(nil)
		default:
			r.Unknown()
		}
	}
	if entries > uint64(rows) || len(ids) == 0 {
		r.Fail("key of %d columns with %d entries for %d rows", len(ids), entries, rows)
		return k
	}
	for _, id := range ids {
		k.columns = append(k.columns, uint32(min(id, math.MaxUint32)))
	}
	k.run = keys.NewRun(int(entries), rows)
	if len(pages) != 6*k.run.Pages() {
		r.Fail("key of %d entries with %d numbers for %d pages", entries, len(pages), k.run.Pages())
		return k
	}
	for ; len(pages) > 0; pages = pages[6:] {
		p := keyPage{buffer(pages), buffer(pages[3:])}
		if err := checkRefs(end, p.entries, p.filter); err != nil || p.entries.stored == 0 || p.filter.stored == 0 {
			r.Fail("key with pages of %d bytes at %d and %d at %d", p.entries.stored, p.entries.offset, p.filter.stored, p.filter.offset)
		}
		k.pages = append(k.pages, p)
	}
	return k
}

// buffer makes a reference of three numbers. Those that are too large are outside the file.
func buffer(x []uint64) ref {
	n := uint32(min(x[1], math.MaxUint32))
	return ref{offset: min(x[0], math.MaxUint64/alignment) * alignment, stored: n, plain: n, crc: uint32(x[2])}
}

// FindKey returns the number of the file's run of a key by the ids of its columns, or -1.
func (s *Segment) FindKey(columns []uint32, nullsEqual bool) int {
	return slices.IndexFunc(s.keys, func(k keyRun) bool {
		return k.nullsEqual == nullsEqual && slices.Equal(k.columns, columns)
	})
}

// verifyKeys reads all pages, and returns their references.
func (s *Segment) verifyKeys() (all []ref, err error) {
	for i := range s.keys {
		k := &s.keys[i]
		entries := 0
		for p := range k.pages {
			page := make([]byte, k.pages[p].entries.plain)
			if err := s.readEntries(k, p, page); err != nil {
				return nil, err
			}
			if err := s.readFilter(k, p, make([]byte, k.pages[p].filter.plain)); err != nil {
				return nil, err
			}
			view := k.run.Page(page)
			entries += view.Len()
			all = append(all, k.pages[p].entries, k.pages[p].filter)
		}
		if entries != k.run.Entries() {
			return nil, errs.Corrupt("key %d: %d entries, want %d", i, entries, k.run.Entries())
		}
	}
	return all, nil
}

func (s *Segment) readEntries(k *keyRun, page int, dst []byte) error {
	if err := s.fetch(k.pages[page].entries, dst, nil); err != nil {
		return fmt.Errorf("key: page %d: %w", page, err)
	}
	if err := k.run.Check(dst); err != nil {
		return fmt.Errorf("key: page %d: %w", page, err)
	}
	return nil
}

func (s *Segment) readFilter(k *keyRun, page int, dst []byte) error {
	if err := s.fetch(k.pages[page].filter, dst, nil); err != nil {
		return fmt.Errorf("key: filter of page %d: %w", page, err)
	}
	if err := keys.CheckFilter(dst); err != nil {
		return fmt.Errorf("key: filter of page %d: %w", page, err)
	}
	return nil
}
