package aggstate

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// string_agg and array_agg: all values, each with what it is separated by and ordered by.
func init() {
	kind := func(types.Type) *Kind { return list }
	register(fn.StringAgg, Aggregate{Kind: kind, Finish: finishText})
	register(fn.ArrayAgg, Aggregate{Kind: kind, Finish: finishArray, Nulls: true})
}

// list is a chain of nodes in the store: the first and the last one.
var list = newKind(Kind{
	Number: 32, Words: 2, Stores: true, Arrival: true, All: true,
	Update: updateList,
	Merge:  func(s *State, r, o []uint64) error { s.Store.link(r, o[0], o[1]); return nil },
	Append: appendList, Read: readList,
})

// ArgsMax is the most columns of a list: a node has 64 bits for NULLs, and this many words on the stack for values.
const ArgsMax = 64

func updateList(s *State, m Memory, r Rows) error {
	nodes := &s.Store.nodes
	nodes.mu.Lock() // once per batch
	defer nodes.mu.Unlock()
	var words [2 * ArgsMax]uint64
	for j, place := range r.Places {
		i := int(place)
		node, nulls := words[:0], uint64(0)
		for x, c := range r.Columns {
			if c.Nulls != nil && c.Nulls.Get(i) {
				nulls |= 1 << uint(x)
			}
			node = append(node, c.Words[i*c.Wide:i*c.Wide+c.Wide]...)
		}
		nodes.appendLocked(m.Words[int(r.Slots[j])*m.Width+m.At:][:2], nulls, node)
	}
	return nil
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
func (c *Call) items(head uint64, out *Output) ([]item, error) {
	nodes, args := &c.State.Store.nodes, c.State.Args
	n := nodes.len(head)
	if err := out.account.Reserve(int64(n) * itemBytes); err != nil {
		return nil, err
	}
	items := make([]item, n)
	for i := range items {
		node := nodes.node(head)
		items[i] = item{node[1], node[2:]}
		head = node[0]
	}
	if len(c.OrderBy) == 0 {
		return items, nil
	}
	at := make([]int, len(args)) // position of each column's words
	for i := 1; i < len(at); i++ {
		at[i] = at[i-1] + hashtable.Wide(args[i-1].Type)
	}
	sort.SliceStable(items, func(a, b int) bool { return c.compare(&items[a], &items[b], at) < 0 })
	if c.Unique {
		kept := slices.CompactFunc(items, func(a, b item) bool { return c.compare(&a, &b, at) == 0 })
		out.account.Free(int64(len(items)-len(kept)) * itemBytes)
		items = kept
	}
	return items, nil
}

// compare compares two values of a list by ORDER BY; at has the positions of the columns' words.
func (c *Call) compare(a, b *item, at []int) int {
	args := c.State.Args
	for i, o := range c.OrderBy {
		x := len(args) - len(c.OrderBy) + i
		an, bn := a.nulls>>uint(x)&1 != 0, b.nulls>>uint(x)&1 != 0
		cmp := 0
		switch {
		case an && bn:
			continue
		case an != bn && an == o.NullsFirst:
			return -1
		case an != bn:
			return 1
		default:
			cmp = args[x].compare(a.words[at[x]:], b.words[at[x]:])
		}
		if o.Desc {
			cmp = -cmp
		}
		if cmp != 0 {
			return cmp
		}
	}
	return 0
}

// compare compares two values that are not NULL.
func (a *Arg) compare(x, y []uint64) int {
	s := State{Args: []Arg{*a}}
	switch p := s.phys(); p {
	case types.PhysBytes:
		v, w := a.Strings.Bytes(uint32(x[0])), a.Strings.Bytes(uint32(y[0]))
		if a.Type.Kind == types.JSONB {
			return jsonb.Compare(jsonb.Open(v), jsonb.Open(w))
		}
		if part := hashtable.EqualPart(a.Type); part != nil { // 1.0 equals 1.00
			v, w = part(v), part(w)
		}
		return bytes.Compare(v, w)
	case types.PhysInterval:
		xlo, xhi := hashtable.IntervalSpan(x[0], x[1])
		ylo, yhi := hashtable.IntervalSpan(y[0], y[1])
		return compare128(xlo, xhi, ylo, yhi)
	case types.PhysInt128, types.PhysUUID:
		xlo, xhi := order128(p, x[0], x[1])
		ylo, yhi := order128(p, y[0], y[1])
		return compare128(xlo, xhi, ylo, yhi)
	}
	return compare128(s.orderWord(x[0]), 0, s.orderWord(y[0]), 0)
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
func (a *Arg) datum(w []uint64) types.Datum {
	switch t := a.Type; t.Physical() {
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
		b := binary.LittleEndian.AppendUint64(nil, w[0])
		return types.StringOf(t, string(binary.LittleEndian.AppendUint64(b, w[1])))
	case types.PhysBytes:
		return types.StringOf(t, string(a.Strings.Bytes(uint32(w[0]))))
	}
	return types.IntOf(a.Type, int64(w[0]))
}

// finishText writes a string_agg.
func finishText(c *Call, r []uint64, _ uint64, out *Output) error {
	items, err := c.items(r[0], out)
	if err != nil {
		return err
	}
	defer out.account.Free(int64(len(items)) * itemBytes)
	value, delimiter, v := c.State.Args[0].Strings, c.State.Args[1].Strings, out.Vector
	for j, x := range items {
		b, between := value.Bytes(uint32(x.words[0])), []byte(nil)
		if j > 0 && x.nulls&2 == 0 {
			between = delimiter.Bytes(uint32(x.words[1]))
		}
		if err := out.room(len(between) + len(b)); err != nil {
			return err
		}
		v.Data = append(append(v.Data, between...), b...)
	}
	v.EndString()
	return nil
}

// finishArray writes an array in PostgreSQL's text form.
func finishArray(c *Call, r []uint64, _ uint64, out *Output) error {
	items, err := c.items(r[0], out)
	if err != nil {
		return err
	}
	defer out.account.Free(int64(len(items)) * itemBytes)
	v := out.Vector
	v.Data = append(v.Data, '{')
	var text []byte
	for j, x := range items {
		null := x.nulls&1 != 0
		if !null {
			text = types.Append(text[:0], c.State.Args[0].datum(x.words))
		}
		if err := out.room(2*len(text) + len(",NULL}")); err != nil { // every byte may be escaped
			return err
		}
		v.Data = types.AppendElement(v.Data, text, null, j == 0)
	}
	v.Data = append(v.Data, '}')
	v.EndString()
	return nil
}

// appendList appends the values of a list, in order of arrival.
func appendList(s *State, dst []byte, r []uint64) []byte {
	head := r[0]
	dst = binary.AppendUvarint(dst, uint64(s.Store.nodes.len(head)))
	for head != 0 {
		n := s.Store.nodes.node(head)
		nulls, words := n[1], n[2:]
		head = n[0]
		dst = binary.AppendUvarint(dst, nulls)
		for x := range s.Args {
			a := &s.Args[x]
			if nulls>>uint(x)&1 == 0 {
				dst = AppendValue(dst, a.Type.Physical(), a.Strings, words)
			}
			words = words[hashtable.Wide(a.Type):]
		}
	}
	return dst
}

// readList reads the values of a list. Each takes at least a byte, so a wrong number of them ends with the record.
func readList(s *State, x *Reader, r []uint64) {
	var words [2 * ArgsMax]uint64
	for n := x.Uvarint(); n > 0 && !x.Failed(); n-- {
		nulls := x.Uvarint()
		if nulls>>uint(len(s.Args)) != 0 {
			x.Damaged()
		}
		node := words[:0]
		for i := range s.Args {
			a := &s.Args[i]
			var w [2]uint64
			if nulls>>uint(i)&1 == 0 {
				w = x.Value(a.Type, a.Strings)
			}
			node = append(node, w[:hashtable.Wide(a.Type)]...)
		}
		if !x.Failed() {
			s.Store.nodes.append(r, nulls, node)
		}
	}
}
