package shelf

import (
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/unique"
)

// Keyed is what a shelf knows of the keys of its table. Live parts find rows by them.
type Keyed struct {
	Keys    []unique.Key
	Adding  []keys.Claims // by key: what writes on their way add
	Loading bool          // a load on its way may add any key
}

// SetKeys makes the keys those of the table. No write is on its way. Live parts keep the keys that they have, so that rows
// which come with others need another part. Claims are charged to the account, which does not refuse.
func (s *Shelf) SetKeys(account *mem.Account) {
	list := unique.Of(s.Table)
	if !slices.EqualFunc(list, s.Keys, func(a, b unique.Key) bool { return a.Same(b.Layout.IDs, b.NullsEqual) }) {
		s.Close()
		s.Keyed.release()
		s.Adding = make([]keys.Claims, len(list))
		for i := range s.Adding {
			s.Adding[i].Account = account
		}
	}
	s.Keys = list
}

// liveKeys returns the keys as live parts have them.
func (k *Keyed) liveKeys() []live.Key {
	list := make([]live.Key, len(k.Keys))
	for i := range list {
		list[i] = live.Key{Columns: k.Keys[i].Layout.IDs, NullsEqual: k.Keys[i].NullsEqual}
	}
	return list
}

func (k *Keyed) release() {
	for i := range k.Adding {
		k.Adding[i].Release()
	}
}

// Keyed returns the parts of the picture in which keys are looked up, as far as they were visible at a sequence. They are
// valid as long as the picture. Files that were set aside are left out, and those that cannot have a key within bounds.
func (p *Picture) Keyed(sequence uint64, within unique.Bounds) (parts unique.Parts, err error) {
	for _, f := range p.Files.All() {
		if within.Known && f.Beyond(within) || f.Aside() {
			continue
		}
		file, err := f.Keyed(f.Deleted)
		if err != nil {
			return parts, err
		}
		parts.Files = append(parts.Files, file)
	}
	for _, l := range p.Live {
		parts.Live = append(parts.Live, unique.Live{Segment: l.Segment, Base: l.Base, Rows: l.RowsAt(sequence), Deleted: l.Deleted})
	}
	return parts, nil
}

// bounds are between which numbers the values of a column of a file lie: apart from the file's statistics, since a commit
// looks at those of all files of its table.
type bounds struct {
	column      uint32
	kind        types.Kind // of the values that are looked for
	least, most int64
}

// Beyond tells that no row of the file has a value of a column within bounds, as far as that is known: when the file was
// opened, and has the column and its statistics.
func (f *File) Beyond(within unique.Bounds) bool {
	b := f.bounds.Load()
	if b == nil || b.column != within.Column || b.kind != within.Kind {
		s := f.opened.Load()
		if s == nil {
			return false
		}
		b = &bounds{within.Column, within.Kind, math.MinInt64, math.MaxInt64}
		if c := s.Find(within.Column); c >= 0 {
			if t := s.Totals(c); t.HasRange && within.Fits(t.Min.Type.Kind) {
				b.least, b.most = t.Min.I, t.Max.I
			}
		}
		f.bounds.Store(b)
	}
	return b.most < within.Least || b.least > within.Most
}

// Keyed returns the file, without some deleted rows, as a part in which keys are looked up.
func (f *File) Keyed(deleted *index.RowSet) (unique.File, error) {
	s, err := f.Segment()
	if err != nil {
		return unique.File{}, f.Noticed(err)
	}
	return unique.File{Segment: s, Base: f.Meta.Base(), Deleted: deleted, Damaged: f.Noticed, From: f}, nil
}
