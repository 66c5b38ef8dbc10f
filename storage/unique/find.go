package unique

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/segment"
)

// File is a sealed part of a table, without its deleted rows.
type File struct {
	*segment.Segment
	Base    uint64 // number of its first row
	Deleted *index.RowSet
	Damaged func(error) error // passes an error on to who can set the file aside, and returns it
	// From, if not nil, is where it comes from, which remembers between which numbers its keys lie.
	From interface{ Beyond(Bounds) bool }
}

// run returns the number of the file's run of a key.
func (f *File) run(k *Key) (int, error) {
	run := f.FindKey(k.Layout.IDs, k.NullsEqual)
	if run < 0 {
		return run, errs.Internal("segment %d does not know the key %q", f.ID(), k.Name)
	}
	return run, nil
}

// Live is the first rows of a live part, without those that are deleted.
type Live struct {
	*live.Segment
	Base    uint64
	Rows    int
	Deleted *index.RowSet
}

// Parts are what a table holds at a moment.
type Parts struct {
	Files []File
	Live  []Live
}

// Know tells whether all rows that are left can be found by the columns of a key.
func (p *Parts) Know(columns []uint32, nullsEqual bool) bool {
	for i := range p.Files {
		f := &p.Files[i]
		if f.Deleted.Len() < f.Rows() && f.FindKey(columns, nullsEqual) < 0 {
			return false
		}
	}
	for i := range p.Live {
		l := &p.Live[i]
		if l.Deleted.Len() < l.Rows && l.FindKey(columns, nullsEqual) < 0 {
			return false
		}
	}
	return true
}

// Found says that a row of the table has the key of a row that was looked for.
type Found struct {
	Row      uint64 // of the probe
	Number   uint64 // of the table's row
	Identity int64
	Part     int    // the files, then the live parts
	Place    uint32 // in the part
}

// Search looks for the rows of a table that have keys.
type Search struct {
	Key    *Key
	Probes []keys.Probe
	// Value returns the columns of the key of a probe's row, and its place in them.
	Value func(row uint64) ([]*batch.Vector, int)
	// Fetch, if not nil, is told for which probes Value is going to be asked.
	Fetch func(ctx context.Context, matches []keys.Match) error

	matches []keys.Match
	places  []uint32
	rows    []uint32
}

// Bounds returns between which numbers the keys lie that are looked for.
func (s *Search) Bounds() Bounds {
	if s.Fetch != nil { // their values are in files
		return Bounds{}
	}
	return boundsOf(s.Key, s.Probes, s.Value)
}

// Find appends what the parts of a table have. lock guards the indexes of live ones.
func (s *Search) Find(ctx context.Context, p *Parts, lock sync.Locker, out []Found) ([]Found, error) {
	if len(s.Probes) == 0 {
		return out, nil
	}
	within := s.Bounds()
	for i := range p.Files {
		if f := &p.Files[i]; within.Known && f.From != nil && f.From.Beyond(within) {
			continue
		}
		var err error
		if out, err = s.file(ctx, &p.Files[i], i, out); err != nil {
			return out, p.Files[i].Damaged(err)
		}
	}
	for i := range p.Live {
		var err error
		if out, err = s.live(ctx, &p.Live[i], len(p.Files)+i, lock, out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// file appends what a file has. Hashes that are equal are followed by the values of their rows, which are read in the order
// of their places.
func (s *Search) file(ctx context.Context, f *File, number int, out []Found) ([]Found, error) {
	if f.Deleted.Len() == f.Segment.Rows() {
		return out, nil
	}
	run, err := f.run(s.Key)
	if err != nil {
		return out, err
	}
	if s.matches, err = f.Lookup(run, s.Probes, s.matches[:0]); err != nil {
		return out, err
	}
	s.matches = slices.DeleteFunc(s.matches, func(m keys.Match) bool { return f.Deleted.Has(int(m.Place)) })
	if len(s.matches) == 0 {
		return out, nil
	}
	if err := s.fetch(ctx); err != nil {
		return out, err
	}
	slices.SortFunc(s.matches, func(a, b keys.Match) int { return cmp.Compare(a.Place, b.Place) })
	s.places = s.places[:0]
	for _, m := range s.matches {
		s.places = append(s.places, m.Place)
	}
	columns := make([]int, len(s.Key.Layout.IDs)+2)
	columns[0], columns[1] = scan.RowNumber, scan.Identity
	for i := range s.Key.Layout.IDs {
		columns[i+2] = i
	}
	var numbers, ids batch.Vector
	part := f.Part(s.Key.Layout, nil).Without(f.Base, nil)
	err = part.At(ctx, columns, s.places, func(first int, b *batch.Batch) error {
		numbers.Flatten(b.Cols[0])
		ids.Flatten(b.Cols[1])
		for i := range b.Len {
			m := s.matches[first+i]
			row := s.Probes[m.Probe].Row
			if values, at := s.Value(row); s.Key.Equal(values, at, b.Cols[2:], i) {
				out = append(out, Found{row, uint64(batch.Values[int64](&numbers)[i]), batch.Values[int64](&ids)[i], number, m.Place})
			}
		}
		return nil
	})
	return out, err
}

func (s *Search) fetch(ctx context.Context) error {
	if s.Fetch == nil {
		return nil
	}
	return s.Fetch(ctx, s.matches)
}

// live appends what a live part has.
func (s *Search) live(ctx context.Context, p *Live, number int, lock sync.Locker, out []Found) ([]Found, error) {
	if p.Deleted.Len() >= p.Rows {
		return out, nil
	}
	key := p.FindKey(s.Key.Layout.IDs, s.Key.NullsEqual)
	if key < 0 {
		return out, errs.Internal("live rows do not know the key %q", s.Key.Name)
	}
	s.candidates(p, key, lock)
	if len(s.rows) == 0 {
		return out, nil
	}
	if err := s.fetch(ctx); err != nil {
		return out, err
	}
	values := make([]*batch.Vector, len(s.Key.Columns))
	for c := range values {
		values[c] = new(batch.Vector)
		p.At(s.Key.Layout, c, s.rows, values[c])
	}
	for j, row := range s.rows {
		probe := s.Probes[s.matches[j].Probe].Row
		if columns, at := s.Value(probe); s.Key.Equal(columns, at, values, j) {
			at := p.Base + uint64(row)
			out = append(out, Found{probe, at, p.Identity(row, at), number, row})
		}
	}
	return out, ctx.Err()
}

// lockedProbes is how many probes are looked up before others get the lock.
const lockedProbes = 4096

// candidates makes rows the rows of a live part whose hashes are looked for, and matches their probes.
func (s *Search) candidates(p *Live, key int, lock sync.Locker) {
	s.rows, s.matches = s.rows[:0], s.matches[:0]
	for from := 0; from < len(s.Probes); from += lockedProbes {
		lock.Lock()
		for i := from; i < min(from+lockedProbes, len(s.Probes)); i++ {
			n := len(s.rows)
			s.rows = p.Lookup(key, s.rows, s.Probes[i].Hash)
			keep := s.rows[:n]
			for _, row := range s.rows[n:] {
				if int(row) < p.Rows && !p.Deleted.Has(int(row)) {
					keep = append(keep, row)
					s.matches = append(s.matches, keys.Match{Probe: i})
				}
			}
			s.rows = keep
		}
		lock.Unlock()
	}
}
