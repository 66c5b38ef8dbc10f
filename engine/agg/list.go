package agg

import (
	"bytes"
	"encoding/binary"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// addLists appends the values of a batch to the lists of their groups.
func (w *worker) addLists(s *state, rows []uint64, width, base, n int, idx []uint16, slots []uint32) {
	in := &w.g.prog.inputs[s.in]
	l := w.g.side.lists
	l.mu.Lock() // once per batch
	defer l.mu.Unlock()
	var words [32]uint64
	if idx != nil {
		n = len(idx)
	}
	for j := range n {
		i := j
		if idx != nil {
			i = int(idx[j])
		}
		if w.skips[s.in] != nil && w.skips[s.in].Get(i) {
			continue
		}
		node, nulls := words[:0], uint64(0)
		for x, ordinal := range in.cols {
			c := w.cols[w.g.columnOf[ordinal]]
			if c.Nulls != nil && c.Nulls.Get(i) {
				nulls |= 1 << uint(x)
			}
			node = append(node, c.Words[i*c.Wide:i*c.Wide+c.Wide]...)
		}
		r := rows[int(slots[j])*width+base+s.at:]
		l.appendLocked(r[:2], nulls, node)
	}
}

// item is one value of a list being finished.
type item struct {
	nulls uint64
	words []uint64
}

// itemBytes is what an item takes.
const itemBytes = int64(unsafe.Sizeof(item{}))

// items returns a list in its order: that of ORDER BY, ties and all without one as they arrived. The caller gives back
// itemBytes for each.
func (g *Group) items(x *call, first uint64) ([]item, error) {
	l := g.side.lists
	n := l.len(first)
	if err := g.acc.Reserve(int64(n) * itemBytes); err != nil {
		return nil, err
	}
	out := make([]item, n)
	for i := range out {
		node := l.node(first)
		out[i] = item{node[1], node[2:]}
		first = node[0]
	}
	if len(x.OrderBy) == 0 {
		return out, nil
	}
	in := &g.prog.inputs[x.in]
	at := make([]int, len(in.cols)) // position of each column's words
	for i := 1; i < len(at); i++ {
		at[i] = at[i-1] + hashtable.Wide(g.cfg.In[in.cols[i-1]])
	}
	sort.SliceStable(out, func(a, b int) bool {
		for i, o := range x.OrderBy {
			c := len(in.cols) - len(x.OrderBy) + i
			an, bn := out[a].nulls>>uint(c)&1 != 0, out[b].nulls>>uint(c)&1 != 0
			if an || bn {
				if an != bn {
					return an == o.NullsFirst
				}
				continue
			}
			cmp := g.compareWords(in.cols[c], out[a].words[at[c]:], out[b].words[at[c]:])
			if cmp != 0 {
				return (cmp < 0) != o.Desc
			}
		}
		return false
	})
	return out, nil
}

// compareWords compares two values of a column that is not NULL.
func (g *Group) compareWords(ordinal int, a, b []uint64) int {
	t := g.cfg.In[ordinal]
	s := state{phys: t.Physical()}
	switch s.phys {
	case types.PhysBytes:
		in := g.side.strings[ordinal]
		return bytes.Compare(in.Bytes(uint32(a[0])), in.Bytes(uint32(b[0])))
	case types.PhysInterval:
		alo, ahi := hashtable.IntervalSpan(a[0], a[1])
		blo, bhi := hashtable.IntervalSpan(b[0], b[1])
		return compare128(alo, ahi, blo, bhi)
	case types.PhysInt128, types.PhysUUID:
		alo, ahi := s.order128(a[0], a[1])
		blo, bhi := s.order128(b[0], b[1])
		return compare128(alo, ahi, blo, bhi)
	}
	return compare128(s.orderWord(a[0]), 0, s.orderWord(b[0]), 0)
}

func compare128(alo, ahi, blo, bhi uint64) int {
	switch {
	case ahi < bhi || ahi == bhi && alo < blo:
		return -1
	case ahi == bhi && alo == blo:
		return 0
	}
	return 1
}

// datum makes a value of its words.
func (g *Group) datum(t types.Type, strings *hashtable.Interner, w []uint64) types.Datum {
	switch t.Physical() {
	case types.PhysFloat32, types.PhysFloat64:
		return types.FloatOf(t, math.Float64frombits(w[0]))
	case types.PhysInt128:
		return types.Int128Of(t, w[0], int64(w[1]))
	case types.PhysInterval:
		months, days, micros := hashtable.IntervalWords(w[0], w[1])
		d := types.IntervalOf(months, days, micros)
		d.Type = t
		return d
	case types.PhysUUID:
		return types.StringOf(t, string(uuidBytes(w)))
	case types.PhysBytes:
		return types.StringOf(t, string(strings.Bytes(uint32(w[0]))))
	}
	return types.IntOf(t, int64(w[0]))
}

func uuidBytes(w []uint64) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, w[0])
	binary.LittleEndian.PutUint64(b[8:], w[1])
	return b
}

// list writes a string_agg or an array in PostgreSQL's text form.
func (f *finisher) list(c *call, r []uint64, v *batch.Vector) error {
	in := &f.g.prog.inputs[c.in]
	value := f.g.side.strings[in.cols[0]]
	items, err := f.g.items(c, r[0])
	if err != nil {
		return err
	}
	defer f.g.acc.Free(int64(len(items)) * itemBytes)
	if c.kind == fn.StringAgg {
		delimiter := f.g.side.strings[in.cols[1]]
		for j, x := range items {
			b, between := value.Bytes(uint32(x.words[0])), []byte(nil)
			if j > 0 && x.nulls&2 == 0 {
				between = delimiter.Bytes(uint32(x.words[1]))
			}
			if err := f.room(v, len(between)+len(b)); err != nil {
				return err
			}
			v.Data = append(append(v.Data, between...), b...)
		}
		v.EndString()
		return nil
	}
	v.Data = append(v.Data, '{')
	var text []byte
	for j, x := range items {
		null := x.nulls&1 != 0
		if !null {
			text = types.Append(text[:0], f.g.datum(c.arg, value, x.words))
		}
		if err := f.room(v, 2*len(text)+len(",NULL}")); err != nil { // every byte may be escaped
			return err
		}
		v.Data = types.AppendElement(v.Data, text, null, j == 0)
	}
	v.Data = append(v.Data, '}')
	v.EndString()
	return nil
}

// room makes room for n more bytes of text in a list, and charges what the vector grows by until the producer is closed.
func (f *finisher) room(v *batch.Vector, n int) error {
	need := len(v.Data) + n
	switch {
	case need > listsMaxBytes:
		return listsTooLong()
	case need <= cap(v.Data):
		return nil
	}
	more := max(need, 2*cap(v.Data)) - len(v.Data)
	if err := f.g.acc.Reserve(int64(more)); err != nil {
		return err
	}
	f.charged += int64(more)
	v.Data = slices.Grow(v.Data, more)
	return nil
}

// release gives back what the lists were charged for.
func (f *finisher) release() {
	f.g.acc.Free(f.charged)
	f.charged = 0
}

// listsMaxBytes is the most that the lists of one batch of groups may be long together: PostgreSQL's limit of one value,
// and far from the 4 GiB that the offsets of strings hold.
const listsMaxBytes = 1 << 30

func listsTooLong() error {
	return errs.New(errs.ProgramLimitExceeded, "the lists of string_agg or array_agg are longer than %d bytes", listsMaxBytes)
}
