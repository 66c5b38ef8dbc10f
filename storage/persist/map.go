// Package persist has two ordered maps of which many versions are there at a time, each sharing with the others what is
// the same. What versions of the database consist of lies in them, so that a change of one part of one table makes a new
// version in the time of that part, however many tables and parts there are.
//
// A Map has numbers as keys and values that are counted: it shares its leaves with its copies until one of them changes.
// Leaves are counted, and a leaf holds a reference to each of its values. A Map belongs to one goroutine at a time; its
// copies may be read, changed and released by others at the same time.
//
// A Tree has keys of any type and never changes; what nobody has any more is garbage. The catalog and the manifest are
// made of them.
package persist

import (
	"iter"
	"slices"
	"sort"
	"sync/atomic"
)

// Counted is what a map holds. Release of the last reference may do the work of a destructor.
type Counted interface {
	Retain()
	Release()
}

// leafMax is the most entries of a leaf: changing one of 100,000 entries copies 256 of them and 400 pointers to leaves.
const leafMax = 256

// Map is an ordered map. The zero value is empty.
type Map[V Counted] struct {
	leaves []*leaf[V] // none is empty
	n      int
}

type leaf[V Counted] struct {
	refs   atomic.Int64
	keys   []uint64
	values []V
}

func newLeaf[V Counted](keys []uint64, values []V) *leaf[V] {
	l := &leaf[V]{keys: keys, values: values}
	l.refs.Store(1)
	return l
}

func (l *leaf[V]) release() {
	if l.refs.Add(-1) > 0 {
		return
	}
	for _, v := range l.values {
		v.Release()
	}
}

// Len returns the number of entries.
func (m *Map[V]) Len() int { return m.n }

// Clone returns a copy, which the caller releases.
func (m *Map[V]) Clone() Map[V] {
	for _, l := range m.leaves {
		l.refs.Add(1)
	}
	return Map[V]{slices.Clone(m.leaves), m.n}
}

// Release lets go of all entries. The map is empty then.
func (m *Map[V]) Release() {
	for _, l := range m.leaves {
		l.release()
	}
	*m = Map[V]{}
}

// find returns the leaf that has a key, or would have it, and its place there.
func (m *Map[V]) find(key uint64) (leaf, at int, found bool) {
	leaf = max(0, sort.Search(len(m.leaves), func(i int) bool { return m.leaves[i].keys[0] > key })-1)
	if len(m.leaves) == 0 {
		return 0, 0, false
	}
	at, found = slices.BinarySearch(m.leaves[leaf].keys, key)
	return leaf, at, found
}

// Get returns the value of a key, without a reference of its own.
func (m *Map[V]) Get(key uint64) (v V, ok bool) {
	leaf, at, ok := m.find(key)
	if !ok {
		return v, false
	}
	return m.leaves[leaf].values[at], true
}

// All goes through the entries by key. The map must not be changed meanwhile.
func (m *Map[V]) All() iter.Seq2[uint64, V] {
	return func(yield func(uint64, V) bool) {
		for _, l := range m.leaves {
			for i, k := range l.keys {
				if !yield(k, l.values[i]) {
					return
				}
			}
		}
	}
}

// own makes a leaf one that no copy of the map has, and returns it.
func (m *Map[V]) own(i int) *leaf[V] {
	l := m.leaves[i]
	if l.refs.Load() == 1 { // nobody else can come by it
		return l
	}
	n := newLeaf(append(make([]uint64, 0, len(l.keys)+1), l.keys...), append(make([]V, 0, len(l.values)+1), l.values...))
	for _, v := range n.values {
		v.Retain()
	}
	l.release()
	m.leaves[i] = n
	return n
}

// Set gives a key a value, whose reference passes to the map.
func (m *Map[V]) Set(key uint64, v V) {
	if len(m.leaves) == 0 {
		m.leaves, m.n = []*leaf[V]{newLeaf([]uint64{key}, []V{v})}, 1
		return
	}
	i, at, found := m.find(key)
	if found {
		l := m.own(i)
		old := l.values[at]
		l.values[at] = v
		old.Release()
		return
	}
	m.n++
	if full := len(m.leaves[i].keys) == leafMax; full && at == leafMax { // as keys come that count up
		m.leaves = slices.Insert(m.leaves, i+1, newLeaf([]uint64{key}, []V{v}))
		return
	} else if full {
		l := m.own(i)
		const half = leafMax / 2
		right := newLeaf(slices.Clone(l.keys[half:]), slices.Clone(l.values[half:]))
		clear(l.values[half:])
		l.keys, l.values = l.keys[:half], l.values[:half]
		m.leaves = slices.Insert(m.leaves, i+1, right)
		if at > half {
			i, at = i+1, at-half
		}
	}
	l := m.own(i)
	l.keys, l.values = slices.Insert(l.keys, at, key), slices.Insert(l.values, at, v)
}

// Delete takes a key out, if it is there.
func (m *Map[V]) Delete(key uint64) {
	i, at, found := m.find(key)
	if !found {
		return
	}
	m.n--
	l := m.own(i)
	old := l.values[at]
	l.keys, l.values = slices.Delete(l.keys, at, at+1), slices.Delete(l.values, at, at+1)
	switch {
	case len(l.keys) == 0:
		m.leaves = slices.Delete(m.leaves, i, i+1)
	case i > 0 && len(m.leaves[i-1].keys)+len(l.keys) <= leafMax/2: // or many deletions would leave many crumbs
		left := m.own(i - 1)
		left.keys, left.values = append(left.keys, l.keys...), append(left.values, l.values...)
		m.leaves = slices.Delete(m.leaves, i, i+1)
	}
	old.Release()
}
