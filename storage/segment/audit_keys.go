package segment

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// auditKey holds a run against the values of its key: each entry is that of its row and passes the filter, and each row
// that has a key and is not deleted has one entry.
func (s *Segment) auditKey(ctx context.Context, key int, deleted *index.RowSet, account *mem.Account) (wrong []string, err error) {
	k := &s.keys[key]
	hashes, err := mem.Slice[uint64](account, s.rows)
	if err != nil {
		return nil, err
	}
	defer mem.ReleaseSlice(account, hashes)
	seen, err := mem.Slice[uint64](account, batch.Words(s.rows))
	if err != nil {
		return nil, err
	}
	defer mem.ReleaseSlice(account, seen)
	if ok, err := s.keyHashes(ctx, k, hashes, account); err != nil || !ok {
		return []string{fmt.Sprintf("key %d: the segment lacks one of its columns", key)}, err
	}
	a := &keyAudit{s: s, k: k, hashes: hashes, seen: seen}
	for p := range k.pages {
		if err := a.page(key, p); err != nil {
			return nil, err
		}
	}
	missing := 0
	for row, h := range hashes {
		if h != keys.None && !a.seen.Get(row) && !deleted.Has(row) {
			missing++
		}
	}
	if missing > 0 {
		a.wrong = append(a.wrong, fmt.Sprintf("%d rows have no entry", missing))
	}
	for i, w := range a.wrong {
		a.wrong[i] = fmt.Sprintf("key %d: %s", key, w)
	}
	return a.wrong, nil
}

// keyHashes computes the hashes of a key's values; false: the segment lacks a column.
func (s *Segment) keyHashes(ctx context.Context, k *keyRun, hashes []uint64, account *mem.Account) (bool, error) {
	fold := keys.Key{NullsEqual: k.nullsEqual}
	keys.Begin(hashes)
	for _, id := range k.columns {
		col := s.Find(id)
		if col < 0 {
			return false, nil
		}
		at := 0
		var flat batch.Vector
		if err := s.each(ctx, []int{col}, account, func(b *batch.Batch) error {
			flat.Flatten(b.Cols[0]) // not by the hashes of a dictionary, which may be wrong
			fold.Fold(hashes[at:at+b.Len], &flat)
			at += b.Len
			return nil
		}); err != nil {
			return false, err
		}
	}
	keys.End(hashes)
	return true, nil
}

type keyAudit struct {
	s                       *Segment
	k                       *keyRun
	hashes                  []uint64
	seen                    batch.Bitmap
	strange, twice, outside int
	wrong                   []string
}

// page looks at the entries of a page.
func (a *keyAudit) page(key, page int) error {
	probes, err := a.s.Probes(key, page, nil)
	if err != nil {
		return err
	}
	filter, err := a.s.keyFilter(a.k, page)
	if err != nil {
		return a.s.wrap(err)
	}
	defer filter.Release()
	for _, p := range probes {
		h := a.hashes[p.Row]
		switch {
		case h == keys.None || keys.Short(h) != p.Hash:
			a.note(&a.strange, "the entry of place %d is not that of its row", p.Row)
		case a.seen.Get(int(p.Row)):
			a.note(&a.twice, "place %d has two entries", p.Row)
		case !keys.MayHave(filter.Bytes(), h):
			a.note(&a.outside, "the entry of place %d does not pass the filter", p.Row)
		}
		a.seen.Set(int(p.Row))
	}
	return nil
}

// note says the first of a kind.
func (a *keyAudit) note(n *int, format string, place uint64) {
	if *n++; *n == 1 {
		a.wrong = append(a.wrong, fmt.Sprintf(format, place))
	}
}
