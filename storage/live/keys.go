package live

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Key names a key by the ids of its columns.
type Key struct {
	Columns    []uint32
	NullsEqual bool
}

// keyed is a key that the segment finds rows by.
type keyed struct {
	Key
	keys.Index
}

// Keys makes the segment find rows by the hashes of some keys. It must be empty. Unlike the rest of a segment what it
// finds has no prefixes: whoever looks up sees the rows that were appended last, so that look-ups and appends need a lock
// of the caller's.
func (s *Segment) Keys(list []Key) {
	for _, k := range list {
		s.keys = append(s.keys, keyed{k, keys.Index{Account: s.account}})
	}
}

// reserveRows is from how many rows on room is made for all of them at once. Those that have no key, or take the place of
// others, leave it empty for those that follow.
const reserveRows = 1024

// FindKey returns the number of a key, or -1.
func (s *Segment) FindKey(columns []uint32, nullsEqual bool) int {
	for i := range s.keys { // by place: a copy would read the index, which rows are entered into meanwhile
		if k := &s.keys[i].Key; k.NullsEqual == nullsEqual && slices.Equal(k.Columns, columns) {
			return i
		}
	}
	return -1
}

// Index enters rows [from, to) of the batch that was just appended under their keys. hashes are those of all its rows, a
// list for each key; deleted are rows of the segment that need not be found any more. An error leaves the segment as one of
// Append does.
func (s *Segment) Index(hashes [][]uint64, from, to int, deleted *index.RowSet) error {
	first := s.rows - (to - from)
	for i := range s.keys {
		x := &s.keys[i].Index
		before := x.Bytes()
		if to-from >= reserveRows {
			if err := x.Reserve(to - from); err != nil {
				return err
			}
		}
		for j, h := range hashes[i][from:to] {
			if h == keys.None {
				continue
			}
			if err := x.Add(h, uint32(first+j), deleted.Has); err != nil {
				return err
			}
		}
		s.alloc.bytes.Add(x.Bytes() - before)
	}
	return nil
}

// Lookup appends the rows whose keys may have a hash. key is the number of the key.
func (s *Segment) Lookup(key int, dst []uint32, hash uint64) []uint32 {
	return s.keys[key].Index.Find(dst, hash)
}

// Find returns the ordinal of a column, or -1.
func (s *Segment) Find(id uint32) int {
	return slices.IndexFunc(s.cols, func(c Column) bool { return c.ID == id })
}

// At makes out the values of a column of a layout in some rows, which were found under the lock of look-ups; it needs no
// lock itself. They are valid as long as the segment.
func (s *Segment) At(l *scan.Layout, column int, rows []uint32, out *batch.Vector) {
	own := s.Find(l.IDs[column])
	if own < 0 {
		out.ResetConstant(l.Value(column), len(rows))
		return
	}
	if s.cols[own].Type == l.Types[column] {
		s.pick(own, rows, out)
		return
	}
	var v batch.Vector
	s.pick(own, rows, &v)
	out.Widen(&v, l.Types[column])
}

// pick makes out the values of a column in some rows.
func (s *Segment) pick(column int, rows []uint32, out *batch.Vector) {
	t := s.cols[column].Type
	bytes := t.Physical() == types.PhysBytes
	if bytes {
		out.ResetDict(t, s.dicts[column].dictionary(), len(rows))
	} else {
		out.Reset(t, len(rows))
	}
	w := width(t)
	list := *s.chunks.Load()
	for i, row := range rows {
		number, start := chunkOf(int(row))
		c, at := &list[number].cols[column], int(row)-start
		if c.valid != nil && c.valid[at] == 0 {
			out.SetNull(i)
		}
		switch {
		case bytes:
			out.Codes[i] = mem.View[uint32](c.data)[at]
		case t.Physical() == types.PhysBool:
			out.Bools().SetTo(i, c.data[at] != 0)
		default:
			copy(out.Data[i*w:(i+1)*w], c.data[at*w:])
		}
	}
}

func (s *Segment) releaseKeys() {
	for i := range s.keys {
		s.keys[i].Index.Release()
	}
	s.keys = nil
}
